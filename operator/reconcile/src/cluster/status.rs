//! The status of a cluster from what a round found. Equal findings make an equal status.
//! The conditions are judged in `health`.

use kring_crds::kafka_cluster::{
    BrokerState, BrokerStatus, KafkaClusterStatus, PartitionCounts, Phase,
};
use kring_resources::restart_reasons::{annotation, restart_reasons, version};
use kring_resources::{labels, names, stateful_set};
use kube::ResourceExt;

use super::{Findings, health};
use crate::brokers::{is_ready, stuck};

/// Builds the status; what is not known now stays as it was known last.
pub(super) fn build(findings: &Findings<'_>) -> KafkaClusterStatus {
    let cluster = findings.cluster;
    let mut status = cluster.status.clone().unwrap_or_default();
    let (observed, live) = (findings.observed, findings.live);
    let wanted = cluster.spec.replicas;
    status.observed_generation = cluster.metadata.generation;
    status.brokers = brokers(findings);
    status.replicas = count(observed.sets.len());
    status.ready_replicas = count(
        observed
            .pods
            .iter()
            .filter(|(id, pod)| **id < wanted && is_ready(pod))
            .count(),
    );
    status.brokers_ready = Some(format!("{}/{wanted}", status.ready_replicas));
    status.selector = Some(labels::as_selector_text(&labels::cluster_selector(
        &cluster.name_any(),
    )));
    status.version = common_version(&status.brokers);
    if let Some(valid) = findings.valid {
        status.bootstrap_servers = Some(valid.bootstrap_servers());
        status.voters = valid.voters().to_vec();
    }
    if let Some(identity) = live
        .identities
        .values()
        .find(|who| !who.cluster_id.is_empty())
    {
        status.cluster_id = Some(identity.cluster_id.clone());
    }
    status.controller = live.list.as_ref().map(|list| list.controller_id);
    status.partitions = live
        .health
        .as_ref()
        .filter(|_| live.list.is_some())
        .map(|health| PartitionCounts {
            offline: signed(health.offline_partitions),
            under_replicated: signed(health.under_replicated_partitions),
            under_min_isr: signed(health.under_min_isr_partitions),
        });
    let began = findings.rollout.started_at.is_some();
    status.rollout = began.then(|| findings.rollout.clone());
    status.dynamic_config_hash = findings.settings.pushed.clone();
    health::judge(findings, &mut status);
    status
}

fn brokers(findings: &Findings<'_>) -> Vec<BrokerStatus> {
    findings
        .observed
        .sets
        .keys()
        .map(|id| broker(findings, *id))
        .collect()
}

fn broker(findings: &Findings<'_>, id: i32) -> BrokerStatus {
    let (observed, live) = (findings.observed, findings.live);
    let set = &observed.sets[&id];
    let pod = observed.pods.get(&id);
    let before = findings
        .cluster
        .status
        .as_ref()
        .and_then(|status| status.brokers.iter().find(|broker| broker.id == id));
    let identity = live.identities.get(&id);
    let seen = live
        .list
        .as_ref()
        .and_then(|list| list.brokers.iter().find(|b| b.id == id));
    let phase = findings
        .rollout
        .grant
        .as_ref()
        .filter(|grant| grant.broker == id)
        .map(|grant| grant.phase);
    let why_stuck = pod.filter(|pod| !is_ready(pod)).and_then(stuck);
    let text = |key: &str| annotation(set, key).map(str::to_owned);
    BrokerStatus {
        id,
        pod: names::pod(&findings.cluster.name_any(), id),
        state: if seen.is_some_and(|seen| seen.decommissioning) {
            BrokerState::Decommissioning
        } else if phase.is_some_and(|phase| phase > Phase::PreCheck) {
            BrokerState::Rolling
        } else if pod.is_some_and(is_ready) {
            BrokerState::Running
        } else if why_stuck.is_some() {
            BrokerState::Stuck
        } else {
            BrokerState::Starting
        },
        phase,
        version: version(set).map(str::to_owned),
        template_hash: text(labels::TEMPLATE_HASH),
        config_hash: text(labels::CONFIG_HASH),
        disk_id: disk(findings, id, before),
        boot_id: identity
            .map(|identity| identity.boot_id.clone())
            .or_else(|| before.and_then(|broker| broker.boot_id.clone())),
        io: identity
            .map(|identity| format!("{} ({})", identity.io_driver, identity.io_driver_reason))
            .or_else(|| before.and_then(|broker| broker.io.clone())),
        leaders: seen.map(|seen| signed(seen.leaders)),
        coordinators: seen.map(|seen| signed(seen.coordinators)),
        replicas: seen.map(|seen| signed(seen.replicas)),
        in_sync_replicas: seen.map(|seen| signed(seen.in_sync_replicas)),
        restart_reasons: findings
            .valid
            .filter(|valid| id < valid.replicas())
            .map(|valid| restart_reasons(set, &stateful_set::stateful_set(valid, id)))
            .unwrap_or_default(),
        message: why_stuck,
    }
}

/// While a broker is in a rollout its known disk stays, because the rollout compares with it; the new
/// one is taken over once the rollout accepted it.
fn disk(findings: &Findings<'_>, id: i32, before: Option<&BrokerStatus>) -> Option<String> {
    let known = before.and_then(|broker| broker.disk_id.clone());
    let now = findings
        .live
        .identities
        .get(&id)
        .map(|identity| identity.disk_id.clone());
    let in_question = findings
        .rollout
        .grant
        .as_ref()
        .is_some_and(|grant| grant.broker == id && grant.phase <= Phase::Identity);
    if in_question {
        known.or(now)
    } else {
        now.or(known)
    }
}

fn common_version(brokers: &[BrokerStatus]) -> Option<String> {
    let first = brokers.first()?.version.clone()?;
    brokers
        .iter()
        .all(|broker| broker.version.as_ref() == Some(&first))
        .then_some(first)
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
