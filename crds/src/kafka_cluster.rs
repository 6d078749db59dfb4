//! The `KafkaCluster` kind: what it is called and how `kubectl` shows it.
//! Its fields are in `spec` and `status`; the operator decides what they cause.

mod pod_template;
mod rollout;
mod spec;
mod status;

pub use pod_template::{MetadataTemplate, PodTemplate, Resources, Template};
pub use rollout::{Grant, Phase, PhaseTime, RolledBroker, RolloutStatus};
pub use spec::{
    ClusterDeletionPolicy, Io, IoBackend, KafkaCluster, KafkaClusterSpec, Listener, ListenerType,
    Rack, Reclaim, Rollout, Seccomp, SingleReplica, Storage,
};
pub use status::{BrokerState, BrokerStatus, KafkaClusterStatus, PartitionCounts};

#[cfg(test)]
mod tests;
