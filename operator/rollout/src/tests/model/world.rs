//! The cluster of the model: three pods with their brokers, and partitions that all of them have.
//! It does one thing at a time, whenever it is told to, and only what real ones could do.

use super::Action;

pub(super) const BROKERS: usize = 3;
/// Each prefers another broker; the first is also what a group's coordinator goes with.
pub(super) const PARTITIONS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pod {
    /// How many pods this broker had before.
    pub(super) uid: u8,
    pub(super) template: u8,
    /// Its process runs.
    pub(super) running: bool,
    pub(super) stopping: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Broker {
    /// What its StatefulSet says, and what the StatefulSet controller has seen of it.
    pub(super) given: u8,
    pub(super) seen: u8,
    pub(super) pod: Option<Pod>,
    pods: u8,
    /// Names its process.
    pub(super) boots: u8,
    /// As the active controller has it.
    pub(super) fenced: bool,
    /// This run of the process is the one that the controller knows.
    pub(super) registered: bool,
    pub(super) in_sync: bool,
    pub(super) maintenance: bool,
    /// The operator stopped it while it served, and it is not back in sync.
    pub(super) taken: bool,
}

impl Broker {
    /// Its process runs; also while its pod is asked to stop.
    pub(super) fn runs(&self) -> bool {
        self.pod.is_some_and(|pod| pod.running)
    }

    /// It serves clients, which is what its readiness says.
    pub(super) fn serves(&self) -> bool {
        self.runs() && self.registered && !self.fenced
    }

    fn may_lead(&self) -> bool {
        self.in_sync && !self.fenced
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Cluster {
    pub(super) target: u8,
    pub(super) brokers: [Broker; BROKERS],
    pub(super) leaders: [Option<usize>; PARTITIONS],
    pub(super) controller: Option<usize>,
    /// The largest epoch of any maintenance request, and that of the one under way.
    pub(super) maintenance_epoch: i64,
}

impl Cluster {
    pub(super) fn new() -> Cluster {
        let broker = Broker {
            given: 0,
            seen: 0,
            pod: Some(Pod {
                uid: 0,
                template: 0,
                running: true,
                stopping: false,
            }),
            pods: 1,
            boots: 1,
            fenced: false,
            registered: true,
            in_sync: true,
            maintenance: false,
            taken: false,
        };
        Cluster {
            target: 0,
            brokers: [broker; BROKERS],
            leaders: std::array::from_fn(Some),
            controller: Some(0),
            maintenance_epoch: 0,
        }
    }

    /// Every broker serves with the template that is asked for.
    pub(super) fn has_arrived(&self) -> bool {
        let arrived = |broker: &Broker| {
            let on_target = broker.pod.is_some_and(|pod| pod.template == self.target);
            let serves = broker.serves() && broker.may_lead() && !broker.maintenance;
            serves && on_target && broker.given == self.target
        };
        self.brokers.iter().all(arrived)
    }

    pub(super) fn leads(&self, id: usize) -> u64 {
        let led = self.leaders.iter().filter(|leader| **leader == Some(id));
        led.count() as u64
    }

    /// Coordinators go with the leader of the first partition.
    pub(super) fn coordinates(&self, id: usize) -> u64 {
        u64::from(self.leaders[0] == Some(id))
    }

    /// The process ends; its container is started again in the same pod.
    pub(super) fn crash(&mut self, id: usize) {
        self.brokers[id].registered = false;
        if let Some(pod) = &mut self.brokers[id].pod {
            pod.running = false;
        }
        self.lose_controller(id);
    }

    fn lose_controller(&mut self, id: usize) {
        if self.controller == Some(id) {
            self.controller = None;
        }
    }

    fn has_majority(&self) -> bool {
        self.brokers.iter().filter(|b| b.runs()).count() > BROKERS / 2
    }

    /// Who else could lead; rather one that is not in maintenance.
    fn heir(&self, but: Option<usize>) -> Option<usize> {
        let able = (0..BROKERS).filter(|id| Some(*id) != but && self.brokers[*id].may_lead());
        able.min_by_key(|id| (self.brokers[*id].maintenance, *id))
    }

    /// What Kubernetes and the brokers may do next.
    pub(super) fn actions(&self, bad: Option<u8>, actions: &mut Vec<Action>) {
        for (id, broker) in self.brokers.iter().enumerate() {
            if broker.seen != broker.given {
                actions.push(Action::SeeTemplate(id));
            }
            match broker.pod {
                None => actions.push(Action::MakePod(id)),
                Some(pod) if pod.stopping => actions.push(Action::EndPod(id)),
                Some(pod) if !pod.running && Some(pod.template) != bad => {
                    actions.push(Action::Run(id));
                }
                Some(_) => {}
            }
            if self.controller.is_some() {
                match (broker.runs(), broker.registered, broker.fenced) {
                    (false, _, false) => actions.push(Action::Fence(id)),
                    (true, false, _) => actions.push(Action::Register(id)),
                    (true, true, true) => actions.push(Action::Unfence(id)),
                    _ => {}
                }
                let source = self.leaders.iter().flatten().any(|leader| *leader != id);
                if broker.serves() && !broker.in_sync && source {
                    actions.push(Action::CatchUp(id));
                }
            }
        }
        if self.controller.is_none() {
            if self.has_majority() {
                actions.push(Action::ElectController);
            }
            return;
        }
        for (at, leader) in self.leaders.iter().enumerate() {
            let moves = match leader {
                None => self.heir(None).is_some(),
                Some(leader) => {
                    let heir = self.heir(Some(*leader));
                    let leaves = self.brokers[*leader].maintenance;
                    leaves && heir.is_some_and(|heir| !self.brokers[heir].maintenance)
                }
            };
            if moves {
                actions.push(Action::MoveLeader(at));
            }
            let preferred = &self.brokers[at];
            if *leader != Some(at) && preferred.may_lead() && !preferred.maintenance {
                actions.push(Action::Rebalance(at));
            }
        }
    }

    pub(super) fn change(&mut self, action: Action, bad: Option<u8>) {
        match action {
            Action::SeeTemplate(id) => self.brokers[id].seen = self.brokers[id].given,
            Action::EndPod(id) => {
                self.brokers[id].pod = None;
                self.brokers[id].registered = false;
                self.lose_controller(id);
            }
            Action::MakePod(id) => {
                let broker = &mut self.brokers[id];
                broker.pod = Some(Pod {
                    uid: broker.pods,
                    template: broker.seen,
                    running: false,
                    stopping: false,
                });
                broker.pods += 1;
            }
            Action::Run(id) => {
                let broker = &mut self.brokers[id];
                broker.boots += 1;
                if let Some(pod) = &mut broker.pod {
                    pod.running = Some(pod.template) != bad;
                }
            }
            Action::ElectController => {
                self.controller = (0..BROKERS).find(|id| self.brokers[*id].runs());
            }
            Action::Fence(id) => self.fence(id),
            // A run that registers is fenced first, whatever the one before was.
            Action::Register(id) => {
                self.fence(id);
                self.brokers[id].registered = true;
            }
            Action::Unfence(id) => self.brokers[id].fenced = false,
            Action::CatchUp(id) => {
                self.brokers[id].in_sync = true;
                self.brokers[id].taken = false;
            }
            Action::MoveLeader(at) => self.leaders[at] = self.heir(self.leaders[at]),
            Action::Rebalance(at) => self.leaders[at] = Some(at),
            other => unreachable!("{other:?} is not the cluster's"),
        }
    }

    /// It leads nothing and is in sync only where nobody else is.
    fn fence(&mut self, id: usize) {
        self.brokers[id].fenced = true;
        let others = (0..BROKERS).any(|other| other != id && self.brokers[other].in_sync);
        self.brokers[id].in_sync &= !others;
        let heir = self.heir(Some(id));
        for leader in &mut self.leaders {
            if *leader == Some(id) {
                *leader = heir;
            }
        }
    }

    /// The pod is asked to stop, if it is still that one; whether it was.
    pub(super) fn stop(&mut self, id: usize, uid: u8) -> bool {
        match &mut self.brokers[id].pod {
            Some(pod) if pod.uid == uid && !pod.stopping => {
                pod.stopping = true;
                true
            }
            _ => false,
        }
    }
}
