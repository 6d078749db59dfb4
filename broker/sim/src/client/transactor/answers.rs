//! What a transactional producer makes of answers.
//! What it asks next is in `steps`.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, FindCoordinatorRequest,
    InitProducerIdRequest, OffsetFetchRequest, ProduceRequest, TxnOffsetCommitRequest,
};
use kring_io::{BrokerId, Instant};
use kring_wire::ErrorCode;

use super::life::Last;
use super::requests::{self, Identity, Kind};
use super::transaction::{Progress, Step};
use super::trouble::{self, Trouble};
use super::{BACKOFF, Phase, Transactor};
use crate::client::{ClientOutput, codec, consumer};
use crate::history::{Happened, Outcome};
use crate::topics::KEPT;

/// Time until the same is asked again, where a transaction is just being ended.
const AGAIN: Duration = Duration::from_millis(20);

fn code(number: i16) -> Option<ErrorCode> {
    ErrorCode::from_code(number)
}

impl Transactor {
    /// What `api` answered asks for: true if nothing, so that the producer goes on.
    fn is_well(
        &mut self,
        now: Instant,
        (api, kind): (&str, Kind),
        answered: Option<ErrorCode>,
        out: &mut ClientOutput,
    ) -> bool {
        let Some(trouble) = trouble::of(answered) else {
            return true;
        };
        self.try_at = now + BACKOFF;
        match trouble {
            Trouble::Again => self.try_at = now + AGAIN,
            Trouble::Elsewhere => match kind {
                Kind::Group => self.group_coordinator = None,
                Kind::Transactions => self.coordinator = None,
            },
            Trouble::Abort if self.transaction.is_some() => self.abort(now),
            Trouble::Abort | Trouble::Over => self.die(now, false, out),
            Trouble::Strange => {
                let (name, ms) = (self.name, now.0 / 1_000_000);
                let fact = format!("transactor {name} at {ms} ms: {api} gave {answered:?}");
                out.complaints.push(fact);
                self.die(now, false, out);
            }
        }
        false
    }

    pub(super) fn found(&mut self, now: Instant, kind: Kind, answer: &Bytes) {
        let found = codec::answer::<FindCoordinatorRequest>(requests::FIND, answer);
        let Some(found) = found.filter(|found| found.error_code == 0) else {
            self.try_at = now + BACKOFF;
            return;
        };
        let coordinator = Some(BrokerId(found.node_id.0));
        match kind {
            Kind::Group => self.group_coordinator = coordinator,
            Kind::Transactions => self.coordinator = coordinator,
        }
    }

    pub(super) fn initialised(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<InitProducerIdRequest>(self.protocol.init(), answer);
        let error = response.as_ref().and_then(|r| code(r.error_code));
        let api = ("InitProducerId", Kind::Transactions);
        if !self.is_well(now, api, error, out) {
            return;
        }
        let Some(response) = response else {
            return;
        };
        let (producer, id, epoch) = (self.name, response.producer_id.0, response.producer_epoch);
        out.happened.push(Happened::Fenced {
            producer,
            id,
            epoch,
        });
        self.known = None;
        self.has(Identity { id, epoch }, out);
        self.phase = Phase::Positioning;
    }

    /// It was given an id and epoch, in which sequences begin anew.
    fn has(&mut self, identity: Identity, out: &mut ClientOutput) {
        if self.identity != Some(identity) {
            self.sequences.clear();
        }
        self.identity = Some(identity);
        out.happened.push(Happened::Initialised {
            producer: self.name,
            id: identity.id,
            epoch: identity.epoch,
        });
    }

    pub(super) fn offsets(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<OffsetFetchRequest>(requests::OFFSETS, answer);
        let errors = response.as_ref().map(|response| {
            let partitions = response.topics.iter().flat_map(|t| &t.partitions);
            // Beside an error of the whole group those of partitions say nothing.
            let partitions = partitions.map(|p| p.error_code);
            let mut errors = [response.error_code].into_iter().chain(partitions);
            errors.find(|error| *error != 0).unwrap_or(0)
        });
        let api = ("OffsetFetch", Kind::Group);
        if !self.is_well(now, api, errors.and_then(code), out) {
            return;
        }
        let topics = response.into_iter().flat_map(|response| response.topics);
        for found in topics.flat_map(|topic| topic.partitions) {
            out.happened.push(Happened::StandsAt {
                producer: self.name,
                group: self.group,
                partition: KEPT.partition(found.partition_index),
                offset: found.committed_offset,
            });
            let offset = found.committed_offset.max(0);
            self.committed.insert(found.partition_index, offset);
        }
        self.go_back(out);
        self.phase = if self.last == Some(Last::Look) {
            Phase::Done
        } else {
            Phase::Choosing
        };
    }

    /// Reads on where the group stands.
    fn go_back(&mut self, out: &mut ClientOutput) {
        for (index, offset) in &self.committed {
            if self.positions.insert(*index, *offset) != Some(*offset) {
                out.happened.push(Happened::Positioned {
                    client: self.name,
                    partition: KEPT.partition(*index),
                    offset: *offset,
                });
            }
        }
    }

    pub(super) fn read(
        &mut self,
        now: Instant,
        asked: (BrokerId, Instant),
        (index, position): (i32, i64),
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let partition = consumer::partition_in(answer).filter(|p| p.error_code == 0);
        let Some(partition) = partition else {
            self.inputs.forget(index);
            self.try_at = now + BACKOFF;
            return;
        };
        let place = KEPT.partition(index);
        let next = consumer::take(self.name, place, position, asked, partition, out);
        if next > position {
            self.begin(now, Some((index, position, next)), out);
        } else {
            self.begin_at = now + BACKOFF;
        }
    }

    pub(super) fn added(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<AddPartitionsToTxnRequest>(requests::ADD, answer);
        let errors = response.map(|response| {
            let topics = response.results_by_topic_v3_and_below.into_iter();
            let rows = topics.flat_map(|topic| topic.results_by_partition);
            worst(rows.map(|row| row.partition_error_code))
        });
        let api = ("AddPartitionsToTxn", Kind::Transactions);
        if self.is_well(now, api, errors.flatten(), out) {
            self.step_to(Step::Write);
            if let Some(transaction) = &mut self.transaction {
                transaction.added = true;
            }
        }
    }

    pub(super) fn added_offsets(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<AddOffsetsToTxnRequest>(requests::ADD_OFFSETS, answer);
        let error = response.and_then(|response| code(response.error_code));
        let api = ("AddOffsetsToTxn", Kind::Transactions);
        if self.is_well(now, api, error, out) {
            self.step_to(Step::CommitOffsets);
            if let Some(transaction) = &mut self.transaction {
                transaction.added_offsets = true;
            }
        }
    }

    pub(super) fn committed_offsets(
        &mut self,
        now: Instant,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let version = self.protocol.commit_offsets();
        let response = codec::answer::<TxnOffsetCommitRequest>(version, answer);
        let errors = response.map(|response| {
            let rows = response.topics.into_iter().flat_map(|t| t.partitions);
            worst(rows.map(|row| row.error_code))
        });
        let api = ("TxnOffsetCommit", Kind::Group);
        if self.is_well(now, api, errors.flatten(), out) {
            self.step_to(Step::End);
        }
    }

    fn step_to(&mut self, step: Step) {
        if let Some(transaction) = &mut self.transaction {
            transaction.step = step;
        }
    }

    pub(super) fn write_again(&mut self, number: u64, which: &[usize]) {
        let transaction = self.transaction.as_mut();
        let Some(transaction) = transaction.filter(|t| t.number == number) else {
            return;
        };
        for at in which {
            let batch = &mut transaction.batches[*at];
            if batch.progress == Progress::UnderWay {
                batch.progress = Progress::Waits;
                self.outputs.forget(batch.partition.index);
            }
        }
    }

    pub(super) fn wrote(
        &mut self,
        now: Instant,
        number: u64,
        which: &[usize],
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let response = codec::answer::<ProduceRequest>(self.protocol.produce(), answer);
        let transaction = self.transaction.as_mut();
        let Some(transaction) = transaction.filter(|t| t.number == number) else {
            return;
        };
        let topics = response.into_iter().flat_map(|response| response.responses);
        let mut worst = None;
        for row in topics.flat_map(|topic| topic.partition_responses) {
            let Some(batch) = transaction.batch_in(which, row.index) else {
                continue;
            };
            let error = code(row.error_code);
            match trouble::of(error) {
                None => {
                    batch.progress = Progress::Acknowledged;
                    out.happened.push(Happened::Acknowledged {
                        records: batch.records,
                        partition: batch.partition,
                        offset: row.base_offset,
                    });
                }
                trouble => worst = worst.max(Some((trouble, error))),
            }
        }
        let written = transaction.is_written();
        let (is_writing, commit) = (transaction.step == Step::Write, transaction.commit);
        if !transaction.offsets.is_empty() && is_writing && written {
            let adds = self.protocol.adds();
            transaction.step = if adds {
                Step::AddOffsets
            } else {
                Step::CommitOffsets
            };
        } else if is_writing && (written || !commit && self.random.below(3) == 0) {
            // What is to be aborted need not be written to the end.
            transaction.step = Step::End;
        }
        // Leaders change; of what else may be wrong the worst counts.
        self.write_again(number, which);
        if let Some((_, error)) = worst {
            self.refused_write(now, error, out);
        }
    }

    fn refused_write(&mut self, now: Instant, error: Option<ErrorCode>, out: &mut ClientOutput) {
        match trouble::of(error) {
            Some(Trouble::Again | Trouble::Elsewhere) => self.try_at = now + BACKOFF,
            _ => {
                self.is_well(now, ("Produce", Kind::Transactions), error, out);
            }
        }
    }

    pub(super) fn end_is_unsure(&mut self) {
        self.coordinator = None;
        let transaction = self.transaction.as_mut();
        if let Some(end) = transaction.and_then(|t| t.end.as_mut()) {
            end.unsure = true;
        }
    }

    pub(super) fn ended(&mut self, now: Instant, answer: &Bytes, out: &mut ClientOutput) {
        let response = codec::answer::<EndTxnRequest>(self.protocol.end(), answer);
        let error = response.as_ref().and_then(|r| code(r.error_code));
        let trouble = trouble::of(error);
        if trouble == Some(Trouble::Elsewhere) {
            // A coordinator that is one no more may have stored it.
            self.end_is_unsure();
        }
        let Some(transaction) = &self.transaction else {
            return;
        };
        let Some(end) = transaction.end else {
            return;
        };
        let mut say = |outcome| {
            out.happened.push(Happened::Ended {
                producer: self.name,
                transaction: transaction.number,
                commit: end.commit,
                outcome,
            });
        };
        match trouble {
            None => say(Outcome::Done),
            Some(Trouble::Again | Trouble::Elsewhere) => {}
            Some(_) if end.unsure => say(Outcome::Unknown),
            Some(_) => say(Outcome::Refused),
        }
        if trouble.is_some_and(|trouble| trouble > Trouble::Elsewhere)
            && let Some(transaction) = &mut self.transaction
        {
            // That was its end.
            transaction.end = None;
        }
        if self.is_well(now, ("EndTxn", Kind::Transactions), error, out)
            && let Some(response) = response
        {
            let given = Identity {
                id: response.producer_id.0,
                epoch: response.producer_epoch,
            };
            self.is_over(now, end.commit, given, out);
        }
    }

    /// The transaction is committed or aborted.
    fn is_over(&mut self, now: Instant, commit: bool, given: Identity, out: &mut ClientOutput) {
        let Some(transaction) = self.transaction.take() else {
            return;
        };
        if commit {
            self.committed.extend(&transaction.offsets);
        }
        self.go_back(out);
        self.phase = Phase::Choosing;
        if !self.protocol.adds() {
            self.has(given, out);
        } else if !transaction.is_written() {
            // What may still arrive has sequence numbers that must not be used again.
            self.known = self.identity;
            self.phase = Phase::Initialising;
        }
        self.begin_at = now + self.think;
        self.one_done(commit);
    }
}

/// The error of several that counts.
fn worst(codes: impl Iterator<Item = i16>) -> Option<ErrorCode> {
    let worst = codes.map(code).max_by_key(|error| trouble::of(*error));
    worst.unwrap_or(Some(ErrorCode::UnknownServerError))
}
