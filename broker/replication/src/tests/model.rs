//! The reachable states of one partition on three brokers, by a model checker on the real replication and the real decisions
//! of the controller: fetches, ISR changes, elections, crashes that cut what is not durable. The log below is a thin one, and
//! time is left out: it only orders time-outs.

mod broker;
mod controller;
mod invariants;
mod mutation;
mod run;
pub(crate) mod thin_log;

use std::collections::BTreeMap;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use kring_io::{BrokerId, Now};
use kring_wire::ids::{LeaderEpoch, TopicId, TopicPartition};
use stateright::{Model, Property};

use self::broker::Broker;
use self::controller::{Controller, Proposal, Word};
use self::mutation::Mutation;
use self::thin_log::{Log, Record};
use crate::{ReplicaEvent, ReplicaOut, Replication};

/// The partition.
const TP: TopicPartition = TopicPartition {
    topic: TopicId([7; 16]),
    partition: 0,
};
const BROKERS: i32 = 3;
const MIN_ISR: usize = 2;

/// What may happen at most, so that the states are finite.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Records that clients send.
    records: u8,
    crashes: u8,
    /// Durable records that a crash takes with it, which the broker notices.
    rots: u8,
    /// The controller takes a broker for dead.
    fences: u8,
    /// Leaderships moved on request.
    moves: u8,
    /// A leader finds that a follower lags.
    lags: u8,
    /// A link breaks with all that is on it.
    breaks: u8,
    /// Answers of the controller that never arrive.
    silences: u8,
    /// Pauses that end and proposals that are repeated.
    retries: u8,
    /// A bug that the invariants must notice.
    mutation: Option<Mutation>,
}

/// How much of the bounds is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Used {
    records: u8,
    crashes: u8,
    rots: u8,
    fences: u8,
    moves: u8,
    lags: u8,
    breaks: u8,
    silences: u8,
    retries: u8,
}

type Link = (BrokerId, BrokerId);

#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// Shared between states that differ elsewhere.
    brokers: Vec<Arc<Broker>>,
    controller: Arc<Controller>,
    /// What brokers say to each other, without empty links.
    links: BTreeMap<Link, Arc<Vec<Bytes>>>,
    /// What brokers ask of the controller.
    proposals: BTreeMap<BrokerId, Vec<Proposal>>,
    /// What the controller tells brokers, images and answers in one order.
    words: BTreeMap<BrokerId, Vec<Word>>,
    used: Used,
    /// History that the invariants speak of.
    leaders: BTreeMap<LeaderEpoch, BrokerId>,
    committed: Vec<Record>,
    broken: Option<String>,
}

impl kring_model_search::State for State {
    fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        for broker in &self.brokers {
            to.write_u64(broker.digest);
        }
        to.write_u64(self.controller.digest);
        self.links.hash(to);
        self.proposals.hash(to);
        self.words.hash(to);
        self.used.hash(to);
        self.leaders.hash(to);
        self.committed.hash(to);
        self.broken.hash(to);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Deliver(Link),
    Break(Link),
    /// A client's record at a broker that believes to lead, acks=all or not.
    Produce(BrokerId),
    Flush(BrokerId),
    /// Power loss; of the changes under way the first are kept.
    Crash(BrokerId, usize),
    /// Power loss that takes a durable record.
    Rot(BrokerId),
    /// A broker that was down starts and registers.
    Start(BrokerId),
    Fence(BrokerId),
    /// The controller hears a fenced broker, which has caught up with the metadata.
    Unfence(BrokerId),
    /// The controller takes a proposal.
    Decide(BrokerId),
    /// The controller takes a proposal, and the answer is lost.
    DecideSilently(BrokerId),
    /// A broker hears what the controller said.
    Hear(BrokerId),
    /// The leadership moves off a broker.
    HandOver(BrokerId),
    /// The leader has not heard a follower catch up for long.
    Lag(BrokerId, BrokerId),
    /// A leader's pause ends, or it proposes again.
    Retry(BrokerId),
    /// A follower's pause ends.
    FetchAgain(BrokerId),
}

impl State {
    fn broker(&self, id: BrokerId) -> &Broker {
        &self.brokers[id.0 as usize]
    }

    fn broker_mut(&mut self, id: BrokerId) -> &mut Broker {
        Arc::make_mut(&mut self.brokers[id.0 as usize])
    }

    /// Lets a broker do something and sends what comes of it.
    fn step(
        &mut self,
        id: BrokerId,
        now: Now,
        act: impl FnOnce(&mut Replication, &mut Log, &mut ReplicaOut),
    ) {
        let before = invariants::Before::of(self, id);
        match self.broker_mut(id).step(now, act) {
            Ok(out) => {
                for (to, parts) in out.sends {
                    if self.broker(to).up {
                        let link = self.links.entry((id, to)).or_default();
                        Arc::make_mut(link).push(parts.concat().into());
                    }
                }
                let proposals = out.alter_isr.into_iter().map(Proposal::new);
                self.proposals.entry(id).or_default().extend(proposals);
                self.proposals.retain(|_, queue| !queue.is_empty());
                invariants::check_step(self, id, &before);
            }
            Err(panic) => self.broken = Some(panic),
        }
    }

    fn event(&mut self, id: BrokerId, event: ReplicaEvent<'_>) {
        self.step(id, broker::NOW, |replication, log, out| {
            replication.step(broker::NOW, event, log, out);
        });
    }

    fn crash(&mut self, id: BrokerId, kept: usize, rots: bool) {
        let broker = self.broker_mut(id);
        broker.log.lose_power(kept);
        if rots {
            broker.log.lose_last_record();
        }
        broker.stop(!rots);
        // What it sent before is on the way; what was sent to it is gone.
        self.links.retain(|(_, to), _| *to != id);
        self.words.remove(&id);
        for proposal in self.proposals.entry(id).or_default() {
            proposal.awaited = false;
        }
        self.proposals.retain(|_, queue| !queue.is_empty());
    }

    fn start(&mut self, id: BrokerId) {
        self.broker_mut(id).start();
        let intact = self.broker(id).intact;
        self.decide(|controller| controller.register(id, intact));
        for other in (0..BROKERS).map(BrokerId).filter(|other| *other != id) {
            if self.broker(other).up {
                self.event(other, ReplicaEvent::PeerConnected(id));
                self.event(id, ReplicaEvent::PeerConnected(other));
            }
        }
    }

    /// The controller decides something, and every open broker will hear what changed for it.
    fn decide<T>(&mut self, decide: impl FnOnce(&mut Controller) -> T) -> T {
        let before = self.controller.clone();
        let answer = decide(Arc::make_mut(&mut self.controller));
        for id in (0..BROKERS).map(BrokerId) {
            let role = self.controller.role_of(id);
            if self.broker(id).open && before.role_of(id) != role {
                self.words.entry(id).or_default().push(Word::Role(role));
            }
        }
        invariants::check_decision(self);
        answer
    }

    fn produce(&mut self, id: BrokerId) -> Option<()> {
        let epoch = self.broker(id).leads_in()?;
        self.used.records += 1;
        let value = self.used.records;
        self.step(id, broker::NOW, |replication, log, out| {
            log.append(Record { epoch, value });
            replication.step(broker::NOW, ReplicaEvent::Appended(TP), log, out);
        });
        Some(())
    }

    fn flush(&mut self, id: BrokerId) {
        self.step(id, broker::NOW, |replication, log, out| {
            log.flush();
            let ends = [(TP, log.end())];
            replication.step(broker::NOW, ReplicaEvent::Durable(&ends), log, out);
        });
    }
}

impl Bounds {
    fn broker_actions(&self, state: &State, id: BrokerId, actions: &mut Vec<Action>) {
        let (broker, used) = (state.broker(id), &state.used);
        if !broker.up {
            actions.push(Action::Start(id));
            return;
        }
        let changes = broker.log.changes_under_way();
        if changes > 0 {
            actions.push(Action::Flush(id));
        }
        if used.crashes < self.crashes {
            actions.extend((0..=changes).map(|kept| Action::Crash(id, kept)));
        }
        if used.rots < self.rots && !broker.log.disk().is_empty() {
            actions.push(Action::Rot(id));
        }
        if broker.leads_in().is_some() {
            if used.records < self.records {
                actions.push(Action::Produce(id));
            }
            if used.lags < self.lags {
                let lagging = broker.may_lag().into_iter();
                actions.extend(lagging.map(|follower| Action::Lag(id, follower)));
            }
        }
        if used.retries < self.retries && broker.waits_to_propose() {
            actions.push(Action::Retry(id));
        }
        if broker.waits_to_fetch() && used.retries < self.retries {
            actions.push(Action::FetchAgain(id));
        }
    }
}

impl Model for Bounds {
    type State = State;
    type Action = Action;

    /// A partition that everybody has, led by broker 0, with nothing in it and nothing on the way.
    fn init_states(&self) -> Vec<State> {
        let brokers = (0..BROKERS).map(|id| Arc::new(Broker::new(BrokerId(id), self.mutation)));
        let mut state = State {
            brokers: brokers.collect(),
            controller: Arc::new(Controller::new()),
            links: BTreeMap::new(),
            proposals: BTreeMap::new(),
            words: BTreeMap::new(),
            used: Used::default(),
            leaders: BTreeMap::new(),
            committed: Vec::new(),
            broken: None,
        };
        for id in (0..BROKERS).map(BrokerId) {
            state.broker_mut(id).set_open();
            let role = state.controller.role_of(id);
            state.words.insert(id, vec![Word::Role(role)]);
        }
        loop {
            let hear = state.words.keys().next().map(|id| Action::Hear(*id));
            let deliver = state.links.keys().next().map(|link| Action::Deliver(*link));
            let Some(action) = hear.or(deliver) else {
                return vec![state];
            };
            state = self.next_state(&state, action).expect("it is possible");
        }
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let used = &state.used;
        for link in state.links.keys() {
            actions.push(Action::Deliver(*link));
            if used.breaks < self.breaks && state.broker(link.0).up {
                actions.push(Action::Break(*link));
            }
        }
        for id in (0..BROKERS).map(BrokerId) {
            self.broker_actions(state, id, actions);
            let fenced = state.controller.is_fenced(id);
            if fenced && state.broker(id).up {
                actions.push(Action::Unfence(id));
            }
            if !fenced && used.fences < self.fences {
                actions.push(Action::Fence(id));
            }
            if state.controller.leader() == Some(id) && used.moves < self.moves {
                actions.push(Action::HandOver(id));
            }
        }
        for id in state.proposals.keys() {
            actions.push(Action::Decide(*id));
            if used.silences < self.silences {
                actions.push(Action::DecideSilently(*id));
            }
        }
        actions.extend(state.words.keys().map(|id| Action::Hear(*id)));
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        let state = &mut next;
        match action {
            Action::Deliver(link) => self.deliver(state, link)?,
            Action::Break((from, to)) => {
                state.used.breaks += 1;
                state.links.remove(&(from, to))?;
                state.event(from, ReplicaEvent::PeerConnected(to));
            }
            Action::Produce(id) => state.produce(id)?,
            Action::Flush(id) => state.flush(id),
            Action::Crash(id, kept) => {
                state.used.crashes += 1;
                state.crash(id, kept, false);
            }
            Action::Rot(id) => {
                state.used.rots += 1;
                state.crash(id, 0, true);
            }
            Action::Start(id) => state.start(id),
            Action::Fence(id) => {
                state.used.fences += 1;
                state.decide(|controller| controller.fence(id));
            }
            Action::Unfence(id) => self.unfence(state, id),
            Action::Decide(id) => self.take_proposal(state, id, true)?,
            Action::DecideSilently(id) => {
                state.used.silences += 1;
                self.take_proposal(state, id, false)?;
            }
            Action::Hear(id) => self.hear(state, id)?,
            Action::HandOver(id) => {
                state.used.moves += 1;
                if !state.decide(|controller| controller.hand_over(id)) {
                    return None;
                }
            }
            Action::Lag(id, follower) => {
                state.used.lags += 1;
                state.broker_mut(id).let_lag(follower);
                state.step(id, broker::LATE, |replication, log, out| {
                    replication.step(broker::LATE, ReplicaEvent::Wake, log, out);
                });
            }
            Action::Retry(id) => {
                state.used.retries += 1;
                state.broker_mut(id).let_propose();
                state.event(id, ReplicaEvent::Wake);
            }
            Action::FetchAgain(id) => {
                state.used.retries += 1;
                state.broker_mut(id).let_fetch();
                state.event(id, ReplicaEvent::Wake);
            }
        }
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Bounds>> {
        let mut properties = vec![
            Property::always(kring_model_search::INVARIANTS, |_, state: &State| {
                state.broken.is_none()
            }),
            Property::sometimes("a record is committed", |_, state: &State| {
                !state.committed.is_empty()
            }),
        ];
        if self.crashes + self.fences + self.moves > 0 {
            properties.push(Property::sometimes(
                "records of two leaders are committed",
                |bounds: &Bounds, state: &State| {
                    let epochs = state.committed.iter().map(|record| record.epoch);
                    bounds.records < 2
                        || epochs.collect::<std::collections::BTreeSet<_>>().len() > 1
                },
            ));
        }
        properties
    }
}
