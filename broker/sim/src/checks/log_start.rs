//! Property 13: what DeleteRecords deleted stays deleted, a log's start moves only past what may be
//! deleted, and by age in time. What age deleted may be seen again after a crash: nobody was told it is gone.

use std::collections::BTreeMap;

use kring_io::{BrokerId, Instant};

use super::finding::Finding;
use super::rising::Rising;
use super::sent::Sent;
use crate::history::{Asked, Happened, History, Partition};

/// How long a topic keeps records.
#[derive(Clone, Copy)]
struct Retention {
    retention_ms: i64,
    slack_ms: i64,
    skew_ms: i64,
    origin_ms: i64,
}

impl Retention {
    fn of(happened: &Happened) -> Option<Retention> {
        match happened {
            Happened::Retention {
                retention_ms,
                slack_ms,
                skew_ms,
                origin_ms,
                ..
            } => Some(Retention {
                retention_ms: *retention_ms,
                slack_ms: *slack_ms,
                skew_ms: *skew_ms,
                origin_ms: *origin_ms,
            }),
            _ => None,
        }
    }

    /// Whether it is so old at `at` that a broker may delete it.
    fn may_go(self, timestamp: i64, at: Instant) -> bool {
        self.age_ms(timestamp, at).saturating_add(self.skew_ms) >= self.retention_ms
    }

    /// Whether it is so old at `at` that every broker must have deleted it.
    fn must_be_gone(self, timestamp: i64, at: Instant) -> bool {
        let kept_ms = self.retention_ms.saturating_add(self.slack_ms);
        self.age_ms(timestamp, at) > kept_ms.saturating_add(self.skew_ms)
    }

    /// How old a record is at `at`, in ms.
    fn age_ms(self, timestamp: i64, at: Instant) -> i64 {
        let elapsed_ms = i64::try_from(at.0 / 1_000_000).unwrap_or(i64::MAX);
        self.origin_ms + elapsed_ms - timestamp
    }
}

#[derive(Default)]
struct Log {
    /// Starts that were answered to DeleteRecords.
    starts: Rising,
    /// Everything before was asked to be deleted.
    trimmed: i64,
    /// Acknowledged records that are not known to be deleted: offset after the last, timestamp.
    acknowledged: BTreeMap<i64, i64>,
}

/// A fact per start that went back or came too early, and per record that is still there.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut logs = BTreeMap::<Partition, Log>::new();
    let mut retentions = BTreeMap::<u32, Retention>::new();
    let mut timestamps = Sent::default();
    let mut newest = BTreeMap::<(Partition, BrokerId), i64>::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::Retention { topic, .. } => {
                retentions.extend(Retention::of(happened).map(|retention| (*topic, retention)));
            }
            Happened::Invoked {
                records,
                partition,
                timestamp,
                ..
            } => timestamps.add(*partition, *records, *timestamp),
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let timestamp = timestamps.of(*partition, records.producer, records.first);
                logs.entry(*partition)
                    .or_default()
                    .acknowledged
                    .insert(offset + i64::from(records.count), timestamp.unwrap_or(0));
            }
            Happened::TrimInvoked { partition, before } => {
                let log = logs.entry(*partition).or_default();
                log.trimmed = log.trimmed.max(*before);
            }
            Happened::Kept {
                partition,
                replica,
                offset,
                timestamp,
                ..
            } => {
                // A log is deleted from its start on, so a record goes no sooner than all before it. One that was
                // long on its way brings an old timestamp behind newer ones.
                let before = newest.entry((*partition, *replica)).or_insert(*timestamp);
                *before = (*before).max(*timestamp);
                if let Some(retention) = retentions.get(&partition.topic) {
                    let place = (*partition, *replica, *offset);
                    stayed_late(retention, place, *before, at, &mut finding);
                }
            }
            _ => {
                if let Some((partition, since, start, gives)) = start_in(happened) {
                    let log = logs.entry(partition).or_default();
                    let retention = retentions.get(&partition.topic).copied();
                    if gives {
                        went_back(log, partition, since, start, &mut finding);
                    }
                    if matches!(happened, Happened::Trimmed { .. }) {
                        log.starts.told(at, start);
                    }
                    came_early(log, partition, at, start, retention, &mut finding);
                }
            }
        }
    }
    finding
}

fn stayed_late(
    retention: &Retention,
    (partition, replica, offset): (Partition, BrokerId, i64),
    timestamp: i64,
    at: Instant,
    finding: &mut Finding,
) {
    if retention.must_be_gone(timestamp, at) {
        finding.wrong(|| {
            format!(
                "partition {partition} offset {offset} on broker {replica} is {} ms old, but the topic keeps {} ms",
                retention.age_ms(timestamp, at),
                retention.retention_ms
            )
        });
    }
}

/// A log start that an event tells of, when it was asked for, and whether whoever told must know the newest.
fn start_in(happened: &Happened) -> Option<(Partition, Instant, i64, bool)> {
    match happened {
        Happened::Trimmed {
            partition,
            since,
            log_start,
        } => Some((*partition, *since, *log_start, true)),
        Happened::Listed {
            partition,
            since,
            asked: Asked::Earliest,
            offset,
            ..
        } => Some((*partition, *since, *offset, true)),
        // A leader that was replaced unawares, or a follower, may hear of the start later.
        Happened::Fetched {
            partition,
            log_start,
            ..
        }
        | Happened::Swept {
            partition,
            log_start,
            ..
        } => Some((*partition, Instant(0), *log_start, false)),
        _ => None,
    }
}

fn went_back(
    log: &mut Log,
    partition: Partition,
    since: Instant,
    start: i64,
    finding: &mut Finding,
) {
    if let Some(known) = log.starts.by(since).filter(|known| *known > 0) {
        finding.exercised += 1;
        if start < known {
            finding.wrong(|| {
                format!(
                    "partition {partition}: asked at {} ms, the log starts at {start}, but everything before {known} was deleted",
                    since.0 / 1_000_000
                )
            });
        }
    }
}

fn came_early(
    log: &mut Log,
    partition: Partition,
    at: Instant,
    start: i64,
    retention: Option<Retention>,
    finding: &mut Finding,
) {
    while let Some(entry) = log.acknowledged.first_entry() {
        let (next, timestamp) = (*entry.key(), *entry.get());
        if next > start {
            return;
        }
        entry.remove();
        if next <= log.trimmed {
            continue;
        }
        let may_go = retention.is_some_and(|retention| retention.may_go(timestamp, at));
        if !may_go {
            finding.wrong(|| {
                format!(
                    "partition {partition}: the log starts at {start} at {} ms, but the record before {next} of {timestamp} \
                     is neither old enough nor asked to be deleted",
                    at.0 / 1_000_000
                )
            });
        }
    }
}
