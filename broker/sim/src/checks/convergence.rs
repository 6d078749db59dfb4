//! Property 16: after the faults all replicas of a partition hold the same bytes, batch by batch,
//! where their logs overlap. Compacted topics are not for this check: their replicas compact at different times.

use std::collections::BTreeMap;
use std::ops::Range;

use kring_io::BrokerId;

use super::finding::Finding;
use crate::history::{Happened, History, Partition};

/// A batch: who has it first, offset after its last, hash, and how many replicas have the same.
struct Batch {
    first: BrokerId,
    next: i64,
    hash: u64,
    same: Vec<BrokerId>,
}

#[derive(Default)]
struct Log {
    batches: BTreeMap<i64, Batch>,
    /// Replica, log start, high watermark.
    sweeps: Vec<(BrokerId, i64, i64)>,
}

impl Log {
    fn keep(
        &mut self,
        partition: Partition,
        replica: BrokerId,
        offsets: Range<i64>,
        hash: u64,
        finding: &mut Finding,
    ) {
        let (offset, next) = (offsets.start, offsets.end);
        let batch = self.batches.entry(offset).or_insert_with(|| Batch {
            first: replica,
            next,
            hash,
            same: Vec::with_capacity(3),
        });
        batch.same.push(replica);
        if (batch.next, batch.hash) != (next, hash) {
            let first = batch.first;
            finding.wrong(|| {
                format!(
                    "partition {partition}: the batch at {offset} is not the same on brokers {first} and {replica}"
                )
            });
        }
    }
}

/// A fact per batch that differs between replicas or that one of them lacks.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut logs = BTreeMap::<Partition, Log>::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::KeptBatch {
                partition,
                replica,
                offset,
                next,
                hash,
                ..
            } => {
                let log = logs.entry(*partition).or_default();
                log.keep(*partition, *replica, *offset..*next, *hash, &mut finding);
            }
            Happened::KeptMarker {
                partition,
                replica,
                offset,
                hash,
                ..
            } => {
                let log = logs.entry(*partition).or_default();
                let offsets = *offset..*offset + 1;
                log.keep(*partition, *replica, offsets, *hash, &mut finding);
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
    for (partition, log) in logs {
        if log.sweeps.len() > 1 {
            missing(partition, &log, &mut finding);
        }
    }
    finding
}

fn missing(partition: Partition, log: &Log, finding: &mut Finding) {
    for (offset, batch) in &log.batches {
        for (replica, log_start, high_watermark) in &log.sweeps {
            if offset < log_start || batch.next > *high_watermark {
                continue;
            }
            finding.exercised += 1;
            if !batch.same.contains(replica) {
                finding.wrong(|| {
                    format!(
                        "partition {partition}: the batch at {offset} of broker {} is not on broker {replica}",
                        batch.first
                    )
                });
            }
        }
    }
}
