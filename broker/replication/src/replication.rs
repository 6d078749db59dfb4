//! All replicas of one broker: takes roles and events, and hands them to the leader or follower side.
//! It keeps no log; the log is passed in.

use bytes::Bytes;
use kring_io::{BrokerId, Effects, Now};
use kring_log::ReadId;
use kring_wire::ids::{Offset, TopicPartition};

use crate::context::Context;
use crate::follower::Followers;
use crate::leader::Leaders;
use crate::log::Log;
use crate::message::Message;
use crate::{
    FollowingView, LeaderView, PartitionRole, ReplicaEvent, ReplicaOut, ReplicationConfig,
};

/// The replicas of one broker.
///
/// The owner passes roles to [`Replication::apply`], events to [`Replication::step`], and calls
/// [`Replication::finish`] once after each batch of them, before [`Log::submit`]: only there
/// messages are made, so that one message carries what many events changed.
#[derive(Debug)]
#[cfg_attr(test, derive(Clone))]
pub struct Replication {
    id: BrokerId,
    config: ReplicationConfig,
    pub(crate) leaders: Leaders,
    pub(crate) followers: Followers,
}

impl Replication {
    /// Without any partition.
    #[must_use]
    pub fn new(id: BrokerId, config: ReplicationConfig) -> Replication {
        Replication {
            id,
            config,
            leaders: Leaders::default(),
            followers: Followers::default(),
        }
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
        let mut cx = Context {
            id: self.id,
            config: &self.config,
            now,
            log,
            out,
        };
        if !role.replicas.contains(&self.id) {
            self.followers.unfollow(tp);
            self.leaders.resign(tp, &mut cx);
            return;
        }
        self.followers.registered(role.own_broker_epoch);
        match role.leader {
            Some(leader) if leader == self.id => {
                self.followers.unfollow(tp);
                self.leaders.lead(tp, role, min_isr, &mut cx);
            }
            Some(leader) => {
                self.leaders.resign(tp, &mut cx);
                self.followers
                    .follow(tp, leader, role.leader_epoch, &mut cx);
            }
            None => {
                self.leaders.resign(tp, &mut cx);
                self.followers.unfollow(tp);
            }
        }
    }

    /// Forgets a partition, whose log is about to be removed.
    pub fn remove(&mut self, tp: TopicPartition) {
        self.followers.unfollow(tp);
        self.leaders.remove(tp);
    }

    /// Takes an event.
    pub fn step(&mut self, now: Now, event: ReplicaEvent<'_>, log: &mut Log, out: &mut ReplicaOut) {
        let mut cx = Context {
            id: self.id,
            config: &self.config,
            now,
            log,
            out,
        };
        match event {
            ReplicaEvent::Message { from, bytes } => {
                take_message(&mut self.leaders, &mut self.followers, from, bytes, &mut cx);
            }
            ReplicaEvent::PeerConnected(peer) => {
                self.followers.restart(peer);
                self.leaders.connected(peer, &mut cx);
            }
            ReplicaEvent::Appended(tp) => self.leaders.appended(tp, &cx),
            ReplicaEvent::Durable(partitions) => {
                for (tp, _) in partitions {
                    self.leaders.durable(*tp, &mut cx);
                    self.followers.durable(*tp);
                }
            }
            ReplicaEvent::ReadDone { id, result } => self.leaders.read_done(id, result),
            ReplicaEvent::LogStartMoved(tp) => {
                self.leaders.log_start_moved(tp, &cx);
                self.followers.log_start_moved(tp, &cx);
            }
            ReplicaEvent::IsrRejected {
                tp,
                partition_epoch,
                rejection,
            } => {
                self.leaders
                    .rejected(tp, partition_epoch, rejection, &mut cx);
            }
            // What is due is done in `finish`.
            ReplicaEvent::Wake => {}
        }
    }

    /// Sends what has come together since the last call and says when to be woken.
    pub fn finish(&mut self, now: Now, log: &mut Log, io: &mut Effects, out: &mut ReplicaOut) {
        let mut cx = Context {
            id: self.id,
            config: &self.config,
            now,
            log,
            out,
        };
        self.leaders.finish(&mut cx, io);
        self.followers.finish(&mut cx);
    }

    /// Whether a read of the log was asked for here.
    #[must_use]
    pub fn owns_read(&self, id: ReadId) -> bool {
        self.leaders.owns_read(id)
    }

    /// Whether this broker leads a partition.
    #[must_use]
    pub fn is_leader(&self, tp: TopicPartition) -> bool {
        self.leaders.partitions.contains_key(&tp)
    }

    /// A partition that this broker leads.
    #[must_use]
    pub fn leader_state(&self, tp: TopicPartition, log: &Log) -> Option<LeaderView> {
        self.leaders.view(tp, log)
    }

    /// Whether acks=all appends to a partition that this broker leads may be taken: as many replicas
    /// as `min.insync.replicas` asks for are in sync. `None` when it does not lead.
    #[must_use]
    pub fn has_min_isr(&self, tp: TopicPartition) -> Option<bool> {
        self.leaders
            .partitions
            .get(&tp)
            .map(|leading| leading.isr.len() >= leading.min_isr())
    }

    /// From where on every follower in the ISR of a partition that this broker leads durably has its
    /// log: no next leader shows a record below. `Offset::MAX` without followers there, 0 below
    /// `min.insync.replicas`, `None` when this broker does not lead.
    #[must_use]
    pub fn isr_log_start(&self, tp: TopicPartition) -> Option<Offset> {
        self.leaders.isr_log_start(tp, self.id)
    }

    /// Where the log of a follower of a partition that this broker leads durably begins; 0 until it said so in this
    /// epoch, `None` when nothing is known of it.
    #[must_use]
    pub fn follower_log_start(&self, tp: TopicPartition, follower: BrokerId) -> Option<Offset> {
        self.leaders.log_start_of(tp, follower)
    }

    /// A partition that this broker follows.
    #[must_use]
    pub fn following(&self, tp: TopicPartition) -> Option<FollowingView> {
        self.followers.view(tp)
    }

    /// All partitions that this broker leads, in order.
    pub fn led(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.leaders.partitions.keys().copied()
    }

    /// All partitions that this broker follows, in order.
    pub fn followed(&self) -> impl Iterator<Item = TopicPartition> + '_ {
        self.followers.partitions.keys().copied()
    }
}

fn take_message(
    leaders: &mut Leaders,
    followers: &mut Followers,
    from: BrokerId,
    bytes: Bytes,
    cx: &mut Context<'_>,
) {
    let (message, records) = match Message::decode(bytes) {
        Ok(decoded) => decoded,
        Err(error) => {
            tracing::error!(%from, %error, "a message of a replica is not understood");
            return;
        }
    };
    match message {
        Message::Fetch(fetch) => leaders.fetch(from, fetch, cx),
        Message::Durable { session, ends } => leaders.follower_durable(from, session, &ends, cx),
        Message::LogStart { session, starts } => {
            leaders.follower_log_start(from, session, &starts, cx);
        }
        Message::Fetched(fetched) => followers.fetched(from, &fetched, records, cx),
        Message::Restart => followers.restart(from),
        Message::Producers {
            session,
            tp,
            leader_epoch,
            at,
            producers,
        } => followers.told_of_producers((from, session), (tp, leader_epoch), at, producers),
    }
}
