//! The cluster as the committed metadata log describes it: brokers, topics, partitions, settings.
//! It decides nothing and changes only by [`Record`]s; the active controller's decisions are in `decide`.

mod apply;
mod change;
mod count;
mod record;
mod settings;

use std::collections::BTreeMap;

use kring_io::BrokerId;
use kring_wire::{LeaderEpoch, TopicId, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::config::{Endpoint, Registration};

pub use change::ImageChange;
pub use count::ClusterHealth;
pub use record::Record;

/// Name of the internal topic of group coordinators.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The topic whose partitions are the transaction coordinators.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// The whole cluster state. Equal on every broker that has applied the same entries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterImage {
    /// Drawn by the first active controller; [`TopicId`] is reused for its form, 22 characters.
    pub cluster_id: Option<TopicId>,
    /// Index of the last metadata entry that was applied.
    pub epoch: u64,
    /// Every registered broker.
    pub brokers: BTreeMap<BrokerId, BrokerImage>,
    /// Every topic.
    pub topics: BTreeMap<TopicId, TopicImage>,
    /// Ids by name.
    pub by_name: BTreeMap<String, TopicId>,
    /// Dynamic settings of all brokers.
    pub cluster_config: BTreeMap<String, String>,
    /// Dynamic settings of single brokers.
    pub broker_configs: BTreeMap<BrokerId, BTreeMap<String, String>>,
    /// First producer id that is in no allocated block.
    pub next_producer_id: i64,
    /// Epoch that the next registration gets.
    pub next_broker_epoch: i64,
    /// Largest epoch of any maintenance request.
    pub maintenance_epoch: i64,
}

/// A registered broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerImage {
    /// Grows with each registration of any broker.
    pub epoch: i64,
    /// Drawn at each start of its process.
    pub incarnation: [u8; 16],
    /// Drawn when its data directory was formatted.
    pub disk_id: [u8; 16],
    /// Version of its binary.
    pub version: String,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Where clients reach it.
    pub listeners: Vec<Endpoint>,
    /// `host:port` where other brokers reach it.
    pub peer_address: String,
    /// Silent, or not yet caught up with the metadata: it leads nothing and is in no ISR but as the last.
    pub fenced: bool,
    /// About to stop: it gets no leaders and joins no ISR.
    pub shutting_down: bool,
    /// Set while maintenance is on: it gets no new leaders.
    pub maintenance: Option<Maintenance>,
    /// Being emptied: it gets no new replicas.
    pub decommissioning: bool,
}

/// Maintenance of a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Maintenance {
    /// Epoch of the request that turned it on.
    pub epoch: i64,
    /// Seconds without a repeated request after which the active controller ends it.
    pub ttl_s: u64,
}

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicImage {
    /// Its identity.
    pub id: TopicId,
    /// Its name.
    pub name: String,
    /// Its partitions, numbered from 0 without gaps.
    pub partitions: Vec<PartitionImage>,
    /// Settings that differ from the default.
    pub config: BTreeMap<String, String>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionImage {
    /// Brokers with a replica, the preferred leader first. During a reassignment the target
    /// replicas come first, then those that will be removed.
    pub replicas: Vec<BrokerId>,
    /// Replicas that have everything below the high watermark. Empty when all of them lost their disks.
    pub isr: Vec<BrokerId>,
    /// Replicas outside the ISR that have everything below the high watermark nevertheless, because
    /// it has not moved since they left: it stands while the ISR is below `min.insync.replicas` (KIP-966).
    pub eligible: Vec<BrokerId>,
    /// The leader, if one of the ISR is able.
    pub leader: Option<BrokerId>,
    /// Grows with each leader.
    pub leader_epoch: LeaderEpoch,
    /// Grows with each change of this struct.
    pub partition_epoch: i32,
    /// Replicas that a reassignment adds.
    pub adding: Vec<BrokerId>,
    /// Replicas that a reassignment removes at its end.
    pub removing: Vec<BrokerId>,
}

impl PartitionImage {
    /// The replicas as they will be after the reassignment that is under way, if any.
    #[must_use]
    pub fn target_replicas(&self) -> Vec<BrokerId> {
        let staying = |b: &&BrokerId| !self.removing.contains(b);
        self.replicas.iter().filter(staying).copied().collect()
    }

    /// Whether a reassignment is under way.
    #[must_use]
    pub fn is_reassigning(&self) -> bool {
        !self.adding.is_empty() || !self.removing.is_empty()
    }
}

impl BrokerImage {
    /// Whether it may become the leader of a partition whose ISR it is in; a broker in maintenance
    /// only where there is no other.
    #[must_use]
    pub fn may_lead(&self) -> bool {
        !self.fenced && !self.shutting_down
    }

    fn new(registration: Registration, epoch: i64) -> BrokerImage {
        BrokerImage {
            epoch,
            incarnation: registration.incarnation,
            disk_id: registration.disk_id,
            version: registration.version,
            rack: registration.rack,
            listeners: registration.listeners,
            peer_address: registration.peer_address,
            fenced: true,
            shutting_down: false,
            maintenance: None,
            decommissioning: false,
        }
    }
}

impl ClusterImage {
    /// A topic by name.
    #[must_use]
    pub fn topic_by_name(&self, name: &str) -> Option<&TopicImage> {
        self.topics.get(self.by_name.get(name)?)
    }

    /// A partition.
    #[must_use]
    pub fn partition(&self, partition: TopicPartition) -> Option<&PartitionImage> {
        let index = usize::try_from(partition.partition).ok()?;
        self.topics.get(&partition.topic)?.partitions.get(index)
    }

    /// Every partition, in the order of topic ids and numbers.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &PartitionImage)> {
        self.topics.values().flat_map(TopicImage::partitions)
    }

    /// `topic-partition` with the topic's name, for people.
    #[must_use]
    pub fn display_name(&self, partition: TopicPartition) -> String {
        match self.topics.get(&partition.topic) {
            Some(topic) => format!("{}-{}", topic.name, partition.partition),
            None => partition.to_string(),
        }
    }
}

impl TopicImage {
    /// Every partition with its name, in the order of the numbers.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &PartitionImage)> {
        (0..)
            .zip(&self.partitions)
            .map(|(number, partition)| (TopicPartition::new(self.id, number), partition))
    }
}
