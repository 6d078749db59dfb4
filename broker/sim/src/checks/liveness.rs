//! Property 19: 30 s after the last fault everything is well again: leaders, full ISRs, produce, no lag.
//! It counts on what the history's author marks and on what clients do after the faults.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::Instant;

use super::finding::Finding;
use crate::history::{Happened, History, Mark, Partition};

/// Time within which everything must be well after the last fault.
pub(super) const WELL_WITHIN: Duration = Duration::from_secs(30);

/// What is known since the last fault.
#[derive(Default)]
struct Calm {
    /// When the faults were over; none while they go on.
    healed: Option<Instant>,
    /// When every partition was well for the first time after that.
    whole: Option<Instant>,
    /// Sendings that have no acknowledgement yet: partition, producer, first number.
    open: BTreeMap<(Partition, u32, u64), Instant>,
    /// Who gave up a batch of before, and when.
    gave_up: Option<(Instant, Partition, u32)>,
    /// The last lag that was read of each group in each partition.
    lags: BTreeMap<(u32, Partition), i64>,
}

impl Calm {
    fn turn(&mut self, mark: Mark, at: Instant) {
        match mark {
            Mark::Faults => *self = Calm::default(),
            Mark::Healed => {
                *self = Calm {
                    healed: Some(at),
                    ..Calm::default()
                }
            }
            Mark::Whole => {
                self.whole.get_or_insert(at);
            }
            Mark::Converged => {}
        }
    }

    /// A producer gives the batches behind one up with it: where that one is of before, its time was over with
    /// the faults, whatever has been well since.
    fn give_up(&mut self, at: Instant, partition: Partition, producer: u32, first: u64) {
        let who = Some((at, partition, producer));
        let key = (partition, producer, first);
        if !self.open.contains_key(&key) {
            self.gave_up = who;
        } else if self.gave_up == who {
            self.open.remove(&key);
        }
    }

    /// What is still not well at the end, which is at `last`.
    fn end(self, last: Instant, finding: &mut Finding) {
        let Some(healed) = self.healed else {
            return;
        };
        match self.whole {
            Some(at) if at.since(healed) <= WELL_WITHIN => finding.exercised += 1,
            _ => finding.wrong(|| {
                format!(
                    "not every partition had a leader and a full ISR within {WELL_WITHIN:?} after the last fault"
                )
            }),
        }
        for ((partition, producer, first), sent) in self.open {
            if last.since(sent) > WELL_WITHIN {
                finding.wrong(|| {
                    format!(
                        "producer {producer} to {partition}: the records from {first} on, sent after the faults, were never acknowledged"
                    )
                });
            }
        }
        for ((group, partition), lag) in self.lags {
            finding.exercised += 1;
            if lag != 0 {
                finding.wrong(|| format!("group {group} lags by {lag} in {partition} in the end"));
            }
        }
    }
}

/// A fact for what was not well in time.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut calm = Calm::default();
    let mut last = Instant(0);
    for (at, happened) in history.events() {
        last = at;
        match happened {
            Happened::Marked { mark } => calm.turn(*mark, at),
            Happened::Invoked {
                records, partition, ..
            } if calm.healed.is_some() => {
                let key = (*partition, records.producer, records.first);
                calm.open.insert(key, at);
            }
            Happened::Acknowledged {
                records, partition, ..
            } => {
                let key = (*partition, records.producer, records.first);
                if let Some(sent) = calm.open.remove(&key) {
                    finding.exercised += 1;
                    let took = at.since(sent);
                    if took > WELL_WITHIN {
                        finding.wrong(|| {
                            format!("{records:?} to {partition} took {took:?} after the faults")
                        });
                    }
                }
            }
            // How a transaction ends is its producer's to say; that it ends, another check asks.
            Happened::SentIn {
                records, partition, ..
            } => {
                let key = (*partition, records.producer, records.first);
                calm.open.remove(&key);
            }
            Happened::Unsure { records, partition } => {
                calm.give_up(at, *partition, records.producer, records.first);
            }
            Happened::LagRead {
                group,
                partition,
                lag,
                ..
            } if calm.healed.is_some() => {
                calm.lags.insert((*group, *partition), *lag);
            }
            _ => {}
        }
    }
    calm.end(last, &mut finding);
    finding
}
