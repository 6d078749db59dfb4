//! The `Topic` kind: a Kafka topic of a `KafkaCluster` in the same namespace.
//! Its fields are here and the API server enforces the rules on them; the operator does the rest.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ConfigValue;

/// A Kafka topic.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "kring.io",
    version = "v1alpha1",
    kind = "Topic",
    plural = "topics",
    shortname = "kt",
    category = "kafka",
    namespaced,
    status = "TopicStatus",
    derive = "PartialEq",
    doc = "A Kafka topic of a KafkaCluster in the same namespace.",
    selectable = ".spec.clusterRef.name",
    printcolumn(
        name = "Cluster",
        type_ = "string",
        json_path = ".spec.clusterRef.name",
        description = "The KafkaCluster it is in."
    ),
    printcolumn(
        name = "Partitions",
        type_ = "integer",
        json_path = ".status.partitions",
        description = "Its partitions."
    ),
    printcolumn(
        name = "Replicas",
        type_ = "integer",
        json_path = ".status.replicationFactor",
        description = "Replicas of each partition."
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#,
        description = "Whether it exists and is as the spec asks."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    ),
    printcolumn(
        name = "Topic",
        type_ = "string",
        json_path = ".status.topicName",
        description = "Its name in Kafka.",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#,
        description = "Why it is ready or not.",
        priority = 1
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("has(self.topicName) == has(oldSelf.topicName) && (!has(self.topicName) || self.topicName == oldSelf.topicName)").message("topicName cannot change: Kafka cannot rename a topic; create another Topic and copy the data"),
    validation = Rule::new("!has(self.replicationFactor) || !has(self.minInsyncReplicas) || self.minInsyncReplicas <= self.replicationFactor").message("minInsyncReplicas cannot exceed replicationFactor: no acks=all record could ever be written")
)]
pub struct TopicSpec {
    /// The KafkaCluster it is in.
    #[x_kube(validation = Rule::new("self == oldSelf").message("clusterRef cannot change: create another Topic for the other cluster"))]
    pub cluster_ref: ClusterRef,
    /// Its name in Kafka. Default: the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[a-zA-Z0-9._-]+$"), length(min = 1, max = 249))]
    #[x_kube(validation = Rule::new("self != '.' && self != '..'").message("Kafka does not allow the names . and .."))]
    pub topic_name: Option<String>,
    /// How many partitions. It may grow; keys then map to other partitions. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    #[x_kube(validation = Rule::new("self >= oldSelf").message("partitions cannot shrink: Kafka cannot remove a partition without losing its records"))]
    pub partitions: Option<i32>,
    /// Replicas of each partition. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub replication_factor: Option<i32>,
    /// Replicas that must be in sync for acks=all records to be accepted. Default: the cluster's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub min_insync_replicas: Option<i32>,
    /// Topic settings by Kafka's own names, for example `retention.ms`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, ConfigValue>,
    /// What to do when someone changed the topic in Kafka.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// What happens to the topic when this object is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
    /// What to do when the topic exists already at the first look.
    #[serde(default)]
    pub adopt: Adopt,
}

/// The KafkaCluster of a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// Its name, in the same namespace.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
}

/// What to do when someone changed the topic in Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DriftPolicy {
    /// Say so in an Event and set it back.
    #[default]
    Revert,
    /// Say so in the status and leave it.
    Report,
    /// Leave it: only settings named in the spec are compared.
    Ignore,
}

/// What happens to the topic when the object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// It stays with its records.
    #[default]
    Retain,
    /// It is deleted with its records.
    Delete,
}

/// What to do when the topic exists already at the first look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Adopt {
    /// Take it over when its partitions and replicas are as the spec asks; refuse otherwise.
    #[default]
    IfMatches,
    /// Take it over and bring it to the spec.
    Always,
    /// Refuse.
    Never,
}

/// The state of a topic.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TopicStatus {
    /// Generation of the spec this status speaks of; -1 before the operator looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Ready`, `Synced`, `DriftDetected`, and while they hold `Reconciling` and `Stalled`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Its name in Kafka.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_name: Option<String>,
    /// Its id in Kafka; a topic created anew under the same name has another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic_id: Option<String>,
    /// Partitions it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partitions: Option<i32>,
    /// Replicas each partition has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication_factor: Option<i32>,
    /// What is not as the spec asks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub drift: Vec<Drift>,
    /// How far consumer groups are behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consumer_lag: Option<ConsumerLag>,
}

/// How far consumer groups are behind on a topic. It is written when a group comes or goes, or begins or ceases to
/// need help, and else every five minutes: the brokers' metrics tell the same every few seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConsumerLag {
    /// When it was read.
    pub observed_time: Time,
    /// Those that have committed offsets of the topic, first those that need help.
    #[schemars(length(max = 20))]
    pub groups: Vec<GroupLag>,
    /// How many groups there are beside these.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0))]
    pub groups_left_out: i64,
}

/// How far a consumer group is behind on a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupLag {
    /// Its id.
    pub group: String,
    /// Committed records it has not read, in all partitions.
    pub lag_records: i64,
    /// About how long the first of these has been waiting.
    pub lag_seconds: i64,
    /// By how many records the lag grew in five minutes, or in the broker's `kring.metrics.group.window.ms`.
    pub growth_records: i64,
    /// Whether it grew through all of that time: the group is too slow or does not read.
    pub growing: bool,
    /// Partitions with something to read whose committed offset did not move in that time.
    #[schemars(range(min = 0))]
    pub stalled_partitions: i64,
    /// Records that retention or a deletion removed before the group read them.
    pub lost_records: i64,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
fn is_zero(count: &i64) -> bool {
    *count == 0
}

/// One difference between the spec and the topic in Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Drift {
    /// The setting, or `partitions` or `replicationFactor`.
    pub key: String,
    /// What the spec asks; absent when it asks for the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub want: Option<String>,
    /// What the topic has; absent when it has the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub have: Option<String>,
}

#[cfg(test)]
mod tests;
