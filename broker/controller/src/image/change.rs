//! What a broker learns from an applied entry: which parts of the image are different now.
//! It holds no state; read the new state in the image.

use std::collections::BTreeSet;

use kring_io::BrokerId;
use kring_wire::{TopicId, TopicPartition};
use serde::{Deserialize, Serialize};

use super::ClusterImage;

/// A part of the image that changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ImageChange {
    /// The cluster has an id now.
    ClusterId,
    /// A broker registered, was fenced, unfenced, forgotten, or its maintenance changed.
    Broker(BrokerId),
    /// The topic is new; a [`ImageChange::Partition`] follows for each of its partitions.
    TopicCreated(TopicId),
    /// The topic is gone from the image, so what is needed to clean up is here.
    TopicDeleted {
        /// Its id.
        id: TopicId,
        /// Its name.
        name: String,
        /// How many partitions it had.
        partitions: i32,
    },
    /// The partition is new or different.
    Partition(TopicPartition),
    /// Settings of the topic changed.
    TopicConfig(TopicId),
    /// Settings of all brokers changed.
    ClusterConfig,
    /// Settings of one broker changed.
    BrokerConfig(BrokerId),
}

impl ClusterImage {
    /// What is different in `self` from `old`: what a broker must hear after a snapshot replaced its image.
    #[must_use]
    pub fn changes_since(&self, old: &ClusterImage) -> Vec<ImageChange> {
        let mut changes = Vec::new();
        if self.cluster_id != old.cluster_id {
            changes.push(ImageChange::ClusterId);
        }
        let brokers: BTreeSet<BrokerId> = keys(&self.brokers, &old.brokers);
        let differs = |b: &BrokerId| self.brokers.get(b) != old.brokers.get(b);
        changes.extend(brokers.into_iter().filter(differs).map(ImageChange::Broker));
        if self.cluster_config != old.cluster_config {
            changes.push(ImageChange::ClusterConfig);
        }
        let configured: BTreeSet<BrokerId> = keys(&self.broker_configs, &old.broker_configs);
        let differs = |b: &BrokerId| self.broker_configs.get(b) != old.broker_configs.get(b);
        let configured = configured.into_iter().filter(differs);
        changes.extend(configured.map(ImageChange::BrokerConfig));
        self.topic_changes_since(old, &mut changes);
        changes
    }

    fn topic_changes_since(&self, old: &ClusterImage, changes: &mut Vec<ImageChange>) {
        for topic in old.topics.values() {
            if !self.topics.contains_key(&topic.id) {
                changes.push(topic.deleted());
            }
        }
        for topic in self.topics.values() {
            let before = old.topics.get(&topic.id);
            if before.is_none() {
                changes.push(ImageChange::TopicCreated(topic.id));
            }
            if before.map_or(!topic.config.is_empty(), |b| b.config != topic.config) {
                changes.push(ImageChange::TopicConfig(topic.id));
            }
            for (partition, state) in topic.partitions() {
                if old.partition(partition) != Some(state) {
                    changes.push(ImageChange::Partition(partition));
                }
            }
        }
    }
}

impl super::TopicImage {
    pub(super) fn deleted(&self) -> ImageChange {
        ImageChange::TopicDeleted {
            id: self.id,
            name: self.name.clone(),
            partitions: i32::try_from(self.partitions.len())
                .expect("partition numbers are 32 bits"),
        }
    }
}

fn keys<K: Ord + Copy, A, B>(
    a: &std::collections::BTreeMap<K, A>,
    b: &std::collections::BTreeMap<K, B>,
) -> BTreeSet<K> {
    a.keys().chain(b.keys()).copied().collect()
}
