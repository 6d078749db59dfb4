//! Properties 6 and 7 for readers of committed records: they are given what is stable, in order, and pass over nothing
//! that is committed.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::offsets::Offsets;
use super::transactions::{Entry, Transactions};
use crate::history::{Happened, History, Partition};

/// A reader of one partition.
#[derive(Default)]
struct Reader {
    begins: i64,
    /// Behind the last record that it was given.
    next: i64,
    /// The last stable offset of the last answer.
    stable: i64,
    /// Its position behind the last answer.
    passed: i64,
    seen: Offsets<()>,
}

/// A fact per record that came too early, twice, or not at all.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut readers = BTreeMap::<(u32, Partition), Reader>::new();
    let mut begins = BTreeMap::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Positioned {
                client,
                partition,
                offset,
            } => {
                begins.insert((*client, *partition), *offset);
            }
            Happened::FetchedCommitted {
                client,
                partition,
                from,
                high_watermark,
                last_stable,
                next,
                ..
            } => {
                let reader = reader(&mut readers, &begins, (*client, *partition));
                if last_stable > high_watermark || next > last_stable && *next > reader.passed {
                    finding.wrong(|| {
                        format!(
                            "partition {partition}: broker {from} gave records up to {next} with the last stable offset \
                             {last_stable} and the high watermark {high_watermark}"
                        )
                    });
                }
                reader.stable = *last_stable;
                reader.passed = reader.passed.max(*next);
            }
            Happened::Seen {
                client,
                partition,
                offset,
                records,
                from,
            } => {
                let reader = reader(&mut readers, &begins, (*client, *partition));
                let next = offset + i64::from(records.count);
                let (stands, stable) = (reader.next, reader.stable);
                if *offset < stands || next > stable {
                    finding.wrong(|| {
                        format!(
                            "reader {client} stands at {partition} offset {stands}, but broker {from} gave {records:?} at {offset} \
                             with the last stable offset {stable}"
                        )
                    });
                }
                reader.next = next;
                for (offset, _) in records.at(*offset) {
                    *reader.seen.slot(offset) = Some(());
                }
            }
            _ => {}
        }
    }
    if !readers.is_empty() {
        passed_over(history, readers, &mut finding);
    }
    finding
}

fn reader<'a>(
    readers: &'a mut BTreeMap<(u32, Partition), Reader>,
    begins: &BTreeMap<(u32, Partition), i64>,
    of: (u32, Partition),
) -> &'a mut Reader {
    readers.entry(of).or_insert_with(|| {
        let begins = begins.get(&of).copied().unwrap_or(0);
        Reader {
            begins,
            next: begins,
            passed: begins,
            ..Reader::default()
        }
    })
}

/// Looks for committed records that are behind a reader and were not given to it.
fn passed_over(
    history: &History,
    mut readers: BTreeMap<(u32, Partition), Reader>,
    finding: &mut Finding,
) {
    let transactions = Transactions::of(history);
    for ((client, partition), reader) in &mut readers {
        let mut logs = transactions.logs.iter();
        // Replicas agree, or another check says so: one is enough.
        let Some((_, log)) = logs.find(|((of, _), _)| of == partition) else {
            continue;
        };
        for (offset, entry) in log.entries.range(reader.begins..reader.passed) {
            let Entry::Records(records, id) = entry else {
                continue;
            };
            let transaction = id.and_then(|id| transactions.all.get(&id));
            if transaction.is_some_and(|t| t.is_committed() != Some(true)) {
                continue;
            }
            for (offset, _) in records.at(*offset) {
                finding.exercised += 1;
                if offset < reader.passed && reader.seen.slot(offset).is_none() {
                    finding.wrong(|| {
                        format!("reader {client} went past {partition} offset {offset}, but {records:?} is there and committed")
                    });
                }
            }
        }
    }
}
