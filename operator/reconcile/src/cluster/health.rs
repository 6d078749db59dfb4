//! The conditions of a cluster, in the meaning kstatus gives them.
//! It only judges what was found; it starts nothing.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kring_crds::conditions::{self, State};
use kring_crds::kafka_cluster::KafkaClusterStatus;
use kring_rollout::{is_running, needs_a_person};

use super::Findings;

/// Reason of the condition `Stalled` while the API server does not take some object.
pub(super) const APPLY_REFUSED: &str = "ApplyRefused";
/// Refused objects that are told of; the others are counted.
const REFUSED_TOLD_MAX: usize = 3;

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
        match &findings.frozen {
            None => (State::True, "BrokersReady", brokers),
            Some(frozen) if is_running(&findings.rollout) => (
                State::True,
                "Paused",
                format!(
                    "{brokers}; the rollout stands at {}: {}",
                    findings.rollout.progress, frozen.message
                ),
            ),
            Some(_) => (State::True, "Paused", brokers),
        }
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
    let rollout = &findings.rollout;
    if let Some(frozen) = &findings.frozen {
        let grant = rollout.grant.as_ref()?;
        let message = format!(
            "{}; the rollout takes no other broker after {}: {}",
            rollout.progress, grant.broker, frozen.message
        );
        return Some(("Rolling".to_owned(), message));
    }
    // Of settings the brokers refused; they are in `Stalled`.
    if !findings.refusals.0.is_empty() {
        return None;
    }
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
    if findings.settings.pending && findings.live.list.is_some() {
        let message = "the brokers have not taken over the changed settings yet".to_owned();
        return Some(("ApplyingSettings".to_owned(), message));
    }
    // Nothing more happens until the API server takes it.
    if !findings.refused_objects.is_empty() {
        return None;
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
    if let Some(message) = refused_objects(findings) {
        return Some((APPLY_REFUSED.to_owned(), message));
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

/// What the API server does not take, in its own words.
fn refused_objects(findings: &Findings<'_>) -> Option<String> {
    let all = &findings.refused_objects;
    let told = all.iter().take(REFUSED_TOLD_MAX).cloned();
    let mut message = told.collect::<Vec<_>>().join("; ");
    let more = all.len().saturating_sub(REFUSED_TOLD_MAX);
    if more > 0 {
        message.push_str(&format!("; and {more} more"));
    }
    (!all.is_empty()).then_some(message)
}

/// The same, when the status does not say it yet.
pub(super) fn newly_refused(findings: &Findings<'_>) -> Option<String> {
    let message = refused_objects(findings)?;
    let status = findings.cluster.status.as_ref();
    let known = status.and_then(|s| conditions::get(&s.conditions, conditions::STALLED));
    let told = known.is_some_and(|c| c.reason == APPLY_REFUSED && c.message == message);
    (!told).then_some(message)
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
