//! What goes into the group engine and what comes out of it.
//! It holds no behaviour; requests and responses have files of their own.

use bytes::Bytes;
use kring_io::Instant;
use kring_wire::{ErrorCode, LeaderEpoch, Offset, ProducerId, TopicId};

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
    /// The producer of the transactional batch that it was in (KIP-98): its offset is pending until
    /// that producer's marker.
    pub transaction: Option<ProducerId>,
}

/// What a partition of `__consumer_offsets` holds below the high watermark, in the order of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// A record.
    Record(LoadedRecord),
    /// A control record that ends a transaction (KIP-98).
    Marker {
        /// Its offset. What was loaded already is skipped.
        offset: Offset,
        /// Whose transaction ends.
        producer_id: ProducerId,
        /// Whether it ends with a commit, or else an abort.
        committed: bool,
    },
}

/// Something happened to a partition of `__consumer_offsets`, or a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// Records below the high watermark, in order, beginning at [`crate::Groups::replayed_to`].
    /// A follower gets all of them. A leader gets none of those it appended itself, and no markers:
    /// their [`GroupEvent::Appended`] and [`GroupEvent::Marker`] say the same.
    Load {
        /// The partition.
        partition: i32,
        /// The records, and the markers among them; other control records are left out.
        records: Vec<Loaded>,
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
    /// A client's request for a group whose partition ([`kring_wire::coordinator_partition`]) is `partition`.
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
    /// Where this broker leads: a marker that the transaction coordinator had written is now below
    /// the high watermark. Comes in the order of the log with [`GroupEvent::Appended`]. A broker
    /// that does not lead ignores it: there the marker comes by [`GroupEvent::Load`], in its place.
    Marker {
        /// The partition.
        partition: i32,
        /// Offset of the marker.
        offset: Offset,
        /// Whose transaction ends.
        producer_id: ProducerId,
        /// Whether it ends with a commit, or else an abort.
        committed: bool,
    },
    /// A topic was deleted: its committed offsets go, in every partition led here.
    TopicDeleted {
        /// Its name.
        topic: String,
    },
    /// Time has passed.
    Wake,
    /// A topic is new or has more partitions; deleted ones come as [`GroupEvent::TopicDeleted`]. KIP-848 groups are assigned what
    /// the engine was told of: all topics come before the first [`GroupEvent::BecomeLeader`].
    Topic {
        /// Its name.
        name: String,
        /// Its id.
        id: TopicId,
        /// How many partitions it has.
        partitions: i32,
    },
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
    /// The batch is transactional, of this producer and producer epoch (KIP-98), without a sequence
    /// number. The log may refuse it, as it refuses any batch of a producer that is fenced.
    pub transaction: Option<(ProducerId, i16)>,
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
