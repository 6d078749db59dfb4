//! Property 1: one offset of a partition has one record, over all acknowledgements, polls and replicas,
//! with the bytes that its producer sent. It does not ask whether a record is missing.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::offsets::Offsets;
use crate::history::{Happened, History};

/// A fact per offset that was seen with two records or with damaged ones.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut known = BTreeMap::<_, Offsets<_>>::new();
    for (_, happened) in history.events() {
        let (records, partition, offset) = match happened {
            Happened::Damaged {
                partition,
                offset,
                from,
            } => {
                finding.wrong(|| {
                    format!(
                        "partition {partition} offset {offset}: broker {from} gave bytes that no producer sent there"
                    )
                });
                continue;
            }
            Happened::Acknowledged {
                records,
                partition,
                offset,
            }
            | Happened::Polled {
                records,
                partition,
                offset,
                ..
            }
            | Happened::Kept {
                records,
                partition,
                offset,
                ..
            } => (records, partition, offset),
            _ => continue,
        };
        let known = known.entry(*partition).or_default();
        for (offset, id) in records.at(*offset) {
            match known.slot(offset) {
                Some(first) if *first == id => finding.exercised += 1,
                Some(first) => {
                    let first = *first;
                    finding.wrong(|| {
                        format!("partition {partition} offset {offset}: {first:?}, then {id:?} by {happened:?}")
                    });
                }
                none => *none = Some(id),
            }
        }
    }
    finding
}
