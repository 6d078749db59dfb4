//! What goes on of a process that was given up: its last requests, while another process has its transactional id.
//! It learns of no coordinator and no leader, and asks for everything once.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{EndTxnRequest, ProduceRequest};
use kring_io::{BrokerId, Instant, Random};

use super::transaction::{Progress, Step, Transaction};
use super::{About, Transactor};
use crate::client::{ClientOutput, codec};
use crate::history::{Happened, Outcome};
use crate::topics::KEPT;

/// Time between two of its requests, at most.
const PAUSE_MS: u64 = 4_000;

/// What it still tries.
#[derive(Clone, Copy, Debug)]
enum Act {
    Write,
    CommitOffsets,
    End,
}

/// A process that goes on.
#[derive(Debug)]
pub(super) struct Zombie {
    transaction: Transaction,
    /// It had done everything but the end.
    complete: bool,
    coordinator: Option<BrokerId>,
    group_coordinator: Option<BrokerId>,
    sequences: BTreeMap<i32, u64>,
    acts: VecDeque<(Instant, Act)>,
}

impl Zombie {
    pub(super) fn new(
        now: Instant,
        transaction: Transaction,
        (coordinator, group_coordinator): (Option<BrokerId>, Option<BrokerId>),
        sequences: BTreeMap<i32, u64>,
        random: &mut Random,
    ) -> Zombie {
        let mut at = now;
        let acts = [Act::Write, Act::CommitOffsets, Act::End].map(|act| {
            at = at + Duration::from_millis(1 + random.below(PAUSE_MS));
            (at, act)
        });
        Zombie {
            complete: transaction.step == Step::End && transaction.commit,
            transaction,
            coordinator,
            group_coordinator,
            sequences,
            acts: acts.into(),
        }
    }

    pub(super) fn acts_at(&self) -> Option<Instant> {
        self.acts.front().map(|(at, _)| *at)
    }
}

impl Transactor {
    /// Lets the process before do what it still tries.
    pub(super) fn haunt(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(mut zombie) = self.zombie.take() else {
            return;
        };
        while let Some((_, act)) = zombie.acts.pop_front_if(|(at, _)| *at <= now) {
            match act {
                Act::Write => self.ghost_write(now, &mut zombie, out),
                Act::CommitOffsets => self.ghost_commit_offsets(now, &zombie, out),
                Act::End => self.ghost_end(now, &zombie, out),
            }
        }
        // Its last answer has come, or will not.
        let waits = self.calls.any(About::is_ghost);
        if waits || !zombie.acts.is_empty() {
            self.zombie = Some(zombie);
        }
    }

    /// Sends again what was not acknowledged, and a batch that is new.
    fn ghost_write(&mut self, now: Instant, zombie: &mut Zombie, out: &mut ClientOutput) {
        if !zombie.transaction.added {
            return;
        }
        let identity = zombie.transaction.identity;
        let batch = self.draw_batch(now, identity, &mut zombie.sequences, 1, None);
        // Where partitions must be added, no client writes to one that is not.
        let added = zombie.transaction.partitions();
        if !self.protocol.adds() || added.contains(&batch.partition.index) {
            zombie.transaction.batches.push(batch);
        }
        for batch in &mut zombie.transaction.batches {
            if batch.progress == Progress::UnderWay {
                batch.progress = Progress::Waits;
            }
        }
        let mut by_leader = BTreeMap::<BrokerId, Vec<usize>>::new();
        for at in zombie.transaction.sendable() {
            let index = zombie.transaction.batches[at].partition.index;
            if let Some(leader) = self.outputs.leader(index) {
                by_leader.entry(leader).or_default().push(at);
            }
        }
        for (leader, which) in by_leader {
            let about = About::GhostWrite(which.clone());
            self.send_batches(now, leader, &mut zombie.transaction, &which, about, out);
        }
    }

    fn ghost_commit_offsets(&mut self, now: Instant, zombie: &Zombie, out: &mut ClientOutput) {
        let transaction = &zombie.transaction;
        if let Some(coordinator) = zombie.group_coordinator
            && transaction.added_offsets
            && !transaction.offsets.is_empty()
        {
            self.send_offsets(now, coordinator, transaction, About::Ghost, out);
        }
    }

    fn ghost_end(&mut self, now: Instant, zombie: &Zombie, out: &mut ClientOutput) {
        let Some(coordinator) = zombie.coordinator else {
            return;
        };
        let commit = zombie.complete;
        out.happened.push(Happened::EndInvoked {
            producer: self.name,
            transaction: zombie.transaction.number,
            commit,
        });
        let request = self.names.end(zombie.transaction.identity, commit);
        let version = self.protocol.end();
        self.send(now, coordinator, version, &request, About::GhostEnd, out);
    }

    pub(super) fn ghost_wrote(&mut self, which: &[usize], answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<ProduceRequest>(self.protocol.produce(), answer);
        let Some(zombie) = &mut self.zombie else {
            return;
        };
        let topics = response.into_iter().flat_map(|response| response.responses);
        for partition in topics.flat_map(|topic| topic.partition_responses) {
            let batch = zombie.transaction.batch_in(which, partition.index);
            if let Some(batch) = batch.filter(|_| partition.error_code == 0) {
                batch.progress = Progress::Acknowledged;
                out.happened.push(Happened::Acknowledged {
                    records: batch.records,
                    partition: batch.partition,
                    offset: partition.base_offset,
                });
            }
        }
    }

    pub(super) fn ghost_ended(&mut self, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<EndTxnRequest>(self.protocol.end(), answer);
        let done = response.is_some_and(|response| response.error_code == 0);
        if let Some(zombie) = self.zombie.as_ref().filter(|_| done) {
            out.happened.push(Happened::Ended {
                producer: self.name,
                transaction: zombie.transaction.number,
                commit: zombie.complete,
                outcome: Outcome::Done,
            });
        }
    }

    /// Sends the offsets of a transaction.
    pub(super) fn send_offsets(
        &mut self,
        now: Instant,
        coordinator: BrokerId,
        transaction: &Transaction,
        about: About,
        out: &mut ClientOutput,
    ) {
        for (index, offset) in &transaction.offsets {
            out.happened.push(Happened::OffsetSentIn {
                producer: self.name,
                transaction: transaction.number,
                group: self.group,
                partition: KEPT.partition(*index),
                offset: *offset,
            });
        }
        let of = transaction.identity;
        let request = self.names.commit_offsets(of, KEPT, &transaction.offsets);
        let version = self.protocol.commit_offsets();
        self.send(now, coordinator, version, &request, about, out);
    }
}
