//! Property 6: the end of a partition never goes back, and no record beyond it is given out.
//! An acknowledgement with acks=all tells of an end behind the record. The high watermark in a fetch may
//! lag at a new leader, as Kafka's: clients that want the end ask ListOffsets, which then has them wait.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::rising::Rising;
use crate::history::{Asked, Happened, History, Partition};

/// A fact per answer with an end below one that was known before the question.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut ends = BTreeMap::<Partition, Rising>::new();
    let mut last_fetch = BTreeMap::new();
    for (at, happened) in history.events() {
        let (partition, since, end) = match happened {
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let ends = ends.entry(*partition).or_default();
                ends.told(at, offset + i64::from(records.count));
                continue;
            }
            Happened::Polled {
                client,
                partition,
                offset,
                records,
                from,
            } => {
                let next = offset + i64::from(records.count);
                let end = last_fetch.get(&(*client, *partition));
                if let Some(end) = end.filter(|end| next > **end) {
                    finding.wrong(|| {
                        format!(
                            "partition {partition}: broker {from} gave {records:?} at {offset} with the high watermark {end}"
                        )
                    });
                }
                continue;
            }
            Happened::Fetched {
                client,
                partition,
                high_watermark,
                ..
            } => {
                last_fetch.insert((*client, *partition), *high_watermark);
                ends.entry(*partition)
                    .or_default()
                    .told(at, *high_watermark);
                continue;
            }
            Happened::Listed {
                partition,
                since,
                asked: Asked::Latest,
                offset,
                ..
            } => (partition, since, offset),
            _ => continue,
        };
        let ends = ends.entry(*partition).or_default();
        if let Some(known) = ends.by(*since) {
            finding.exercised += 1;
            stale(known, *end, happened, &mut finding);
        }
        ends.told(at, *end);
    }
    finding
}

fn stale(known: i64, end: i64, happened: &Happened, finding: &mut Finding) {
    if end < known {
        finding
            .wrong(|| format!("the end is said to be {end}, but {known} was known: {happened:?}"));
    }
}
