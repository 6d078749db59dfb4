//! The conditions of a cluster, in the meaning kstatus gives them.
//! It only judges what was found; it starts nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kring_crds::conditions::{self, State};
use kring_crds::kafka_cluster::KafkaClusterStatus;
use kring_rollout::{is_running, needs_a_person};

use super::Findings;

/// Sets all conditions.
pub(super) fn judge(findings: &Findings<'_>, status: &mut KafkaClusterStatus) {
    let generation = findings.cluster.metadata.generation.unwrap_or_default();
    let ready = ready(findings, status);
    let reconciling = reconciling(findings, status);
    let stalled = stalled(findings);
    let data_safe = data_safe(status);
    let conditions: &mut Vec<Condition> = &mut status.conditions;
    let mut set = |kind: &str, state: State, (reason, message): (String, String)| {
        conditions::set(
            conditions,
            findings.now,
            generation,
            (kind, state, &reason, &message),
        );
    };
    set(conditions::READY, ready.0, (ready.1.to_owned(), ready.2));
    set(
        conditions::DATA_SAFE,
        data_safe.0,
        (data_safe.1.to_owned(), data_safe.2),
    );
    match reconciling {
        Some(why) => set(conditions::RECONCILING, State::True, why),
        None => conditions::clear(conditions, conditions::RECONCILING),
    }
    match stalled {
        Some((reason, message)) => conditions::set(
            conditions,
            findings.now,
            generation,
            (conditions::STALLED, State::True, &reason, &message),
        ),
        None => conditions::clear(conditions, conditions::STALLED),
    }
}

/// During a healthy rollout the cluster is ready: one broker at a time is away, by our own doing.
fn ready(findings: &Findings<'_>, status: &KafkaClusterStatus) -> (State, &'static str, String) {
    let wanted = findings.cluster.spec.replicas;
    let brokers = format!("{} of {wanted} brokers serve", status.ready_replicas);
    if let Some(first) = findings.refusals.0.first() {
        return (State::False, first.reason, findings.refusals.to_string());
    }
    if findings.live.list.is_none() {
        return (
            State::False,
            "NoController",
            format!("{brokers}; no active controller answers"),
        );
    }
    let granted_is_away = findings.rollout.grant.is_some() && status.ready_replicas + 1 >= wanted;
    let offline = status
        .partitions
        .is_none_or(|partitions| partitions.offline > 0);
    if status.ready_replicas >= wanted {
        let reason = if findings.cluster.spec.pause {
            "Paused"
        } else {
            "BrokersReady"
        };
        (State::True, reason, brokers)
    } else if granted_is_away && !offline && wanted > 1 {
        (
            State::True,
            "Rolling",
            format!("{brokers}; {}", findings.rollout.progress),
        )
    } else {
        (State::False, "BrokersNotReady", brokers)
    }
}

fn reconciling(findings: &Findings<'_>, status: &KafkaClusterStatus) -> Option<(String, String)> {
    if findings.cluster.spec.pause || !findings.refusals.0.is_empty() {
        return None;
    }
    let rollout = &findings.rollout;
    if is_running(rollout) {
        let detail = rollout
            .grant
            .as_ref()
            .and_then(|grant| grant.message.clone());
        let message = detail.map_or_else(
            || rollout.progress.clone(),
            |detail| format!("{}: {detail}", rollout.progress),
        );
        return Some(("Rolling".to_owned(), message));
    }
    if let Some(working) = &findings.scaling.working {
        return Some((working.reason.clone(), working.message.clone()));
    }
    if findings.settings_pending && findings.live.list.is_some() {
        let message = "the brokers have not taken over the changed settings yet".to_owned();
        return Some(("ApplyingSettings".to_owned(), message));
    }
    let wanted = findings.cluster.spec.replicas;
    (status.ready_replicas < wanted || findings.live.list.is_none()).then(|| {
        (
            "Starting".to_owned(),
            format!("{} of {wanted} brokers serve", status.ready_replicas),
        )
    })
}

fn stalled(findings: &Findings<'_>) -> Option<(String, String)> {
    if !findings.refusals.0.is_empty() {
        return Some((
            findings.refusals.reason().to_owned(),
            findings.refusals.to_string(),
        ));
    }
    if let Some(stalled) = &findings.scaling.stalled {
        return Some((stalled.reason.clone(), stalled.message.clone()));
    }
    let grant = findings.rollout.grant.as_ref()?;
    let reason = grant
        .waiting
        .clone()
        .filter(|reason| needs_a_person(reason))?;
    Some((reason, grant.message.clone().unwrap_or_default()))
}

fn data_safe(status: &KafkaClusterStatus) -> (State, &'static str, String) {
    let Some(partitions) = status.partitions else {
        return (
            State::Unknown,
            "NoController",
            "no active controller answers".to_owned(),
        );
    };
    if partitions.offline > 0 {
        (
            State::False,
            "Offline",
            format!("{} partitions have no leader", partitions.offline),
        )
    } else if partitions.under_min_isr > 0 {
        let count = partitions.under_min_isr;
        (
            State::False,
            "UnderMinIsr",
            format!("{count} partitions are below min.insync.replicas"),
        )
    } else if partitions.under_replicated > 0 {
        let count = partitions.under_replicated;
        (
            State::False,
            "UnderReplicated",
            format!("{count} partitions have a replica out of sync"),
        )
    } else {
        (State::True, "InSync", "every replica is in sync".to_owned())
    }
}
