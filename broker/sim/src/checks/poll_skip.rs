//! Property 7: a consumer is given every record from its position on, in order, between polls and within one.
//! Offsets without a record (markers of transactions, compacted records) may be passed over.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::history::{Happened, History, Partition};

/// Offsets that a consumer was not given.
struct Gap {
    client: u32,
    partition: Partition,
    from: i64,
    to: i64,
}

/// A fact per poll that goes back, and per record that a consumer passed over.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut positions = BTreeMap::new();
    let mut gaps = Vec::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Positioned {
                client,
                partition,
                offset,
            } => {
                positions.insert((*client, *partition), *offset);
            }
            Happened::Polled {
                client,
                partition,
                offset,
                records,
                from,
            } => {
                let next = offset + i64::from(records.count);
                let Some(position) = positions.insert((*client, *partition), next) else {
                    finding.wrong(|| {
                        format!("consumer {client} was given {partition} offset {offset}, but has no position there")
                    });
                    continue;
                };
                finding.exercised += 1;
                if *offset < position {
                    finding.wrong(|| {
                        format!("consumer {client} stands at {partition} offset {position}, but broker {from} gave {offset}")
                    });
                }
                if *offset > position {
                    gaps.push(Gap {
                        client: *client,
                        partition: *partition,
                        from: position,
                        to: *offset,
                    });
                }
            }
            _ => {}
        }
    }
    if !gaps.is_empty() {
        skipped(history, &gaps, &mut finding);
    }
    finding
}

/// Gaps by partition and first offset, and how long the longest of each partition is.
#[derive(Default)]
struct Index {
    by_first: BTreeMap<(Partition, i64), Vec<usize>>,
    longest: BTreeMap<Partition, i64>,
}

impl Index {
    fn of(gaps: &[Gap]) -> Index {
        let mut index = Index::default();
        for (at, gap) in gaps.iter().enumerate() {
            let key = (gap.partition, gap.from);
            index.by_first.entry(key).or_default().push(at);
            let longest = index.longest.entry(gap.partition).or_default();
            *longest = (*longest).max(gap.to - gap.from);
        }
        index
    }

    /// The gaps that may have offsets from `from` until `until`.
    fn near(&self, partition: Partition, from: i64, until: i64) -> impl Iterator<Item = usize> {
        let longest = self.longest.get(&partition).copied().unwrap_or(0);
        let first = from.saturating_sub(longest).min(until);
        let near = self.by_first.range((partition, first)..(partition, until));
        near.flat_map(|(_, gaps)| gaps.iter().copied())
    }
}

/// Looks for records in the gaps. Each end of a transaction makes one.
fn skipped(history: &History, gaps: &[Gap], finding: &mut Finding) {
    let index = Index::of(gaps);
    let mut wrong = vec![None; gaps.len()];
    for (_, happened) in history.events() {
        let (Happened::Acknowledged {
            records,
            partition,
            offset,
        }
        | Happened::Kept {
            records,
            partition,
            offset,
            ..
        }
        | Happened::Polled {
            records,
            partition,
            offset,
            ..
        }) = happened
        else {
            continue;
        };
        let end = offset + i64::from(records.count);
        for at in index.near(*partition, *offset, end) {
            if *offset < gaps[at].to {
                wrong[at].get_or_insert((*records, *offset));
            }
        }
    }
    for (gap, wrong) in gaps.iter().zip(wrong) {
        if let Some((records, offset)) = wrong {
            finding.wrong(|| {
                format!(
                    "consumer {} went from {} offset {} to {}, but {records:?} is at {offset}",
                    gap.client, gap.partition, gap.from, gap.to
                )
            });
        }
    }
}
