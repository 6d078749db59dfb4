//! The reachable states of a rollout, by a model checker on the real machine: an operator that dies between any two writes
//! or reads what is no longer true, Kubernetes and brokers that take their time, brokers that crash, targets that change.
//! It leaves time out: waiting is an action that may come at any moment.

mod operator;
mod run;
mod world;

use std::hash::{Hash, Hasher};

use stateright::{Model, Property};

use self::operator::Stage;
use self::world::{Cluster, PARTITIONS};
use crate::{RolloutStatus, is_running};

/// What may happen at most, so that the states are finite.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// The templates that are asked for, one after the other. The cluster begins with 0.
    targets: &'static [u8],
    /// A template whose pods never start.
    bad: Option<u8>,
    crashes: u8,
    /// Maintenances that end because the operator was away.
    expiries: u8,
    /// Operators that stop in the middle of a round and go on later, beside another one. Not together
    /// with a target that is taken back: a deletion that was decided before may then come after the
    /// grant went to another broker, and its pod is still the one that was meant.
    pauses: u8,
    /// A bug that the invariants must notice.
    mutation: Option<Mutation>,
}

/// A bug: the real machine runs unchanged, what is changed is what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mutation {
    /// The controller says that nothing is led and coordinated any more.
    DrainedAtOnce,
    /// Every other broker looks well, whatever it is.
    OthersLookWell,
    /// An operator that dies takes the grant with it, and every other broker looks well: a double grant.
    GrantForgotten,
    /// The answer that maintenance has ended never comes.
    NeverResumes,
    /// All orders of a rollout have the same epoch.
    OneEpoch,
}

/// How much of the bounds is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Used {
    targets: u8,
    crashes: u8,
    expiries: u8,
    pauses: u8,
}

impl Used {
    /// Whether since `then` anything went wrong that nobody could foresee.
    fn is_calm_since(self, then: Used) -> bool {
        self == then
    }
}

#[derive(Clone, Debug, PartialEq)]
struct State {
    cluster: Cluster,
    /// The rollout's memory in the KafkaCluster, and the version of that object.
    status: RolloutStatus,
    version: u8,
    operator: Stage,
    /// An operator that was replaced and does not know it.
    paused: Stage,
    used: Used,
    broken: Option<String>,
}

impl kring_model_search::State for State {
    fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        self.cluster.hash(to);
        operator::hash_status(&self.status, to);
        // The version matters only to somebody who has read it.
        for stage in [&self.operator, &self.paused] {
            stage.hash(self.version, to);
        }
        self.used.hash(to);
        self.broken.hash(to);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    // The operator, one write or read at a time.
    Look,
    Ask {
        answered: bool,
        late: bool,
    },
    Write,
    Perform,
    Die,
    Pause,
    /// The paused operator goes on.
    Resume,
    // Kubernetes.
    SeeTemplate(usize),
    EndPod(usize),
    MakePod(usize),
    Retarget,
    // Brokers.
    Run(usize),
    Register(usize),
    Crash(usize),
    ElectController,
    Fence(usize),
    Unfence(usize),
    CatchUp(usize),
    MoveLeader(usize),
    Rebalance(usize),
    Expire(usize),
}

impl State {
    fn is_done(&self, bounds: &Bounds) -> bool {
        usize::from(self.used.targets) == bounds.targets.len()
            && !is_running(&self.status)
            && self.status.grant.is_none()
            && self.cluster.has_arrived()
    }
}

impl Bounds {
    fn operator_actions(&self, state: &State, actions: &mut Vec<Action>) {
        match &state.operator {
            Stage::Idle => actions.push(Action::Look),
            Stage::Looked(_) => {
                for answered in [true, false] {
                    for late in [true, false] {
                        actions.push(Action::Ask { answered, late });
                    }
                }
            }
            Stage::Decided(_) => actions.push(Action::Write),
            Stage::Acting(_) => actions.push(Action::Perform),
        }
        if state.operator != Stage::Idle {
            actions.push(Action::Die);
            if state.used.pauses < self.pauses && state.paused == Stage::Idle {
                actions.push(Action::Pause);
            }
        }
        if state.paused != Stage::Idle {
            actions.push(Action::Resume);
        }
    }

    fn apply(&self, state: &mut State, action: Action) -> bool {
        match action {
            Action::Look => state.look(),
            Action::Ask { answered, late } => return state.ask(self, answered, late),
            Action::Write => state.write(),
            Action::Perform => state.perform(),
            Action::Die => {
                state.operator = Stage::Idle;
                if self.mutation == Some(Mutation::GrantForgotten) {
                    state.status.grant = None;
                    state.version += 1;
                }
            }
            Action::Pause => {
                state.used.pauses += 1;
                state.paused = std::mem::replace(&mut state.operator, Stage::Idle);
            }
            Action::Resume => {
                std::mem::swap(&mut state.operator, &mut state.paused);
                match state.operator {
                    Stage::Decided(_) => state.write(),
                    Stage::Acting(_) => state.perform(),
                    Stage::Looked(_) => state.order_late(self),
                    Stage::Idle => {}
                }
                std::mem::swap(&mut state.operator, &mut state.paused);
            }
            Action::Retarget => {
                let target = self.targets[usize::from(state.used.targets)];
                state.cluster.target = target;
                state.used.targets += 1;
                state.version += 1;
            }
            Action::Crash(id) => {
                state.used.crashes += 1;
                state.cluster.crash(id);
            }
            Action::Expire(id) => {
                state.used.expiries += 1;
                state.cluster.brokers[id].maintenance = false;
            }
            world => state.cluster.change(world, self.bad),
        }
        true
    }
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            cluster: Cluster::new(),
            status: RolloutStatus::default(),
            version: 0,
            operator: Stage::Idle,
            paused: Stage::Idle,
            used: Used::default(),
            broken: None,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        self.operator_actions(state, actions);
        state.cluster.actions(self.bad, actions);
        if usize::from(state.used.targets) < self.targets.len() {
            actions.push(Action::Retarget);
        }
        for (id, broker) in state.cluster.brokers.iter().enumerate() {
            if state.used.crashes < self.crashes && broker.runs() {
                actions.push(Action::Crash(id));
            }
            if state.used.expiries < self.expiries && broker.maintenance {
                actions.push(Action::Expire(id));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        if !self.apply(&mut next, action) {
            return None;
        }
        if next.broken.is_none() {
            next.broken = next.find();
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Bounds>> {
        vec![
            Property::always(kring_model_search::INVARIANTS, |_, state: &State| {
                state.broken.is_none()
            }),
            Property::sometimes("the rollout ends", |bounds: &Bounds, state: &State| {
                state.is_done(bounds)
            }),
        ]
    }
}

impl State {
    /// What holds in every state as long as nothing but the operator takes brokers down.
    fn find(&self) -> Option<String> {
        if self.used.crashes > 0 {
            return None;
        }
        let brokers = &self.cluster.brokers;
        let serving = brokers.iter().filter(|b| b.serves()).count();
        if serving + 1 < brokers.len() {
            return Some("OneDown: two brokers are down by the operator's own act".to_owned());
        }
        if brokers.iter().filter(|b| b.maintenance).count() > 1 {
            return Some("OneDrained: two brokers are in maintenance at once".to_owned());
        }
        let in_sync = brokers.iter().filter(|b| b.in_sync).count();
        if in_sync < 2 {
            return Some("MinIsr: too few replicas are in sync".to_owned());
        }
        let offline = (0..PARTITIONS).any(|p| self.cluster.leaders[p].is_none());
        offline.then(|| "Offline: a partition has no leader".to_owned())
    }
}
