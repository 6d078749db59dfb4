//! What each phase looks at and where it goes, one function per phase.
//! None of them writes the status; `machine` does that with what they say.

use kring_admin_api::MaintenanceStatus;
use kring_crds::kafka_cluster::{Grant, Phase};

use crate::machine::Action;
use crate::order;
use crate::safety::{is_drained, may_stop};
use crate::snapshot::{Broker, Snapshot};
use crate::waiting::{IDENTITY_CHANGED, POD_STUCK, Waiting, partitions};

/// How long leaders may take to return before the rollout goes on without them. A leader elsewhere
/// is a matter of balance, not of safety.
const RETURN_LEADERS_MS_MAX: i64 = 120_000;

/// What a phase says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Stay, for this reason.
    Wait(Waiting),
    /// Stay and do these.
    Act(Vec<Action>, Waiting),
    /// Go on, with a sentence for the Event.
    Next(Phase, String),
    /// This broker is through.
    Done,
    /// Take another broker first, or none.
    Release,
}

/// Asks the granted broker's phase.
pub(crate) fn outcome(
    grant: &Grant,
    broker: &Broker,
    snapshot: &Snapshot,
    elapsed_ms: i64,
) -> Outcome {
    match grant.phase {
        Phase::PreCheck => pre_check(broker, snapshot),
        Phase::Drain => drain(broker, snapshot, elapsed_ms),
        Phase::Stop => stop(grant, broker, snapshot),
        Phase::Start => start(broker),
        _ if !broker.is_ready() => Outcome::Next(
            Phase::Start,
            format!("broker {} is not ready any more", broker.id),
        ),
        Phase::Identity => identity(grant, broker),
        Phase::CatchUp => catch_up(broker, snapshot),
        Phase::ReturnLeaders => return_leaders(broker, snapshot, elapsed_ms),
        Phase::Soak => soak(broker, snapshot, elapsed_ms),
    }
}

fn pre_check(broker: &Broker, snapshot: &Snapshot) -> Outcome {
    let first = order::candidates(snapshot).first().copied();
    if snapshot.frozen.is_some()
        || !broker.is_outdated()
        || (snapshot.is_controller(broker.id) && first != Some(broker.id))
    {
        return Outcome::Release;
    }
    // Only here: a broker that was begun is finished, because the other work waits for that.
    if let Some(hold) = &snapshot.hold {
        return Outcome::Wait(hold.clone());
    }
    match may_stop(snapshot, broker) {
        Err(waiting) => Outcome::Wait(waiting),
        Ok(()) if snapshot.serves_nothing(broker) => Outcome::Next(
            Phase::Stop,
            format!("broker {} serves nothing and needs no drain", broker.id),
        ),
        Ok(()) => Outcome::Next(
            Phase::Drain,
            format!(
                "broker {} hands over its leaders and coordinators",
                broker.id
            ),
        ),
    }
}

fn drain(broker: &Broker, snapshot: &Snapshot, elapsed_ms: i64) -> Outcome {
    if !broker.is_outdated() {
        return Outcome::Next(
            Phase::ReturnLeaders,
            format!("broker {} needs no restart any more", broker.id),
        );
    }
    if let Err(waiting) = may_stop(snapshot, broker) {
        return Outcome::Wait(waiting);
    }
    if is_drained(snapshot) || snapshot.serves_nothing(broker) {
        let (leaders, coordinators) = held(snapshot.answers.maintenance.as_ref());
        return Outcome::Next(
            Phase::Stop,
            format!(
                "broker {}: leaders={leaders} coordinators={coordinators}",
                broker.id
            ),
        );
    }
    let late = elapsed_ms > snapshot.policy.drain_timeout_ms;
    let reason = if late { "DrainLate" } else { "Draining" };
    Outcome::Wait(match &snapshot.answers.maintenance {
        None => Waiting::new(
            "AskingController",
            "waiting for the answer to the maintenance request",
        ),
        Some(maintenance) => {
            let stuck = if maintenance.stuck_leaders.partitions == 0 {
                String::new()
            } else {
                let what = partitions(&maintenance.stuck_leaders);
                format!("; {what} have no other replica in sync")
            };
            let (leaders, coordinators) = held(Some(maintenance));
            Waiting::new(
                reason,
                format!(
                    "broker {} still leads {leaders} partitions and holds {coordinators} coordinators{stuck}",
                    broker.id
                ),
            )
        }
    })
}

/// Gives the template, waits until the StatefulSet controller knows it, deletes the old pod.
fn stop(grant: &Grant, broker: &Broker, snapshot: &Snapshot) -> Outcome {
    let id = broker.id;
    if broker.given.as_ref() != Some(&broker.target) {
        let waiting = Waiting::new(
            "GivingTemplate",
            format!("broker {id} gets its new template"),
        );
        return Outcome::Act(vec![Action::GiveTemplate { broker: id }], waiting);
    }
    if !broker.given_is_observed {
        return Outcome::Wait(Waiting::new(
            "GivingTemplate",
            "waiting until Kubernetes has seen the new template",
        ));
    }
    let Some(pod) = &broker.pod else {
        return Outcome::Next(Phase::Start, format!("the pod of broker {id} is gone"));
    };
    if pod.terminating {
        return Outcome::Wait(Waiting::new(
            "Stopping",
            format!("the pod of broker {id} is stopping"),
        ));
    }
    if pod.template.as_ref() == Some(&broker.target) {
        return match &broker.identity {
            // What was asked was taken back before the pod was deleted.
            Some(identity) if grant.old_boot_id.as_ref() == Some(&identity.boot_id) => {
                Outcome::Next(
                    Phase::ReturnLeaders,
                    format!("broker {id} needs no restart any more"),
                )
            }
            None if broker.is_ready() => Outcome::Wait(Waiting::new(
                "AskingBroker",
                format!("broker {id} does not tell who it is yet"),
            )),
            _ => Outcome::Next(Phase::Start, format!("broker {id} has a new pod")),
        };
    }
    let down = snapshot.serves_nothing(broker);
    if !down {
        if let Err(waiting) = may_stop(snapshot, broker) {
            return Outcome::Wait(waiting);
        }
        if !is_drained(snapshot) {
            return Outcome::Next(
                Phase::Drain,
                format!("broker {id} leads again and is drained again"),
            );
        }
    }
    let (leaders, coordinators) = held(snapshot.answers.maintenance.as_ref());
    let action = Action::DeletePod {
        broker: id,
        uid: pod.uid.clone(),
        leaders,
        coordinators,
        down,
    };
    Outcome::Act(
        vec![action],
        Waiting::new("Stopping", format!("the pod of broker {id} is stopping")),
    )
}

fn start(broker: &Broker) -> Outcome {
    let id = broker.id;
    let Some(pod) = &broker.pod else {
        return Outcome::Wait(Waiting::new(
            "Starting",
            format!("waiting for the pod of broker {id}"),
        ));
    };
    if pod.terminating {
        return Outcome::Wait(Waiting::new(
            "Stopping",
            format!("the pod of broker {id} is stopping"),
        ));
    }
    if pod.ready {
        return Outcome::Next(Phase::Identity, format!("broker {id} is ready"));
    }
    if broker.is_outdated() {
        return Outcome::Next(
            Phase::Stop,
            format!("broker {id} has an old template and is not ready"),
        );
    }
    Outcome::Wait(match &pod.stuck {
        Some(why) => Waiting::new(
            POD_STUCK,
            format!(
                "the pod of broker {id} cannot start ({why}); correct the spec, the rollout goes on by itself"
            ),
        ),
        None => Waiting::new("Starting", format!("broker {id} is starting")),
    })
}

fn identity(grant: &Grant, broker: &Broker) -> Outcome {
    let id = broker.id;
    let Some(identity) = &broker.identity else {
        return Outcome::Wait(Waiting::new(
            "AskingBroker",
            format!("broker {id} does not tell who it is yet"),
        ));
    };
    if grant.old_boot_id.as_ref() == Some(&identity.boot_id) {
        return Outcome::Wait(Waiting::new(
            "AskingBroker",
            format!("the old process of broker {id} still answers"),
        ));
    }
    if identity.broker_id != id {
        return Outcome::Wait(Waiting::new(
            IDENTITY_CHANGED,
            format!(
                "the pod of broker {id} says that it is broker {}",
                identity.broker_id
            ),
        ));
    }
    let disk = &identity.disk_id;
    if let Some(known) = &grant.disk_id
        && known != disk
        && broker.accepted_disk.as_ref() != Some(disk)
    {
        return Outcome::Wait(Waiting::new(
            IDENTITY_CHANGED,
            format!(
                "broker {id} returned with disk {disk} instead of {known}; if its data is lost for good, annotate the KafkaCluster with kring.io/accept-disk: {id}={disk}"
            ),
        ));
    }
    Outcome::Next(Phase::CatchUp, format!("broker {id} is back with its disk"))
}

fn catch_up(broker: &Broker, snapshot: &Snapshot) -> Outcome {
    match lagging(broker.id, snapshot) {
        Some(waiting) => Outcome::Wait(waiting),
        None => Outcome::Next(
            Phase::ReturnLeaders,
            format!("broker {} is in sync in every partition", broker.id),
        ),
    }
}

fn return_leaders(broker: &Broker, snapshot: &Snapshot, elapsed_ms: i64) -> Outcome {
    let id = broker.id;
    let remaining = snapshot
        .answers
        .return_leaders
        .as_ref()
        .map(|answer| answer.remaining);
    match remaining {
        Some(0) if snapshot.answers.resumed => Outcome::Next(
            Phase::Soak,
            format!("broker {id} leads again what prefers it"),
        ),
        _ if snapshot.answers.resumed && elapsed_ms > RETURN_LEADERS_MS_MAX => Outcome::Next(
            Phase::Soak,
            format!("broker {id} goes on without all of its leaders"),
        ),
        Some(remaining) => Outcome::Wait(Waiting::new(
            "ReturningLeaders",
            format!("{remaining} partitions prefer broker {id} and are led by another"),
        )),
        None => Outcome::Wait(Waiting::new(
            "AskingController",
            "waiting for the leaders to return",
        )),
    }
}

fn soak(broker: &Broker, snapshot: &Snapshot, elapsed_ms: i64) -> Outcome {
    if let Some(waiting) = lagging(broker.id, snapshot) {
        return Outcome::Wait(waiting);
    }
    if elapsed_ms < snapshot.policy.soak_ms {
        return Outcome::Wait(Waiting::new(
            "Soaking",
            format!("broker {} must serve well for a while", broker.id),
        ));
    }
    Outcome::Done
}

fn lagging(id: i32, snapshot: &Snapshot) -> Option<Waiting> {
    if snapshot.cluster.is_none() {
        return Some(Waiting::new("NoController", "no active controller answers"));
    }
    let Some(status) = snapshot.status(id) else {
        return Some(Waiting::new(
            "Registering",
            format!("broker {id} is not registered yet"),
        ));
    };
    if status.fenced {
        return Some(Waiting::new(
            "Registering",
            format!("broker {id} is still fenced"),
        ));
    }
    let missing = status.replicas.saturating_sub(status.in_sync_replicas);
    (missing > 0).then(|| {
        Waiting::new(
            "WaitingForISR",
            format!(
                "broker {id} is not in sync in {missing} of {} partitions",
                status.replicas
            ),
        )
    })
}

fn held(maintenance: Option<&MaintenanceStatus>) -> (u64, u64) {
    maintenance.map_or((0, 0), |maintenance| {
        (maintenance.leaders, maintenance.coordinators)
    })
}
