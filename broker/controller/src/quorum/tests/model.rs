//! The reachable states of a small quorum, by a model checker on the real type: messages lost, broken links, time-outs at any
//! moment, writes that complete late, crashes that cut them anywhere, snapshots, hand-overs. It leaves time itself out: that
//! only orders time-outs.

mod invariants;
mod mutation;
mod node;
mod run;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Now};
use stateright::{Model, Property};

use crate::quorum::{Entry, Epoch, Message, Quorum, QuorumOut};
use mutation::Mutation;
use node::Node;

/// What may happen at most, so that the states are finite.
#[derive(Clone, Copy, Debug, Default)]
struct Bounds {
    voters: i32,
    /// A follower's patience ends, or a leader hears nobody.
    time_outs: u8,
    crashes: u8,
    /// One message, or a link with all that is on it.
    losses: u8,
    /// Two messages of a link change places.
    swaps: u8,
    proposals: u8,
    beats: u8,
    snapshots: u8,
    transfers: u8,
    /// A bug that the invariants must notice.
    mutation: Option<Mutation>,
}

/// How much of the bounds is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Used {
    time_outs: u8,
    crashes: u8,
    losses: u8,
    swaps: u8,
    proposals: u8,
    beats: u8,
    snapshots: u8,
    transfers: u8,
}

type Link = (BrokerId, BrokerId);

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// Shared between states that differ elsewhere.
    nodes: Vec<Arc<Node>>,
    /// What is on the way, without empty links.
    links: BTreeMap<Link, Arc<Vec<Message>>>,
    used: Used,
    /// History that the invariants speak of.
    leaders: BTreeMap<Epoch, BrokerId>,
    committed: Vec<Entry>,
    broken: Option<String>,
}

impl kring_model_search::State for State {
    fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        for node in &self.nodes {
            to.write_u64(node.digest);
        }
        self.links.hash(to);
        self.used.hash(to);
        self.leaders.hash(to);
        self.committed.hash(to);
        self.broken.hash(to);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Deliver(Link),
    Lose(Link),
    /// The link breaks with all that is on it, and is there again.
    Break(Link),
    Swap(Link),
    TimeOut(BrokerId),
    /// A voter no longer believes in its leader and does not stand for election itself.
    Doubt(BrokerId),
    /// A leader has heard nobody for long.
    Isolate(BrokerId),
    Beat(BrokerId),
    Flush(BrokerId),
    Crash(BrokerId, usize),
    Propose(BrokerId),
    Compact(BrokerId),
    Resign(BrokerId),
}

/// The only moment in which messages arrive and writes complete.
const NOW: Now = Now {
    mono: Instant(0),
    wall_ms: 0,
};
/// When patience has ended and the next heartbeat is due.
const LATE: Now = Now {
    mono: Instant(1),
    wall_ms: 0,
};
/// When a leader that heard nobody since [`NOW`] gives up.
const VERY_LATE: Now = Now {
    mono: Instant(3_600_000_000_000),
    wall_ms: 0,
};
const ELECTION_TIMEOUT: Duration = Duration::from_secs(1);

impl Bounds {
    /// Lets a member do something and sends what comes of it.
    fn step(&self, state: &mut State, id: BrokerId, act: impl FnOnce(&mut Quorum, &mut QuorumOut)) {
        let node = Arc::make_mut(&mut state.nodes[id.0 as usize]);
        let before = node.seen();
        match node.step(act) {
            Ok(sends) => {
                let node = &state.nodes[id.0 as usize];
                let (committed, broken) = (&state.committed, &mut state.broken);
                invariants::check_step(node, before, &sends, committed, broken);
                for (to, message) in sends {
                    let link = state.links.entry((id, to)).or_default();
                    Arc::make_mut(link).push(message);
                }
                invariants::check(state, id);
            }
            Err(panic) => state.broken = Some(panic),
        }
    }

    fn take(state: &mut State, link: Link) -> Option<Message> {
        let queue = Arc::make_mut(state.links.get_mut(&link)?);
        let message = queue.remove(0);
        if queue.is_empty() {
            state.links.remove(&link);
        }
        Some(message)
    }

    fn deliver(&self, state: &mut State, (from, to): Link) -> Option<()> {
        let message = Self::take(state, (from, to))?;
        for (from, message) in self.arrivals(message, (from, to)) {
            self.step(state, to, |q, out| q.receive(NOW, from, message, out));
        }
        Some(())
    }

    fn crash(&self, state: &mut State, id: BrokerId, kept: usize) {
        let node = Arc::make_mut(&mut state.nodes[id.0 as usize]);
        node.lose_power(kept);
        let before = node.seen();
        self.damage(&mut node.stored);
        node.restart(self.voters);
        // What it sent before is on the way; what was sent to it is gone.
        state.links.retain(|(_, to), _| *to != id);
        let node = &state.nodes[id.0 as usize];
        invariants::check_restart(node, before, &mut state.broken);
        invariants::check(state, id);
    }

    fn node_actions(&self, used: &Used, id: BrokerId, node: &Node, actions: &mut Vec<Action>) {
        let quorum = &node.quorum;
        let leader = quorum.is_leader();
        if used.time_outs < self.time_outs {
            if leader {
                actions.push(Action::Isolate(id));
            } else {
                actions.push(Action::TimeOut(id));
                if quorum.heard_at.is_some() {
                    actions.push(Action::Doubt(id));
                }
            }
        }
        if leader {
            let may = [
                (used.beats < self.beats, Action::Beat(id)),
                (used.proposals < self.proposals, Action::Propose(id)),
                (used.transfers < self.transfers, Action::Resign(id)),
            ];
            actions.extend(may.into_iter().filter(|(may, _)| *may).map(|(_, a)| a));
        }
        let compacts = quorum.commit() > quorum.log.snapshot_index();
        if compacts && used.snapshots < self.snapshots {
            actions.push(Action::Compact(id));
        }
        if !node.flushing.is_empty() {
            actions.push(Action::Flush(id));
        }
        if used.crashes < self.crashes {
            actions.extend((0..=node.writes_under_way()).map(|kept| Action::Crash(id, kept)));
        }
    }
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    /// A quorum that has a leader, which everybody knows and follows.
    fn init_states(&self) -> Vec<State> {
        let node = |id| Arc::new(Node::new(BrokerId(id), self.voters));
        let mut state = State {
            nodes: (0..self.voters).map(node).collect(),
            links: BTreeMap::new(),
            used: Used::default(),
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            broken: None,
        };
        let calm = Bounds {
            mutation: None,
            ..*self
        };
        // Everybody asks the others about the past (QUORUM-6), then one stands for election.
        for first in (1..self.voters).chain([0, 0]) {
            let mut action = Some(Action::TimeOut(BrokerId(first)));
            while let Some(next) = action {
                state = calm.next_state(&state, next).expect("it is possible");
                let flush = (0..)
                    .zip(&state.nodes)
                    .find(|(_, node)| !node.flushing.is_empty());
                let flush = flush.map(|(id, _)| Action::Flush(BrokerId(id)));
                let link = state.links.keys().next();
                action = flush.or(link.map(|link| Action::Deliver(*link)));
            }
        }
        assert!(state.nodes[0].quorum.is_settled_leader());
        state.used = Used::default();
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let used = &state.used;
        for (link, queue) in &state.links {
            actions.push(Action::Deliver(*link));
            if used.losses < self.losses {
                actions.push(Action::Lose(*link));
                actions.push(Action::Break(*link));
            }
            if used.swaps < self.swaps && queue.len() > 1 && queue[0] != queue[1] {
                actions.push(Action::Swap(*link));
            }
        }
        for (id, node) in (0..).map(BrokerId).zip(&state.nodes) {
            self.node_actions(used, id, node, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let state_ = &mut state;
        match action {
            Action::Deliver(link) => self.deliver(state_, link)?,
            Action::Lose(link) => {
                Self::take(state_, link)?;
                state.used.losses += 1;
            }
            Action::Break((from, to)) => {
                state.links.remove(&(from, to))?;
                state.used.losses += 1;
                self.step(&mut state, from, |q, out| q.connected(NOW, to, out));
            }
            Action::Swap(link) => {
                Arc::make_mut(state.links.get_mut(&link)?).swap(0, 1);
                state.used.swaps += 1;
            }
            Action::TimeOut(id) => {
                state.used.time_outs += 1;
                self.step(&mut state, id, |q, out| {
                    q.heard_at = None;
                    q.wake(LATE, out);
                });
            }
            Action::Doubt(id) => {
                state.used.time_outs += 1;
                self.step(&mut state, id, |q, _| q.heard_at = None);
            }
            Action::Isolate(id) => {
                state.used.time_outs += 1;
                self.step(&mut state, id, |q, out| q.wake(VERY_LATE, out));
            }
            Action::Beat(id) => {
                state.used.beats += 1;
                self.step(&mut state, id, |q, out| q.wake(LATE, out));
            }
            Action::Flush(id) => self.flush(&mut state, id)?,
            Action::Crash(id, kept) => {
                state.used.crashes += 1;
                self.crash(&mut state, id, kept);
            }
            Action::Propose(id) => {
                state.used.proposals += 1;
                let payload = Bytes::from(vec![state.used.proposals]);
                self.step(&mut state, id, |q, out| {
                    q.propose(payload, out);
                });
            }
            Action::Compact(id) => {
                state.used.snapshots += 1;
                let index = state.nodes[id.0 as usize].quorum.commit();
                let data = invariants::content(&state.committed[..index as usize]);
                self.step(&mut state, id, |q, out| q.compact(index, data, out));
            }
            Action::Resign(id) => {
                state.used.transfers += 1;
                self.step(&mut state, id, |q, out| q.resign(out));
            }
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Bounds>> {
        let mut properties = vec![
            Property::always(kring_model_search::INVARIANTS, |_, state: &State| {
                state.broken.is_none()
            }),
            Property::sometimes("a second epoch has a leader", |_, state: &State| {
                state.leaders.len() > 1
            }),
        ];
        if self.proposals > 0 {
            properties.push(Property::sometimes(
                "a proposal is committed",
                |_, state: &State| {
                    let mut committed = state.committed.iter();
                    committed.any(|entry| !entry.payload.is_empty())
                },
            ));
        }
        if self.snapshots > 0 {
            properties.push(Property::sometimes(
                "a snapshot is on the way",
                |_, state: &State| {
                    let mut messages = state.links.values().flat_map(|queue| queue.iter());
                    messages.any(|message| matches!(message, Message::Snapshot { .. }))
                },
            ));
        }
        properties
    }
}
