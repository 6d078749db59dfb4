//! One step of the rollout: from the persisted state and a snapshot to the next state and actions.
//! What each phase looks at is in `phases`.

use kring_crds::kafka_cluster::{Grant, Phase, RolledBroker, RolloutStatus};
use kring_crds::{MicroTime, Timestamp};

use crate::ask::{epoch, order};
use crate::order::candidates;
use crate::phases::{Outcome, outcome};
use crate::progress::{elapsed_ms, line, new_grant, record_time};
use crate::repair::broker_to_repair;
use crate::snapshot::Snapshot;
use crate::waiting::Waiting;

/// Most reasons a rollout remembers; a spec that changes for ever must not fill its status.
const REASONS_MAX: usize = 16;

/// Something to do in Kubernetes, after the new status was written. All may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write the broker's desired StatefulSet.
    GiveTemplate {
        /// The broker.
        broker: i32,
    },
    /// Delete the broker's pod, if it still is this one.
    DeletePod {
        /// The broker.
        broker: i32,
        /// The pod's uid.
        uid: String,
        /// Partitions it leads, as answered in this round.
        leaders: u64,
        /// Coordinators it holds, as answered in this round.
        coordinators: u64,
        /// It serves nothing anyway.
        down: bool,
    },
}

/// Something to tell people, as an Event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// A word for programs.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// It deserves attention.
    pub warning: bool,
}

/// The result of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// To be written before anything is done.
    pub status: RolloutStatus,
    /// To be done afterwards.
    pub actions: Vec<Action>,
    /// To be told afterwards.
    pub notes: Vec<Note>,
}

/// Whether a rollout is under way.
#[must_use]
pub fn is_running(status: &RolloutStatus) -> bool {
    status.started_at.is_some() && status.finished_at.is_none()
}

/// Makes at most one transition.
#[must_use]
pub fn step(now: Timestamp, snapshot: &Snapshot, status: &RolloutStatus) -> Step {
    let mut step = Step {
        status: status.clone(),
        actions: Vec::new(),
        notes: Vec::new(),
    };
    count(&mut step.status, snapshot);
    take_new_reasons(snapshot, &mut step);
    catch_up_epoch(snapshot, &mut step);
    let granted = status.grant.as_ref().map(|grant| grant.broker);
    match &status.grant {
        Some(grant) => advance(now, snapshot, grant, &mut step),
        None if snapshot.frozen.is_some() => {}
        None => choose(now, snapshot, &mut step),
    }
    if step.actions.is_empty()
        && snapshot.frozen.is_none()
        && let Some(broker) = broker_to_repair(snapshot, granted)
    {
        repair(broker, snapshot, &mut step);
    }
    count(&mut step.status, snapshot);
    step.status.progress = if step.status.started_at.is_some() {
        line(&step.status)
    } else {
        String::new()
    };
    step
}

/// A broker that is outdated again, because the spec changed in the middle, is not through any more.
fn count(status: &mut RolloutStatus, snapshot: &Snapshot) {
    let size = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    if !is_running(status) {
        return;
    }
    if snapshot.frozen.is_some() {
        status.done = size(status.brokers.len());
        return;
    }
    let outdated = candidates(snapshot);
    let granted = status.grant.as_ref().map(|grant| grant.broker);
    status
        .brokers
        .retain(|done| !outdated.contains(&done.id) && Some(done.id) != granted);
    let granted_is_new = granted.is_some_and(|id| !outdated.contains(&id));
    status.done = size(status.brokers.len());
    status.total = size(status.brokers.len() + outdated.len() + usize::from(granted_is_new));
}

/// Nothing is granted: finish, or take the next broker, or begin.
fn choose(now: Timestamp, snapshot: &Snapshot, step: &mut Step) {
    let next = candidates(snapshot).first().copied();
    let status = &mut step.status;
    match next {
        None if is_running(status) => {
            status.finished_at = Some(MicroTime(now));
            step.notes.push(note(
                "RolloutFinished",
                format!("{} brokers restarted", status.done),
            ));
        }
        None => {}
        Some(broker) => {
            if !is_running(status) {
                begin(now, snapshot, status);
                let reasons = status.reasons.join(", ");
                step.notes.push(note(
                    "RolloutStarted",
                    format!("brokers are restarted: {reasons}"),
                ));
            }
            let status = &mut step.status;
            let mut grant = new_grant(broker, now);
            if let Some(broker) = snapshot.broker(broker) {
                grant.old_boot_id = broker.identity.as_ref().map(|who| who.boot_id.clone());
                grant.disk_id = broker.known_disk.clone();
            }
            status.grant = Some(grant);
        }
    }
}

/// The spec may change in the middle: what brokers are restarted for is then more than it was.
fn take_new_reasons(snapshot: &Snapshot, step: &mut Step) {
    if !is_running(&step.status) {
        return;
    }
    let known = &mut step.status.reasons;
    let mut new = reasons(snapshot);
    new.retain(|reason| !known.contains(reason));
    new.truncate(REASONS_MAX.saturating_sub(known.len()));
    if new.is_empty() {
        return;
    }
    known.extend(new.iter().cloned());
    known.sort();
    step.notes.push(note(
        "RolloutChanged",
        format!("brokers are restarted for this too: {}", new.join(", ")),
    ));
}

/// Why brokers are to be restarted, each reason once.
fn reasons(snapshot: &Snapshot) -> Vec<String> {
    let brokers = snapshot.brokers.iter();
    let mut reasons: Vec<String> = brokers
        .flat_map(|broker| broker.reasons.iter().cloned())
        .collect();
    reasons.sort();
    reasons.dedup();
    reasons
}

fn begin(now: Timestamp, snapshot: &Snapshot, status: &mut RolloutStatus) {
    *status = RolloutStatus {
        id: status.id + 1,
        maintenance_epoch: epoch(status),
        reasons: reasons(snapshot),
        started_at: Some(MicroTime(now)),
        ..RolloutStatus::default()
    };
}

/// A status that was lost or restored from a backup has an epoch that the brokers are beyond. The
/// order that is given next is then newer than all they have seen.
fn catch_up_epoch(snapshot: &Snapshot, step: &mut Step) {
    let given = epoch(&step.status);
    let current = snapshot.answers.epoch_in_force;
    let Some(current) = current.filter(|current| *current > given) else {
        return;
    };
    step.status.maintenance_epoch = current.saturating_add(1);
    step.notes.push(Note {
        reason: "MaintenanceEpochRaised".to_owned(),
        message: format!(
            "the brokers know maintenance epoch {current} and the status gave {given}, as after a restore; the rollout goes on with {}",
            step.status.maintenance_epoch
        ),
        warning: true,
    });
}

/// A broker is granted: ask its phase.
fn advance(now: Timestamp, snapshot: &Snapshot, grant: &Grant, step: &mut Step) {
    let Some(broker) = snapshot.broker(grant.broker) else {
        // It was scaled away; its maintenance ends with it.
        step.status.grant = None;
        return;
    };
    let mut grant = grant.clone();
    match outcome(&grant, broker, snapshot, elapsed_ms(&grant, now)) {
        Outcome::Wait(waiting) => wait(&mut grant, waiting, step),
        Outcome::Act(actions, waiting) => {
            wait(&mut grant, waiting, step);
            step.actions = actions;
        }
        Outcome::Next(phase, message) => {
            record_time(&mut grant, now);
            grant.was_down |= grant.phase == Phase::PreCheck && phase == Phase::Stop;
            // No restart any more: whatever happens on the way back, the old process may be the one.
            let needs_none = matches!(grant.phase, Phase::Drain | Phase::Stop);
            if needs_none && phase == Phase::ReturnLeaders {
                grant.old_boot_id = None;
            }
            // An order that was decided on before, and arrives after this one, is refused.
            if order(phase).is_some() && order(phase) != order(grant.phase) {
                step.status.maintenance_epoch = epoch(&step.status).saturating_add(1);
            }
            grant.phase = phase;
            (grant.waiting, grant.message) = (None, None);
            step.notes.push(note(phase.as_str(), message));
        }
        Outcome::Done => {
            record_time(&mut grant, now);
            // One whose restart was called off before the stop only got its leaders back.
            if grant.times.iter().any(|time| time.phase == Phase::Start) {
                step.notes.push(note("BrokerRolled", rolled(&grant)));
                step.status.brokers.push(RolledBroker {
                    id: grant.broker,
                    times: grant.times,
                    finished_at: MicroTime(now),
                });
            }
            step.status.grant = None;
            return;
        }
        Outcome::Release => {
            step.status.grant = None;
            return;
        }
    }
    step.status.grant = Some(grant);
}

fn wait(grant: &mut Grant, waiting: Waiting, step: &mut Step) {
    let news = grant.waiting.as_ref() != Some(&waiting.reason);
    if news && (crate::needs_a_person(&waiting.reason) || waiting.reason == "DrainLate") {
        step.notes.push(Note {
            reason: waiting.reason.clone(),
            message: waiting.message.clone(),
            warning: true,
        });
    }
    grant.waiting = Some(waiting.reason);
    grant.message = Some(waiting.message);
}

fn repair(id: i32, snapshot: &Snapshot, step: &mut Step) {
    let Some(broker) = snapshot.broker(id) else {
        return;
    };
    if broker.given.as_ref() != Some(&broker.target) {
        step.actions.push(Action::GiveTemplate { broker: id });
    } else if let Some(pod) = &broker.pod
        && broker.given_is_observed
        && !pod.terminating
    {
        let uid = pod.uid.clone();
        step.actions.push(Action::DeletePod {
            broker: id,
            uid,
            leaders: 0,
            coordinators: 0,
            down: true,
        });
    }
}

fn rolled(grant: &Grant) -> String {
    let times = grant
        .times
        .iter()
        .map(|time| {
            format!(
                "{} {:.1}s",
                time.phase.as_str(),
                time.milliseconds as f64 / 1000.0
            )
        })
        .collect::<Vec<_>>();
    format!("broker {}: {}", grant.broker, times.join(", "))
}

fn note(reason: &str, message: impl Into<String>) -> Note {
    Note {
        reason: reason.to_owned(),
        message: message.into(),
        warning: false,
    }
}
