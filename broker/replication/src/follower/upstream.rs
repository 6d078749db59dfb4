//! A follower's half of the conversation with one leader.
//! It holds no positions: those are the log's.

use std::collections::BTreeSet;

use kring_io::Instant;
use kring_wire::ids::TopicPartition;

use crate::message::SessionId;

#[derive(Debug)]
#[cfg_attr(test, derive(Clone, Hash))]
pub(crate) struct Upstream {
    pub(crate) session: SessionId,
    /// The last fetch that was sent, 0 before the first.
    pub(crate) sent: u64,
    /// The last fetch that was answered.
    pub(crate) answered: u64,
    pub(crate) sent_at: Instant,
    /// When the leader was last told again of what it seems not to know.
    pub(crate) reminded_at: Instant,
    /// All that is fetched from this leader.
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// Of these, what the leader must hear of to go on.
    pub(crate) changed: BTreeSet<TopicPartition>,
    /// Of these, what has a new durable end.
    pub(crate) durable: BTreeSet<TopicPartition>,
    /// Of these, what durably begins elsewhere than the leader was told.
    pub(crate) starts: BTreeSet<TopicPartition>,
    /// No longer fetched, and the leader does not know yet.
    pub(crate) forgotten: BTreeSet<TopicPartition>,
}

impl Upstream {
    pub(crate) fn new(session: SessionId) -> Upstream {
        Upstream {
            session,
            sent: 0,
            answered: 0,
            sent_at: Instant::default(),
            reminded_at: Instant::default(),
            partitions: BTreeSet::new(),
            changed: BTreeSet::new(),
            durable: BTreeSet::new(),
            starts: BTreeSet::new(),
            forgotten: BTreeSet::new(),
        }
    }

    pub(crate) fn follow(&mut self, tp: TopicPartition) {
        self.partitions.insert(tp);
        self.changed.insert(tp);
        self.forgotten.remove(&tp);
    }

    pub(crate) fn forget(&mut self, tp: TopicPartition) {
        self.partitions.remove(&tp);
        self.changed.remove(&tp);
        self.durable.remove(&tp);
        self.starts.remove(&tp);
        self.forgotten.insert(tp);
    }

    /// The leader hears of everything again.
    pub(crate) fn restart(&mut self, session: SessionId) {
        self.session = session;
        self.sent = 0;
        self.answered = 0;
        self.changed.clone_from(&self.partitions);
        self.starts.clone_from(&self.partitions);
        self.durable.clear();
        self.forgotten.clear();
    }

    /// A fetch was sent and not answered.
    pub(crate) fn awaits_answer(&self) -> bool {
        self.sent > self.answered
    }
}
