//! Property 19: 30 s after the last fault everything is well again: leaders, full ISRs, produce, no lag.
//! It counts on what the history's author marks and on what clients do after the faults.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::Instant;

use super::finding::Finding;
use crate::history::{Happened, History, Mark};

/// Time within which everything must be well after the last fault.
pub(super) const WELL_WITHIN: Duration = Duration::from_secs(30);

/// A fact for what was not well in time.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut healed = None;
    let mut last = Instant(0);
    // Sendings after the faults that have no acknowledgement yet.
    let mut open = BTreeMap::new();
    let mut lags = BTreeMap::new();
    for (at, happened) in history.events() {
        last = at;
        match happened {
            Happened::Marked { mark: Mark::Faults } => {
                healed = None;
                open.clear();
            }
            Happened::Marked { mark: Mark::Healed } => healed = Some((at, None)),
            Happened::Marked {
                mark: Mark::Converged,
            } => {
                if let Some((_, converged)) = &mut healed {
                    converged.get_or_insert(at);
                }
            }
            Happened::Invoked {
                records, partition, ..
            } if healed.is_some() => {
                open.insert((*partition, records.producer, records.first), at);
            }
            Happened::Acknowledged {
                records, partition, ..
            } => {
                let key = (*partition, records.producer, records.first);
                if let Some(sent) = open.remove(&key) {
                    finding.exercised += 1;
                    if at.since(sent) > WELL_WITHIN {
                        finding.wrong(|| {
                            format!(
                                "{records:?} to {partition} took {:?} after the faults",
                                at.since(sent)
                            )
                        });
                    }
                }
            }
            Happened::LagRead {
                group,
                partition,
                lag,
                ..
            } if healed.is_some() => {
                lags.insert((*group, *partition), *lag);
            }
            _ => {}
        }
    }
    let Some((healed, converged)) = healed else {
        return finding;
    };
    match converged {
        Some(at) if at.since(healed) <= WELL_WITHIN => finding.exercised += 1,
        _ => finding.wrong(|| {
            format!("not every partition had a leader and a full ISR within {WELL_WITHIN:?} after the last fault")
        }),
    }
    for ((partition, producer, first), sent) in open {
        if last.since(sent) > WELL_WITHIN {
            finding.wrong(|| {
                format!("producer {producer} to {partition}: the records from {first} on, sent after the faults, were never acknowledged")
            });
        }
    }
    for ((group, partition), lag) in lags {
        finding.exercised += 1;
        if lag != 0 {
            finding.wrong(|| format!("group {group} lags by {lag} in {partition} in the end"));
        }
    }
    finding
}
