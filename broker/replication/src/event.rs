//! What replication is told and what it asks for.
//! It carries no behaviour.

use bytes::Bytes;
use kring_io::{BrokerId, Instant};
use kring_log::{ReadError, ReadId};
use kring_wire::ids::{LeaderEpoch, Offset, TopicPartition};

/// Something that replication must know.
#[derive(Debug)]
pub enum ReplicaEvent<'a> {
    /// Another broker's replication sent this.
    Message {
        /// Who.
        from: BrokerId,
        /// What, unchanged.
        bytes: Bytes,
    },
    /// The link to a broker was established (again): what was sent before may be lost.
    PeerConnected(BrokerId),
    /// Records were appended to a partition that this broker leads.
    Appended(TopicPartition),
    /// [`kring_log::LogEvent::Durable`].
    Durable(&'a [(TopicPartition, Offset)]),
    /// [`kring_log::LogEvent::ReadDone`] of a read for which [`crate::Replication::owns_read`].
    ReadDone {
        /// Which read.
        id: ReadId,
        /// What came of it.
        result: Result<Vec<Bytes>, ReadError>,
    },
    /// [`kring_log::LogEvent::LogStartMoved`].
    LogStartMoved(TopicPartition),
    /// A proposal of [`ReplicaOut::alter_isr`] was not taken. One that was taken comes with
    /// [`crate::Replication::apply`].
    IsrRejected {
        /// The partition.
        tp: TopicPartition,
        /// [`AlterIsr::partition_epoch`] of the proposal.
        partition_epoch: i32,
        /// What is known.
        rejection: IsrRejection,
    },
    /// The time of [`ReplicaOut::wake_at`] has come.
    Wake,
}

/// Why an ISR proposal did not pass. The difference matters: a leader that takes back an expansion
/// which the controller did commit would acknowledge records that a possible next leader lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IsrRejection {
    /// The controller answered that it does not change anything now (`INELIGIBLE_REPLICA`,
    /// `OPERATION_NOT_ATTEMPTED`): the leader goes on with the committed ISR.
    Refused,
    /// The proposal starts from an old state (`FENCED_LEADER_EPOCH`, `INVALID_UPDATE_VERSION`,
    /// `NEW_LEADER_ELECTED`, …): a newer one comes with [`crate::Replication::apply`].
    Stale,
    /// No answer, or one that leaves open what happened: the same is proposed again later.
    Unknown,
}

/// A proposal for the controller (`AlterPartition`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterIsr {
    /// The partition.
    pub tp: TopicPartition,
    /// The epoch this broker leads in.
    pub leader_epoch: LeaderEpoch,
    /// The state it starts from.
    pub partition_epoch: i32,
    /// The ISR it wants: each broker with the epoch that the leader saw, −1 when it saw none.
    pub isr: Vec<(BrokerId, i64)>,
}

/// What replication asks for.
#[derive(Debug, Default)]
pub struct ReplicaOut {
    /// Messages to other brokers' replication; parts are sent one after the other.
    pub sends: Vec<(BrokerId, Vec<Bytes>)>,
    /// Proposals for the controller.
    pub alter_isr: Vec<AlterIsr>,
    /// High watermarks that rose on this broker, as leader or as follower.
    pub high_watermarks: Vec<(TopicPartition, Offset)>,
    /// Partitions that this broker leads and a follower has a new durable start of.
    pub log_starts: Vec<TopicPartition>,
    /// When [`ReplicaEvent::Wake`] is due. Set by [`crate::Replication::finish`].
    pub wake_at: Option<Instant>,
}
