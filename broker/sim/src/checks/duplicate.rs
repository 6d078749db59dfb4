//! Property 3: a record of an idempotent producer is in a replica once, across crash and fail-over.
//! A record that was sent under two producer ids, or under none, may be there twice.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use crate::history::{Happened, History, Partition, Records};

/// Runs of records of one producer in one replica: first number, count, offset.
#[derive(Default)]
struct Runs {
    by_first: BTreeMap<u64, (u32, i64)>,
}

impl Runs {
    /// Adds a run; gives a run that has some of the same records.
    fn add(&mut self, records: Records, offset: i64) -> Option<(u64, i64)> {
        let end = records.first + u64::from(records.count);
        let before = self.by_first.range(..end).next_back();
        let overlap = before
            .filter(|(first, (count, _))| **first + u64::from(*count) > records.first)
            .map(|(first, (_, offset))| (*first, *offset));
        self.by_first.insert(records.first, (records.count, offset));
        overlap
    }
}

/// A fact per run of records that a replica holds at two offsets.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut runs = BTreeMap::<_, Runs>::new();
    let mut sent = BTreeMap::<(Partition, u32), BTreeMap<u64, i64>>::new();
    let mut may_repeat = BTreeSet::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Invoked {
                records,
                partition,
                id,
                ..
            } => {
                let ids = sent.entry((*partition, records.producer)).or_default();
                let first = *ids.entry(records.first).or_insert(*id);
                if *id < 0 || first != *id {
                    may_repeat.insert((*partition, records.producer, records.first));
                }
            }
            // Only what was sent again can be there twice.
            Happened::Resent { records, .. } => finding.exercised += u64::from(records.count),
            Happened::Kept {
                records,
                partition,
                offset,
                replica,
                ..
            } => {
                let overlap = runs
                    .entry((*replica, *partition, records.producer))
                    .or_default()
                    .add(*records, *offset);
                let Some((first, at)) = overlap else {
                    continue;
                };
                let mut sendings = sent
                    .get(&(*partition, records.producer))
                    .into_iter()
                    .flat_map(|ids| {
                        ids.range(..records.first + u64::from(records.count))
                            .next_back()
                    });
                let legal = sendings
                    .any(|(first, _)| may_repeat.contains(&(*partition, records.producer, *first)));
                if !legal {
                    finding.wrong(|| {
                        format!(
                            "partition {partition} on broker {replica}: {records:?} at {offset}, \
                             but the records from {first} on are at {at} already"
                        )
                    });
                }
            }
            _ => {}
        }
    }
    finding
}
