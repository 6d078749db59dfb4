//! Property 9: information flows forwards, so that a record is read or acknowledged only after it was sent, and as it
//! was sent. Cycles through transactions are not looked for: none reads what another writes.

use super::finding::Finding;
use super::sent::Sent;
use crate::history::{Happened, History};

/// A fact per run of records that was seen before it was sent, or was never sent.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut sent = Sent::default();
    for (_, happened) in history.events() {
        let (records, partition, timestamp) = match happened {
            Happened::Invoked {
                records,
                partition,
                timestamp,
                ..
            } => {
                sent.add(*partition, *records, *timestamp);
                continue;
            }
            Happened::Kept {
                records,
                partition,
                timestamp,
                ..
            } => (records, partition, Some(*timestamp)),
            Happened::Acknowledged {
                records, partition, ..
            }
            | Happened::Polled {
                records, partition, ..
            }
            | Happened::Seen {
                records, partition, ..
            } => (records, partition, None),
            _ => continue,
        };
        let last = records.first + u64::from(records.count - 1);
        for sequence in [records.first, last] {
            finding.exercised += 1;
            match sent.of(*partition, records.producer, sequence) {
                None => finding.wrong(|| {
                    format!("partition {partition}: {happened:?}, but it had not been sent")
                }),
                Some(said) if timestamp.is_some_and(|timestamp| timestamp != said) => {
                    finding.wrong(|| {
                        format!("partition {partition}: {happened:?}, but its timestamp was {said}")
                    });
                }
                Some(_) => {}
            }
        }
    }
    finding
}
