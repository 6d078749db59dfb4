//! Property 4: within a partition the records of one producer stand in the order of their numbers.
//! It holds for idempotent producers, which may have several requests under way.

use std::collections::BTreeMap;

use crate::history::{Happened, History};

/// A fact per record that stands before an older one of its producer.
pub(super) fn check(history: &History) -> Vec<String> {
    let mut logs = BTreeMap::<_, Vec<_>>::new();
    for (_, happened) in history.events() {
        if let Happened::Kept {
            record,
            partition,
            offset,
            replica,
        } = happened
        {
            logs.entry((*replica, *partition, record.producer))
                .or_default()
                .push((*offset, record.sequence));
        }
    }
    let mut facts = Vec::new();
    for ((replica, partition, producer), mut log) in logs {
        log.sort_unstable();
        for pair in log.windows(2) {
            let ((before, older), (after, newer)) = (pair[0], pair[1]);
            // The same number twice is a duplicate, which has a check of its own.
            if older > newer {
                facts.push(format!(
                    "partition {partition} on broker {replica}: producer {producer} wrote {older} at {before} and {newer} at {after}"
                ));
            }
        }
    }
    facts
}
