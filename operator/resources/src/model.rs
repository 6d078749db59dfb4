//! A cluster that passed validation, in the form the builders need.
//! Only `validate` makes one, so a builder never meets a value it would have to doubt.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kring_crds::kafka_cluster::{
    ClusterDeletionPolicy, Io, PodTemplate, Reclaim, Resources, Rollout,
};

/// What the operator was started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Repository of the broker image; the version becomes the tag.
    pub broker_repository: String,
    /// `imagePullPolicy` of the brokers; none leaves it to Kubernetes.
    pub image_pull_policy: Option<String>,
    /// Whether brokers get a NetworkPolicy, and which namespace the operator calls from.
    pub network_policy: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            broker_repository: "kring-broker".to_owned(),
            image_pull_policy: None,
            network_policy: None,
        }
    }
}

/// A cluster that passed validation.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidatedCluster {
    pub(crate) name: String,
    pub(crate) namespace: String,
    pub(crate) owner: OwnerReference,
    pub(crate) options: Options,
    pub(crate) version: String,
    pub(crate) image: String,
    pub(crate) replicas: i32,
    pub(crate) voters: Vec<i32>,
    pub(crate) storage_size: String,
    pub(crate) storage_class: Option<String>,
    pub(crate) reclaim: Reclaim,
    pub(crate) deletion: ClusterDeletionPolicy,
    pub(crate) resources: Resources,
    pub(crate) static_config: BTreeMap<String, String>,
    pub(crate) dynamic_config: BTreeMap<String, String>,
    pub(crate) listener_name: String,
    pub(crate) client_port: i32,
    pub(crate) io: Io,
    pub(crate) rack_label: Option<String>,
    pub(crate) pod_template: PodTemplate,
    pub(crate) rollout: Rollout,
    pub(crate) restart: Option<String>,
}

impl ValidatedCluster {
    /// Name of the KafkaCluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Version that is asked for.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// How many brokers are asked for; their ids are 0 to one less.
    #[must_use]
    pub fn replicas(&self) -> i32 {
        self.replicas
    }

    /// Members of the metadata quorum.
    #[must_use]
    pub fn voters(&self) -> &[i32] {
        &self.voters
    }

    /// What happens to the volume of a broker that was scaled away.
    #[must_use]
    pub fn reclaim(&self) -> Reclaim {
        self.reclaim
    }

    /// How brokers are restarted.
    #[must_use]
    pub fn rollout(&self) -> &Rollout {
        &self.rollout
    }

    /// Settings the brokers take over while they run.
    #[must_use]
    pub fn dynamic_config(&self) -> &BTreeMap<String, String> {
        &self.dynamic_config
    }

    /// What clients connect to.
    #[must_use]
    pub fn bootstrap_servers(&self) -> String {
        format!(
            "{}.{}.svc:{}",
            crate::names::bootstrap_service(&self.name),
            self.namespace,
            self.client_port
        )
    }
}
