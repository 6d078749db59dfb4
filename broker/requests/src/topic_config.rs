//! From a topic's settings as text to what its log needs.
//! It validates nothing: the controller has; what cannot be read nevertheless is the default.

use std::str::FromStr;

use kring_controller::{ClusterDefaults, ClusterImage, TopicImage};
use kring_log::{TimestampType, TopicLogConfig};

/// The settings of the logs of a topic.
pub(crate) fn log_config(
    image: &ClusterImage,
    topic: &TopicImage,
    defaults: &ClusterDefaults,
    producer_id_expiration_ms: i64,
) -> TopicLogConfig {
    let built_in = TopicLogConfig::default();
    let value = |key: &str| image.topic_setting(topic, key, defaults);
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
