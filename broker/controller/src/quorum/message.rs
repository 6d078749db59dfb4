//! What members of the metadata quorum say to each other.
//! It knows no transport: messages may be lost, but those of one link keep their order.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// Number of a leader's term in the metadata quorum.
pub type Epoch = u64;

/// Position of an entry in the metadata log, from 1; 0 stands for "before the first".
pub type Index = u64;

/// An entry of the metadata log.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// Epoch of the leader that wrote it.
    pub epoch: Epoch,
    /// What it says; empty for the entry with which a leader begins.
    pub payload: Bytes,
}

/// Where a log ends. Of two logs the one with the greater end has everything that is committed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogEnd {
    /// Epoch of the last entry.
    pub epoch: Epoch,
    /// Index of the last entry.
    pub index: Index,
}

/// A message. `epoch` is the sender's, if nothing else is said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Message {
    /// "Would you vote for me?" It changes nobody's epoch (KIP-996).
    PreVote {
        /// The epoch the election would be in.
        epoch: Epoch,
        /// Where the sender's log ends.
        end: LogEnd,
    },
    /// Answer to [`Message::PreVote`].
    PreVoteReply {
        /// The sender's epoch.
        epoch: Epoch,
        /// The epoch that was asked for.
        asked: Epoch,
        /// Yes or no.
        granted: bool,
    },
    /// "Vote for me."
    Vote {
        /// The epoch of the election.
        epoch: Epoch,
        /// Where the sender's log ends.
        end: LogEnd,
        /// The leader itself wants this election, so that hearing from it is no reason to refuse.
        transfer: bool,
    },
    /// Answer to [`Message::Vote`], sent once the vote is durable.
    VoteReply {
        /// The sender's epoch.
        epoch: Epoch,
        /// Yes or no.
        granted: bool,
    },
    /// The leader's entries after `previous`; without entries a sign of life.
    Append {
        /// The leader's epoch.
        epoch: Epoch,
        /// The entry before the first one here.
        previous: LogEnd,
        /// The entries.
        entries: Vec<Entry>,
        /// Everything up to here is committed.
        commit: Index,
    },
    /// The log equals the leader's up to `index`, and that is durable.
    Matched {
        /// The sender's epoch.
        epoch: Epoch,
        /// Up to here.
        index: Index,
    },
    /// The log does not have `previous`.
    Rejected {
        /// The sender's epoch.
        epoch: Epoch,
        /// Index of the [`Message::Append`]'s `previous`.
        previous: Index,
        /// The logs may be equal up to here.
        hint: Index,
    },
    /// A part of the leader's snapshot, for a follower whose next entry the leader no longer has.
    Snapshot {
        /// The leader's epoch.
        epoch: Epoch,
        /// The last entry that the snapshot contains.
        end: LogEnd,
        /// Number of the part, from 0.
        part: u32,
        /// How many parts there are.
        parts: u32,
        /// The part.
        data: Bytes,
    },
    /// The next part that the follower wants.
    SnapshotReply {
        /// The sender's epoch.
        epoch: Epoch,
        /// Which snapshot.
        index: Index,
        /// Which part.
        part: u32,
    },
    /// "I have no vote but want the log."
    Join {
        /// The sender's epoch.
        epoch: Epoch,
        /// `host:port` where the sender's peer listener is.
        address: String,
    },
    /// "Stand for election now", from a leader that is about to stop.
    TimeoutNow {
        /// The leader's epoch.
        epoch: Epoch,
    },
    /// "I may have forgotten votes and entries: what do you know?" What the sender acknowledged
    /// before does not count any more.
    AskPast {
        /// Drawn at the start of the sender, so that only an answer to this run counts.
        nonce: u64,
    },
    /// Answer to [`Message::AskPast`].
    TellPast {
        /// The asker's.
        nonce: u64,
        /// The newest epoch the sender knows.
        epoch: Epoch,
        /// Where the sender's log ends.
        end: Index,
    },
}

impl Message {
    /// The epoch that the sender is in.
    pub(super) fn sender_epoch(&self) -> Option<Epoch> {
        match self {
            Message::PreVote { .. } | Message::AskPast { .. } | Message::TellPast { .. } => None,
            Message::PreVoteReply { epoch, .. }
            | Message::Vote { epoch, .. }
            | Message::VoteReply { epoch, .. }
            | Message::Append { epoch, .. }
            | Message::Matched { epoch, .. }
            | Message::Rejected { epoch, .. }
            | Message::Snapshot { epoch, .. }
            | Message::SnapshotReply { epoch, .. }
            | Message::Join { epoch, .. }
            | Message::TimeoutNow { epoch } => Some(*epoch),
        }
    }
}
