//! What the operator reports about a Kafka cluster.
//! Nothing here changes while nothing changes: no timestamps of the last look, no counters of work.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rollout::{Phase, RolloutStatus};

/// The state of a Kafka cluster.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KafkaClusterStatus {
    /// Generation of the spec this status speaks of; -1 before the operator looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `DataSafe`, and while they hold `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Id of the Kafka cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_id: Option<String>,
    /// What clients connect to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bootstrap_servers: Option<String>,
    /// Version that every broker runs; absent while they differ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Brokers that exist.
    #[serde(default)]
    pub replicas: i32,
    /// Brokers that serve.
    #[serde(default)]
    pub ready_replicas: i32,
    /// For people: brokers that serve, of those asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brokers_ready: Option<String>,
    /// Label selector of the brokers' pods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Members of the metadata quorum, chosen when the cluster was created.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voters: Vec<i32>,
    /// The active controller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller: Option<i32>,
    /// The brokers, in the order of their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub brokers: Vec<BrokerStatus>,
    /// Partitions that are not as they should be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<PartitionCounts>,
    /// The restart of brokers that is under way, or the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RolloutStatus>,
    /// Hash of the settings that the brokers took over without a restart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dynamic_config_hash: Option<String>,
}

/// One broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrokerStatus {
    /// `node.id`.
    pub id: i32,
    /// Its pod.
    pub pod: String,
    /// What it is doing.
    pub state: BrokerState,
    /// What the rollout does to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<Phase>,
    /// Version of its pod template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Hash of the pod template it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_hash: Option<String>,
    /// Hash of the settings it started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Its data directory; another value means another disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_id: Option<String>,
    /// Its process; another value means that it restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<String>,
    /// `io_uring` or `posix`, with the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<String>,
    /// Partitions it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leaders: Option<i64>,
    /// Group coordinators it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinators: Option<i64>,
    /// Partitions it holds a replica of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicas: Option<i64>,
    /// Of those, the ones in whose ISR it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_sync_replicas: Option<i64>,
    /// Why it is to be restarted; empty when it is as the spec asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restart_reasons: Vec<String>,
    /// More about its state, when there is something to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What a broker is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BrokerState {
    /// Its pod is not there or does not serve yet.
    #[default]
    Starting,
    /// It serves.
    Running,
    /// A rollout is at it.
    Rolling,
    /// Its pod cannot start without a change of the spec or of the Kubernetes cluster.
    Stuck,
    /// It is being emptied before it is removed.
    Decommissioning,
}

/// Partitions that are not as they should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartitionCounts {
    /// Without a leader.
    pub offline: i64,
    /// With a replica that is not in sync.
    pub under_replicated: i64,
    /// With fewer replicas in sync than `min.insync.replicas`.
    pub under_min_isr: i64,
}
