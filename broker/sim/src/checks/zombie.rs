//! Property 10: behind a batch of a newer epoch of a producer id, none of an older epoch stands.
//! Replicas must have been read in the order of their offsets.

use std::collections::BTreeMap;

use kring_io::BrokerId;

use super::finding::Finding;
use crate::history::{Happened, History, Partition};

/// The newest epoch of each producer id in each replica, and where it stands.
#[derive(Default)]
struct Newest(BTreeMap<(BrokerId, Partition, i64), (i16, i64)>);

impl Newest {
    fn rise(
        &mut self,
        place: (BrokerId, Partition, i64),
        epoch: i16,
        offset: i64,
        finding: &mut Finding,
    ) {
        let (newest, at) = self.0.entry(place).or_insert((epoch, offset));
        let (replica, partition, id) = place;
        if epoch < *newest {
            finding.wrong(|| {
                format!(
                    "partition {partition} offset {offset} on broker {replica}: epoch {epoch} of producer id {id} \
                     behind epoch {newest} at {at}"
                )
            });
        } else if epoch > *newest {
            finding.exercised += 1;
            (*newest, *at) = (epoch, offset);
        }
    }
}

/// A fact per batch of an epoch that was over, or that no producer had.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut given = BTreeMap::<i64, i16>::new();
    let mut newest = Newest::default();
    for (_, happened) in history.events() {
        match happened {
            Happened::Initialised { id, epoch, .. } => {
                let given = given.entry(*id).or_insert(*epoch);
                *given = (*given).max(*epoch);
            }
            // The end of a transaction may have an epoch that no producer was told of: it is raised to fence one.
            Happened::KeptMarker {
                partition,
                replica,
                offset,
                id,
                epoch,
                ..
            } => {
                let place = (*replica, *partition, *id);
                newest.rise(place, *epoch, *offset, &mut finding);
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
                let place = (*replica, *partition, *id);
                newest.rise(place, *epoch, *offset, &mut finding);
            }
            _ => {}
        }
    }
    finding
}
