//! What a group may have committed to a partition at any time, as far as its members know.
//! It judges nothing.

use std::collections::BTreeMap;

use kring_io::Instant;

use crate::history::{Happened, History, Outcome, Partition};

/// Never: the end of what was not answered.
const NEVER: Instant = Instant(u64::MAX);

/// The commits of one group to one partition.
#[derive(Debug, Default)]
pub(super) struct Commits {
    /// Beginning and end of the commits of each offset that may be in effect.
    by_offset: BTreeMap<i64, Vec<(Instant, Instant)>>,
    /// Ends of the commits that were done, with the latest beginning of any that ended by then.
    done: Vec<(Instant, Instant)>,
}

impl Commits {
    fn add(&mut self, offset: i64, begin: Instant, end: Instant, outcome: Outcome) {
        match outcome {
            Outcome::Refused => return,
            Outcome::Unknown => {}
            Outcome::Done => {
                let latest = self
                    .done
                    .last()
                    .map_or(begin, |(_, latest)| begin.max(*latest));
                self.done.push((end, latest));
            }
        }
        let end = if outcome == Outcome::Done { end } else { NEVER };
        self.by_offset.entry(offset).or_default().push((begin, end));
    }

    /// The latest beginning of a commit that was over by `at`.
    pub(super) fn over_by(&self, at: Instant) -> Option<Instant> {
        let later = self.done.partition_point(|(end, _)| *end <= at);
        Some(self.done[..later].last()?.1)
    }

    /// Whether a read between the two times may have seen the offset: some commit of it was not over
    /// before another began that was over before the read.
    pub(super) fn may_be(&self, offset: i64, since: Instant, until: Instant) -> bool {
        let overwritten = self.over_by(since);
        if offset < 0 {
            return overwritten.is_none();
        }
        self.by_offset.get(&offset).is_some_and(|commits| {
            commits.iter().any(|(begin, end)| {
                *begin <= until && overwritten.is_none_or(|overwritten| *end >= overwritten)
            })
        })
    }

    /// The lowest and the highest offset that a read between the two times may have seen.
    pub(super) fn bounds(&self, since: Instant, until: Instant) -> Option<(i64, i64)> {
        let possible = |offset: &&i64| self.may_be(**offset, since, until);
        let lowest = self.by_offset.keys().find(possible)?;
        let highest = self.by_offset.keys().rev().find(possible)?;
        Some((*lowest, *highest))
    }
}

/// The commits of every group to every partition.
pub(super) fn of(history: &History) -> BTreeMap<(u32, Partition), Commits> {
    let mut commits = BTreeMap::<_, Commits>::new();
    let mut open = BTreeMap::new();
    for (at, happened) in history.events() {
        match happened {
            Happened::CommitInvoked {
                client,
                group,
                generation,
                partition,
                offset,
            } => {
                open.insert((*client, *group, *partition, *offset, *generation), at);
            }
            Happened::Committed {
                client,
                group,
                generation,
                partition,
                offset,
                outcome,
            } => {
                let key = (*client, *group, *partition, *offset, *generation);
                let begin = open.remove(&key).unwrap_or(at);
                let commits = commits.entry((*group, *partition)).or_default();
                commits.add(*offset, begin, at, *outcome);
            }
            _ => {}
        }
    }
    // Of a member that died nobody writes down how its last commit ended.
    for ((_, group, partition, offset, _), begin) in open {
        let commits = commits.entry((group, partition)).or_default();
        commits.add(offset, begin, NEVER, Outcome::Unknown);
    }
    commits
}
