//! Property 17: a group's lag in the metrics is the end of the partition less what the group committed.
//! A metric may be as old as [`SCRAPE_AGE`]; while faults are on, a broker that is cut off may say anything.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::Instant;

use super::commits;
use super::finding::Finding;
use super::rising::Rising;
use crate::history::{Asked, Happened, History, Mark, Partition};

/// How late a broker learns of ends and commits, at most.
const SCRAPE_AGE: Duration = Duration::from_secs(2);

/// A fact per lag that cannot have been true.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let commits = commits::of(history);
    let mut ends = BTreeMap::<Partition, Rising>::new();
    let mut faulty = false;
    let mut calm_since = Instant(0);
    for (at, happened) in history.events() {
        match happened {
            Happened::Marked { mark } => {
                faulty = *mark != Mark::Converged;
                calm_since = at;
            }
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => {
                let ends = ends.entry(*partition).or_default();
                ends.told(at, offset + i64::from(records.count));
            }
            Happened::Fetched {
                partition,
                high_watermark: end,
                ..
            }
            | Happened::Listed {
                partition,
                asked: Asked::Latest,
                offset: end,
                ..
            } => ends.entry(*partition).or_default().told(at, *end),
            Happened::LagRead {
                group,
                partition,
                from,
                since,
                lag,
            } => {
                let early = Instant(since.0.saturating_sub(SCRAPE_AGE.as_nanos() as u64));
                if faulty || early < calm_since {
                    continue;
                }
                let Some((lowest, highest)) = commits
                    .get(&(*group, *partition))
                    .and_then(|commits| commits.bounds(early, at))
                else {
                    continue;
                };
                let ends = ends.entry(*partition).or_default();
                let (Some(known), Some(end)) = (ends.by(early), ends.by(at)) else {
                    continue;
                };
                finding.exercised += 1;
                let least = (known - highest).max(0);
                let most = (end - lowest).max(0);
                if *lag < least || *lag > most {
                    finding.wrong(|| {
                        format!(
                            "group {group}: asked at {} ms, broker {from} says that {partition} lags by {lag}, but it is {least} to {most}",
                            since.0 / 1_000_000
                        )
                    });
                }
            }
            _ => {}
        }
    }
    finding
}
