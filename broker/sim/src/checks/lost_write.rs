//! Property 2: every acknowledged record is in every replica at the offset it was acknowledged with.
//! What lies before a replica's log start is not asked for: whether the start may be there is a check of its own.

use std::collections::BTreeMap;

use kring_io::BrokerId;

use super::finding::Finding;
use super::offsets::Offsets;
use crate::history::{Happened, History, Partition, RecordId};

/// Replicas of one partition that can be told apart.
const REPLICAS_MAX: usize = 64;

#[derive(Default)]
struct Log {
    /// The record, and a bit for each replica that has it.
    acknowledged: Offsets<(RecordId, u64)>,
    /// Replicas in the order of their first mention.
    replicas: Vec<BrokerId>,
    /// Replica, log start, high watermark.
    sweeps: Vec<(BrokerId, i64, i64)>,
}

impl Log {
    fn bit(&mut self, replica: BrokerId) -> u64 {
        let known = self.replicas.iter().position(|known| *known == replica);
        let index = known.unwrap_or_else(|| {
            self.replicas.push(replica);
            self.replicas.len() - 1
        });
        assert!(index < REPLICAS_MAX, "a partition has at most 64 replicas");
        1 << index
    }
}

/// A fact per replica and acknowledged record that it lacks, and per partition nobody read.
pub(super) fn check(history: &History) -> Finding {
    let mut logs = BTreeMap::<Partition, Log>::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let log = logs.entry(*partition).or_default();
                for (offset, id) in records.at(*offset) {
                    *log.acknowledged.slot(offset) = Some((id, 0));
                }
            }
            Happened::Kept {
                records,
                partition,
                offset,
                replica,
                ..
            } => {
                let log = logs.entry(*partition).or_default();
                let bit = log.bit(*replica);
                for (offset, id) in records.at(*offset) {
                    if let Some((acknowledged, replicas)) = log.acknowledged.slot(offset)
                        && *acknowledged == id
                    {
                        *replicas |= bit;
                    }
                }
            }
            Happened::Swept {
                partition,
                replica,
                log_start,
                high_watermark,
            } => {
                let log = logs.entry(*partition).or_default();
                log.sweeps.push((*replica, *log_start, *high_watermark));
            }
            _ => {}
        }
    }
    let mut finding = Finding::default();
    for (partition, mut log) in logs {
        missing(partition, &mut log, &mut finding);
    }
    finding
}

fn missing(partition: Partition, log: &mut Log, finding: &mut Finding) {
    let sweeps: Vec<_> = std::mem::take(&mut log.sweeps)
        .into_iter()
        .map(|sweep| (sweep, log.bit(sweep.0)))
        .collect();
    for (offset, (id, replicas)) in log.acknowledged.iter() {
        if sweeps.is_empty() {
            finding.wrong(|| {
                format!("partition {partition}: acknowledged {id:?}, but no replica was read")
            });
        }
        for ((replica, log_start, high_watermark), bit) in &sweeps {
            if offset < *log_start {
                continue;
            }
            finding.exercised += 1;
            if replicas & bit == 0 {
                finding.wrong(|| {
                    format!(
                        "partition {partition} offset {offset}: acknowledged {id:?} is not on broker {replica} \
                         (log start {log_start}, high watermark {high_watermark})"
                    )
                });
            }
        }
    }
}
