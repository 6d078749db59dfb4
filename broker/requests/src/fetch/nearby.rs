//! Reads in a client's own rack (KIP-392): which follower the leader sends it to, and what a follower may give.
//! It reads nothing, and keeps no list of who reads where: the leader says it in each answer.

use kring_io::BrokerId;
use kring_wire::{Offset, TopicPartition};

use super::plan::Ask;
use crate::broker::Broker;
use crate::cluster;

/// The follower that a client in `rack` should read from, if it is not this broker, which leads. As Kafka's
/// `RackAwareReplicaSelector`: one in the client's rack that has the offset, and of several the one that has most.
pub(super) fn preferred_replica(
    broker: &Broker,
    tp: TopicPartition,
    ask: &Ask,
    rack: &str,
) -> Option<BrokerId> {
    if broker.config.broker_rack.as_deref() == Some(rack) {
        return None;
    }
    let offset = ask.partition.fetch_offset;
    let image = broker.image();
    let partition = image.partition(tp)?;
    let in_rack = |id: BrokerId| {
        let member = image.brokers.get(&id);
        member.is_some_and(|member| member.rack.as_deref() == Some(rack))
    };
    // One that left the ISR may lag more and more: its readers would, too.
    let near: Vec<BrokerId> = partition
        .isr
        .iter()
        .copied()
        .filter(|id| *id != broker.id() && in_rack(*id) && cluster::is_live(image, *id))
        .collect();
    if near.is_empty() {
        return None;
    }
    let engine = broker.replicas.engine();
    let leader = engine.leader_state(tp, &broker.log)?;
    let end_of = |id: BrokerId| -> Option<Offset> {
        let mut followers = leader.followers.iter();
        let end = followers.find(|f| f.broker == id)?.durable_end?;
        let start = engine.follower_log_start(tp, id)?;
        (start..=end).contains(&offset).then_some(end)
    };
    let ends = near.into_iter().filter_map(|id| Some((end_of(id)?, id)));
    ends.max().map(|(_, id)| id)
}

impl Broker {
    /// Whether this broker has a partition that another leads.
    pub(super) fn follows(&self, tp: TopicPartition) -> bool {
        let Some(partition) = self.image().partition(tp) else {
            return false;
        };
        self.opened
            && partition.replicas.contains(&self.id())
            && partition.leader.is_some_and(|leader| leader != self.id())
    }
}
