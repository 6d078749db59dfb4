//! Property 2: every acknowledged record is in every replica at the offset it was acknowledged with.
//! It holds for topics without retention or compaction.

use std::collections::{BTreeMap, BTreeSet};

use crate::history::{Happened, History};

/// A fact per replica and acknowledged record that it lacks, and per partition nobody swept.
pub(super) fn check(history: &History) -> Vec<String> {
    let mut acknowledged = BTreeMap::new();
    let mut kept = BTreeSet::new();
    let mut sweeps = BTreeMap::<i32, Vec<_>>::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Acknowledged {
                record,
                partition,
                offset,
            } => {
                acknowledged.insert((*partition, *offset), *record);
            }
            Happened::Kept {
                record,
                partition,
                offset,
                replica,
            } => {
                kept.insert((*replica, *partition, *offset, *record));
            }
            Happened::Swept {
                partition,
                replica,
                high_watermark,
            } => {
                sweeps
                    .entry(*partition)
                    .or_default()
                    .push((*replica, *high_watermark));
            }
            Happened::Invoked { .. } | Happened::Polled { .. } => {}
        }
    }
    let mut facts = Vec::new();
    for ((partition, offset), record) in acknowledged {
        let Some(replicas) = sweeps.get(&partition) else {
            facts.push(format!(
                "partition {partition}: acknowledged {record:?}, but no replica was read"
            ));
            continue;
        };
        for (replica, high_watermark) in replicas {
            if !kept.contains(&(*replica, partition, offset, record)) {
                facts.push(format!(
                    "partition {partition} offset {offset}: acknowledged {record:?} is not on broker {replica} \
                     (high watermark {high_watermark})"
                ));
            }
        }
    }
    facts
}
