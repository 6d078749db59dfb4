//! Property 19 for transactions: after the faults none stays open, in no replica of any partition, and nothing holds
//! readers of committed records back.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use crate::history::{Happened, History, Mark};

/// A fact per producer id and replica with an open transaction, and per reader that is held back.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut transactional = BTreeSet::new();
    let mut open = BTreeMap::new();
    let mut swept = BTreeSet::new();
    let mut converged = None;
    let mut readers = BTreeMap::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::Marked { mark } => converged = (*mark == Mark::Converged).then_some(at),
            Happened::Fenced { id, .. } => {
                transactional.insert(*id);
            }
            Happened::Begun { id, .. } => {
                transactional.insert(*id);
            }
            Happened::KeptBatch {
                partition,
                replica,
                offset,
                id,
                ..
            } if transactional.contains(id) => {
                open.entry((*partition, *replica, *id)).or_insert(*offset);
            }
            Happened::KeptMarker {
                partition,
                replica,
                id,
                ..
            } => {
                finding.exercised += 1;
                open.remove(&(*partition, *replica, *id));
            }
            Happened::Swept {
                partition, replica, ..
            } => {
                swept.insert((*partition, *replica));
            }
            Happened::FetchedCommitted {
                client,
                partition,
                since,
                high_watermark,
                last_stable,
                ..
            } if converged.is_some_and(|at| at <= *since) => {
                readers.insert((*client, *partition), (*last_stable, *high_watermark));
            }
            _ => {}
        }
    }
    for ((partition, replica, id), offset) in open {
        if swept.contains(&(partition, replica)) {
            finding.wrong(|| {
                format!("partition {partition} on broker {replica}: a transaction of producer id {id} is open from offset {offset} on")
            });
        }
    }
    for ((client, partition), (stable, end)) in readers {
        if stable != end {
            finding.wrong(|| {
                format!("reader {client} of {partition}: the last stable offset is {stable} in the end, the high watermark {end}")
            });
        }
    }
    finding
}
