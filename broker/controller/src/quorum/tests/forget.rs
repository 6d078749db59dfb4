//! The reachable states of a small quorum of which one voter forgets everything that was durable.
//! Everything else that may happen to a quorum is walked in `model`.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Now};
use stateright::{Checker, Model, Property};

use crate::quorum::store::{self, Ballot, Write};
use crate::quorum::{Entry, Epoch, Index, Message, Quorum, QuorumConfig, QuorumOut, Role};

/// What may happen at most, so that the states are finite.
#[derive(Clone, Copy)]
struct Bounds {
    voters: i32,
    time_outs: u8,
    crashes: u8,
    losses: u8,
    proposals: u8,
    beats: u8,
    /// Disks that are emptied, of different voters: at most a minority.
    amnesias: u8,
    /// Whether a voter with an emptied disk acts as if it were new and knew everything.
    trusting: bool,
}

#[derive(Clone, Debug)]
struct Node {
    quorum: Quorum,
    stored: BTreeMap<Vec<u8>, Bytes>,
    flushing: VecDeque<(u64, Vec<Write>)>,
    /// What lay on the disk that it lost: it did count when the others counted on it.
    lost: Option<BTreeMap<Vec<u8>, Bytes>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    nodes: Vec<Node>,
    links: BTreeMap<(BrokerId, BrokerId), VecDeque<Message>>,
    time_outs: u8,
    crashes: u8,
    losses: u8,
    proposals: u8,
    beats: u8,
    amnesias: u8,
    /// History that the invariants speak of.
    leaders: BTreeMap<Epoch, BrokerId>,
    committed: Vec<Entry>,
    broken: Option<&'static str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Deliver(BrokerId, BrokerId),
    Lose(BrokerId, BrokerId),
    TimeOut(BrokerId),
    Beat(BrokerId),
    Flush(BrokerId),
    Crash(BrokerId, usize),
    Amnesia(BrokerId),
    Propose(BrokerId),
}

/// Everything of a member but times; tokens count from the last durable one.
#[derive(PartialEq, Eq, Hash)]
struct View {
    ballot: Ballot,
    entries: Vec<Option<Entry>>,
    durable: Index,
    unflushed: Vec<(u64, Index)>,
    ballot_pending: u64,
    commit: Index,
    leader: Option<BrokerId>,
    heard: bool,
    verified: Index,
    vote_reply: Option<BrokerId>,
    role: u8,
    granted: Vec<BrokerId>,
    followers: Vec<(BrokerId, [u64; 5])>,
    past: Vec<(BrokerId, Epoch, Index)>,
}

impl Node {
    fn view(&self) -> View {
        let q = &self.quorum;
        let (role, granted, followers) = match &q.role {
            Role::Follower => (0, Vec::new(), Vec::new()),
            Role::PreCandidate { granted } => (1, granted.iter().copied().collect(), Vec::new()),
            Role::Candidate { granted, .. } => (2, granted.iter().copied().collect(), Vec::new()),
            Role::Leader(leading) => (3, Vec::new(), leading.view()),
        };
        let entries = 1..=q.log.end().index;
        let unflushed = q.log.unflushed();
        View {
            ballot: q.ballot,
            entries: entries.map(|index| q.log.get(index).cloned()).collect(),
            durable: q.log.durable,
            unflushed: unflushed
                .map(|(token, index)| (token - q.durable, index))
                .collect(),
            ballot_pending: q.ballot_token.saturating_sub(q.durable),
            commit: q.commit,
            leader: q.leader,
            heard: q.heard_at.is_some(),
            verified: q.verified,
            vote_reply: q.vote_reply,
            role,
            granted,
            followers,
            past: q.past.view(),
        }
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.view() == other.view()
            && self.stored == other.stored
            && self.writes() == other.writes()
            && self.lost == other.lost
    }
}

impl Eq for Node {}

impl Hash for Node {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.view().hash(state);
        self.stored.hash(state);
        self.writes().hash(state);
        self.lost.hash(state);
    }
}

impl Node {
    fn writes(&self) -> Vec<&Vec<Write>> {
        self.flushing.iter().map(|(_, writes)| writes).collect()
    }

    fn store(&mut self, writes: impl IntoIterator<Item = Write>) {
        for (key, value) in writes {
            match value {
                Some(value) => self.stored.insert(key, value),
                None => self.stored.remove(&key),
            };
        }
    }
}

impl Bounds {
    /// The state after an action and everything that follows from it without a fault.
    fn settle(&self, from: &State, first: Action) -> State {
        let mut state = from.clone();
        let mut action = Some(first);
        while let Some(next) = action {
            state = self.next_state(&state, next).expect("it is possible");
            let flush = (0..)
                .zip(&state.nodes)
                .find(|(_, node)| !node.flushing.is_empty());
            let flush = flush.map(|(id, _)| Action::Flush(BrokerId(id)));
            let link = state.links.keys().next();
            action = flush.or(link.map(|(from, to)| Action::Deliver(*from, *to)));
        }
        state
    }

    fn start(&self, id: BrokerId, stored: &BTreeMap<Vec<u8>, Bytes>, run: u8) -> Quorum {
        let config = QuorumConfig {
            id,
            voters: (0..self.voters).map(BrokerId).collect(),
            address: String::new(),
            election_timeout: Duration::from_secs(1),
        };
        let stored = stored.iter().map(|(k, v)| (k.as_slice(), v));
        let mut quorum = Quorum::new(config, run.into(), stored, Now::default()).unwrap();
        forget_times(&mut quorum);
        quorum
    }

    fn step(&self, state: &mut State, id: BrokerId, act: impl FnOnce(&mut Quorum, &mut QuorumOut)) {
        let node = &mut state.nodes[id.0 as usize];
        let before = (node.quorum.epoch(), node.quorum.commit());
        let mut out = QuorumOut::default();
        act(&mut node.quorum, &mut out);
        if let Some(token) = node.quorum.finish(Now::default(), &mut out) {
            node.flushing.push_back((token, out.writes));
        }
        forget_times(&mut node.quorum);
        if node.quorum.epoch() < before.0 || node.quorum.commit() < before.1 {
            state.broken = Some("QUORUM-4");
        }
        for (to, message) in out.sends {
            state.links.entry((id, to)).or_default().push_back(message);
        }
        self.check(state, id);
    }

    fn check(&self, state: &mut State, id: BrokerId) {
        let quorum = &state.nodes[id.0 as usize].quorum;
        if quorum.is_leader() && *state.leaders.entry(quorum.epoch()).or_insert(id) != id {
            state.broken = Some("QUORUM-1");
        }
        for index in 1..=quorum.commit() {
            let entry = quorum.entry(index).expect("nothing is compacted here");
            match state.committed.get(index as usize - 1) {
                Some(committed) if committed != entry => state.broken = Some("QUORUM-3"),
                Some(_) => {}
                None => {
                    state.committed.push(entry.clone());
                    let has = |node: &&Node| {
                        let mut disks = node.lost.iter().chain([&node.stored]);
                        disks.any(|disk| store::holds(disk, index, entry.epoch))
                    };
                    let copies = state.nodes.iter().filter(has).count();
                    if copies <= state.nodes.len() / 2 {
                        state.broken = Some("QUORUM-5");
                    }
                }
            }
        }
        let newest = state.leaders.last_key_value();
        if let Some((epoch, leader)) = newest {
            let leader = &state.nodes[leader.0 as usize].quorum;
            let leads = leader.is_leader() && leader.epoch() == *epoch;
            let lacks =
                |index: usize| leader.entry(index as Index + 1) != state.committed.get(index);
            if leads && (0..state.committed.len()).any(lacks) {
                state.broken = Some("QUORUM-3: the leader lacks a committed entry");
            }
        }
    }
}

/// Time-outs are actions of their own, so no state differs by when something was heard.
fn forget_times(quorum: &mut Quorum) {
    quorum.election_at = Instant(1);
    quorum.heard_at = quorum.heard_at.map(|_| Instant::default());
    if let Role::Leader(leading) = &mut quorum.role {
        leading.forget_times();
    }
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    /// A quorum that has a leader, which everybody knows and follows.
    fn init_states(&self) -> Vec<State> {
        let node = |id| Node {
            quorum: self.start(BrokerId(id), &BTreeMap::new(), 0),
            stored: BTreeMap::new(),
            flushing: VecDeque::new(),
            lost: None,
        };
        let mut state = State {
            nodes: (0..self.voters).map(node).collect(),
            links: BTreeMap::new(),
            time_outs: 0,
            crashes: 0,
            losses: 0,
            proposals: 0,
            beats: 0,
            amnesias: 0,
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            broken: None,
        };
        // Everybody asks the others about the past, then one stands for election.
        let first = (1..self.voters).chain([0, 0]);
        let mut time_outs: VecDeque<Action> = first.map(BrokerId).map(Action::TimeOut).collect();
        while let Some(next) = time_outs.pop_front() {
            state = self.settle(&state, next);
        }
        assert!(state.nodes[0].quorum.is_settled_leader());
        state.time_outs = 0;
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for ((from, to), queue) in &state.links {
            if !queue.is_empty() {
                actions.push(Action::Deliver(*from, *to));
                if state.losses < self.losses {
                    actions.push(Action::Lose(*from, *to));
                }
            }
        }
        for (id, node) in (0..).map(BrokerId).zip(&state.nodes) {
            let leader = node.quorum.is_leader();
            if !leader && state.time_outs < self.time_outs {
                actions.push(Action::TimeOut(id));
            }
            if leader && state.beats < self.beats {
                actions.push(Action::Beat(id));
            }
            if leader && state.proposals < self.proposals {
                actions.push(Action::Propose(id));
            }
            if !node.flushing.is_empty() {
                actions.push(Action::Flush(id));
            }
            if state.amnesias < self.amnesias && node.lost.is_none() {
                actions.push(Action::Amnesia(id));
            }
            if state.crashes < self.crashes {
                let writes: usize = node.flushing.iter().map(|(_, writes)| writes.len()).sum();
                actions.extend((0..=writes).map(|kept| Action::Crash(id, kept)));
            }
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let late = Now {
            mono: Instant(1),
            wall_ms: 0,
        };
        match action {
            Action::Deliver(from, to) => {
                let message = state.links.get_mut(&(from, to))?.pop_front()?;
                self.step(&mut state, to, |q, out| {
                    q.receive(Now::default(), from, message, out);
                });
            }
            Action::Lose(from, to) => {
                state.links.get_mut(&(from, to))?.pop_front()?;
                state.losses += 1;
            }
            Action::TimeOut(id) => {
                state.time_outs += 1;
                self.step(&mut state, id, |q, out| {
                    q.heard_at = None;
                    q.wake(late, out);
                });
            }
            Action::Beat(id) => {
                state.beats += 1;
                self.step(&mut state, id, |q, out| q.wake(late, out));
            }
            Action::Flush(id) => {
                let node = &mut state.nodes[id.0 as usize];
                let (token, writes) = node.flushing.pop_front()?;
                node.store(writes);
                self.step(&mut state, id, |q, out| {
                    q.persisted(Now::default(), token, out);
                });
            }
            Action::Crash(id, kept) => {
                state.crashes += 1;
                let node = &mut state.nodes[id.0 as usize];
                let writes = std::mem::take(&mut node.flushing);
                node.store(writes.into_iter().flat_map(|(_, writes)| writes).take(kept));
                node.quorum = self.start(id, &node.stored, state.crashes + state.amnesias);
                state.links.retain(|(from, to), _| *from != id && *to != id);
            }
            Action::Amnesia(id) => {
                state.amnesias += 1;
                let run = state.crashes + state.amnesias;
                let node = &mut state.nodes[id.0 as usize];
                node.flushing.clear();
                node.lost = Some(std::mem::take(&mut node.stored));
                node.quorum = self.start(id, &node.stored, run);
                node.quorum.ballot.joined = self.trusting;
                // What it had sent is still on its way.
                state.links.retain(|(_, to), _| *to != id);
                self.step(&mut state, id, |q, out| {
                    for peer in q.peers() {
                        q.connected(Now::default(), peer, out);
                    }
                });
            }
            Action::Propose(id) => {
                state.proposals += 1;
                let payload = Bytes::from(vec![state.proposals]);
                self.step(&mut state, id, |q, out| {
                    q.propose(payload, out);
                });
            }
        }
        state.links.retain(|_, queue| !queue.is_empty());
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Bounds>> {
        vec![
            Property::always("the invariants hold", |_, state: &State| {
                state.broken.is_none()
            }),
            Property::sometimes("a proposal is committed", |_, state: &State| {
                state
                    .committed
                    .iter()
                    .any(|entry| !entry.payload.is_empty())
            }),
            Property::sometimes("a second epoch has a leader", |_, state: &State| {
                state.leaders.len() > 1
            }),
        ]
    }
}

fn with_amnesia(trusting: bool) -> Bounds {
    Bounds {
        voters: 3,
        time_outs: 1,
        crashes: 0,
        losses: 0,
        proposals: 1,
        beats: 0,
        amnesias: 1,
        trusting,
    }
}

#[test]
fn the_nearest_states_of_three_voters_of_which_one_forgets_keep_the_invariants() {
    let bounds = with_amnesia(false);
    let checker = bounds.checker().threads(2).target_state_count(200_000);
    let checker = checker.spawn_bfs().join();
    assert!(checker.unique_state_count() > 50_000);
    checker.assert_no_discovery("the invariants hold");
}

/// A leader commits an entry with one follower, which then forgets it; the other follower, which
/// never heard of the entry, stands for election.
fn an_entry_is_forgotten(bounds: Bounds) -> State {
    let [leader, follower, other] = [0, 1, 2].map(BrokerId);
    let mut state = bounds.init_states().remove(0);
    let mut act = |action| {
        let next = bounds.next_state(&state, action);
        state = next.expect("it is possible");
    };
    act(Action::Propose(leader));
    act(Action::Flush(leader));
    act(Action::Deliver(leader, follower));
    act(Action::Flush(follower));
    act(Action::Deliver(follower, leader));
    act(Action::Amnesia(follower));
    state
        .links
        .retain(|(from, to), _| *from != leader && *to != leader);
    state.nodes[1].quorum.heard_at = None;
    // The leader is cut off from now on.
    let mut action = Some(Action::TimeOut(other));
    while let Some(next) = action {
        state = bounds.next_state(&state, next).expect("it is possible");
        state
            .links
            .retain(|(from, to), _| *from != leader && *to != leader);
        let nodes = (0..).map(BrokerId).zip(&state.nodes);
        let flush = nodes.clone().find(|(_, node)| !node.flushing.is_empty());
        let flush = flush.map(|(id, _)| Action::Flush(id));
        let link = state.links.keys().next();
        action = flush.or(link.map(|(from, to)| Action::Deliver(*from, *to)));
    }
    state
}

#[test]
fn a_voter_that_forgot_and_trusts_itself_helps_to_lose_an_entry_and_the_rule_prevents_it() {
    let lost = an_entry_is_forgotten(with_amnesia(true));
    assert!(
        lost.broken
            .is_some_and(|broken| broken.contains("QUORUM-3"))
    );
    let kept = an_entry_is_forgotten(with_amnesia(false));
    assert_eq!(kept.broken, None);
    assert_eq!(kept.leaders.len(), 1, "nobody was elected");
}

#[test]
fn the_search_finds_what_a_voter_that_forgot_and_trusts_itself_breaks() {
    let checker = with_amnesia(true).checker().threads(2);
    let checker = checker.target_state_count(2_000_000).spawn_dfs().join();
    assert!(
        checker.discovery("the invariants hold").is_some(),
        "{} states",
        checker.state_count()
    );
}
