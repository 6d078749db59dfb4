//! Consumer groups: offsets, membership of both protocols (classic and KIP-848), and their records.
//! It speaks no wire protocol and does no I/O.
//!
//! [`Groups`] is an engine of the form `step(now, event, out)`. Each partition of
//! `__consumer_offsets` has two layers. The *committed* layer is a function of the records below the
//! high watermark and is kept by every replica, which makes each follower a warm standby. The
//! *live* layer (members, sessions, who waits for what) exists only where the partition's leader
//! is, begins from the committed layer, and is dropped on [`GroupEvent::Resign`].
//!
//! Offsets that are committed within a producer's transaction are in the committed layer from when
//! their records are below the high watermark, as *pending*; they count when the transaction's
//! marker is. Transactions themselves are for the transaction coordinator.

#![forbid(unsafe_code)]

mod classic;
mod committed;
pub mod config;
mod consumer;
mod engine;
mod event;
mod group_state;
mod offsets;
mod owner;
mod partition;
mod record;
mod request;
mod response;
mod step;
mod subscription;
mod wakes;
mod writes;

pub use committed::CommittedOffset;
pub use config::GroupConfig;
pub use consumer::{ASSIGNORS, TopicPartitionsList};
pub use engine::{CommittedEntry, Groups, GroupsStats};
pub use event::{Append, GroupEvent, GroupOut, Loaded, LoadedRecord, Token};
pub use group_state::GroupState;
pub use record::RecordError;
pub use request::{
    ConsumerDescribe, ConsumerHeartbeat, DeleteGroup, DescribeGroup, GroupRequest, Heartbeat,
    JoinGroup, LeaveGroup, LeavingMember, MemberIdentity, OffsetCommit, OffsetDelete, OffsetFetch,
    PartitionCommit, PartitionsOf, Protocol, SyncGroup, TopicCommit, TxnOffsetCommit,
};
pub use response::{
    CommitOutcome, ConsumerHeartbeatOutcome, DeleteOutcome, DescribedConsumer,
    DescribedConsumerGroup, DescribedGroup, DescribedMember, FetchedOffset, GroupResponse,
    JoinOutcome, JoinedMember, LeaveOutcome, LeftMember, ListedGroup, NamedPartitions,
    OffsetDeleteOutcome, OffsetFetchOutcome, PartitionError, SyncOutcome, TopicOutcome,
};
