//! A Kafka cluster made from the quick start's manifest, and what its status says.
//! It changes only what a user may change: the spec.

use std::time::Duration;

use kring_crds::kafka_cluster::RolloutStatus;
use kring_crds::{KafkaCluster, conditions};

use crate::command::CommandError;
use crate::{Namespace, waiting};

const QUICKSTART: &str = include_str!("../manifests/quickstart.yaml");

/// Name of the quick start's KafkaCluster.
pub const NAME: &str = "demo";
/// Name of its Topic.
pub const TOPIC: &str = "orders";

/// The quick start in a namespace.
#[derive(Debug)]
pub struct Kafka<'n> {
    namespace: &'n Namespace,
}

impl<'n> Kafka<'n> {
    /// Applies the quick start and waits with plain `kubectl wait`.
    ///
    /// # Errors
    /// What `kubectl` said.
    pub fn quickstart(namespace: &'n Namespace) -> Result<Self, CommandError> {
        Self::of_version(namespace, namespace.cluster().version())
    }

    /// The same with brokers of another version.
    ///
    /// # Errors
    /// What `kubectl` said.
    pub fn of_version(namespace: &'n Namespace, version: &str) -> Result<Self, CommandError> {
        let version = format!("version: {version}");
        let manifest = QUICKSTART.replace("version: 0.1.0", &version);
        namespace.cluster().apply(namespace.name(), &manifest)?;
        let kafka = Self { namespace };
        kafka.wait_ready(Duration::from_secs(180))?;
        Ok(kafka)
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &'n Namespace {
        self.namespace
    }

    /// What clients in the namespace connect to.
    #[must_use]
    pub fn bootstrap(&self) -> String {
        format!("{NAME}-bootstrap:9092")
    }

    /// Waits until cluster and topic are Ready.
    ///
    /// # Errors
    /// What `kubectl wait` said.
    pub fn wait_ready(&self, limit: Duration) -> Result<(), CommandError> {
        let cluster = format!("kafkacluster/{NAME}");
        let topic = format!("topic/{TOPIC}");
        let timeout = format!("--timeout={}s", limit.as_secs());
        self.namespace
            .kubectl(&["wait", "--for=condition=Ready", &cluster, &topic, &timeout])?;
        Ok(())
    }

    /// The object with its status.
    ///
    /// # Errors
    /// When it is not there.
    pub fn get(&self) -> Result<KafkaCluster, CommandError> {
        self.namespace
            .cluster()
            .get(&["--namespace", self.namespace.name(), "kafkacluster", NAME])
    }

    /// Changes the spec by a JSON merge patch.
    ///
    /// # Errors
    /// What the API server refuses.
    pub fn patch_spec(&self, spec: &serde_json::Value) -> Result<(), CommandError> {
        let patch = serde_json::json!({"spec": spec}).to_string();
        self.namespace.kubectl(&[
            "patch",
            "kafkacluster",
            NAME,
            "--type=merge",
            "--patch",
            &patch,
        ])?;
        Ok(())
    }

    /// Waits until the status speaks of the newest spec, is Ready, has `brokers` brokers of `version`,
    /// and no rollout runs.
    ///
    /// # Errors
    /// What the status said last.
    pub fn wait_settled(
        &self,
        version: &str,
        brokers: i32,
        limit: Duration,
    ) -> Result<KafkaCluster, String> {
        waiting::until("the cluster to settle", limit, || {
            let cluster = self.get().map_err(|error| error.to_string())?;
            let status = cluster.status.clone().unwrap_or_default();
            let ready = conditions::is_true(&status.conditions, conditions::READY);
            let current = status.observed_generation == cluster.metadata.generation;
            let all = status.replicas == brokers && status.ready_replicas == brokers;
            let rolling = status.rollout.as_ref().is_some_and(|rollout| {
                rollout.started_at.is_some() && rollout.finished_at.is_none()
            });
            if ready && current && all && !rolling && status.version.as_deref() == Some(version) {
                return Ok(cluster);
            }
            let progress = status.rollout.as_ref().map(|r| r.progress.clone());
            Err(format!(
                "ready={ready} current={current} brokers={}/{} version={:?} rollout={progress:?} conditions={:?}",
                status.ready_replicas,
                status.replicas,
                status.version,
                status
                    .conditions
                    .iter()
                    .map(|c| format!("{}={} {}", c.type_, c.status, c.message))
                    .collect::<Vec<_>>(),
            ))
        })
    }

    /// Waits until the running rollout answers yes to `test`.
    ///
    /// # Errors
    /// Where the rollout was last.
    pub fn wait_rollout(
        &self,
        what: &str,
        limit: Duration,
        test: impl Fn(&RolloutStatus) -> bool,
    ) -> Result<(), String> {
        // A phase may last no longer than one round of the operator.
        waiting::until_every(Duration::from_millis(50), what, limit, || {
            let status = self.get().map_err(|error| error.to_string())?.status;
            let rollout = status.and_then(|status| status.rollout).unwrap_or_default();
            if test(&rollout) {
                Ok(())
            } else {
                Err(format!("{rollout:?}"))
            }
        })
    }
}
