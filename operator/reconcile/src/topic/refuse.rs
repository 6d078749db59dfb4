//! What a Topic may not ask of its cluster, found without asking a broker.
//! Rules that need only the Topic itself are in the CRD.

use kring_crds::{KafkaCluster, Topic};
use kring_resources::{Refusal, Refusals, settings};

/// The first thing that is wrong, with all others of its kind in the message.
pub(super) fn refusal(topic: &Topic, cluster: &KafkaCluster) -> Option<Refusal> {
    let mut refusals = Refusals::default();
    let spec = &topic.spec;
    let brokers = cluster.spec.replicas;
    if let Some(factor) = spec.replication_factor
        && factor > brokers
    {
        refusals.push(
            "ReplicationAboveBrokers",
            format!("replicationFactor is {factor} but KafkaCluster {} has {brokers} brokers; lower it, or raise the cluster's replicas", spec.cluster_ref.name),
        );
    }
    if let (Some(factor), Some(min)) = (spec.replication_factor, spec.min_insync_replicas)
        && min > factor
    {
        refusals.push(
            "MinInsyncAboveReplication",
            format!("minInsyncReplicas is {min} but replicationFactor is {factor}; no acks=all record could be written"),
        );
    }
    // Not a rule of the CRD: CEL does not see into a map whose values may have any type.
    if spec.min_insync_replicas.is_some() && spec.config.contains_key("min.insync.replicas") {
        refusals.push(
            "MinInsyncTwice",
            "set minInsyncReplicas or config['min.insync.replicas'], not both",
        );
    }
    let _ = settings::topic_settings(&spec.config, &mut refusals);
    let message = refusals.to_string();
    refusals.0.into_iter().next().map(|first| Refusal {
        reason: first.reason,
        message,
    })
}
