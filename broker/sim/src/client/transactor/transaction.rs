//! A transaction as its producer sees it: what it writes, how far that is, and how it is to end.
//! It sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kring_io::Instant;

use super::requests::Identity;
use crate::history::{Happened, Partition, Records};

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waits,
    UnderWay,
    Acknowledged,
}

/// A batch of a transaction.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) partition: Partition,
    pub(super) records: Records,
    pub(super) timestamp: i64,
    /// Where the inputs are of which its records are made.
    pub(super) inputs: Option<(Partition, i64)>,
    pub(super) bytes: Bytes,
    pub(super) progress: Progress,
    pub(super) sent: bool,
}

/// What is done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    AddPartitions,
    Write,
    AddOffsets,
    CommitOffsets,
    End,
}

/// The end that a producer asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) commit: bool,
    /// A request went without an answer, or with one that does not say whether it was done.
    pub(super) unsure: bool,
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) number: u64,
    pub(super) identity: Identity,
    pub(super) batches: Vec<Batch>,
    /// Where the group will stand in each partition of the inputs.
    pub(super) offsets: BTreeMap<i32, i64>,
    pub(super) step: Step,
    /// Whether its partitions, and those of its group, may be written to: with v1 they are added first.
    pub(super) added: bool,
    pub(super) added_offsets: bool,
    /// Whether it is to be committed.
    pub(super) commit: bool,
    pub(super) end: Option<End>,
    /// When it is given up.
    pub(super) until: Instant,
}

impl Transaction {
    /// The output partitions.
    pub(super) fn partitions(&self) -> Vec<i32> {
        let all: BTreeSet<i32> = self.batches.iter().map(|b| b.partition.index).collect();
        all.into_iter().collect()
    }

    /// The batches that can be sent now: the first of each partition that is not acknowledged, if it waits.
    pub(super) fn sendable(&self) -> Vec<usize> {
        let mut seen = BTreeSet::new();
        let open = self.batches.iter().enumerate();
        open.filter(|(_, batch)| batch.progress != Progress::Acknowledged)
            .filter(|(_, batch)| seen.insert(batch.partition))
            .filter(|(_, batch)| batch.progress == Progress::Waits)
            .map(|(at, _)| at)
            .collect()
    }

    /// Whether every batch is acknowledged.
    pub(super) fn is_written(&self) -> bool {
        let mut batches = self.batches.iter();
        batches.all(|batch| batch.progress == Progress::Acknowledged)
    }

    /// Notes that a batch is sent, at first or again.
    pub(super) fn send(&mut self, at: usize, happened: &mut Vec<Happened>) {
        let Batch {
            records, partition, ..
        } = self.batches[at];
        let batch = &mut self.batches[at];
        batch.progress = Progress::UnderWay;
        if std::mem::replace(&mut batch.sent, true) {
            happened.push(Happened::Resent { records, partition });
            return;
        }
        happened.push(Happened::Invoked {
            records,
            partition,
            id: self.identity.id,
            epoch: self.identity.epoch,
            timestamp: batch.timestamp,
        });
        happened.push(Happened::SentIn {
            transaction: self.number,
            records,
            partition,
        });
        if let Some((input, offset)) = batch.inputs {
            happened.push(Happened::Moved {
                records,
                partition,
                input,
                offset,
            });
        }
    }

    /// What is to be sent of some batches.
    pub(super) fn bytes_of(&self, which: &[usize]) -> Vec<(i32, Bytes)> {
        let batches = which.iter().map(|at| &self.batches[*at]);
        batches
            .map(|batch| (batch.partition.index, batch.bytes.clone()))
            .collect()
    }

    /// The batch of a partition among some of its own.
    pub(super) fn batch_in(&mut self, which: &[usize], index: i32) -> Option<&mut Batch> {
        let mut which = which.iter();
        let at = which.find(|at| self.batches[**at].partition.index == index)?;
        self.batches.get_mut(*at)
    }
}
