//! Which value of a setting holds: the topic's own, the cluster's dynamic one, the static default.
//! It validates nothing; values in the image were checked when they were set.

use std::collections::BTreeMap;

use kring_io::BrokerId;
use kring_wire::TopicId;

use super::{ClusterImage, PartitionImage, TopicImage};
use crate::config::ClusterDefaults;
use crate::config_schema;

impl ClusterImage {
    /// The value of a topic's setting by its topic key: the topic's own, else the cluster's dynamic
    /// value of the broker key that stands for it, else the static default.
    #[must_use]
    pub fn topic_setting(
        &self,
        topic: &TopicImage,
        key: &str,
        defaults: &ClusterDefaults,
    ) -> Option<String> {
        if let Some(value) = topic.config.get(key) {
            return Some(value.clone());
        }
        self.default_topic_setting(key, defaults)
    }

    /// The value of a topic's setting on one broker: the topic's own, else the one set on this broker
    /// while it ran, else as [`ClusterImage::default_topic_setting`].
    #[must_use]
    pub fn topic_setting_on(
        &self,
        broker: BrokerId,
        topic: &TopicImage,
        key: &str,
        defaults: &ClusterDefaults,
    ) -> Option<String> {
        if let Some(value) = topic.config.get(key) {
            return Some(value.clone());
        }
        let own = self.broker_configs.get(&broker);
        let broker_key = config_schema::topic_key(key)?.broker_key;
        let own = broker_key.and_then(|broker_key| own?.get(broker_key));
        own.cloned()
            .or_else(|| self.default_topic_setting(key, defaults))
    }

    /// The value that a topic without a setting of its own has.
    #[must_use]
    pub fn default_topic_setting(&self, key: &str, defaults: &ClusterDefaults) -> Option<String> {
        let definition = config_schema::topic_key(key)?;
        let cluster = definition
            .broker_key
            .and_then(|broker_key| self.cluster_config.get(broker_key));
        cluster
            .or_else(|| defaults.topic_config.get(key))
            .cloned()
            .or_else(|| definition.default.map(str::to_owned))
    }

    /// Every setting of a topic that has a value, by topic key.
    #[must_use]
    pub fn topic_settings(
        &self,
        topic: &TopicImage,
        defaults: &ClusterDefaults,
    ) -> BTreeMap<String, String> {
        config_schema::topic_keys()
            .filter_map(|key| {
                let value = self.topic_setting(topic, key.name, defaults)?;
                Some((key.name.to_owned(), value))
            })
            .collect()
    }

    /// `min.insync.replicas` of a topic.
    #[must_use]
    pub fn min_insync_replicas(&self, topic: TopicId, defaults: &ClusterDefaults) -> usize {
        const KEY: &str = "min.insync.replicas";
        let own = self.topics.get(&topic).and_then(|t| t.config.get(KEY));
        let value = own.or_else(|| self.cluster_config.get(KEY));
        let value = value.and_then(|value| value.parse().ok());
        let value: i32 = value.unwrap_or(defaults.min_insync_replicas);
        usize::try_from(value).unwrap_or(1).max(1)
    }
    /// How large an ISR must be for acks=all, and for the high watermark to move: the topic's
    /// `min.insync.replicas`, or every replica where there are fewer of them, as Kafka counts.
    #[must_use]
    pub fn effective_min_isr(
        &self,
        topic: TopicId,
        partition: &PartitionImage,
        defaults: &ClusterDefaults,
    ) -> usize {
        let configured = self.min_insync_replicas(topic, defaults);
        configured.min(partition.replicas.len())
    }
}
