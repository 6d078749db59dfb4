//! Property 14: ListOffsets by timestamp gives the first record at or after that time.
//! It is judged by what the replicas hold in the end; what was deleted meanwhile, or may have been where
//! the answer came from, is not asked for.

use std::collections::BTreeMap;

use kring_io::{BrokerId, Instant};

use super::finding::Finding;
use super::rising::Rising;
use crate::history::{Asked, Happened, History, Partition};

#[derive(Default)]
struct Log {
    replica: Option<BrokerId>,
    /// First offset, offset after the last, timestamp, and the highest timestamp so far, of each run.
    runs: Vec<(i64, i64, i64, i64)>,
    ends: Rising,
    /// Everything before may have been deleted when a broker answered.
    deletable: i64,
    high_watermark: i64,
}

impl Log {
    fn keep(&mut self, offset: i64, next: i64, timestamp: i64) {
        let before = self.runs.last().map_or(i64::MIN, |run| run.3);
        let counts = next > self.deletable;
        let highest = if counts {
            before.max(timestamp)
        } else {
            before
        };
        self.runs.push((offset, next, timestamp, highest));
    }

    /// The highest timestamp before `offset` of what cannot have been deleted.
    fn highest_before(&self, offset: i64) -> Option<i64> {
        if offset <= self.deletable {
            return None;
        }
        let from = self.runs.partition_point(|run| run.0 < offset);
        Some(self.runs[..from].last()?.3)
    }

    fn deletes_before(&mut self, offset: i64) {
        self.deletable = self.deletable.max(offset);
    }

    /// The timestamp at `offset`.
    fn at(&self, offset: i64) -> Option<i64> {
        let after = self.runs.partition_point(|run| run.0 <= offset);
        let run = self.runs[..after].last()?;
        (offset < run.1).then_some(run.2)
    }
}

struct Answer {
    partition: Partition,
    since: Instant,
    asked: i64,
    offset: i64,
    timestamp: i64,
}

impl Answer {
    fn of(happened: &Happened) -> Option<Answer> {
        match happened {
            Happened::Listed {
                partition,
                since,
                asked: Asked::Timestamp(asked),
                offset,
                timestamp,
                ..
            } => Some(Answer {
                partition: *partition,
                since: *since,
                asked: *asked,
                offset: *offset,
                timestamp: *timestamp,
            }),
            _ => None,
        }
    }
}

/// A fact per answer that is not the first record at or after the time.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let mut logs = BTreeMap::<Partition, Log>::new();
    let mut answers = Vec::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let log = logs.entry(*partition).or_default();
                log.ends.told(at, offset + i64::from(records.count));
            }
            Happened::TrimInvoked {
                partition,
                before: start,
            }
            | Happened::Fetched {
                partition,
                log_start: start,
                ..
            }
            | Happened::Listed {
                partition,
                asked: Asked::Earliest,
                offset: start,
                ..
            } => logs.entry(*partition).or_default().deletes_before(*start),
            Happened::Listed { .. } => answers.extend(Answer::of(happened)),
            Happened::Kept {
                partition,
                replica,
                offset,
                records,
                timestamp,
            } => {
                let log = logs.entry(*partition).or_default();
                if log.replica.get_or_insert(*replica) == replica {
                    log.keep(*offset, offset + i64::from(records.count), *timestamp);
                }
            }
            Happened::Swept {
                partition,
                high_watermark,
                ..
            } => {
                let log = logs.entry(*partition).or_default();
                log.high_watermark = log.high_watermark.max(*high_watermark);
            }
            _ => {}
        }
    }
    for answer in answers {
        let log = logs.entry(answer.partition).or_default();
        if log.runs.is_empty() {
            continue;
        }
        finding.exercised += 1;
        if let Some(reason) = wrong(log, &answer) {
            finding.wrong(|| {
                format!(
                    "partition {}: asked at {} ms for {}, the answer was offset {} of {}, but {reason}",
                    answer.partition,
                    answer.since.0 / 1_000_000,
                    answer.asked,
                    answer.offset,
                    answer.timestamp
                )
            });
        }
    }
    finding
}

fn wrong(log: &Log, answer: &Answer) -> Option<String> {
    let none = answer.offset < 0;
    // Everything before the answer was there when it was given; of what comes after, only what was known.
    let before = if none {
        log.ends.by(answer.since).unwrap_or(0)
    } else {
        answer.offset
    };
    if let Some(highest) = log.highest_before(before).filter(|ts| *ts >= answer.asked) {
        return Some(format!("there is a record of {highest} before {before}"));
    }
    if none {
        return None;
    }
    if answer.offset >= log.high_watermark {
        return Some("no replica has that offset".to_owned());
    }
    match log.at(answer.offset) {
        Some(timestamp) if timestamp < answer.asked || timestamp != answer.timestamp => {
            Some(format!("the record there is of {timestamp}"))
        }
        _ => None,
    }
}
