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
    min_insync(topic, cluster, &mut refusals);
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

/// Compares what must be in sync with the replicas the topic has or gets, wherever both are said.
fn min_insync(topic: &Topic, cluster: &KafkaCluster, refusals: &mut Refusals) {
    let spec = &topic.spec;
    let in_config = spec.config.get("min.insync.replicas");
    let in_config = in_config.and_then(|value| value.as_str().trim().parse().ok());
    let (min, said) = match (spec.min_insync_replicas, in_config) {
        (Some(min), _) => (min, "minInsyncReplicas"),
        (None, Some(min)) => (min, "config: min.insync.replicas"),
        (None, None) => return,
    };
    let (factor, whence) = replication(topic, cluster);
    if min > factor {
        refusals.push(
            "MinInsyncAboveReplication",
            format!("{said} is {min} but {whence} {factor}; no acks=all record could be written, lower it or raise replicationFactor"),
        );
    }
}

/// Replicas of each partition, and the beginning of a sentence that says who decided it.
fn replication(topic: &Topic, cluster: &KafkaCluster) -> (i32, String) {
    if let Some(factor) = topic.spec.replication_factor {
        return (factor, "replicationFactor is".to_owned());
    }
    let status = topic.status.as_ref();
    if let Some(factor) = status.and_then(|status| status.replication_factor) {
        return (factor, "the topic's replication factor is".to_owned());
    }
    let spec = &cluster.spec;
    // What is wrong with the cluster's settings is said in its own status.
    let settings = settings::broker_settings(&spec.config, spec.replicas, &mut Refusals::default());
    let factor = settings.fixed.get("default.replication.factor");
    let factor = factor.and_then(|value| value.parse().ok());
    let name = &topic.spec.cluster_ref.name;
    (
        factor.unwrap_or(1),
        format!("the default.replication.factor of KafkaCluster {name} is"),
    )
}
