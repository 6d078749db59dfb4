//! What goes into the group engine and what comes out of it.
//! It holds no behaviour; requests and responses have files of their own.

use bytes::Bytes;
use kring_io::Instant;
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

use crate::{GroupRequest, GroupResponse};

/// Names an [`Append`] until it completes. Never reused in a run; opaque to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    pub(crate) partition: i32,
    pub(crate) number: u64,
}

/// A record of `__consumer_offsets` that lies below the high watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRecord {
    /// Its offset. What was loaded already is skipped.
    pub offset: Offset,
    /// Its key.
    pub key: Bytes,
    /// Its value; `None` deletes.
    pub value: Option<Bytes>,
}

/// Something happened to a partition of `__consumer_offsets`, or a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// Records below the high watermark, in order, beginning at [`crate::Groups::replayed_to`].
    /// A follower gets all of them. A leader gets none of those it appended itself: their
    /// [`GroupEvent::Appended`] says the same.
    Load {
        /// The partition.
        partition: i32,
        /// The records; control batches are left out.
        records: Vec<LoadedRecord>,
        /// Where the next load begins: the end of the last batch that was read.
        next_offset: Offset,
    },
    /// This broker was elected and has not yet loaded everything: requests are answered with
    /// `COORDINATOR_LOAD_IN_PROGRESS`. May be left out when [`GroupEvent::BecomeLeader`] follows at once.
    Loading {
        /// The partition.
        partition: i32,
    },
    /// This broker leads the partition, the high watermark has reached the end that the log had
    /// at the election, and everything up to there was loaded. Sessions begin anew.
    BecomeLeader {
        /// The partition.
        partition: i32,
        /// The leader epoch.
        epoch: LeaderEpoch,
    },
    /// This broker does not lead the partition any more: who waits is told `NOT_COORDINATOR`, and
    /// appends under way are forgotten (if they survive they come back by [`GroupEvent::Load`]).
    Resign {
        /// The partition.
        partition: i32,
    },
    /// This broker holds no replica of the partition any more, or its replica begins anew.
    Unload {
        /// The partition.
        partition: i32,
    },
    /// A client's request for a group whose partition ([`crate::partition_for`]) is `partition`.
    Request {
        /// Comes back with the one response.
        id: u64,
        /// The partition.
        partition: i32,
        /// What is asked.
        request: GroupRequest,
    },
    /// An append completed. Completions of a partition come in the order of its appends.
    Appended {
        /// Which.
        token: Token,
        /// The offset of its last record once that is below the high watermark, or why the append
        /// was refused. An append that is in the log but slow has no completion yet: the engine
        /// keeps the time itself.
        result: Result<Offset, ErrorCode>,
    },
    /// A topic was deleted: its committed offsets go, in every partition led here.
    TopicDeleted {
        /// Its name.
        topic: String,
    },
    /// Time has passed.
    Wake,
}

/// Records to append to a partition of `__consumer_offsets` as one uncompressed batch, by the
/// leader, at the epoch of its [`GroupEvent::BecomeLeader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The partition.
    pub partition: i32,
    /// Comes back in [`GroupEvent::Appended`], once.
    pub token: Token,
    /// Keys and values; a `None` value deletes. Never empty.
    pub records: Vec<(Bytes, Option<Bytes>)>,
}

/// What a step asks for. The composition takes the vectors and leaves them empty.
#[derive(Debug, Default)]
pub struct GroupOut {
    /// Appends, in the order in which they must reach the log.
    pub appends: Vec<Append>,
    /// Answers, one for each request.
    pub responses: Vec<(u64, GroupResponse)>,
    /// When the engine must be stepped with [`GroupEvent::Wake`] at the latest. It is the earliest
    /// of all wishes since it was last taken; a step without a wish leaves older ones valid.
    pub wake_at: Option<Instant>,
}

impl GroupOut {
    /// Wishes a step at `at`, or earlier.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}
