//! Counts over the image: what a broker leads and holds, and how healthy the cluster is.
//! It looks at every partition; callers do not ask once per request of a client.

use kring_io::BrokerId;

use super::{ClusterImage, OFFSETS_TOPIC};
use crate::config::ClusterDefaults;

/// Partitions in trouble.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterHealth {
    /// All partitions.
    pub partitions: u64,
    /// Without a leader.
    pub offline: u64,
    /// With an ISR smaller than the replica set.
    pub under_replicated: u64,
    /// With an ISR smaller than `min.insync.replicas`.
    pub under_min_isr: u64,
}

/// What one broker leads and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BrokerCount {
    pub(crate) leaders: u64,
    pub(crate) coordinators: u64,
    pub(crate) preferred_leaders: u64,
    pub(crate) replicas: u64,
    pub(crate) in_sync_replicas: u64,
}

impl ClusterImage {
    /// Counts partitions in trouble.
    #[must_use]
    pub fn health(&self, defaults: &ClusterDefaults) -> ClusterHealth {
        let mut health = ClusterHealth::default();
        for topic in self.topics.values() {
            for partition in &topic.partitions {
                let min_isr = self.effective_min_isr(topic.id, partition, defaults);
                health.partitions += 1;
                health.offline += u64::from(partition.leader.is_none());
                let in_sync = partition.isr.len();
                health.under_replicated += u64::from(in_sync < partition.replicas.len());
                health.under_min_isr += u64::from(in_sync < min_isr);
            }
        }
        health
    }

    pub(crate) fn count(&self, broker: BrokerId) -> BrokerCount {
        let mut count = BrokerCount::default();
        for topic in self.topics.values() {
            for partition in &topic.partitions {
                let leads = partition.leader == Some(broker);
                count.leaders += u64::from(leads);
                count.coordinators += u64::from(leads && topic.name == OFFSETS_TOPIC);
                let preferred = partition.replicas.first() == Some(&broker);
                count.preferred_leaders += u64::from(preferred);
                count.replicas += u64::from(partition.replicas.contains(&broker));
                count.in_sync_replicas += u64::from(partition.isr.contains(&broker));
            }
        }
        count
    }
}
