//! What a user asks of a Kafka cluster, and the rules the API server enforces on it.
//! Rules that need more than the object itself are in `kring-resources`.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pod_template::{Resources, Template};
use super::status::KafkaClusterStatus;
use crate::ConfigValue;

/// A Kafka cluster: its brokers, their storage and how they may be restarted.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "kring.io",
    version = "v1alpha1",
    kind = "KafkaCluster",
    plural = "kafkaclusters",
    shortname = "kc",
    category = "kafka",
    namespaced,
    status = "KafkaClusterStatus",
    derive = "PartialEq",
    doc = "A Kafka cluster run by the Kring operator.",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#, description = "Whether every broker serves and runs what the spec asks."),
    printcolumn(name = "Brokers", type_ = "string", json_path = ".status.brokersReady", description = "Brokers that serve, of those asked for."),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version", description = "The version all brokers run."),
    printcolumn(name = "Rollout", type_ = "string", json_path = ".status.rollout.progress", description = "How far the restart of the brokers is."),
    printcolumn(name = "URP", type_ = "integer", json_path = ".status.partitions.underReplicated", description = "Partitions with a replica that is not in sync."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(name = "Controller", type_ = "integer", json_path = ".status.controller", description = "The active controller.", priority = 1),
    printcolumn(name = "Bootstrap", type_ = "string", json_path = ".status.bootstrapServers", description = "What clients connect to.", priority = 1),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#, description = "Why it is ready or not.", priority = 1),
    validation = Rule::new("size(self.metadata.name) <= 40").message("the name of a KafkaCluster has at most 40 characters, because it becomes part of Service and Pod names"),
    validation = Rule::new("self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')").message("the name of a KafkaCluster starts with a letter and holds only a-z, 0-9 and -, because it becomes the name of a Service")
)]
#[serde(rename_all = "camelCase")]
pub struct KafkaClusterSpec {
    /// Version of the brokers, which is also the tag of their image. A change rolls the brokers.
    #[schemars(regex(pattern = r"^[0-9A-Za-z]([0-9A-Za-z._-]{0,61}[0-9A-Za-z])?$"))]
    pub version: String,
    /// Image of the brokers, whole. Default: the operator's broker repository with `version` as tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// How many brokers. More adds empty ones; fewer moves every replica off the last ones first.
    #[serde(default = "three")]
    #[schemars(range(min = 1, max = 100))]
    #[x_kube(validation = Rule::new("self >= 1").message("a cluster has at least 1 broker; to stop reconciling set pause, to remove the cluster delete the object"))]
    pub replicas: i32,
    /// The brokers' data.
    pub storage: Storage,
    /// Memory and CPU of each broker. A change rolls the brokers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// Broker settings by Kafka's own names, for example `num.partitions`. An unknown key or a bad
    /// value is refused in the status with the key, the value and what is allowed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// Ports on which clients are served. Default: one named `plain` on 9092.
    #[serde(default = "Listener::defaults", skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 1))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub listeners: Vec<Listener>,
    /// How brokers reach their disks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Io>,
    /// Where a broker learns its rack. Without it replicas are placed without regard to racks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rack: Option<Rack>,
    /// Additions to the objects the operator makes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// How brokers are restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<Rollout>,
    /// Leave everything as it is: nothing is created, changed or restarted until this is false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pause: bool,
    /// What happens to the brokers' volumes when the object is deleted.
    #[serde(default)]
    pub deletion_policy: ClusterDeletionPolicy,
}

fn three() -> i32 {
    3
}

/// Volumes of the brokers.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)").message("storageClassName cannot change: a volume keeps its class")
)]
pub struct Storage {
    /// Size of each broker's volume, for example `100Gi`. It may grow when the storage class allows it.
    #[schemars(
        regex(pattern = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)?$"),
        length(max = 32)
    )]
    #[x_kube(validation = Rule::new("quantity(self).compareTo(quantity(oldSelf)) >= 0").message("storage cannot shrink: a volume only grows"))]
    pub size: String,
    /// Storage class of the volumes. Default: the Kubernetes cluster's default class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub storage_class_name: Option<String>,
    /// What happens to the volume of a broker that was scaled away.
    #[serde(default)]
    pub reclaim: Reclaim,
}

/// What happens to a volume that no broker uses any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Reclaim {
    /// It stays, and is taken up again when a broker with the same id returns.
    #[default]
    Retain,
    /// It is deleted with the data on it.
    Delete,
}

/// What happens to the brokers' volumes when the KafkaCluster is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ClusterDeletionPolicy {
    /// They stay, with the cluster's keys: a KafkaCluster of the same name takes them up again.
    #[default]
    Retain,
    /// They are deleted with the data on them.
    Delete,
}

/// A port on which clients are served.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Listener {
    /// Its name.
    #[schemars(regex(pattern = r"^[a-z]([-a-z0-9]{0,13}[a-z0-9])?$"))]
    pub name: String,
    /// Its port on pods and on the bootstrap Service.
    #[schemars(range(min = 1024, max = 65535))]
    #[x_kube(validation = Rule::new("!(self in [9093, 9644, 9645])").message("ports 9093, 9644 and 9645 are used by the brokers themselves"))]
    pub port: i32,
    /// Who reaches it.
    #[serde(default, rename = "type")]
    pub kind: ListenerType,
}

impl Listener {
    /// The listener of a cluster that names none.
    #[must_use]
    pub fn defaults() -> Vec<Self> {
        vec![Self {
            name: "plain".to_owned(),
            port: 9092,
            kind: ListenerType::Internal,
        }]
    }
}

/// Who reaches a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ListenerType {
    /// Clients inside the Kubernetes cluster, by the pods' own names.
    #[default]
    Internal,
}

/// How brokers reach their disks.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("(self.seccomp == 'Localhost') == has(self.localhostProfile)").message("localhostProfile goes with seccomp: Localhost, and only with it")
)]
pub struct Io {
    /// The I/O driver. A change rolls the brokers.
    #[serde(default)]
    pub backend: IoBackend,
    /// The seccomp profile of the brokers' pods. Default profiles of current container runtimes
    /// forbid io_uring; brokers then use `posix`.
    #[serde(default)]
    pub seccomp: Seccomp,
    /// The profile's path below the kubelet's seccomp directory, with `seccomp: Localhost`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub localhost_profile: Option<String>,
}

/// The I/O driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IoBackend {
    /// io_uring where a probe finds that it works, posix otherwise.
    #[default]
    Auto,
    /// io_uring; a broker that may not use it does not start.
    Uring,
    /// Ordinary system calls.
    Posix,
}

/// The seccomp profile of the brokers' pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Seccomp {
    /// The container runtime's own profile.
    #[default]
    RuntimeDefault,
    /// A profile on the node, named by `localhostProfile`.
    Localhost,
    /// No profile. Pods with it do not pass the `restricted` Pod Security Standard.
    Unconfined,
}

/// Where a broker learns its rack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rack {
    /// A label of the pod, read through the downward API. Kubernetes 1.35 and later copies the
    /// node's `topology.kubernetes.io/zone` to its pods.
    #[schemars(length(min = 1, max = 317))]
    pub pod_label: String,
}

/// How brokers are restarted, one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// After this many seconds of handing over leaders the status says that the drain is late. The
    /// broker is never stopped before it leads nothing.
    #[serde(default = "Rollout::default_drain_timeout_seconds")]
    #[schemars(range(min = 1, max = 86400))]
    pub drain_timeout_seconds: i32,
    /// Seconds a restarted broker must serve well before the next one is touched.
    #[serde(default = "Rollout::default_soak_seconds")]
    #[schemars(range(min = 0, max = 86400))]
    pub soak_seconds: i32,
    /// What to do about partitions with a single replica, which are offline while their broker restarts.
    #[serde(default)]
    pub single_replica: SingleReplica,
}

impl Rollout {
    fn default_drain_timeout_seconds() -> i32 {
        600
    }

    fn default_soak_seconds() -> i32 {
        5
    }
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            drain_timeout_seconds: Self::default_drain_timeout_seconds(),
            soak_seconds: Self::default_soak_seconds(),
            single_replica: SingleReplica::default(),
        }
    }
}

/// What to do about partitions with a single replica.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SingleReplica {
    /// Wait, and say so in the status, until there are none. A cluster of one broker restarts anyway.
    #[default]
    Block,
    /// Restart: those partitions are offline meanwhile.
    Ignore,
}
