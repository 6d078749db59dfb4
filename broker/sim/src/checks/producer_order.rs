//! Property 4: within a partition the records of one producer id stand in the order of their numbers.
//! It holds for idempotent producers with several requests under way, not for those without an id.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::sent::Sent;
use crate::history::{Happened, History};

/// A fact per run of records that stands behind a newer one of its producer id.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut sent = Sent::default();
    let mut under_way = BTreeMap::<_, u64>::new();
    let mut newest = BTreeMap::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Invoked {
                records,
                partition,
                id,
                ..
            } => {
                sent.add(*partition, *records, *id);
                let others = under_way.entry((*partition, records.producer)).or_default();
                // Order can be lost only where several requests are under way.
                finding.exercised += u64::from(*others > 0);
                *others += 1;
            }
            Happened::Acknowledged {
                records, partition, ..
            }
            | Happened::Refused { records, partition }
            | Happened::Unsure { records, partition } => {
                if let Some(others) = under_way.get_mut(&(*partition, records.producer)) {
                    *others = others.saturating_sub(1);
                }
            }
            Happened::Kept {
                records,
                partition,
                offset,
                replica,
                ..
            } => {
                let id = sent.of(*partition, records.producer, records.first);
                let Some(id) = id.filter(|id| *id >= 0) else {
                    continue;
                };
                let last = records.first + u64::from(records.count - 1);
                let (newest, at) = newest
                    .entry((*replica, *partition, records.producer, id))
                    .or_insert((last, *offset));
                // The same number twice is a duplicate, which has a check of its own.
                if *newest > last && *at < *offset {
                    finding.wrong(|| {
                        format!(
                            "partition {partition} on broker {replica}: {records:?} at {offset} behind {newest} at {at}"
                        )
                    });
                } else if *newest < last {
                    (*newest, *at) = (last, *offset);
                }
            }
            _ => {}
        }
    }
    finding
}
