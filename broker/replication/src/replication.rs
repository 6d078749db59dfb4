//! All replicas of one broker: takes roles and events, and hands them to the leader or follower side.
//! It keeps no log; the log is passed in.

use kring_io::{BrokerId, Effects, Now};
use kring_log::{Log, ReadId};
use kring_wire::ids::TopicPartition;

use crate::{
    FollowingView, LeaderView, PartitionRole, ReplicaEvent, ReplicaOut, ReplicationConfig,
};

/// The replicas of one broker.
///
/// The owner passes roles to [`Replication::apply`], events to [`Replication::step`], and calls
/// [`Replication::finish`] once after each batch of them, before [`Log::submit`]: only there
/// messages are made, so that one message carries what many events changed.
#[derive(Debug)]
pub struct Replication {
    id: BrokerId,
    config: ReplicationConfig,
}

#[allow(unused_variables)]
impl Replication {
    /// Without any partition.
    #[must_use]
    pub fn new(id: BrokerId, config: ReplicationConfig) -> Replication {
        Replication { id, config }
    }

    /// Takes a partition's newest state: this broker becomes leader, follower or neither. The log of
    /// the partition must exist. `min_isr` is the topic's `min.insync.replicas`; to be called again
    /// when it changes.
    pub fn apply(
        &mut self,
        now: Now,
        tp: TopicPartition,
        role: &PartitionRole,
        min_isr: usize,
        log: &mut Log,
        out: &mut ReplicaOut,
    ) {
    }

    /// Forgets a partition, whose log is about to be removed.
    pub fn remove(&mut self, tp: TopicPartition) {}

    /// Takes an event.
    pub fn step(
        &mut self,
        now: Now,
        event: ReplicaEvent<'_>,
        log: &mut Log,
        io: &mut Effects,
        out: &mut ReplicaOut,
    ) {
    }

    /// Sends what has come together since the last call and says when to be woken.
    pub fn finish(&mut self, now: Now, log: &mut Log, io: &mut Effects, out: &mut ReplicaOut) {}

    /// Whether a read of the log was asked for here.
    #[must_use]
    pub fn owns_read(&self, id: ReadId) -> bool {
        false
    }

    /// Whether this broker leads a partition.
    #[must_use]
    pub fn is_leader(&self, tp: TopicPartition) -> bool {
        false
    }

    /// A partition that this broker leads.
    #[must_use]
    pub fn leader_state(&self, tp: TopicPartition) -> Option<LeaderView> {
        None
    }

    /// A partition that this broker follows.
    #[must_use]
    pub fn following(&self, tp: TopicPartition) -> Option<FollowingView> {
        None
    }

    /// All partitions that this broker leads, in order.
    pub fn led(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        std::iter::empty()
    }
}
