//! From a topic's settings as text to what its log needs.
//! It validates nothing: the controller has; what cannot be read nevertheless is the default.

use std::str::FromStr;

use kring_controller::{ClusterDefaults, ClusterImage, TopicImage};
use kring_io::BrokerId;
use kring_log::{TimestampType, TopicLogConfig};

/// The settings of the logs of a topic on one broker.
pub(crate) fn log_config(
    broker: BrokerId,
    image: &ClusterImage,
    topic: &TopicImage,
    defaults: &ClusterDefaults,
    producer_id_expiration_ms: i64,
) -> TopicLogConfig {
    let built_in = TopicLogConfig::default();
    let value = |key: &str| image.topic_setting_on(broker, topic, key, defaults);
    let cleanup = value("cleanup.policy").unwrap_or_default();
    let has = |word: &str| cleanup.split(',').any(|policy| policy.trim() == word);
    TopicLogConfig {
        segment_bytes: number(value("segment.bytes"), built_in.segment_bytes),
        segment_ms: number(value("segment.ms"), built_in.segment_ms),
        retention_ms: number(value("retention.ms"), built_in.retention_ms),
        retention_bytes: number(value("retention.bytes"), built_in.retention_bytes),
        max_message_bytes: number(value("max.message.bytes"), built_in.max_message_bytes),
        compact: has("compact"),
        delete: has("delete"),
        timestamp_type: match value("message.timestamp.type").as_deref() {
            Some("LogAppendTime") => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        before_max_ms: number(
            value("message.timestamp.before.max.ms"),
            built_in.before_max_ms,
        ),
        after_max_ms: number(
            value("message.timestamp.after.max.ms"),
            built_in.after_max_ms,
        ),
        producer_id_expiration_ms,
        delete_retention_ms: number(value("delete.retention.ms"), built_in.delete_retention_ms),
        min_cleanable_dirty_per_mille: per_mille(value("min.cleanable.dirty.ratio"))
            .unwrap_or(built_in.min_cleanable_dirty_per_mille),
        segment_jitter_ms: number(value("segment.jitter.ms"), built_in.segment_jitter_ms),
        min_compaction_lag_ms: number(
            value("min.compaction.lag.ms"),
            built_in.min_compaction_lag_ms,
        ),
        max_compaction_lag_ms: number(
            value("max.compaction.lag.ms"),
            built_in.max_compaction_lag_ms,
        ),
    }
}

fn number<T: FromStr>(value: Option<String>, default: T) -> T {
    value.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn per_mille(ratio: Option<String>) -> Option<u32> {
    let ratio: f64 = ratio?.parse().ok()?;
    // Validated to lie in 0..=1.
    Some((ratio * 1000.0).round() as u32)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use kring_admin_api::ConfigType;
    use kring_controller::config_schema;
    use kring_wire::TopicId;

    use super::*;

    /// Settings that act elsewhere than in a log.
    const ELSEWHERE: [&str; 1] = ["min.insync.replicas"];

    fn topic(config: &[(&str, &str)]) -> TopicImage {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        TopicImage {
            id: TopicId([1; 16]),
            name: "t".to_owned(),
            partitions: Vec::new(),
            config: config.iter().map(owned).collect(),
        }
    }

    fn log_config_of(image: &ClusterImage, topic: &TopicImage) -> TopicLogConfig {
        log_config(
            BrokerId(1),
            image,
            topic,
            &ClusterDefaults::default(),
            86_400_000,
        )
    }

    #[test]
    fn every_topic_setting_changes_the_log_or_says_that_it_is_accepted_only() {
        let image = ClusterImage::default();
        let default = log_config_of(&image, &topic(&[]));
        assert_eq!(default, TopicLogConfig::default());
        let choices = config_schema::topic_keys().filter(|key| !key.is_fixed());
        for key in choices {
            let accepted_only = key.doc.starts_with("Accepted for Kafka's sake");
            let other = match key.value_type {
                ConfigType::Boolean => "true".to_owned(),
                ConfigType::Double => "0.25".to_owned(),
                ConfigType::Int | ConfigType::Long => key.max.unwrap_or(1_048_577).to_string(),
                ConfigType::String | ConfigType::List => {
                    let other = key.allowed.iter().find(|word| Some(**word) != key.default);
                    (*other.unwrap()).to_owned()
                }
            };
            let acts = log_config_of(&image, &topic(&[(key.name, &other)])) != default;
            if !ELSEWHERE.contains(&key.name) {
                assert_ne!(acts, accepted_only, "{}: {}", key.name, key.doc);
            }
        }
    }

    #[test]
    fn the_limit_of_decompressed_records_is_the_logs() {
        let key = config_schema::topic_key("max.decompressed.message.bytes").unwrap();
        let shown = key.default.and_then(|default| default.parse().ok());
        assert_eq!(shown, Some(kring_log::config::DECOMPRESSED_BYTES_MAX));
    }

    #[test]
    fn a_topics_own_value_comes_before_the_brokers_and_that_before_the_clusters() {
        let set = |value: &str| BTreeMap::from([("log.retention.ms".to_owned(), value.to_owned())]);
        let mut image = ClusterImage {
            cluster_config: set("3000"),
            ..ClusterImage::default()
        };
        assert_eq!(log_config_of(&image, &topic(&[])).retention_ms, 3_000);
        image.broker_configs =
            BTreeMap::from([(BrokerId(1), set("2000")), (BrokerId(2), set("9"))]);
        assert_eq!(log_config_of(&image, &topic(&[])).retention_ms, 2_000);
        let own = topic(&[("retention.ms", "1000")]);
        assert_eq!(log_config_of(&image, &own).retention_ms, 1_000);
    }
}
