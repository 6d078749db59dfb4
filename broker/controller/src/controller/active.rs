//! What only the active controller has: the image with its own undecided changes, sessions, answers that wait for a commit.
//! It is dropped with the leadership; nothing of it is stored.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};
use kring_wire::TopicPartition;

use super::requests::Answer;
use crate::image::ClusterImage;
use crate::quorum::{Epoch, Index};

/// Answers that may wait for a commit at once.
pub(super) const WAITING_MAX: usize = 10_000;

/// State of the active controller.
#[derive(Debug)]
pub(super) struct Active {
    own: BrokerId,
    /// The epoch of its leadership.
    pub(super) epoch: Epoch,
    /// The committed image and everything proposed since.
    pub(super) pending: ClusterImage,
    /// When each unfenced broker was last heard. Not this broker: it hears itself.
    pub(super) sessions: BTreeMap<BrokerId, Instant>,
    /// When each other broker last said something in this leadership, in the run that is registered.
    pub(super) heard: BTreeMap<BrokerId, Instant>,
    /// When maintenance of a broker ends by itself.
    pub(super) maintenance_until: BTreeMap<BrokerId, Instant>,
    /// When leaderships next go back to the preferred brokers.
    pub(super) rebalance_at: Option<Instant>,
    /// Hand-overs and moves were last looked for in this state of the image, at this time.
    pub(super) moves_seen: (Index, Instant),
    /// A hand-over or moves are under way: to be looked at again soon.
    pub(super) moves_due: bool,
    waiting: BTreeMap<Index, Vec<Waiting>>,
    waiting_count: usize,
}

/// An answer that holds once an entry is committed.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) origin: Origin,
    pub(super) answer: Answer,
}

/// Where a request came from, with the asker's number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    Local(u64),
    Peer(BrokerId, u64),
}

impl Active {
    pub(super) fn new(now: Now, own: BrokerId, epoch: Epoch, image: &ClusterImage) -> Active {
        let alive = image.brokers.iter().filter(|(_, b)| !b.fenced);
        let others = alive.filter(|(id, _)| **id != own);
        let maintained = image.brokers.iter().filter_map(|(id, broker)| {
            let ttl = Duration::from_secs(broker.maintenance?.ttl_s);
            Some((*id, now.mono + ttl))
        });
        Active {
            own,
            epoch,
            pending: image.clone(),
            sessions: others.map(|(id, _)| (*id, now.mono)).collect(),
            heard: BTreeMap::new(),
            maintenance_until: maintained.collect(),
            rebalance_at: None,
            moves_seen: (0, now.mono),
            moves_due: true,
            waiting: BTreeMap::new(),
            waiting_count: 0,
        }
    }

    /// A broker said something.
    pub(super) fn hears(&mut self, now: Now, broker: BrokerId) {
        self.sessions.insert(broker, now.mono);
        self.heard.insert(broker, now.mono);
    }

    /// Whether anybody else's copy of a damaged one can be counted on. A broker that is only not yet
    /// known to be silent may be one that comes back with another disk.
    pub(super) fn may_drop(
        &self,
        now: Now,
        asker: BrokerId,
        of: TopicPartition,
        recent: Duration,
    ) -> bool {
        let Some(state) = self.pending.partition(of) else {
            return true;
        };
        if !state.isr.contains(&asker) && !state.eligible.contains(&asker) {
            return true;
        }
        let mut others = state
            .isr
            .iter()
            .chain(&state.eligible)
            .filter(|b| **b != asker);
        others.any(|b| {
            *b == self.own
                || self
                    .heard
                    .get(b)
                    .is_some_and(|at| now.mono.since(*at) <= recent)
        })
    }

    pub(super) fn wait(&mut self, index: Index, origin: Origin, answer: Answer) {
        let waiting = Waiting { origin, answer };
        self.waiting.entry(index).or_default().push(waiting);
        self.waiting_count += 1;
    }

    pub(super) fn waiting_count(&self) -> usize {
        self.waiting_count
    }

    /// The answers that hold now.
    pub(super) fn take_committed(&mut self, commit: Index) -> Vec<Waiting> {
        let later = self.waiting.split_off(&(commit + 1));
        let due = std::mem::replace(&mut self.waiting, later);
        let due: Vec<Waiting> = due.into_values().flatten().collect();
        self.waiting_count -= due.len();
        due
    }

    /// All answers that wait; they will not hold.
    pub(super) fn take_all(&mut self) -> Vec<Waiting> {
        self.take_committed(Index::MAX - 1)
    }

    /// Adds a time in which nobody was listened to.
    pub(super) fn excuse(&mut self, gap: Duration) {
        for heard in self.sessions.values_mut() {
            *heard = *heard + gap;
        }
    }

    /// Brokers that were silent for too long.
    pub(super) fn silent(&self, now: Now, timeout: Duration) -> Vec<BrokerId> {
        let sessions = self.sessions.iter();
        let silent = sessions.filter(|(_, heard)| now.mono.since(**heard) >= timeout);
        silent.map(|(id, _)| *id).collect()
    }

    /// Brokers whose maintenance nobody repeated in time.
    pub(super) fn expired_maintenance(&self, now: Now) -> Vec<BrokerId> {
        let until = self.maintenance_until.iter();
        let expired = until.filter(|(_, until)| **until <= now.mono);
        expired.map(|(id, _)| *id).collect()
    }

    /// When something happens by itself at the earliest.
    pub(super) fn deadline(&self, session_timeout: Duration) -> Option<Instant> {
        let session = self.sessions.values().map(|heard| *heard + session_timeout);
        let maintenance = self.maintenance_until.values().copied();
        session.chain(maintenance).chain(self.rebalance_at).min()
    }
}
