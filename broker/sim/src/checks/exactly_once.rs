//! Property 11: what a producer moves in transactions is moved exactly once: the group stands where its last committed
//! transaction put it, and every input before that has one committed output.

use std::collections::BTreeMap;

use kring_io::Instant;

use super::finding::Finding;
use super::transactions::{Entry, Id, Transactions};
use crate::history::{Happened, History, Partition, Records};

/// Where a group stood.
struct Stand {
    at: Instant,
    producer: u32,
    group: u32,
    partition: Partition,
    offset: i64,
}

/// A fact per offset that no committed transaction left, and per input without an output or with two.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut stands = Vec::new();
    let mut inputs = BTreeMap::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::StandsAt {
                producer,
                group,
                partition,
                offset,
            } => stands.push(Stand {
                at,
                producer: *producer,
                group: *group,
                partition: *partition,
                offset: *offset,
            }),
            Happened::Moved {
                records,
                partition,
                input,
                offset,
            } => {
                let key = (*partition, records.producer, records.first);
                inputs.insert(key, (*input, *offset));
            }
            _ => {}
        }
    }
    if stands.is_empty() {
        return finding;
    }
    let transactions = Transactions::of(history);
    for stand in &stands {
        stands_rightly(&transactions, stand, &mut finding);
    }
    let moved = moved(&transactions, &inputs, &mut finding);
    let mut last = BTreeMap::new();
    for stand in &stands {
        last.insert((stand.producer, stand.partition), stand);
    }
    for stand in last.into_values() {
        let all = (stand.producer, 0)..=(stand.producer, u64::MAX);
        let mut later = transactions.all.range(all).map(|(_, t)| t.begun);
        if !later.any(|begun| begun > stand.at) {
            is_complete(stand, &moved, &mut finding);
        }
    }
    finding
}

/// Every transaction of before is over: the last one that is committed says where the group stands.
fn stands_rightly(transactions: &Transactions, stand: &Stand, finding: &mut Finding) {
    let key = (stand.group, stand.partition);
    let all = (stand.producer, 0)..=(stand.producer, u64::MAX);
    let before = transactions.all.range(all).rev();
    let with_offsets = before.filter_map(|(id, t)| Some((id, t, *t.offsets.get(&key)?)));
    for (id, transaction, offset) in with_offsets.filter(|(_, t, _)| t.begun <= stand.at) {
        match transaction.is_committed() {
            Some(false) => {}
            None if offset != stand.offset => {}
            None => return,
            Some(true) => {
                finding.exercised += 1;
                if offset != stand.offset {
                    finding.wrong(|| {
                        wrong_stand(stand, &format!("transaction {id:?} committed {offset}"))
                    });
                }
                return;
            }
        }
    }
    if stand.offset >= 0 {
        finding.wrong(|| wrong_stand(stand, "no transaction committed any"));
    }
}

fn wrong_stand(stand: &Stand, but: &str) -> String {
    let Stand {
        at,
        group,
        partition,
        offset,
        ..
    } = stand;
    format!(
        "group {group}: at {} ms it stood at {partition} offset {offset}, but {but}",
        at.0 / 1_000_000
    )
}

/// Outputs that are committed, by producer and input.
type Moved = BTreeMap<(u32, Partition, i64), Id>;

fn moved(
    transactions: &Transactions,
    inputs: &BTreeMap<(Partition, u32, u64), (Partition, i64)>,
    finding: &mut Finding,
) -> Moved {
    let mut moved = Moved::new();
    let mut read = BTreeMap::new();
    for ((partition, replica), log) in &transactions.logs {
        // Replicas agree, or another check says so: one is enough.
        if *read.entry(*partition).or_insert(*replica) != *replica {
            continue;
        }
        for entry in log.entries.values() {
            let Entry::Records(records, Some(id)) = entry else {
                continue;
            };
            let key = (*partition, records.producer, records.first);
            let transaction = transactions.all.get(id);
            let committed = transaction.is_some_and(|t| t.is_committed() == Some(true));
            if let Some((input, first)) = inputs.get(&key).filter(|_| committed) {
                for offset in offsets(*first, *records) {
                    let place = (records.producer, *input, offset);
                    if let Some(before) = moved.insert(place, *id) {
                        finding.wrong(|| {
                            format!("{input} offset {offset} was moved twice: by transactions {before:?} and {id:?}")
                        });
                    }
                }
            }
        }
    }
    moved
}

fn offsets(first: i64, records: Records) -> impl Iterator<Item = i64> {
    first..first + i64::from(records.count)
}

/// Every input before the group's last offset is moved, and none behind it.
fn is_complete(stand: &Stand, moved: &Moved, finding: &mut Finding) {
    let (producer, partition) = (stand.producer, stand.partition);
    let mut next = 0;
    let all = (producer, partition, 0)..=(producer, partition, i64::MAX);
    for (_, _, offset) in moved.range(all).map(|(key, _)| *key) {
        finding.exercised += 1;
        if offset >= stand.offset {
            finding.wrong(|| {
                format!(
                    "{partition} offset {offset} was moved by {producer}, but its group stands at {}",
                    stand.offset
                )
            });
            return;
        }
        if offset > next {
            finding.wrong(|| not_moved(partition, next, stand));
        }
        next = offset + 1;
    }
    if next < stand.offset {
        finding.wrong(|| not_moved(partition, next, stand));
    }
}

fn not_moved(partition: Partition, offset: i64, stand: &Stand) -> String {
    format!(
        "{partition} offset {offset} was not moved by {}, but its group stands at {}",
        stand.producer, stand.offset
    )
}
