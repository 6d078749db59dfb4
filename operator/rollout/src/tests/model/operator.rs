//! The operator of the model: the rounds of the real one around the real machine, one read or write at a time.
//! What it forgets when it dies is everything but the status.

use std::hash::{Hash, Hasher};

use kring_admin_api::{
    BrokerList, BrokerStatus, Identity, MaintenanceStatus, RestartCheck, ReturnLeaders, Risk,
};
use kring_crds::Timestamp;

use super::world::{BROKERS, Cluster, PARTITIONS};
use super::{Bounds, Mutation, State, Used};
use crate::{Action, Answers, Ask, Broker, Pod, Policy, RolloutStatus, Snapshot, asks, step};

/// How far a round is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stage {
    Idle,
    /// Kubernetes and the brokers were read.
    Looked(Box<Looked>),
    /// The machine has decided; nothing is written.
    Decided(Box<Decided>),
    /// The status is written; these are left to do.
    Acting(Vec<Todo>),
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Looked {
    version: u8,
    status: RolloutStatus,
    /// The cluster as it was then.
    cluster: Cluster,
    used: Used,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decided {
    version: u8,
    status: RolloutStatus,
    todo: Vec<Todo>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Todo {
    Give {
        broker: usize,
        template: u8,
    },
    Delete {
        broker: usize,
        uid: u8,
        down: bool,
        /// It served when the round looked.
        served: bool,
        used: Used,
    },
}

/// The elapsed time of a phase that is late, in milliseconds.
const LATE_MS: i64 = 1_000_000;

impl Stage {
    pub(super) fn hash<H: Hasher>(&self, version: u8, to: &mut H) {
        std::mem::discriminant(self).hash(to);
        match self {
            Stage::Idle => {}
            Stage::Looked(looked) => {
                (looked.version == version, looked.used).hash(to);
                hash_status(&looked.status, to);
                looked.cluster.hash(to);
            }
            Stage::Decided(decided) => {
                (decided.version == version, &decided.todo).hash(to);
                hash_status(&decided.status, to);
            }
            Stage::Acting(todo) => todo.hash(to),
        }
    }
}

/// What the machine's decisions depend on.
pub(super) fn hash_status<H: Hasher>(status: &RolloutStatus, to: &mut H) {
    (status.id, status.maintenance_epoch).hash(to);
    crate::is_running(status).hash(to);
    for done in &status.brokers {
        done.id.hash(to);
    }
    if let Some(grant) = &status.grant {
        (grant.broker, grant.phase.as_str(), grant.was_down).hash(to);
        (&grant.old_boot_id, &grant.disk_id).hash(to);
    }
}

/// Without what is only for people, and without times.
fn plain(mut status: RolloutStatus) -> RolloutStatus {
    status.reasons.clear();
    status.progress.clear();
    for done in &mut status.brokers {
        done.times.clear();
    }
    if let Some(grant) = &mut status.grant {
        grant.times.clear();
        grant.since = kring_crds::MicroTime(Timestamp::UNIX_EPOCH);
        (grant.waiting, grant.message) = (None, None);
    }
    status
}

impl State {
    pub(super) fn look(&mut self) {
        self.operator = Stage::Looked(Box::new(Looked {
            version: self.version,
            status: self.status.clone(),
            cluster: self.cluster,
            used: self.used,
        }));
    }

    /// Puts the questions and lets the machine decide; not where it makes no difference whether the
    /// answers arrive or the phase is late.
    pub(super) fn ask(&mut self, bounds: &Bounds, answered: bool, late: bool) -> bool {
        let Stage::Looked(looked) = std::mem::replace(&mut self.operator, Stage::Idle) else {
            return false;
        };
        let asked = bounds.asks(&looked.status);
        let phase_is_timed = asked
            .iter()
            .any(|ask| matches!(ask, Ask::ReturnLeaders { .. }));
        if (late && !phase_is_timed) || (!answered && asked.is_empty()) {
            return false;
        }
        let answers = self.answers(bounds, &asked);
        let answers = if answered {
            answers
        } else {
            Answers::default()
        };
        let snapshot = snapshot(bounds, &looked, answers);
        let elapsed_ms = if late { LATE_MS } else { 0 };
        let now = Timestamp::from_millisecond(elapsed_ms).expect("in range");
        let decided = step(now, &snapshot, &looked.status);
        let todo = |action: &Action| match action {
            Action::GiveTemplate { broker } => Todo::Give {
                broker: *broker as usize,
                template: looked.cluster.target,
            },
            Action::DeletePod {
                broker, uid, down, ..
            } => Todo::Delete {
                broker: *broker as usize,
                uid: uid.parse().expect("a number"),
                down: *down,
                served: looked.cluster.brokers[*broker as usize].serves(),
                used: looked.used,
            },
        };
        self.operator = Stage::Decided(Box::new(Decided {
            version: looked.version,
            todo: decided.actions.iter().map(todo).collect(),
            status: plain(decided.status),
        }));
        true
    }

    /// The orders of a round that was paused arrive. What they answer decides nothing: the round
    /// took too long.
    pub(super) fn order_late(&mut self, bounds: &Bounds) {
        let Stage::Looked(looked) = std::mem::replace(&mut self.operator, Stage::Idle) else {
            return;
        };
        let orders = bounds.asks(&looked.status);
        self.answers(bounds, &orders);
    }

    /// Writes the status, if nobody has changed the object since it was read.
    pub(super) fn write(&mut self) {
        let Stage::Decided(decided) = std::mem::replace(&mut self.operator, Stage::Idle) else {
            return;
        };
        if decided.version != self.version {
            return;
        }
        if decided.status != self.status {
            self.status = decided.status;
            self.version += 1;
        }
        if !decided.todo.is_empty() {
            self.operator = Stage::Acting(decided.todo);
        }
    }

    /// Does the next thing.
    pub(super) fn perform(&mut self) {
        let Stage::Acting(mut todo) = std::mem::replace(&mut self.operator, Stage::Idle) else {
            return;
        };
        match todo.remove(0) {
            Todo::Give { broker, template } => self.cluster.brokers[broker].given = template,
            Todo::Delete {
                broker,
                uid,
                down,
                served,
                used,
            } => self.delete(broker, uid, down && !served, used),
        }
        if !todo.is_empty() {
            self.operator = Stage::Acting(todo);
        }
    }

    /// ROLL-1 and ROLL-2, at the moment of the deletion. `then` is when the round looked; `down`: it
    /// served nothing then, and what it has begun since nobody could know.
    fn delete(&mut self, id: usize, uid: u8, down: bool, then: Used) {
        let before = self.cluster;
        if !self.cluster.stop(id, uid) {
            return;
        }
        let served = before.brokers[id].serves();
        if !served {
            return;
        }
        self.cluster.brokers[id].taken = true;
        if down || !self.used.is_calm_since(then) {
            return;
        }
        let granted = self.status.grant.as_ref().map(|grant| grant.broker);
        let others = (0..BROKERS).filter(|other| *other != id);
        let mut others = others.map(|other| &before.brokers[other]);
        let taken = others.clone().any(|other| other.taken);
        let broken = if granted != i32::try_from(id).ok() {
            Some("ROLL-1: a pod that serves was deleted without the grant")
        } else if taken {
            Some("ROLL-1: a second broker was stopped before the first was back")
        } else if before.leads(id) > 0 || before.coordinates(id) > 0 {
            Some("ROLL-2: a broker that leads or coordinates was stopped")
        } else if !others.all(|o| o.serves() && o.in_sync) {
            Some("ROLL-2: a broker was stopped while another is not in sync")
        } else {
            None
        };
        if let Some(broken) = broken {
            self.broken = Some(broken.to_owned());
        }
    }

    fn answers(&mut self, bounds: &Bounds, asked: &[Ask]) -> Answers {
        let mut answers = Answers::default();
        if self.cluster.controller.is_none() {
            return answers;
        }
        for ask in asked {
            match *ask {
                Ask::RestartCheck { broker } => {
                    let check = self.cluster.restart_check(broker as usize);
                    let well = bounds.others_look_well();
                    answers.restart_check =
                        Some(if well { RestartCheck::default() } else { check });
                }
                Ask::HandOver { broker, epoch } => {
                    answers.maintenance = self.cluster.maintain(broker, true, epoch);
                    answers.epoch_in_force = self.cluster.newer_than(epoch);
                    if bounds.mutation == Some(Mutation::DrainedAtOnce)
                        && let Some(status) = &mut answers.maintenance
                    {
                        (status.leaders, status.coordinators) = (0, 0);
                    }
                }
                Ask::Resume { broker, epoch } => {
                    let off = self.cluster.maintain(broker, false, epoch);
                    answers.epoch_in_force = self.cluster.newer_than(epoch);
                    answers.resumed = off.is_some_and(|status| !status.on)
                        && bounds.mutation != Some(Mutation::NeverResumes);
                }
                Ask::ReturnLeaders { broker, .. } if answers.resumed => {
                    answers.return_leaders = self.cluster.return_leaders(broker as usize);
                }
                Ask::ReturnLeaders { .. } => {}
            }
        }
        answers
    }
}

impl Bounds {
    fn asks(&self, status: &RolloutStatus) -> Vec<Ask> {
        let mut asked = asks(status);
        if self.mutation == Some(Mutation::OneEpoch) {
            for ask in &mut asked {
                if let Ask::HandOver { epoch, .. } | Ask::Resume { epoch, .. } = ask {
                    *epoch = status.id;
                }
            }
        }
        asked
    }

    fn others_look_well(&self) -> bool {
        matches!(
            self.mutation,
            Some(Mutation::OthersLookWell | Mutation::GrantForgotten)
        )
    }
}

/// What the active controller answers.
impl Cluster {
    fn restart_check(&self, id: usize) -> RestartCheck {
        let in_sync = self.brokers.iter().filter(|b| b.in_sync).count();
        let left = in_sync - usize::from(self.brokers[id].in_sync);
        let all_if = |harmed: bool| Risk {
            partitions: if harmed { PARTITIONS as u64 } else { 0 },
            sample: Vec::new(),
        };
        let alive = |other: &usize| *other != id && self.brokers[*other].runs();
        RestartCheck {
            unavailable: all_if(left == 0),
            below_min_isr: all_if(in_sync >= 2 && left < 2),
            quorum_lost: (0..BROKERS).filter(alive).count() <= BROKERS / 2,
            ..RestartCheck::default()
        }
    }

    fn newer_than(&self, epoch: i64) -> Option<i64> {
        Some(self.maintenance_epoch).filter(|known| *known > epoch)
    }

    /// An older order is refused, and one that meets another broker's maintenance of another epoch too.
    fn maintain(&mut self, broker: i32, on: bool, epoch: i64) -> Option<MaintenanceStatus> {
        let id = broker as usize;
        let held = (0..BROKERS).any(|other| other != id && self.brokers[other].maintenance);
        let foreign = on && held && epoch != self.maintenance_epoch;
        if epoch < self.maintenance_epoch || foreign {
            return None;
        }
        self.maintenance_epoch = epoch;
        self.brokers[id].maintenance = on;
        Some(MaintenanceStatus {
            broker,
            on,
            epoch,
            leaders: self.leads(id),
            coordinators: self.coordinates(id),
            ..MaintenanceStatus::default()
        })
    }

    fn return_leaders(&mut self, id: usize) -> Option<ReturnLeaders> {
        let broker = &self.brokers[id];
        if broker.maintenance || broker.fenced {
            return None;
        }
        let mut moved = 0;
        if id < PARTITIONS && broker.in_sync && self.leaders[id] != Some(id) {
            self.leaders[id] = Some(id);
            moved = 1;
        }
        let remaining = 0;
        Some(ReturnLeaders { moved, remaining })
    }

    fn broker_list(&self, bounds: &Bounds, granted: Option<i32>) -> Option<BrokerList> {
        let status = |(id, broker): (i32, &super::world::Broker)| {
            let well = bounds.others_look_well() && Some(id) != granted;
            BrokerStatus {
                id,
                fenced: broker.fenced && !well,
                maintenance: broker.maintenance && !well,
                leaders: self.leads(id as usize),
                replicas: PARTITIONS as u64,
                in_sync_replicas: if broker.in_sync || well {
                    PARTITIONS as u64
                } else {
                    0
                },
                ..BrokerStatus::default()
            }
        };
        Some(BrokerList {
            controller_id: i32::try_from(self.controller?).expect("few"),
            voters: (0..BROKERS as i32).collect(),
            brokers: (0..).zip(&self.brokers).map(status).collect(),
            ..BrokerList::default()
        })
    }
}

fn snapshot(bounds: &Bounds, looked: &Looked, answers: Answers) -> Snapshot {
    let cluster = &looked.cluster;
    let granted = looked.status.grant.as_ref().map(|grant| grant.broker);
    let broker = |(id, broker): (i32, &super::world::Broker)| {
        let well = bounds.others_look_well() && Some(id) != granted;
        let pod = broker.pod.map(|pod| Pod {
            uid: pod.uid.to_string(),
            template: Some(pod.template.to_string()),
            ready: broker.serves() || well,
            terminating: pod.stopping && !well,
            stuck: (Some(pod.template) == bounds.bad).then(|| "ImagePullBackOff".to_owned()),
        });
        Broker {
            id,
            target: cluster.target.to_string(),
            given: Some(broker.given.to_string()),
            given_is_observed: broker.seen == broker.given,
            reasons: Vec::new(),
            pod: pod.or_else(|| {
                well.then(|| Pod {
                    ready: true,
                    ..Pod::default()
                })
            }),
            identity: broker.runs().then(|| Identity {
                cluster_id: String::new(),
                broker_id: id,
                disk_id: id.to_string(),
                boot_id: broker.boots.to_string(),
                version: String::new(),
                io_driver: String::new(),
                io_driver_reason: String::new(),
                clean_start: true,
            }),
            known_disk: Some(id.to_string()),
            accepted_disk: None,
        }
    };
    Snapshot {
        brokers: (0..).zip(&cluster.brokers).map(broker).collect(),
        cluster: cluster.broker_list(bounds, granted),
        answers,
        policy: Policy::default(),
        hold: None,
        frozen: None,
    }
}
