//! What goes into the transaction engine and what comes out of it.
//! It holds no behaviour; requests and responses have files of their own.

use bytes::Bytes;
use kring_io::Instant;
use kring_wire::{ErrorCode, LeaderEpoch, Offset};

use crate::{TransactionRequest, TransactionResponse, TransactionVersion};

/// Names an [`Append`] until it completes. Never reused in a run; opaque to the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token {
    pub(crate) partition: i32,
    pub(crate) number: u64,
}

/// Names the markers of one transaction in one term of its coordinator. Never reused in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MarkerId(pub u64);

/// A record of `__transaction_state` that lies below the high watermark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedRecord {
    /// Its offset. What was loaded already is skipped.
    pub offset: Offset,
    /// Its key.
    pub key: Bytes,
    /// Its value; `None` deletes.
    pub value: Option<Bytes>,
}

/// Something happened to a partition of `__transaction_state` or to a marker, or a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionEvent {
    /// Records below the high watermark, in order, beginning at
    /// [`crate::Transactions::replayed_to`]. A follower gets all of them. A leader gets none of
    /// those it appended itself: their [`TransactionEvent::Appended`] says the same.
    Load {
        /// The partition.
        partition: i32,
        /// The records; control batches are left out.
        records: Vec<LoadedRecord>,
        /// Where the next load begins: the end of the last batch that was read.
        next_offset: Offset,
    },
    /// This broker was elected and has not yet loaded everything: requests are answered with
    /// `COORDINATOR_LOAD_IN_PROGRESS`. May be left out when [`TransactionEvent::BecomeLeader`]
    /// follows at once.
    Loading {
        /// The partition.
        partition: i32,
    },
    /// This broker leads the partition, the high watermark has reached the end that the log had
    /// at the election, and everything up to there was loaded. Markers of transactions whose
    /// outcome is stored go out at once.
    BecomeLeader {
        /// The partition.
        partition: i32,
        /// The leader epoch, which is the coordinator's epoch in markers.
        epoch: LeaderEpoch,
    },
    /// This broker does not lead the partition any more: who waits is told `NOT_COORDINATOR`, and
    /// appends under way are forgotten (if they survive they come back by
    /// [`TransactionEvent::Load`]).
    Resign {
        /// The partition.
        partition: i32,
    },
    /// This broker holds no replica of the partition any more, or its replica begins anew.
    Unload {
        /// The partition.
        partition: i32,
    },
    /// A client's or a leader's request for an id whose partition ([`kring_wire::coordinator_partition`]) is
    /// `partition`.
    Request {
        /// Comes back with the one response.
        id: u64,
        /// The partition.
        partition: i32,
        /// What is asked.
        request: TransactionRequest,
    },
    /// An append completed. Completions of a partition come in the order of its appends.
    Appended {
        /// Which.
        token: Token,
        /// The offset of its last record once that is below the high watermark, or why the append
        /// was refused; a refused one is not in the log and never will be. An append that is in
        /// the log but slow has no completion yet: the engine keeps the time itself.
        result: Result<Offset, ErrorCode>,
    },
    /// One partition of a marker was answered by its leader, or could not be sent (a retriable
    /// error).
    MarkerWritten {
        /// Which marker.
        id: MarkerId,
        /// The topic's name.
        topic: String,
        /// The partition.
        partition: i32,
        /// `UNKNOWN_TOPIC_OR_PARTITION` says that the partition was deleted, so that it needs no
        /// marker: the caller must know that from the cluster's metadata, and not take it from a
        /// leader that may not have heard of the partition yet. `INVALID_PRODUCER_EPOCH` and
        /// `TRANSACTION_COORDINATOR_FENCED` say that another coordinator acts; a leader that has
        /// written the marker before must answer with success. After every other error the marker
        /// is sent again.
        result: Result<(), ErrorCode>,
    },
    /// Time has passed.
    Wake,
}

/// Records to append to a partition of `__transaction_state` as one uncompressed batch, by the
/// leader, at the epoch of its [`TransactionEvent::BecomeLeader`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The partition.
    pub partition: i32,
    /// Comes back in [`TransactionEvent::Appended`], once.
    pub token: Token,
    /// Keys and values; a `None` value deletes. Never empty.
    pub records: Vec<(Bytes, Option<Bytes>)>,
}

/// Markers that leaders must write. Each topic and partition is answered by one
/// [`TransactionEvent::MarkerWritten`]; what is not answered in time, or with an error that passes,
/// comes again under the same id with the partitions that are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteMarker {
    /// Comes back with each answer.
    pub id: MarkerId,
    /// The producer of the transaction.
    pub producer_id: i64,
    /// The epoch of the marker: that of the transaction's records, or a higher one that fences
    /// their producer.
    pub producer_epoch: i16,
    /// The leader epoch of the coordinator: a leader refuses markers of an older one.
    pub coordinator_epoch: i32,
    /// Commit, or else abort.
    pub commit: bool,
    /// With the second version the marker's epoch is that of the producer's next transaction: a leader that has a
    /// transaction of this epoch open already wrote this marker, and must not write it again (KIP-890).
    pub version: TransactionVersion,
    /// Topics and partitions, in order.
    pub topics: Vec<(String, Vec<i32>)>,
}

/// What a step asks for. The composition takes the vectors and leaves them empty.
#[derive(Debug, Default)]
pub struct TransactionOut {
    /// Appends, in the order in which they must reach the log.
    pub appends: Vec<Append>,
    /// Answers, one for each request.
    pub responses: Vec<(u64, TransactionResponse)>,
    /// Markers to write.
    pub markers: Vec<WriteMarker>,
    /// When the engine must be stepped with [`TransactionEvent::Wake`] at the latest. It is the
    /// earliest of all wishes since it was last taken; a step without a wish leaves older ones
    /// valid.
    pub wake_at: Option<Instant>,
}

impl TransactionOut {
    /// Wishes a step at `at`, or earlier.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}
