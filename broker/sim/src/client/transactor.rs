//! A simulated transactional producer that moves records: it reads inputs, writes one output for each, and commits how
//! far it has read in the same transaction (KIP-98, KIP-447, KIP-890). Some transactions write without inputs.
//! It dies and comes again under the same transactional id; what was before may go on for a while, and must be fenced.

mod answers;
mod life;
mod requests;
mod steps;
mod transaction;
mod trouble;
mod zombie;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::{Request, StrBytes};
use kring_io::{BrokerId, Instant, Random};

use super::calls::{Call, Calls};
use super::member::group_id;
use super::metadata::Metadata;
use super::{Client, ClientEvent, ClientOutput};
use crate::topics::{KEPT, MOVED};
use life::Last;
pub use requests::Protocol;
use requests::{Identity, Kind, Names};
use transaction::{Step, Transaction};
use zombie::Zombie;

/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Time between tries after an error.
const BACKOFF: Duration = Duration::from_millis(50);
/// `transaction.timeout.ms` is drawn from this and up to so much more.
const TIMEOUT_MS: (u64, u64) = (3_000, 7_000);

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    Find(Kind),
    Init,
    Offsets,
    /// The inputs of a partition from an offset on.
    Inputs(i32, i64),
    AddPartitions,
    /// Batches of the transaction of that number.
    Write(u64, Vec<usize>),
    AddOffsets,
    CommitOffsets,
    End,
    /// Batches of the process before.
    GhostWrite(Vec<usize>),
    /// The end that the process before asked for.
    GhostEnd,
    /// Something else of the process before.
    Ghost,
}

impl About {
    fn is_ghost(&self) -> bool {
        matches!(
            self,
            About::Ghost | About::GhostEnd | About::GhostWrite { .. }
        )
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The process has ended; another begins when it is time.
    Away,
    /// It wants an epoch.
    Initialising,
    /// It asks where its group stands.
    Positioning,
    /// It is between two transactions.
    Choosing,
    InTransaction,
    /// It has finished.
    Done,
}

/// The producer.
#[derive(Debug)]
pub struct Transactor {
    name: u32,
    group: u32,
    names: Names,
    protocol: Protocol,
    random: Random,
    think: Duration,
    timeout_ms: i32,
    inputs: Metadata,
    outputs: Metadata,
    calls: Calls<About>,
    coordinator: Option<BrokerId>,
    group_coordinator: Option<BrokerId>,
    identity: Option<Identity>,
    /// It keeps its id after an error, and asks for another epoch.
    known: Option<Identity>,
    /// The next record's number in each output partition.
    numbers: BTreeMap<i32, u64>,
    /// The next sequence number of the epoch in each output partition.
    sequences: BTreeMap<i32, u64>,
    /// Where it reads on in each partition of the inputs.
    positions: BTreeMap<i32, i64>,
    /// Where its group stands in each, as far as it knows.
    committed: BTreeMap<i32, i64>,
    phase: Phase,
    transaction: Option<Transaction>,
    transactions: u64,
    zombie: Option<Zombie>,
    /// The partition of the inputs that is read next.
    turn: i32,
    try_at: Instant,
    begin_at: Instant,
    end_at: Instant,
    last: Option<Last>,
}

impl Transactor {
    /// A producer that moves records for the group of that number, which is its own, and pauses for `think` between
    /// two transactions.
    #[must_use]
    pub fn new(
        name: u32,
        group: u32,
        protocol: Protocol,
        brokers: &[BrokerId],
        think: Duration,
        seed: u64,
    ) -> Transactor {
        let mut random = Random::new(seed);
        let timeout_ms = TIMEOUT_MS.0 + random.below(TIMEOUT_MS.1);
        let first = name as usize;
        let mut transactor = Transactor {
            name,
            group,
            names: Names {
                transactional_id: StrBytes::from_string(format!("mover-{name}")),
                group: StrBytes::from_string(group_id(group)),
            },
            protocol,
            random,
            think,
            timeout_ms: i32::try_from(timeout_ms).expect("it is some seconds"),
            inputs: Metadata::new(KEPT.name, brokers.to_vec(), first),
            outputs: Metadata::new(MOVED.name, brokers.to_vec(), first),
            calls: Calls::default(),
            coordinator: None,
            group_coordinator: None,
            identity: None,
            known: None,
            numbers: BTreeMap::new(),
            sequences: BTreeMap::new(),
            positions: BTreeMap::new(),
            committed: BTreeMap::new(),
            phase: Phase::Initialising,
            transaction: None,
            transactions: 0,
            zombie: None,
            turn: 0,
            try_at: Instant(0),
            begin_at: Instant(0),
            end_at: Instant(0),
            last: None,
        };
        transactor.end_at = Instant(0) + transactor.draw_life() * 2;
        transactor
    }

    fn send<R: Request>(
        &mut self,
        now: Instant,
        to: BrokerId,
        version: i16,
        request: &R,
        about: About,
        out: &mut ClientOutput,
    ) {
        self.calls
            .send(now, to, version, request, PATIENCE, about, out);
    }

    /// Whether an answer is awaited without which nothing else can be done.
    fn is_busy(&self) -> bool {
        self.calls
            .any(|about| !about.is_ghost() && !matches!(about, About::Write { .. }))
    }

    fn has_work(&self) -> bool {
        let busy = self.is_busy();
        match (self.phase, &self.transaction) {
            (Phase::Done, _) => false,
            (Phase::InTransaction, Some(transaction)) if transaction.step == Step::Write => {
                !transaction.sendable().is_empty()
            }
            _ => !busy,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        match self.phase {
            Phase::Away | Phase::Initialising => {
                self.phase = Phase::Initialising;
                self.initialise(now, out);
            }
            Phase::Positioning => self.ask_offsets(now, out),
            Phase::Choosing => self.choose(now, out),
            Phase::InTransaction => self.proceed(now, out),
            Phase::Done => {}
        }
    }

    /// Requests that got no answer: what they were about is done again.
    fn lost(&mut self, now: Instant, calls: Vec<Call<About>>) {
        for call in calls {
            if call.about.is_ghost() {
                continue;
            }
            self.try_at = now + BACKOFF;
            match call.about {
                About::Find(_) => {}
                About::Offsets | About::CommitOffsets => self.group_coordinator = None,
                About::Inputs(index, _) => self.inputs.forget(index),
                About::Write(number, which) => self.write_again(number, &which),
                About::End => self.end_is_unsure(),
                _ => self.coordinator = None,
            }
        }
    }

    fn answered(
        &mut self,
        now: Instant,
        call: Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        match call.about {
            About::Find(kind) => self.found(now, kind, answer),
            About::Init => self.initialised(now, answer, out),
            About::Offsets => self.offsets(now, answer, out),
            About::Inputs(index, position) => {
                let asked = (call.broker, call.since);
                self.read(now, asked, (index, position), answer, out);
            }
            About::AddPartitions => self.added(now, answer, out),
            About::Write(number, which) => self.wrote(now, number, &which, answer, out),
            About::AddOffsets => self.added_offsets(now, answer, out),
            About::CommitOffsets => self.committed_offsets(now, answer, out),
            About::End => self.ended(now, answer, out),
            About::GhostWrite(which) => self.ghost_wrote(&which, answer, out),
            About::GhostEnd => self.ghost_ended(answer, out),
            // Whether it took effect is for the checks to say.
            About::Ghost => {}
        }
    }

    fn wake_at(&self, now: Instant) -> Option<Instant> {
        let soon = now + Duration::from_millis(1);
        let begin_at = match self.phase {
            Phase::Choosing => self.begin_at,
            _ => Instant(0),
        };
        let lives = self.last.is_none() && self.phase != Phase::Away;
        [
            self.calls.next_until(),
            self.has_work().then(|| self.try_at.max(begin_at).max(soon)),
            self.transaction.as_ref().map(|t| t.until.max(soon)),
            self.zombie.as_ref().and_then(Zombie::acts_at),
            lives.then(|| self.dies_at(now).max(soon)),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Client for Transactor {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let mut lost = Vec::new();
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => self.answered(now, call, &answer, out),
                None => {
                    if !self.inputs.answered(&answer) {
                        self.outputs.answered(&answer);
                    }
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.inputs.disconnected(broker);
                self.outputs.disconnected(broker);
                lost = self.calls.disconnected(broker);
            }
            ClientEvent::Wake => {}
        }
        lost.extend(self.calls.expired(now));
        self.lost(now, lost);
        self.haunt(now, out);
        self.age(now, out);
        if self.try_at <= now && self.has_work() {
            self.act(now, out);
        }
        out.wake_at = self.wake_at(now);
    }

    fn finish(&mut self) {
        self.last.get_or_insert(Last::Commit);
    }

    fn is_idle(&self) -> bool {
        self.phase == Phase::Done && self.zombie.is_none()
    }
}
