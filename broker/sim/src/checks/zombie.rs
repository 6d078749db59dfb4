//! Property 10: behind a batch of a newer epoch of a producer id, none of an older epoch stands.
//! Replicas must have been read in the order of their offsets.

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::history::{Happened, History};

/// A fact per batch of an epoch that was over, or that no producer had.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut given = BTreeMap::<i64, i16>::new();
    let mut newest = BTreeMap::new();
    for (_, happened) in history.events() {
        match happened {
            Happened::Initialised { id, epoch, .. } => {
                let given = given.entry(*id).or_insert(*epoch);
                *given = (*given).max(*epoch);
            }
            Happened::KeptBatch {
                partition,
                replica,
                offset,
                id,
                epoch,
                ..
            } if *id >= 0 => {
                if given.get(id).is_none_or(|given| given < epoch) {
                    finding.wrong(|| {
                        format!("partition {partition} offset {offset} on broker {replica}: producer id {id} has no epoch {epoch}")
                    });
                }
                let (newest, at) = newest
                    .entry((*replica, *partition, *id))
                    .or_insert((*epoch, *offset));
                if epoch < newest {
                    finding.wrong(|| {
                        format!(
                            "partition {partition} offset {offset} on broker {replica}: epoch {epoch} of producer id {id} \
                             behind epoch {newest} at {at}"
                        )
                    });
                } else if epoch > newest {
                    finding.exercised += 1;
                    (*newest, *at) = (*epoch, *offset);
                }
            }
            _ => {}
        }
    }
    finding
}
