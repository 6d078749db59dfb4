//! Every setting a user may give, by Kafka's own names: type, default, range, whether it takes a
//! restart. It is the operator's copy, because a cluster's config is checked before a broker runs.

use std::sync::LazyLock;

use kring_admin_api::{ConfigKey, ConfigScope, ConfigType};

use ConfigType::{Boolean, Double, Int, List, Long};

/// Settings of a broker, in the order of their names.
pub static BROKER_KEYS: LazyLock<Vec<ConfigKey>> = LazyLock::new(|| {
    let mut keys = vec![
        key(
            "auto.create.topics.enable",
            Boolean,
            "true",
            "Create a topic when a client first asks for it.",
        ),
        key(
            "default.replication.factor",
            Int,
            "1",
            "Replicas of a topic that names no number.",
        )
        .at_least(1),
        key(
            "min.insync.replicas",
            Int,
            "1",
            "Replicas that must be in sync for acks=all records to be accepted.",
        )
        .at_least(1),
        key(
            "num.partitions",
            Int,
            "1",
            "Partitions of a topic that names no number.",
        )
        .at_least(1),
        key(
            "offsets.topic.num.partitions",
            Int,
            "50",
            "Partitions of __consumer_offsets, set when it is created.",
        )
        .at_least(1),
        key(
            "offsets.topic.replication.factor",
            Int,
            "3",
            "Replicas of __consumer_offsets, set when it is created.",
        )
        .at_least(1),
        key(
            "offsets.retention.minutes",
            Int,
            "10080",
            "How long the offsets of an empty group are kept.",
        )
        .at_least(1),
        key(
            "group.initial.rebalance.delay.ms",
            Int,
            "3000",
            "How long a new group waits for more members.",
        )
        .at_least(0),
        key(
            "group.min.session.timeout.ms",
            Int,
            "6000",
            "Shortest session a group member may ask for.",
        )
        .at_least(1),
        key(
            "group.max.session.timeout.ms",
            Int,
            "1800000",
            "Longest session a group member may ask for.",
        )
        .at_least(1),
        key(
            "log.retention.ms",
            Long,
            "604800000",
            "How long records are kept; -1 for ever.",
        )
        .at_least(-1),
        key(
            "log.retention.minutes",
            Int,
            "10080",
            "The same in minutes.",
        )
        .at_least(-1),
        key("log.retention.hours", Int, "168", "The same in hours.").at_least(-1),
        key(
            "log.retention.bytes",
            Long,
            "-1",
            "How many bytes of a partition are kept; -1 for all.",
        )
        .at_least(-1),
        key(
            "log.segment.bytes",
            Int,
            "1073741824",
            "Size at which a segment ends.",
        )
        .at_least(1_048_576),
        key(
            "log.roll.ms",
            Long,
            "604800000",
            "Age at which a segment ends.",
        )
        .at_least(1),
        key(
            "log.cleanup.policy",
            List,
            "delete",
            "Delete old records, or keep the last of each key.",
        )
        .one_of(&["delete", "compact"]),
        key(
            "log.message.timestamp.type",
            ConfigType::String,
            "CreateTime",
            "Whose clock stamps a record.",
        )
        .one_of(&["CreateTime", "LogAppendTime"]),
        key(
            "message.max.bytes",
            Int,
            "1048588",
            "Largest batch of records.",
        )
        .at_least(0),
        key(
            "replica.lag.time.max.ms",
            Long,
            "30000",
            "How long a follower may lag and stay in sync.",
        )
        .at_least(1),
        key(
            "unclean.leader.election.enable",
            Boolean,
            "false",
            "Let a replica lead that misses acknowledged records.",
        )
        .one_of(&["false"]),
        key(
            "log.cleaner.min.cleanable.ratio",
            Double,
            "0.5",
            "Share of old records at which compaction begins.",
        ),
    ];
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
});

/// Settings of a topic, in the order of their names.
pub static TOPIC_KEYS: LazyLock<Vec<ConfigKey>> = LazyLock::new(|| {
    let mut keys = vec![
        key(
            "cleanup.policy",
            List,
            "delete",
            "Delete old records, or keep the last of each key.",
        )
        .one_of(&["delete", "compact"]),
        key(
            "compression.type",
            ConfigType::String,
            "producer",
            "How batches are stored; `producer` keeps them as sent.",
        )
        .one_of(&["producer"]),
        key(
            "delete.retention.ms",
            Long,
            "86400000",
            "How long a deleted key is remembered.",
        )
        .at_least(0),
        key(
            "file.delete.delay.ms",
            Long,
            "60000",
            "How long a deleted segment's file stays.",
        )
        .at_least(0),
        key(
            "flush.messages",
            Long,
            "9223372036854775807",
            "Accepted and without effect: records are on disk before they are acknowledged.",
        )
        .at_least(1),
        key(
            "flush.ms",
            Long,
            "9223372036854775807",
            "Accepted and without effect: records are on disk before they are acknowledged.",
        )
        .at_least(0),
        key(
            "max.message.bytes",
            Int,
            "1048588",
            "Largest batch of records.",
        )
        .at_least(0),
        key(
            "message.timestamp.type",
            ConfigType::String,
            "CreateTime",
            "Whose clock stamps a record.",
        )
        .one_of(&["CreateTime", "LogAppendTime"]),
        key(
            "message.timestamp.before.max.ms",
            Long,
            "9223372036854775807",
            "How far a record's time may lie in the past.",
        )
        .at_least(0),
        key(
            "message.timestamp.after.max.ms",
            Long,
            "3600000",
            "How far a record's time may lie in the future.",
        )
        .at_least(0),
        key(
            "min.cleanable.dirty.ratio",
            Double,
            "0.5",
            "Share of old records at which compaction begins.",
        ),
        key(
            "min.compaction.lag.ms",
            Long,
            "0",
            "How long a record is left out of compaction.",
        )
        .at_least(0),
        key(
            "max.compaction.lag.ms",
            Long,
            "9223372036854775807",
            "How long a record may stay uncompacted.",
        )
        .at_least(1),
        key(
            "min.insync.replicas",
            Int,
            "1",
            "Replicas that must be in sync for acks=all records to be accepted.",
        )
        .at_least(1),
        key(
            "retention.bytes",
            Long,
            "-1",
            "How many bytes of a partition are kept; -1 for all.",
        )
        .at_least(-1),
        key(
            "retention.ms",
            Long,
            "604800000",
            "How long records are kept; -1 for ever.",
        )
        .at_least(-1),
        key(
            "segment.bytes",
            Int,
            "1073741824",
            "Size at which a segment ends.",
        )
        .at_least(1_048_576),
        key(
            "segment.ms",
            Long,
            "604800000",
            "Age at which a segment ends.",
        )
        .at_least(1),
        key(
            "unclean.leader.election.enable",
            Boolean,
            "false",
            "Let a replica lead that misses acknowledged records.",
        )
        .one_of(&["false"]),
    ];
    for key in &mut keys {
        key.scope = ConfigScope::Topic;
        key.requires_restart = false;
    }
    keys.sort_by(|a, b| a.name.cmp(&b.name));
    keys
});

/// Finds a broker setting.
#[must_use]
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    BROKER_KEYS.iter().find(|key| key.name == name)
}

/// Finds a topic setting.
#[must_use]
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC_KEYS.iter().find(|key| key.name == name)
}

fn key(name: &str, value_type: ConfigType, default: &str, doc: &str) -> ConfigKey {
    ConfigKey {
        name: name.to_owned(),
        scope: ConfigScope::Broker,
        value_type,
        default: Some(default.to_owned()),
        min: None,
        max: None,
        allowed: Vec::new(),
        requires_restart: true,
        doc: doc.to_owned(),
    }
}

trait Narrow {
    fn at_least(self, min: i64) -> Self;
    fn one_of(self, words: &[&str]) -> Self;
}

impl Narrow for ConfigKey {
    fn at_least(mut self, min: i64) -> Self {
        self.min = Some(min);
        self
    }

    fn one_of(mut self, words: &[&str]) -> Self {
        self.allowed = words.iter().map(|word| (*word).to_owned()).collect();
        self
    }
}
