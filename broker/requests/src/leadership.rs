//! Whether this broker leads a partition, and who does when it does not.
//! It takes no role: `route::partitions` does.

use kring_wire::{CurrentLeader, ErrorCode, LeaderEpoch, Offset, TopicPartition, TopicRef};

use crate::broker::Broker;

/// A client that does not know the leader's epoch.
const EPOCH_UNKNOWN: LeaderEpoch = -1;

impl Broker {
    /// Checks that this broker leads, in the epoch that the client knows (KIP-320).
    pub(crate) fn check_leader(
        &self,
        tp: TopicPartition,
        client_epoch: LeaderEpoch,
    ) -> Result<(), ErrorCode> {
        let known = self
            .image()
            .partition(tp)
            .map_or(EPOCH_UNKNOWN, |partition| partition.leader_epoch);
        let epoch = self.led_epoch(tp);
        if client_epoch != EPOCH_UNKNOWN {
            let current = epoch.unwrap_or(known);
            if client_epoch < current {
                return Err(ErrorCode::FencedLeaderEpoch);
            }
            if client_epoch > current {
                return Err(ErrorCode::UnknownLeaderEpoch);
            }
        }
        epoch.map(|_| ()).ok_or(ErrorCode::NotLeaderOrFollower)
    }

    /// The leader of a partition, as far as this broker knows; it may be this broker.
    pub(crate) fn known_leader(&self, topic: &TopicRef, partition: i32) -> Option<CurrentLeader> {
        let tp = self.resolve(topic, partition).ok()?;
        let partition = self.image().partition(tp)?;
        Some(CurrentLeader {
            leader_id: partition.leader?.0,
            leader_epoch: partition.leader_epoch,
        })
    }

    /// The leader of a partition that this broker does not lead. One that does not know whether it still
    /// leads names nobody: its client would come back at once.
    pub(crate) fn other_leader(&self, topic: &TopicRef, partition: i32) -> Option<CurrentLeader> {
        let known = self.known_leader(topic, partition);
        known.filter(|leader| leader.leader_id != self.id().0)
    }

    /// Everything below is committed, as far as this broker knows.
    pub(crate) fn high_watermark(&self, tp: TopicPartition) -> Offset {
        self.log.state(tp).map_or(0, |state| state.high_watermark)
    }

    /// Whether the high watermark has reached where this leader's epoch begins. Until then it may
    /// lie behind what the leader before has given out (KIP-207).
    pub(crate) fn high_watermark_is_current(&self, tp: TopicPartition) -> bool {
        let (Some(state), Some(epoch)) = (self.log.state(tp), self.led_epoch(tp)) else {
            return false;
        };
        let before = self.log.epoch_end(tp, epoch - 1);
        let begins = before.map_or(state.log_start, |(_, end)| end);
        state.high_watermark >= begins
    }

    /// `min.insync.replicas` of the partition's topic.
    pub(crate) fn min_isr(&self, tp: TopicPartition) -> usize {
        self.image()
            .min_insync_replicas(tp.topic, &self.cluster_defaults)
    }
}
