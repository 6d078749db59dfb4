//! Property 5: what is sent after an acknowledgement stands behind the acknowledged record.
//! It holds across producers and across changes of the leader.

use std::collections::BTreeMap;

use crate::history::{Happened, History};

/// A fact per record that stands at or before an offset acknowledged earlier than its invocation.
pub(super) fn check(history: &History) -> Vec<String> {
    let mut highest = BTreeMap::<i32, i64>::new();
    let mut floor = BTreeMap::new();
    let mut facts = Vec::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Invoked { record, partition } => {
                let acknowledged = highest.get(partition).copied().unwrap_or(-1);
                floor.entry((*partition, *record)).or_insert(acknowledged);
            }
            Happened::Acknowledged {
                record,
                partition,
                offset,
            } => {
                let floor = floor.get(&(*partition, *record)).copied().unwrap_or(-1);
                if *offset <= floor {
                    facts.push(format!(
                        "partition {partition}: {record:?} is at {offset}, but {floor} was acknowledged before it was sent"
                    ));
                }
                let highest = highest.entry(*partition).or_insert(-1);
                *highest = (*highest).max(*offset);
            }
            Happened::Polled { .. } | Happened::Kept { .. } | Happened::Swept { .. } => {}
        }
    }
    facts
}
