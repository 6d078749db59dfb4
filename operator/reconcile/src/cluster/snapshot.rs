//! From what was observed and answered to the snapshot the rollout decides on.
//! It decides nothing.

use k8s_openapi::api::core::v1::Pod as KubePod;
use kring_crds::KafkaCluster;
use kring_resources::restart_reasons::{annotation, restart_reasons};
use kring_resources::{ValidatedCluster, labels, stateful_set};
use kring_rollout::{Answers, Broker, Pod, Policy, Snapshot, Waiting};
use kube::ResourceExt;

use super::ask::Live;
use super::observe::Observed;
use super::scale::Scaling;
use crate::brokers::{is_ready, stuck};

/// What a snapshot is made from.
pub(super) struct View<'a> {
    pub(super) cluster: &'a KafkaCluster,
    /// None when the spec is not followed; then nobody should be other than it is.
    pub(super) valid: Option<&'a ValidatedCluster>,
    pub(super) observed: &'a Observed,
    pub(super) live: &'a Live,
    pub(super) scaling: &'a Scaling,
    pub(super) frozen: Option<&'a Waiting>,
}

impl View<'_> {
    /// Puts the snapshot together.
    pub(super) fn snapshot(&self, answers: Answers) -> Snapshot {
        let rollout = self.cluster.spec.rollout.clone().unwrap_or_default();
        let ids: Vec<i32> = match self.valid {
            Some(valid) => (0..valid.replicas()).collect(),
            None => self.observed.sets.keys().copied().collect(),
        };
        Snapshot {
            brokers: ids.into_iter().map(|id| broker(self, id)).collect(),
            cluster: self.live.list.clone(),
            answers,
            policy: Policy {
                drain_timeout_ms: i64::from(rollout.drain_timeout_seconds) * 1000,
                soak_ms: i64::from(rollout.soak_seconds) * 1000,
                single_replica: rollout.single_replica,
            },
            hold: self.scaling.working.clone(),
            frozen: self.frozen.cloned(),
        }
    }
}

fn broker(view: &View<'_>, id: i32) -> Broker {
    let (observed, live) = (view.observed, view.live);
    let set = observed.sets.get(&id);
    let given = set.and_then(|set| annotation(set, labels::TEMPLATE_HASH).map(str::to_owned));
    let identity = live.identities.get(&id).cloned();
    let status = view.cluster.status.as_ref();
    let before = status.and_then(|s| s.brokers.iter().find(|b| b.id == id));
    let target = match view.valid {
        Some(valid) => stateful_set::template_hash(valid, id),
        None => given.clone().unwrap_or_default(),
    };
    let reasons = |valid| {
        let wanted = stateful_set::stateful_set(valid, id);
        set.map(|set| restart_reasons(set, &wanted))
    };
    Broker {
        id,
        target,
        given_is_observed: set.is_some_and(|set| {
            let seen = set
                .status
                .as_ref()
                .and_then(|status| status.observed_generation);
            seen >= set.metadata.generation
        }),
        given,
        reasons: view.valid.and_then(reasons).unwrap_or_default(),
        pod: observed.pods.get(&id).map(pod),
        known_disk: before
            .and_then(|broker| broker.disk_id.clone())
            .or_else(|| identity.as_ref().map(|identity| identity.disk_id.clone())),
        identity,
        accepted_disk: accepted_disk(view.cluster, id),
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
