//! A coordinator, its clients and the leaders they write to, with everything that can go wrong between them.
//! What must hold is checked after each action.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kring_io::Now;
use kring_transactions::{
    MarkerId, TransactionEvent, TransactionOut, TransactionRequest, TransactionResponse,
    TransactionState, TransactionVersion, Transactions, WriteMarker,
};
use kring_wire::ErrorCode;

use super::clients::{Client, Ledger, Next, TOPIC};
use super::harness::{Coordinator, KeyValue, PARTITION};
use super::leaders::{Leader, Marker};

/// Clients; all but the last share a transactional id.
pub(crate) const CLIENTS: usize = 4;
const NAMES: [&str; 2] = ["shared", "alone"];

#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// The client does what its state asks for, or one of the things it allows.
    Continue(usize, u8),
    /// It begins anew without a word.
    Crash(usize),
    /// A marker reaches its leader, and the answer the coordinator.
    Deliver(usize),
    DeliverAndLoseTheAnswer(usize),
    DeliverAndDelayTheAnswer(usize),
    Lose(usize),
    /// It cannot be sent.
    Fail(usize),
    /// An answer that was delayed.
    AnswerLate(usize),
    Advance(u64),
    Hold,
    CompleteFirst,
    Complete,
    Refuse(ErrorCode),
    Accept,
    FailOver {
        to: usize,
        kept: usize,
    },
}

/// A marker for one partition, from one of the replicas.
#[derive(Clone, Copy, Debug)]
struct Message {
    from: usize,
    id: MarkerId,
    partition: i32,
    marker: Marker,
}

#[derive(Clone, Copy, Debug)]
struct Reply {
    message: Message,
    result: Result<(), ErrorCode>,
}

pub(crate) struct World {
    coordinator: Coordinator,
    clients: Vec<Client>,
    leaders: BTreeMap<i32, Leader>,
    ledger: Ledger,
    messages: Vec<Message>,
    replies: Vec<Reply>,
    asked: BTreeMap<u64, usize>,
    answered: BTreeSet<u64>,
}

impl World {
    /// The shared id may have been used before, until it had only so many epochs left.
    pub(crate) fn new(epochs_left: Option<i16>) -> World {
        let mut ledger = Ledger::default();
        let mut log = Vec::new();
        if let Some(left) = epochs_left {
            ledger.next_producer_id += 1;
            let epoch = i16::MAX - 1 - left;
            log.push(empty(NAMES[0], ledger.next_producer_id, epoch));
        }
        let client = |i| {
            let name = NAMES[usize::from(i == CLIENTS - 1)];
            let version = match i {
                1 => TransactionVersion::V1,
                _ => TransactionVersion::V2,
            };
            Client::new(name, version, &mut ledger)
        };
        World {
            coordinator: Coordinator::with_log(3, log),
            clients: (0..CLIENTS).map(client).collect(),
            leaders: BTreeMap::new(),
            ledger,
            messages: Vec::new(),
            replies: Vec::new(),
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
        }
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Continue(i, choice) => self.go_on(i, choice),
            Action::Crash(i) => self.clients[i].begin_anew(&mut self.ledger),
            Action::Deliver(at) => {
                if let Some(reply) = self.deliver(at) {
                    self.reply(reply);
                }
            }
            Action::DeliverAndLoseTheAnswer(at) => {
                self.deliver(at);
            }
            Action::DeliverAndDelayTheAnswer(at) => {
                let reply = self.deliver(at);
                self.replies.extend(reply);
            }
            Action::Lose(at) => {
                self.take_message(at);
            }
            Action::Fail(at) => {
                if let Some(message) = self.take_message(at) {
                    let result = Err(ErrorCode::NotLeaderOrFollower);
                    self.reply(Reply { message, result });
                }
            }
            Action::AnswerLate(at) => {
                if !self.replies.is_empty() {
                    let reply = self.replies.remove(at % self.replies.len());
                    self.reply(reply);
                }
            }
            Action::Advance(ms) => self.coordinator.advance(ms),
            Action::Hold => self.coordinator.hold = true,
            Action::CompleteFirst => self.coordinator.complete_first(),
            Action::Complete => {
                self.coordinator.hold = false;
                self.coordinator.complete();
            }
            Action::Refuse(error) => self.coordinator.refuse = Some(error),
            Action::Accept => self.coordinator.refuse = None,
            Action::FailOver { to, kept } => self.coordinator.fail_over(to, kept),
        }
        self.take_markers();
        self.take_answers();
        self.check_replay();
    }

    fn go_on(&mut self, i: usize, choice: u8) {
        let client = &mut self.clients[i];
        match client.next(choice, &mut self.leaders, &mut self.ledger) {
            Next::Nothing => {}
            Next::Ask(request) => {
                let id = self.coordinator.request(request);
                self.asked.insert(id, i);
                self.clients[i].waits = Some(id);
            }
        }
    }

    fn take_message(&mut self, at: usize) -> Option<Message> {
        let count = self.messages.len();
        (count > 0).then(|| self.messages.remove(at % count))
    }

    fn deliver(&mut self, at: usize) -> Option<Reply> {
        let message = self.take_message(at)?;
        let leader = self.leaders.entry(message.partition).or_default();
        let result = leader.write(message.marker);
        Some(Reply { message, result })
    }

    /// The answer reaches the broker that asked, which may not be the coordinator any more.
    fn reply(&mut self, Reply { message, result }: Reply) {
        if message.from == self.coordinator.leader() {
            let target = (TOPIC, message.partition);
            self.coordinator.marker_written(message.id, target, result);
        }
    }

    fn take_markers(&mut self) {
        for marker in std::mem::take(&mut self.coordinator.markers) {
            self.check_marker(&marker);
            let from = self.coordinator.leader();
            for partition in &marker.topics[0].1 {
                let partition = *partition;
                // An attempt that is made again replaces the one before on its way.
                self.messages
                    .retain(|m| (m.from, m.id, m.partition) != (from, marker.id, partition));
                self.messages.push(Message {
                    from,
                    id: marker.id,
                    partition,
                    marker: Marker {
                        producer: (marker.producer_id, marker.producer_epoch),
                        coordinator_epoch: marker.coordinator_epoch,
                        commit: marker.commit,
                    },
                });
            }
        }
    }

    /// TXN-1 and TXN-3: the last committed record of the producer is the Prepare record that the
    /// marker is for.
    fn check_marker(&self, marker: &WriteMarker) {
        let values = self.coordinator.committed().iter().rev();
        let heads = values.filter_map(|(_, value)| value.as_ref().map(head));
        let last = heads
            .into_iter()
            .find(|(id, ..)| *id == marker.producer_id)
            .expect("a marker follows a record");
        let state = match marker.commit {
            true => TransactionState::PrepareCommit,
            false => TransactionState::PrepareAbort,
        };
        let expected = (marker.producer_id, marker.producer_epoch, state.id());
        assert_eq!(last, expected);
        assert_eq!(marker.coordinator_epoch, self.coordinator.epoch());
        assert_eq!(marker.topics.len(), 1);
    }

    fn take_answers(&mut self) {
        for (id, response) in std::mem::take(&mut self.coordinator.responses) {
            assert!(self.answered.insert(id), "request {id} was answered twice");
            let i = self.asked.remove(&id).expect("an answer to a request");
            if self.clients[i].waits == Some(id) {
                self.clients[i].hear(response, &mut self.ledger);
            }
        }
    }

    /// What the coordinator knows is what its records say.
    fn check_replay(&mut self) {
        let mut replay = self.coordinator.replay();
        let now = self.coordinator.now;
        for name in NAMES {
            let stored = self.coordinator.describe(name);
            assert_eq!(
                describe(&mut replay, now, name),
                TransactionResponse::Describe(stored)
            );
        }
        let known: Vec<_> = self.coordinator.engine().list().collect();
        let replayed: Vec<_> = replay.list().collect();
        assert_eq!(known, replayed);
    }

    /// Every fault ends, and whoever is left ends its transaction or lets it time out.
    pub(crate) fn recover(&mut self) {
        self.act(Action::Accept);
        self.act(Action::Complete);
        for _ in 0..4 {
            self.act(Action::Advance(60_000));
            for _ in 0..8 {
                while !self.messages.is_empty() {
                    self.act(Action::Deliver(0));
                }
                self.act(Action::Advance(300));
            }
        }
    }

    pub(crate) fn check_the_end(&mut self) {
        assert!(self.asked.is_empty(), "never answered: {:?}", self.asked);
        for transaction in self.coordinator.engine().list() {
            let is_at_rest = matches!(
                transaction.state,
                TransactionState::Empty
                    | TransactionState::CompleteCommit
                    | TransactionState::CompleteAbort
            );
            assert!(is_at_rest, "{transaction:?}");
        }
        let mut outcomes: BTreeMap<u64, bool> = BTreeMap::new();
        for (partition, leader) in &self.leaders {
            assert_eq!(leader.open(), [], "left open in partition {partition}");
            for (number, commit) in &leader.outcomes {
                let elsewhere = *outcomes.entry(*number).or_insert(*commit);
                assert_eq!(elsewhere, *commit, "transaction {number} has two outcomes");
            }
        }
        for (number, commit) in outcomes {
            if let Some(told) = self.ledger.told.get(&number) {
                assert_eq!(*told, commit, "transaction {number}");
            }
            let asked = self.ledger.asked.get(&number);
            assert!(!commit || asked == Some(&true), "nobody committed {number}");
        }
    }
}

fn describe(engine: &mut Transactions, now: Now, name: &str) -> TransactionResponse {
    let mut out = TransactionOut::default();
    let request = TransactionEvent::Request {
        id: 0,
        partition: PARTITION,
        request: TransactionRequest::Describe(name.to_owned()),
    };
    engine.step(now, request, &mut out);
    out.responses.remove(0).1
}

/// The producer id, epoch and state of a record, which stand alike in both versions.
fn head(value: &Bytes) -> (i64, i16, i8) {
    let id = i64::from_be_bytes(value[2..10].try_into().expect("eight bytes"));
    let epoch = i16::from_be_bytes(value[10..12].try_into().expect("two bytes"));
    (id, epoch, value[16].cast_signed())
}

/// The record of an id without a transaction.
fn empty(name: &str, producer_id: i64, epoch: i16) -> KeyValue {
    let mut key = vec![0, 0];
    key.extend((name.len() as u16).to_be_bytes());
    key.extend(name.as_bytes());
    let mut value = vec![0, 0];
    value.extend(producer_id.to_be_bytes());
    value.extend(epoch.to_be_bytes());
    value.extend(60_000i32.to_be_bytes());
    value.push(0);
    value.extend((-1i32).to_be_bytes());
    value.extend(1_700_000_000_000i64.to_be_bytes());
    value.extend((-1i64).to_be_bytes());
    (key.into(), Some(value.into()))
}
