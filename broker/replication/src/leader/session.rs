//! A follower's conversation with this leader: which partitions it fetches and where it stands in each.
//! It reads no log.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kring_io::Instant;
use kring_log::ReadId;
use kring_wire::ids::{Offset, TopicPartition};

use crate::message::{Fetch, FetchPartition, Outcome, SessionId};

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    /// The last fetch.
    pub(crate) seq: u64,
    pub(crate) heard_at: Instant,
    /// The fetch that waits for an answer.
    pub(crate) parked: Option<Parked>,
    pub(crate) entries: BTreeMap<TopicPartition, Entry>,
    /// Partitions that may have something to answer at once.
    pub(crate) ready: BTreeSet<TopicPartition>,
    /// Partitions of which only a number changed, and since when.
    pub(crate) news: BTreeSet<TopicPartition>,
    pub(crate) news_since: Option<Instant>,
    /// Where the next answer goes on, so that no partition starves.
    pub(crate) after: Option<TopicPartition>,
    /// The log had too many reads under way.
    pub(crate) log_was_busy: bool,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Parked {
    pub(crate) deadline: Instant,
    pub(crate) max_bytes: usize,
}

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Entry {
    pub(crate) at: FetchPartition,
    pub(crate) state: State,
    /// The follower's log up to `at.fetch_offset` is a prefix of this leader's, in this epoch.
    pub(crate) placed: bool,
    /// The high watermark and the log's start that the follower heard of and took.
    pub(crate) told: Option<(Offset, Offset)>,
    /// The follower's log durably begins here; 0 until it said so.
    pub(crate) log_start: Offset,
}

#[derive(Debug, PartialEq, Eq)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) enum State {
    /// This broker does not lead the partition in the follower's epoch, or not yet.
    Unplaced,
    /// It gets what comes after its end.
    Fetching,
    /// What comes after its end is being read from disk.
    Reading(ReadId),
    /// That was read.
    Loaded(Vec<Bytes>),
    /// It gets this answer.
    Answer(Outcome),
    /// It got an answer that changes its state; the new state is awaited.
    Answered,
}

impl Session {
    pub(crate) fn new(id: SessionId) -> Session {
        Session {
            id,
            seq: 0,
            heard_at: Instant::default(),
            parked: None,
            entries: BTreeMap::new(),
            ready: BTreeSet::new(),
            news: BTreeSet::new(),
            news_since: None,
            after: None,
            log_was_busy: false,
        }
    }

    /// Takes a fetch; its partitions are not placed yet.
    pub(crate) fn take(&mut self, now: Instant, fetch: &Fetch) {
        self.seq = fetch.seq;
        self.heard_at = now;
        for tp in &fetch.forgotten {
            self.forget(*tp);
        }
        for at in &fetch.partitions {
            let told = self.entries.get(&at.tp);
            let told = told.filter(|entry| entry.at.leader_epoch == at.leader_epoch);
            let entry = Entry {
                at: *at,
                state: State::Unplaced,
                placed: false,
                told: told.and_then(|entry| entry.told),
                log_start: told.map_or(0, |entry| entry.log_start),
            };
            self.entries.insert(at.tp, entry);
        }
        self.parked = Some(Parked {
            deadline: now + Duration::from_millis(u64::from(fetch.max_wait_ms)),
            max_bytes: fetch.max_bytes as usize,
        });
    }

    /// Nothing is known of the follower's log.
    pub(crate) fn forget(&mut self, tp: TopicPartition) {
        self.entries.remove(&tp);
        self.ready.remove(&tp);
        self.news.remove(&tp);
    }

    pub(crate) fn state(&self, tp: TopicPartition) -> Option<&State> {
        self.entries.get(&tp).map(|entry| &entry.state)
    }

    pub(crate) fn set_state(&mut self, tp: TopicPartition, state: State) {
        if let Some(entry) = self.entries.get_mut(&tp) {
            entry.placed &= state != State::Unplaced;
            entry.state = state;
            self.ready.insert(tp);
        }
    }

    /// The leader's log grew.
    pub(crate) fn has_records(&mut self, tp: TopicPartition) {
        if self.state(tp) == Some(&State::Fetching) {
            self.ready.insert(tp);
        }
    }

    /// The high watermark or the start of the log moved.
    pub(crate) fn has_news(&mut self, tp: TopicPartition, now: Instant) {
        if self.state(tp) == Some(&State::Fetching) {
            self.news.insert(tp);
            self.news_since.get_or_insert(now);
        }
    }
}
