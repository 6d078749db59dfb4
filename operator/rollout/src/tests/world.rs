//! A toy Kubernetes with toy brokers, one tick at a time.
//! It is as simple as it can be while a wrong machine still breaks it.

use std::collections::{BTreeMap, BTreeSet};

use kring_admin_api::{
    BrokerList, BrokerStatus, Identity, MaintenanceStatus, RestartCheck, ReturnLeaders, Risk,
};

use crate::{
    Action, Answers, Ask, Broker, Pod, Policy, RolloutStatus, Snapshot, Step, Waiting, asks, step,
};
use kring_crds::Timestamp;

pub(super) const ROUND_MS: i64 = 1000;
const STOP_TICKS: u32 = 2;
const START_TICKS: u32 = 2;
const CATCH_UP_TICKS: u32 = 5;

#[derive(Clone, Debug)]
pub(super) struct Partition {
    replicas: Vec<i32>,
    leader: Option<i32>,
    in_sync: BTreeSet<i32>,
}

#[derive(Clone, Debug)]
struct ToyPod {
    uid: String,
    template: String,
    age: u32,
    stopping: Option<u32>,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    given: String,
    observed: bool,
    pod: Option<ToyPod>,
    disk: String,
    known_disk: String,
    accepted_disk: Option<String>,
    boots: u32,
    held_down: bool,
    caught_up: u32,
    maintenance: bool,
}

pub(super) struct World {
    pub(super) target: String,
    /// Templates whose pods cannot start.
    pub(super) bad: BTreeSet<String>,
    /// Templates whose pods start and never serve.
    pub(super) mute: BTreeSet<String>,
    pub(super) policy: Policy,
    /// The spec cannot be used, or is paused.
    pub(super) frozen: bool,
    nodes: BTreeMap<i32, Node>,
    partitions: Vec<Partition>,
    controller: Option<i32>,
    pub(super) controller_wish: i32,
    voters: Vec<i32>,
    pub(super) now_ms: i64,
    pub(super) status: RolloutStatus,
    /// Brokers whose serving pod was deleted, in order.
    pub(super) stopped: Vec<i32>,
    pub(super) warnings: Vec<String>,
    uids: u32,
    /// The last order: its epoch, the broker, and whether it is to hand over.
    order: (i64, i32, bool),
}

impl World {
    pub(super) fn new(brokers: i32, partitions: i32, factor: i32) -> Self {
        let node = |id: i32| Node {
            given: "a".into(),
            observed: true,
            pod: Some(ToyPod {
                uid: format!("first-{id}"),
                template: "a".into(),
                age: 99,
                stopping: None,
            }),
            disk: format!("disk-{id}"),
            known_disk: format!("disk-{id}"),
            accepted_disk: None,
            boots: 1,
            held_down: false,
            caught_up: 99,
            maintenance: false,
        };
        let partition = |at: i32| {
            let replicas: Vec<i32> = (0..factor.min(brokers))
                .map(|r| (at + r) % brokers)
                .collect();
            Partition {
                leader: replicas.first().copied(),
                in_sync: replicas.iter().copied().collect(),
                replicas,
            }
        };
        Self {
            target: "a".into(),
            bad: BTreeSet::new(),
            mute: BTreeSet::new(),
            policy: Policy {
                drain_timeout_ms: 60_000,
                soak_ms: 2000,
                ..Policy::default()
            },
            frozen: false,
            nodes: (0..brokers).map(|id| (id, node(id))).collect(),
            partitions: (0..partitions).map(partition).collect(),
            controller: Some(0),
            controller_wish: 0,
            voters: if brokers < 3 { vec![0] } else { vec![0, 1, 2] },
            now_ms: 0,
            status: RolloutStatus::default(),
            stopped: Vec::new(),
            warnings: Vec::new(),
            uids: 0,
            order: (0, -1, false),
        }
    }

    /// One reconcile and one tick. An operator that dies does so after it wrote the status.
    pub(super) fn round(&mut self, operator_dies: bool) {
        let step = self.decide();
        // The status goes through JSON, as it does in the API server.
        let json = serde_json::to_string(&step.status).unwrap();
        self.status = serde_json::from_str(&json).unwrap();
        self.warnings.extend(
            step.notes
                .iter()
                .filter(|n| n.warning)
                .map(|n| n.reason.clone()),
        );
        if !operator_dies {
            for action in step.actions {
                self.act(action);
            }
        }
        self.tick();
    }

    pub(super) fn decide(&mut self) -> Step {
        let answers = self.answer();
        let snapshot = self.snapshot(answers);
        let now = Timestamp::from_millisecond(self.now_ms).unwrap();
        step(now, &snapshot, &self.status)
    }

    pub(super) fn is_settled(&self) -> bool {
        !self.frozen
            && self.status.grant.is_none()
            && !crate::is_running(&self.status)
            && self.nodes.keys().all(|id| self.serves(*id))
            && self.nodes.values().all(|node| {
                node.given == self.target
                    && node
                        .pod
                        .as_ref()
                        .is_some_and(|pod| pod.template == self.target)
            })
    }

    pub(super) fn hold_down(&mut self, id: i32, down: bool) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.held_down = down;
        if let Some(pod) = &mut node.pod {
            pod.age = 0;
        }
        node.boots += 1;
    }

    pub(super) fn lose_disk(&mut self, id: i32) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.disk = format!("{}-new", node.disk);
    }

    pub(super) fn accept_disk(&mut self, id: i32) {
        let node = self.nodes.get_mut(&id).unwrap();
        node.accepted_disk = Some(node.disk.clone());
    }

    pub(super) fn brokers(&self) -> Vec<i32> {
        self.nodes.keys().copied().collect()
    }

    fn runs(&self, id: i32) -> bool {
        let node = &self.nodes[&id];
        !node.held_down
            && node.pod.as_ref().is_some_and(|pod| {
                pod.stopping.is_none()
                    && pod.age >= START_TICKS
                    && !self.bad.contains(&pod.template)
                    && !self.mute.contains(&pod.template)
            })
    }

    fn serves(&self, id: i32) -> bool {
        self.runs(id) && self.controller.is_some()
    }

    fn leaders(&self, id: i32) -> u64 {
        self.partitions
            .iter()
            .filter(|p| p.leader == Some(id))
            .count() as u64
    }

    /// An order that differs from the last has a larger epoch, so that the last is refused from then on.
    fn take_order(&mut self, order: (i64, i32, bool)) {
        let is_newer = order.0 > self.order.0;
        assert!(
            is_newer || order == self.order,
            "{order:?} after {:?}",
            self.order
        );
        self.order = order;
    }

    fn answer(&mut self) -> Answers {
        let mut answers = Answers::default();
        for ask in asks(&self.status) {
            if self.controller.is_none() {
                continue;
            }
            match ask {
                Ask::RestartCheck { broker } => {
                    answers.restart_check = Some(self.restart_check(broker))
                }
                Ask::HandOver { broker, epoch } => {
                    self.take_order((epoch, broker, true));
                    self.nodes.get_mut(&broker).unwrap().maintenance = true;
                    let stuck = self.partitions.iter().filter(|p| {
                        p.leader == Some(broker) && p.in_sync.iter().all(|id| *id == broker)
                    });
                    answers.maintenance = Some(MaintenanceStatus {
                        broker,
                        on: true,
                        epoch,
                        leaders: self.leaders(broker),
                        stuck_leaders: Risk {
                            partitions: stuck.count() as u64,
                            sample: vec![],
                        },
                        ..MaintenanceStatus::default()
                    });
                }
                Ask::Resume { broker, epoch } => {
                    self.take_order((epoch, broker, false));
                    self.nodes.get_mut(&broker).unwrap().maintenance = false;
                    answers.resumed = true;
                }
                Ask::ReturnLeaders { broker, .. } => {
                    answers.return_leaders = Some(self.return_leaders(broker))
                }
            }
        }
        answers
    }

    fn return_leaders(&mut self, broker: i32) -> ReturnLeaders {
        let serves = self.serves(broker);
        let mut left = self.partitions.iter_mut().filter(|p| {
            p.replicas[0] == broker && p.leader != Some(broker) && p.in_sync.contains(&broker)
        });
        let mut moved = 0;
        if serves && let Some(partition) = left.next() {
            partition.leader = Some(broker);
            moved = 1;
        }
        ReturnLeaders {
            moved,
            remaining: left.count() as u64,
        }
    }

    fn restart_check(&self, broker: i32) -> RestartCheck {
        let risk = |harmed: &dyn Fn(&&Partition) -> bool| Risk {
            partitions: self.partitions.iter().filter(harmed).count() as u64,
            sample: vec!["t-0".into()],
        };
        let others = |p: &Partition| p.in_sync.iter().filter(|id| **id != broker).count();
        let min_isr = |p: &Partition| if p.replicas.len() >= 3 { 2 } else { 1 };
        let is_member = |p: &Partition| p.in_sync.contains(&broker);
        let runs = self
            .voters
            .iter()
            .filter(|id| **id != broker && self.runs(**id))
            .count();
        RestartCheck {
            unavailable: risk(&|p| is_member(p) && p.replicas.len() > 1 && others(p) == 0),
            below_min_isr: risk(&|p| {
                is_member(p) && p.replicas.len() > 1 && others(p) < min_isr(p)
            }),
            single_replica: risk(&|p| p.replicas == [broker]),
            acks1_loss: Risk::default(),
            quorum_lost: runs <= self.voters.len() / 2,
        }
    }

    fn snapshot(&self, answers: Answers) -> Snapshot {
        // Of a spec that cannot be used nothing is known but what was given before.
        let target = |node: &Node| {
            if self.frozen {
                node.given.clone()
            } else {
                self.target.clone()
            }
        };
        let broker = |(id, node): (&i32, &Node)| Broker {
            id: *id,
            target: target(node),
            given: Some(node.given.clone()),
            given_is_observed: node.observed,
            reasons: if node.given == target(node) {
                Vec::new()
            } else {
                vec![format!("template {}", target(node))]
            },
            pod: node.pod.as_ref().map(|pod| Pod {
                uid: pod.uid.clone(),
                template: Some(pod.template.clone()),
                ready: self.serves(*id),
                terminating: pod.stopping.is_some(),
                stuck: self
                    .bad
                    .contains(&pod.template)
                    .then(|| "ImagePullBackOff".into()),
            }),
            identity: self.runs(*id).then(|| self.identity(*id, node)),
            known_disk: Some(node.known_disk.clone()),
            accepted_disk: node.accepted_disk.clone(),
        };
        Snapshot {
            brokers: self.nodes.iter().map(broker).collect(),
            cluster: self
                .controller
                .map(|controller| self.broker_list(controller)),
            answers,
            policy: self.policy,
            hold: None,
            frozen: self
                .frozen
                .then(|| Waiting::new("Paused", "the test says so")),
        }
    }

    fn identity(&self, id: i32, node: &Node) -> Identity {
        Identity {
            cluster_id: "c".into(),
            broker_id: id,
            disk_id: node.disk.clone(),
            boot_id: format!("{id}-{}", node.boots),
            version: node.given.clone(),
            io_driver: "posix".into(),
            io_driver_reason: String::new(),
            clean_start: true,
        }
    }

    fn broker_list(&self, controller_id: i32) -> BrokerList {
        let status = |(id, node): (&i32, &Node)| {
            let holds = |p: &&Partition| p.replicas.contains(id);
            BrokerStatus {
                id: *id,
                fenced: !self.runs(*id),
                maintenance: node.maintenance,
                leaders: self.leaders(*id),
                replicas: self.partitions.iter().filter(holds).count() as u64,
                in_sync_replicas: self
                    .partitions
                    .iter()
                    .filter(|p| p.in_sync.contains(id))
                    .count() as u64,
                ..BrokerStatus::default()
            }
        };
        BrokerList {
            controller_id,
            voters: self.voters.clone(),
            brokers: self.nodes.iter().map(status).collect(),
            ..BrokerList::default()
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::GiveTemplate { broker } => {
                let node = self.nodes.get_mut(&broker).unwrap();
                node.given = self.target.clone();
                node.observed = false;
            }
            Action::DeletePod { broker, uid, .. } => {
                if self.serves(broker) {
                    self.check_deletion(broker);
                    self.stopped.push(broker);
                }
                let node = self.nodes.get_mut(&broker).unwrap();
                if let Some(pod) = &mut node.pod
                    && pod.uid == uid
                {
                    pod.stopping.get_or_insert(STOP_TICKS);
                }
            }
        }
    }

    /// ROLL-1 and ROLL-2.
    fn check_deletion(&self, broker: i32) {
        let granted = self.status.grant.as_ref().map(|grant| grant.broker);
        assert_eq!(granted, Some(broker), "deleted without the grant");
        let alone = self.nodes.len() == 1;
        for partition in self
            .partitions
            .iter()
            .filter(|p| p.replicas.len() > 1 || !alone)
        {
            let given_up = partition.replicas == [broker];
            assert!(
                given_up || partition.leader != Some(broker),
                "deleted while it leads: {partition:?}"
            );
            assert!(
                partition.in_sync.len() == partition.replicas.len()
                    || (partition.in_sync.len() + 1 == partition.replicas.len()
                        && !partition.in_sync.contains(&broker)),
                "deleted while another replica is out of sync: {partition:?}"
            );
        }
        for other in self.nodes.keys().filter(|id| **id != broker) {
            assert!(
                self.serves(*other),
                "deleted {broker} while {other} is down"
            );
        }
    }

    fn tick(&mut self) {
        self.now_ms += ROUND_MS;
        for (id, node) in &mut self.nodes {
            node.observed = true;
            match &mut node.pod {
                Some(ToyPod {
                    stopping: Some(0), ..
                }) => node.pod = None,
                Some(ToyPod {
                    stopping: Some(left),
                    ..
                }) => *left -= 1,
                Some(pod) => pod.age += 1,
                None => {
                    self.uids += 1;
                    node.boots += 1;
                    let uid = format!("{id}-{}", self.uids);
                    node.pod = Some(ToyPod {
                        uid,
                        template: node.given.clone(),
                        age: 0,
                        stopping: None,
                    });
                }
            }
        }
        self.elect_controller();
        self.move_replicas();
    }

    fn elect_controller(&mut self) {
        let alive: Vec<i32> = self
            .voters
            .iter()
            .copied()
            .filter(|id| self.runs(*id))
            .collect();
        if alive.len() <= self.voters.len() / 2 {
            self.controller = None;
        } else if !self.controller.is_some_and(|id| alive.contains(&id)) {
            let wish = self.controller_wish;
            self.controller = alive
                .iter()
                .copied()
                .find(|id| *id == wish)
                .or(alive.first().copied());
        }
    }

    fn move_replicas(&mut self) {
        let serving: BTreeSet<i32> = self
            .brokers()
            .into_iter()
            .filter(|id| self.serves(*id))
            .collect();
        for (id, node) in &mut self.nodes {
            node.caught_up = if serving.contains(id) {
                node.caught_up.saturating_add(1)
            } else {
                0
            };
        }
        let mut handed_over = BTreeSet::new();
        for partition in &mut self.partitions {
            for id in partition.replicas.clone() {
                let back = self.nodes[&id].caught_up >= CATCH_UP_TICKS;
                if serving.contains(&id) && back {
                    partition.in_sync.insert(id);
                } else if !serving.contains(&id) && partition.in_sync.len() > 1 {
                    partition.in_sync.remove(&id);
                }
            }
            let can_lead = |id: &i32| partition.in_sync.contains(id) && serving.contains(id);
            let prefers = |id: &&i32| can_lead(id) && !self.nodes[*id].maintenance;
            let best = partition
                .replicas
                .iter()
                .find(prefers)
                .or(partition.replicas.iter().find(|id| can_lead(id)));
            match partition.leader {
                Some(leader) if can_lead(&leader) => {
                    // One leader at a time is handed over, so that drains take several rounds.
                    if self.nodes[&leader].maintenance && handed_over.insert(leader) {
                        partition.leader = best.copied();
                    }
                }
                _ => partition.leader = best.copied(),
            }
        }
    }
}
