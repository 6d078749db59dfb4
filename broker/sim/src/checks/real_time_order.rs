//! Property 5: what is sent after an acknowledgement stands behind the acknowledged record.
//! It holds across producers and across changes of the leader, also for records without an answer.

use std::collections::BTreeMap;

use kring_io::BrokerId;

use super::finding::Finding;
use super::sent::Sent;
use crate::history::{Happened, History, Partition};

/// A fact per run of records that stands at or before an offset acknowledged earlier than its invocation.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut highest = BTreeMap::<Partition, i64>::new();
    let mut floors = Sent::default();
    let mut first_replica = BTreeMap::<Partition, BrokerId>::new();
    for (_, happened) in history.events() {
        let (records, partition, offset) = match happened {
            Happened::Invoked {
                records, partition, ..
            } => {
                let floor = highest.get(partition).copied().unwrap_or(-1);
                finding.exercised += u64::from(floor >= 0);
                floors.add(*partition, *records, floor);
                continue;
            }
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let last = offset + i64::from(records.count) - 1;
                let highest = highest.entry(*partition).or_insert(last);
                *highest = last.max(*highest);
                (records, partition, offset)
            }
            // Replicas agree, or another check says so: one is enough.
            Happened::Kept {
                records,
                partition,
                offset,
                replica,
                ..
            } if first_replica.entry(*partition).or_insert(*replica) == replica => {
                (records, partition, offset)
            }
            _ => continue,
        };
        let floor = floors.of(*partition, records.producer, records.first);
        if let Some(floor) = floor.filter(|floor| offset <= floor) {
            finding.wrong(|| {
                format!(
                    "partition {partition}: {records:?} is at {offset}, but {floor} was acknowledged before it was sent"
                )
            });
        }
    }
    finding
}
