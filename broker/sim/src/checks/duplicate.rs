//! Property 3: a record of an idempotent producer is in a replica once, across crash and fail-over.
//! It does not compare replicas with each other.

use std::collections::BTreeMap;

use crate::history::{Happened, History};

/// A fact per record that a replica holds at two offsets.
pub(super) fn check(history: &History) -> Vec<String> {
    let mut at = BTreeMap::new();
    let mut facts = Vec::new();
    for (_, happened) in history.events() {
        let Happened::Kept {
            record,
            partition,
            offset,
            replica,
        } = happened
        else {
            continue;
        };
        let first = *at.entry((*replica, *partition, *record)).or_insert(*offset);
        if first != *offset {
            facts.push(format!(
                "partition {partition} on broker {replica}: {record:?} at {first} and at {offset}"
            ));
        }
    }
    facts
}
