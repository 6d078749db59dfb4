//! What a transactional producer asks next, and what it writes.
//! What it makes of the answers is in `answers`.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{BrokerId, Instant};

use super::life::Last;
use super::requests::{self, Identity, Kind};
use super::transaction::{Batch, End, Progress, Step, Transaction};
use super::{About, BACKOFF, Phase, Transactor};
use crate::client::committed_reader::READ_COMMITTED;
use crate::client::producer::encode;
use crate::client::{ClientOutput, consumer};
use crate::history::{Happened, Partition, Records};
use crate::machine;
use crate::topics::{KEPT, MOVED};

/// Bytes of inputs that a transaction moves, beyond the first batch.
const INPUT_BYTES: i32 = 2 << 10;
/// Records of a batch are drawn from 1 to this.
const BATCH_RECORDS_MAX: u64 = 6;
/// Batches of a transaction without inputs are drawn from 1 to this.
const BATCHES_MAX: u64 = 6;
/// Bytes more than a record needs, at most.
const PADDING_MAX: u64 = 64;
/// A transaction is given up after this long and up to so much more, which is shorter or longer than its time-out.
const GIVE_UP_MS: (u64, u64) = (5_000, 8_000);

impl Transactor {
    /// The coordinator, if it is known; else it is looked for.
    fn coordinator(
        &mut self,
        now: Instant,
        kind: Kind,
        out: &mut ClientOutput,
    ) -> Option<BrokerId> {
        let known = match kind {
            Kind::Group => self.group_coordinator,
            Kind::Transactions => self.coordinator,
        };
        if known.is_none() {
            let broker = self.outputs.any_broker();
            let request = self.names.find(kind);
            self.send(
                now,
                broker,
                requests::FIND,
                &request,
                About::Find(kind),
                out,
            );
        }
        known
    }

    /// Asks for an epoch.
    pub(super) fn initialise(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(coordinator) = self.coordinator(now, Kind::Transactions, out) else {
            return;
        };
        let request = self.names.init(self.timeout_ms, self.known);
        let version = self.protocol.init();
        self.send(now, coordinator, version, &request, About::Init, out);
    }

    /// Asks where the group stands.
    pub(super) fn ask_offsets(&mut self, now: Instant, out: &mut ClientOutput) {
        if let Some(coordinator) = self.coordinator(now, Kind::Group, out) {
            let request = self.names.offsets(KEPT);
            let version = requests::OFFSETS;
            self.send(now, coordinator, version, &request, About::Offsets, out);
        }
    }

    /// Begins a transaction, or reads what it is to move.
    pub(super) fn choose(&mut self, now: Instant, out: &mut ClientOutput) {
        if self.last == Some(Last::Look) {
            self.phase = Phase::Positioning;
            return self.ask_offsets(now, out);
        }
        if self.begin_at > now {
            return;
        }
        if self.random.below(3) == 0 {
            return self.begin(now, None, out);
        }
        self.turn = (self.turn + 1) % KEPT.partitions;
        let index = self.turn;
        let Some(leader) = self.inputs.leader(index) else {
            let correlation = self.calls.correlate();
            self.inputs.ask(now, correlation, out);
            self.try_at = now + BACKOFF;
            return;
        };
        let position = self.positions.get(&index).copied().unwrap_or(0);
        let request = consumer::request(KEPT, index, position)
            .with_isolation_level(READ_COMMITTED)
            .with_max_bytes(INPUT_BYTES);
        let about = About::Inputs(index, position);
        self.send(now, leader, consumer::VERSION, &request, about, out);
    }

    /// Begins a transaction that moves the inputs of a partition up to an offset, or one without inputs.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        inputs: Option<(i32, i64, i64)>,
        out: &mut ClientOutput,
    ) {
        let identity = self
            .identity
            .expect("a process that chooses has been initialised");
        let mut sequences = std::mem::take(&mut self.sequences);
        let mut batches = Vec::new();
        let mut offsets = BTreeMap::new();
        if let Some((index, from, next)) = inputs {
            offsets.insert(index, next);
            self.positions.insert(index, next);
            let mut offset = from;
            while offset < next {
                let left = (next - offset).unsigned_abs();
                let count = (1 + self.random.below(BATCH_RECORDS_MAX)).min(left);
                let made_of = Some((KEPT.partition(index), offset));
                batches.push(self.draw_batch(now, identity, &mut sequences, count, made_of));
                offset += count.cast_signed();
            }
        } else {
            for _ in 0..=self.random.below(BATCHES_MAX) {
                let count = 1 + self.random.below(BATCH_RECORDS_MAX);
                batches.push(self.draw_batch(now, identity, &mut sequences, count, None));
            }
        }
        self.sequences = sequences;
        self.transactions += 1;
        let until_ms = GIVE_UP_MS.0 + self.random.below(GIVE_UP_MS.1);
        let commit = self.last == Some(Last::Commit) || self.random.below(5) > 0;
        out.happened.push(Happened::Begun {
            producer: self.name,
            transaction: self.transactions,
            id: identity.id,
            epoch: identity.epoch,
        });
        self.transaction = Some(Transaction {
            number: self.transactions,
            identity,
            batches,
            offsets,
            step: if self.protocol.adds() {
                Step::AddPartitions
            } else {
                Step::Write
            },
            added: !self.protocol.adds(),
            added_offsets: !self.protocol.adds(),
            commit,
            end: None,
            until: now + Duration::from_millis(until_ms),
        });
        self.phase = Phase::InTransaction;
        self.proceed(now, out);
    }

    /// A batch to a drawn partition.
    pub(super) fn draw_batch(
        &mut self,
        now: Instant,
        identity: Identity,
        sequences: &mut BTreeMap<i32, u64>,
        count: u64,
        inputs: Option<(Partition, i64)>,
    ) -> Batch {
        let partitions = MOVED.partitions.unsigned_abs().into();
        let index = i32::try_from(self.random.below(partitions)).expect("a topic has few");
        let number = self.numbers.entry(index).or_default();
        let sequence = sequences.entry(index).or_default();
        let records = Records {
            producer: self.name,
            first: *number,
            count: u32::try_from(count).expect("a batch is small"),
        };
        let as_producer = encode::Identity {
            id: identity.id,
            epoch: identity.epoch,
            begins: *number - *sequence,
            transactional: true,
        };
        *number += count;
        *sequence += count;
        let timestamp = machine::now(now).wall_ms;
        let partition = MOVED.partition(index);
        let padding = self.random.below(PADDING_MAX) as usize;
        Batch {
            partition,
            records,
            timestamp,
            inputs,
            bytes: encode::batch(as_producer, partition, records, timestamp, padding),
            progress: Progress::Waits,
            sent: false,
        }
    }

    /// The next step of the transaction.
    pub(super) fn proceed(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(transaction) = &self.transaction else {
            return;
        };
        let of = transaction.identity;
        match transaction.step {
            Step::Write => self.write(now, out),
            Step::AddPartitions => {
                let partitions = transaction.partitions();
                if let Some(coordinator) = self.coordinator(now, Kind::Transactions, out) {
                    let request = self.names.add(of, MOVED, partitions);
                    let about = About::AddPartitions;
                    self.send(now, coordinator, requests::ADD, &request, about, out);
                }
            }
            Step::AddOffsets => {
                if let Some(coordinator) = self.coordinator(now, Kind::Transactions, out) {
                    let request = self.names.add_offsets(of);
                    let version = requests::ADD_OFFSETS;
                    self.send(now, coordinator, version, &request, About::AddOffsets, out);
                }
            }
            Step::CommitOffsets => {
                if let Some(coordinator) = self.coordinator(now, Kind::Group, out)
                    && let Some(transaction) = self.transaction.take()
                {
                    self.send_offsets(now, coordinator, &transaction, About::CommitOffsets, out);
                    self.transaction = Some(transaction);
                }
            }
            Step::End if self.leaves() => self.leave(),
            Step::End => self.end(now, out),
        }
    }

    fn write(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(mut transaction) = self.transaction.take() else {
            return;
        };
        let mut by_leader = BTreeMap::<BrokerId, Vec<usize>>::new();
        for at in transaction.sendable() {
            match self.outputs.leader(transaction.batches[at].partition.index) {
                Some(leader) => by_leader.entry(leader).or_default().push(at),
                None => {
                    let correlation = self.calls.correlate();
                    self.outputs.ask(now, correlation, out);
                    self.try_at = now + BACKOFF;
                }
            }
        }
        for (leader, which) in by_leader {
            let about = About::Write(transaction.number, which.clone());
            self.send_batches(now, leader, &mut transaction, &which, about, out);
        }
        self.transaction = Some(transaction);
    }

    pub(super) fn send_batches(
        &mut self,
        now: Instant,
        leader: BrokerId,
        transaction: &mut Transaction,
        which: &[usize],
        about: About,
        out: &mut ClientOutput,
    ) {
        for at in which {
            transaction.send(*at, &mut out.happened);
        }
        let request = self.names.produce(MOVED, transaction.bytes_of(which));
        let version = self.protocol.produce();
        self.send(now, leader, version, &request, about, out);
    }

    fn end(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(coordinator) = self.coordinator(now, Kind::Transactions, out) else {
            return;
        };
        let Some(transaction) = &mut self.transaction else {
            return;
        };
        let (of, commit) = (transaction.identity, transaction.commit);
        if transaction.end.is_none() {
            transaction.end = Some(End {
                commit,
                unsure: false,
            });
            out.happened.push(Happened::EndInvoked {
                producer: self.name,
                transaction: transaction.number,
                commit,
            });
        }
        let request = self.names.end(of, commit);
        let version = self.protocol.end();
        self.send(now, coordinator, version, &request, About::End, out);
    }
}
