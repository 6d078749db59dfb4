//! Property 1: one offset of a partition has one record, over all acknowledgements, polls and replicas.
//! It does not ask whether a record is missing.

use std::collections::BTreeMap;

use crate::history::{Happened, History};

/// A fact per offset that was seen with two records.
pub(super) fn check(history: &History) -> Vec<String> {
    let mut known = BTreeMap::new();
    let mut facts = Vec::new();
    for (_, happened) in history.events() {
        let (Happened::Acknowledged {
            record,
            partition,
            offset,
        }
        | Happened::Polled {
            record,
            partition,
            offset,
            ..
        }
        | Happened::Kept {
            record,
            partition,
            offset,
            ..
        }) = happened
        else {
            continue;
        };
        let first = known
            .entry((*partition, *offset))
            .or_insert((record, happened));
        if first.0 != record {
            facts.push(format!(
                "partition {partition} offset {offset}: {:?}, then {happened:?}",
                first.1
            ));
        }
    }
    facts
}
