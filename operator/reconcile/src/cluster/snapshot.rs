//! From what was observed and answered to the snapshot the rollout decides on.
//! It decides nothing.

use k8s_openapi::api::core::v1::Pod as KubePod;
use kring_crds::KafkaCluster;
use kring_resources::restart_reasons::{annotation, restart_reasons};
use kring_resources::{ValidatedCluster, labels, stateful_set};
use kring_rollout::{Answers, Broker, Pod, Policy, Snapshot};
use kube::ResourceExt;

use super::ask::Live;
use super::observe::Observed;
use super::scale::Scaling;
use crate::brokers::{is_ready, stuck};

/// Puts the snapshot together.
pub(super) fn snapshot(
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    observed: &Observed,
    live: &Live,
    answers: Answers,
    scaling: &Scaling,
) -> Snapshot {
    let rollout = valid.rollout();
    Snapshot {
        brokers: (0..valid.replicas())
            .map(|id| broker(cluster, valid, observed, live, id))
            .collect(),
        cluster: live.list.clone(),
        answers,
        policy: Policy {
            drain_timeout_ms: i64::from(rollout.drain_timeout_seconds) * 1000,
            soak_ms: i64::from(rollout.soak_seconds) * 1000,
            single_replica: rollout.single_replica,
        },
        hold: scaling.working.clone(),
    }
}

fn broker(
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    observed: &Observed,
    live: &Live,
    id: i32,
) -> Broker {
    let wanted = stateful_set::stateful_set(valid, id);
    let set = observed.sets.get(&id);
    let given = set.and_then(|set| annotation(set, labels::TEMPLATE_HASH).map(str::to_owned));
    let identity = live.identities.get(&id).cloned();
    let before = cluster
        .status
        .as_ref()
        .and_then(|s| s.brokers.iter().find(|b| b.id == id));
    Broker {
        id,
        target: stateful_set::template_hash(valid, id),
        given_is_observed: set.is_some_and(|set| {
            let seen = set
                .status
                .as_ref()
                .and_then(|status| status.observed_generation);
            seen >= set.metadata.generation
        }),
        given,
        reasons: set
            .map(|set| restart_reasons(set, &wanted))
            .unwrap_or_default(),
        pod: observed.pods.get(&id).map(pod),
        known_disk: before
            .and_then(|broker| broker.disk_id.clone())
            .or_else(|| identity.as_ref().map(|identity| identity.disk_id.clone())),
        identity,
        accepted_disk: accepted_disk(cluster, id),
    }
}

fn pod(pod: &KubePod) -> Pod {
    Pod {
        uid: pod.uid().unwrap_or_default(),
        template: pod.annotations().get(labels::TEMPLATE_HASH).cloned(),
        ready: is_ready(pod),
        terminating: pod.metadata.deletion_timestamp.is_some(),
        stuck: stuck(pod),
    }
}

fn accepted_disk(cluster: &KafkaCluster, id: i32) -> Option<String> {
    let text = cluster.annotations().get(labels::ACCEPT_DISK)?;
    let (broker, disk) = text.split_once('=')?;
    (broker.trim() == id.to_string()).then(|| disk.trim().to_owned())
}
