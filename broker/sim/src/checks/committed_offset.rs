//! Property 12, offsets: what a group committed is what it is given back, and a member of an earlier
//! generation commits nothing. It does not ask whether the records were read.

use std::collections::BTreeMap;

use kring_io::Instant;

use super::commits::{self, Commits};
use super::finding::Finding;
use crate::history::{Happened, History, Outcome};

/// A fact per offset that was given back wrongly, and per commit that should have been refused.
pub(super) fn check(history: &History) -> Finding {
    let mut finding = Finding::default();
    let commits = commits::of(history);
    let none = Commits::default();
    let mut begun = BTreeMap::new();
    let mut generations = BTreeMap::<(u32, i32), Instant>::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::Synced {
                group, generation, ..
            } => {
                generations.entry((*group, *generation)).or_insert(at);
            }
            Happened::CommitInvoked {
                client,
                group,
                generation,
                partition,
                offset,
            } => {
                // A generation that had begun when the member asked makes its commit one too late.
                let newer = generations
                    .range((*group, generation.saturating_add(1))..=(*group, i32::MAX))
                    .find(|(_, synced)| **synced < at)
                    .map(|((_, newer), _)| *newer);
                begun.insert((*client, *group, *generation, *partition, *offset), newer);
            }
            Happened::Committed {
                client,
                group,
                generation,
                partition,
                offset,
                outcome,
            } => {
                let newer = begun.remove(&(*client, *group, *generation, *partition, *offset));
                if let (Outcome::Done, Some(Some(newer))) = (outcome, newer) {
                    finding.wrong(|| {
                        format!(
                            "group {group}: member {client} of generation {generation} committed {partition} offset {offset}, \
                             but generation {newer} had begun before"
                        )
                    });
                }
            }
            Happened::OffsetFetched {
                group,
                partition,
                since,
                offset,
                ..
            } => {
                let commits = commits.get(&(*group, *partition)).unwrap_or(&none);
                finding.exercised += u64::from(commits.over_by(*since).is_some());
                if !commits.may_be(*offset, *since, at) {
                    finding.wrong(|| {
                        format!(
                            "group {group}: asked at {} ms, partition {partition} was said to be committed at {offset}, \
                             but that was not the last commit",
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
