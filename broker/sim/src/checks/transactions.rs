//! The transactions of a history: what was sent in each, how it was to end, and how it ended in each replica's log.
//! It judges nothing.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::{BrokerId, Instant};

use super::sent::Sent;
use crate::history::{Happened, History, Outcome, Partition, Records};

/// A producer and the number of one of its transactions.
pub(super) type Id = (u32, u64);

/// Records in a transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sending {
    pub(super) partition: Partition,
    pub(super) records: Records,
    /// When and where they were acknowledged.
    pub(super) acknowledged: Option<(Instant, i64)>,
}

/// How a transaction ended somewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    Aborted,
    Committed,
    /// No end of it is in the log.
    Open,
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    pub(super) begun: Instant,
    /// Producer id and epoch.
    pub(super) identity: (i64, i16),
    pub(super) sendings: Vec<Sending>,
    /// By group and partition.
    pub(super) offsets: BTreeMap<(u32, Partition), i64>,
    /// When its commit was asked for.
    pub(super) commit_invoked: Option<Instant>,
    /// Whether it was committed or aborted, as its producer was told.
    pub(super) told: Option<bool>,
    /// Its producer was told that it is not committed and never will be.
    pub(super) refused: bool,
    /// What became of its records, by replica.
    pub(super) fates: BTreeMap<(Partition, BrokerId), Fate>,
}

impl Transaction {
    fn begun(at: Instant, identity: (i64, i16)) -> Transaction {
        Transaction {
            begun: at,
            identity,
            sendings: Vec::new(),
            offsets: BTreeMap::new(),
            commit_invoked: None,
            told: None,
            refused: false,
            fates: BTreeMap::new(),
        }
    }

    /// Whether it is committed, as far as anything says.
    pub(super) fn is_committed(&self) -> Option<bool> {
        let decided = self.fates.values().find(|fate| **fate != Fate::Open);
        let kept = decided.map(|fate| *fate == Fate::Committed);
        let never = self.commit_invoked.is_none() || self.refused;
        self.told.or(kept).or(never.then_some(false))
    }
}

/// One thing in a replica's log.
#[derive(Clone, Copy, Debug)]
pub(super) enum Entry {
    /// Records, and the transaction that they are part of.
    Records(Records, Option<Id>),
    /// The end of what the producer id has open.
    End { id: i64, commit: bool },
}

/// A replica's log as it was read in the end.
#[derive(Debug, Default)]
pub(super) struct Log {
    pub(super) entries: BTreeMap<i64, Entry>,
    /// Log start and high watermark; none if it was not read to the end.
    pub(super) swept: Option<(i64, i64)>,
}

/// Everything about transactions.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    pub(super) all: BTreeMap<Id, Transaction>,
    of_records: Sent<Id>,
    /// Those that transactions wrote to; nothing else of the logs is kept.
    partitions: BTreeSet<Partition>,
    pub(super) logs: BTreeMap<(Partition, BrokerId), Log>,
    /// Two transactions that one end ended.
    pub(super) mixed: Vec<String>,
}

impl Transactions {
    /// Reads a history.
    pub(super) fn of(history: &History) -> Transactions {
        let mut transactions = Transactions::default();
        for (at, happened) in history.events() {
            transactions.take(at, happened);
        }
        transactions.decide();
        transactions
    }

    /// The transaction that a record is part of.
    pub(super) fn with(
        &self,
        partition: Partition,
        records: Records,
    ) -> Option<(Id, &Transaction)> {
        let id = self
            .of_records
            .of(partition, records.producer, records.first)?;
        Some((id, self.all.get(&id)?))
    }

    fn take(&mut self, at: Instant, happened: &Happened) {
        match happened {
            Happened::Begun {
                producer,
                transaction,
                id,
                epoch,
            } => {
                let begun = Transaction::begun(at, (*id, *epoch));
                self.all.entry((*producer, *transaction)).or_insert(begun);
            }
            Happened::SentIn {
                transaction,
                records,
                partition,
            } => {
                let id = (records.producer, *transaction);
                self.of_records.add(*partition, *records, id);
                self.partitions.insert(*partition);
                if let Some(found) = self.all.get_mut(&id) {
                    found.sendings.push(Sending {
                        partition: *partition,
                        records: *records,
                        acknowledged: None,
                    });
                }
            }
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => self.acknowledged(at, *partition, *records, *offset),
            Happened::OffsetSentIn {
                producer,
                transaction,
                group,
                partition,
                offset,
            } => {
                if let Some(found) = self.all.get_mut(&(*producer, *transaction)) {
                    found.offsets.insert((*group, *partition), *offset);
                }
            }
            Happened::EndInvoked {
                producer,
                transaction,
                commit: true,
            } => {
                if let Some(found) = self.all.get_mut(&(*producer, *transaction)) {
                    found.commit_invoked.get_or_insert(at);
                }
            }
            Happened::Ended {
                producer,
                transaction,
                commit,
                outcome,
            } => {
                if let Some(found) = self.all.get_mut(&(*producer, *transaction)) {
                    match outcome {
                        Outcome::Done => found.told = Some(*commit),
                        Outcome::Refused => found.refused |= *commit,
                        Outcome::Unknown => {}
                    }
                }
            }
            _ => self.keep(happened),
        }
    }

    fn acknowledged(&mut self, at: Instant, partition: Partition, records: Records, offset: i64) {
        let id = self
            .of_records
            .of(partition, records.producer, records.first);
        let found = id.and_then(|id| self.all.get_mut(&id));
        let mut sendings = found.into_iter().flat_map(|found| &mut found.sendings);
        let sending = sendings.find(|s| s.partition == partition && s.records == records);
        if let Some(sending) = sending {
            sending.acknowledged.get_or_insert((at, offset));
        }
    }

    fn keep(&mut self, happened: &Happened) {
        let partition = happened.partition();
        if partition.is_none_or(|partition| !self.partitions.contains(&partition)) {
            return;
        }
        match happened {
            Happened::Kept {
                partition,
                replica,
                offset,
                records,
                ..
            } => {
                let id = self
                    .of_records
                    .of(*partition, records.producer, records.first);
                let log = self.logs.entry((*partition, *replica)).or_default();
                log.entries.insert(*offset, Entry::Records(*records, id));
            }
            Happened::KeptMarker {
                partition,
                replica,
                offset,
                id,
                commit,
                ..
            } => {
                let log = self.logs.entry((*partition, *replica)).or_default();
                let end = Entry::End {
                    id: *id,
                    commit: *commit,
                };
                log.entries.insert(*offset, end);
            }
            Happened::Swept {
                partition,
                replica,
                log_start,
                high_watermark,
            } => {
                let log = self.logs.entry((*partition, *replica)).or_default();
                log.swept = Some((*log_start, *high_watermark));
            }
            _ => {}
        }
    }

    /// Finds out how each transaction ended in each log.
    fn decide(&mut self) {
        for (place, log) in &self.logs {
            let mut open = BTreeMap::<i64, Id>::new();
            for (offset, entry) in &log.entries {
                match entry {
                    Entry::Records(_, None) => {}
                    Entry::Records(_, Some(id)) => {
                        let Some(transaction) = self.all.get_mut(id) else {
                            continue;
                        };
                        transaction.fates.entry(*place).or_insert(Fate::Open);
                        let before = open.insert(transaction.identity.0, *id);
                        if let Some(before) = before.filter(|before| before != id) {
                            self.mixed.push(format!(
                                "partition {} offset {offset} on broker {}: transaction {id:?} before the end of {before:?}",
                                place.0, place.1
                            ));
                        }
                    }
                    Entry::End { id, commit } => {
                        let ended = open.remove(id);
                        if let Some(ended) = ended.and_then(|ended| self.all.get_mut(&ended)) {
                            let fate = if *commit {
                                Fate::Committed
                            } else {
                                Fate::Aborted
                            };
                            ended.fates.insert(*place, fate);
                        }
                    }
                }
            }
        }
    }
}
