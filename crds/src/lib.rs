//! The Kubernetes API types of kring.io.
//! They hold no reconcile logic; the YAML beside them is generated from these types.

#![forbid(unsafe_code)]
#![allow(
    clippy::duplicated_attributes,
    reason = "each printer column of a kind repeats the same keys"
)]
#![allow(
    unreachable_pub,
    reason = "KubeSchema derives a copy of each struct inside a function and keeps its `pub`"
)]

pub mod amount;
pub mod conditions;
pub mod config_value;
pub mod kafka_cluster;
pub mod manifest;
pub mod topic;

pub use amount::Amount;
pub use config_value::ConfigValue;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
pub use k8s_openapi::jiff::Timestamp;
pub use kafka_cluster::{KafkaCluster, KafkaClusterSpec, KafkaClusterStatus};
pub use topic::{Topic, TopicSpec, TopicStatus};

/// API group of every kind here.
pub const GROUP: &str = "kring.io";
/// The version served and stored.
pub const VERSION: &str = "v1alpha1";
