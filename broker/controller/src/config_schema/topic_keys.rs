//! The settings of a topic, in the order of the names.
//! Defaults are those of Apache Kafka 4.4, but for what the broker does in one way of its own.

use kring_admin_api::ConfigType::{Boolean, Double, Int, List, Long, String};

use super::Definition;

const FOREVER: &str = "9223372036854775807";

/// Index of each key in [`TOPIC_KEYS`] follows from the order of the names.
pub(super) const TOPIC_KEYS: &[Definition] = &[
    Definition::new(
        "cleanup.policy",
        List,
        "delete",
        "What happens to old records: `delete` removes segments by age and size, `compact` keeps the last record of each key; both may stand together.",
    )
    .on_broker("log.cleanup.policy")
    .one_of(&["delete", "compact"]),
    Definition::new(
        "compression.gzip.level",
        Int,
        "-1",
        "Accepted for Kafka's sake; batches are stored as the producer compressed them.",
    )
    .on_broker("compression.gzip.level")
    .min(-1)
    .max(9),
    Definition::new(
        "compression.lz4.level",
        Int,
        "9",
        "Accepted for Kafka's sake; batches are stored as the producer compressed them.",
    )
    .on_broker("compression.lz4.level")
    .min(1)
    .max(17),
    Definition::new(
        "compression.type",
        String,
        "producer",
        "Accepted for Kafka's sake; batches are stored as the producer compressed them.",
    )
    .on_broker("compression.type")
    .one_of(&["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"]),
    Definition::new(
        "compression.zstd.level",
        Int,
        "3",
        "Accepted for Kafka's sake; batches are stored as the producer compressed them.",
    )
    .on_broker("compression.zstd.level")
    .min(-131_072)
    .max(22),
    Definition::new(
        "delete.retention.ms",
        Long,
        "86400000",
        "How long the deletion marks of a compacted topic stay readable, in milliseconds.",
    )
    .on_broker("log.cleaner.delete.retention.ms")
    .min(0),
    Definition::new(
        "file.delete.delay.ms",
        Long,
        "60000",
        "Accepted for Kafka's sake; the file of a deleted segment goes when the deletion is durable and reads of it have ended.",
    )
    .on_broker("log.segment.delete.delay.ms")
    .min(0),
    Definition::new(
        "flush.messages",
        Long,
        FOREVER,
        "Accepted for Kafka's sake; every record is durable before it is acknowledged.",
    )
    .on_broker("log.flush.interval.messages")
    .min(1),
    Definition::new(
        "flush.ms",
        Long,
        FOREVER,
        "Accepted for Kafka's sake; every record is durable before it is acknowledged.",
    )
    .on_broker("log.flush.interval.ms")
    .min(0),
    Definition::new(
        "index.interval.bytes",
        Int,
        "4096",
        "Accepted for Kafka's sake; indexes are kept in memory, with a distance of their own.",
    )
    .on_broker("log.index.interval.bytes")
    .min(0),
    Definition::new(
        "local.retention.bytes",
        Long,
        "-2",
        "Only `-2`, as much as is retained at all: there is no other storage than the disks.",
    )
    .on_broker("log.local.retention.bytes")
    .min(-2)
    .max(-2),
    Definition::new(
        "local.retention.ms",
        Long,
        "-2",
        "Only `-2`, as much as is retained at all: there is no other storage than the disks.",
    )
    .on_broker("log.local.retention.ms")
    .min(-2)
    .max(-2),
    Definition::new(
        "max.compaction.lag.ms",
        Long,
        FOREVER,
        "A record is considered for compaction at the latest after this, whatever min.cleanable.dirty.ratio says, in milliseconds.",
    )
    .on_broker("log.cleaner.max.compaction.lag.ms")
    .min(1),
    Definition::new(
        "max.decompressed.message.bytes",
        Int,
        "67108864",
        "Only what it is: to how many bytes the records of a batch may decompress where the broker looks at them.",
    )
    .on_broker("max.decompressed.message.bytes")
    .min(67_108_864)
    .max(67_108_864),
    Definition::new(
        "max.message.bytes",
        Int,
        "1048588",
        "Largest batch as stored, in bytes, its header included.",
    )
    .on_broker("message.max.bytes")
    .min(0),
    Definition::new(
        "message.timestamp.after.max.ms",
        Long,
        "3600000",
        "How far ahead of the broker's clock a producer's timestamp may be, in milliseconds.",
    )
    .on_broker("log.message.timestamp.after.max.ms")
    .min(0),
    Definition::new(
        "message.timestamp.before.max.ms",
        Long,
        FOREVER,
        "How far behind the broker's clock a producer's timestamp may be, in milliseconds.",
    )
    .on_broker("log.message.timestamp.before.max.ms")
    .min(0),
    Definition::new(
        "message.timestamp.type",
        String,
        "CreateTime",
        "Whether a record bears the producer's time or the time of its append.",
    )
    .on_broker("log.message.timestamp.type")
    .one_of(&["CreateTime", "LogAppendTime"]),
    Definition::new(
        "min.cleanable.dirty.ratio",
        Double,
        "0.5",
        "Part of the log that must be uncompacted before compaction starts.",
    )
    .on_broker("log.cleaner.min.cleanable.ratio")
    .min(0)
    .max(1),
    Definition::new(
        "min.compaction.lag.ms",
        Long,
        "0",
        "A record is not compacted away before this, in milliseconds.",
    )
    .on_broker("log.cleaner.min.compaction.lag.ms")
    .min(0),
    Definition::new(
        "min.insync.replicas",
        Int,
        "1",
        "acks=all is refused while fewer replicas are in sync.",
    )
    .on_broker("min.insync.replicas")
    .min(1),
    Definition::new(
        "preallocate",
        Boolean,
        "false",
        "Accepted for Kafka's sake; the journal is preallocated, segments are written in large parts.",
    )
    .on_broker("log.preallocate"),
    Definition::new(
        "remote.copy.lag.bytes",
        Long,
        "-1",
        "Only what it is: there is no remote storage to copy to.",
    )
    .on_broker("log.remote.copy.lag.bytes")
    .min(-1)
    .max(-1),
    Definition::new(
        "remote.copy.lag.ms",
        Long,
        "0",
        "Only what it is: there is no remote storage to copy to.",
    )
    .on_broker("log.remote.copy.lag.ms")
    .min(0)
    .max(0),
    Definition::new(
        "retention.bytes",
        Long,
        "-1",
        "Old segments of a partition are deleted while it is larger, in bytes; -1: no limit.",
    )
    .on_broker("log.retention.bytes")
    .min(-1),
    Definition::new(
        "retention.ms",
        Long,
        "604800000",
        "Segments whose newest record is older are deleted, in milliseconds; -1: never.",
    )
    .on_broker("log.retention.ms")
    .min(-1),
    Definition::new(
        "segment.bytes",
        Int,
        "1073741824",
        "Size at which a segment is closed, in bytes.",
    )
    .on_broker("log.segment.bytes")
    .min(1_048_576),
    Definition::new(
        "segment.index.bytes",
        Int,
        "10485760",
        "Accepted for Kafka's sake; indexes are kept in memory and bounded by what they index.",
    )
    .on_broker("log.index.size.max.bytes")
    .min(4),
    Definition::new(
        "segment.jitter.ms",
        Long,
        "0",
        "By how much `segment.ms` is shortened at most, differently for each segment, so that not all are closed at once, in milliseconds.",
    )
    .on_broker("log.roll.jitter.ms")
    .min(0),
    Definition::new(
        "segment.ms",
        Long,
        "604800000",
        "Age at which a segment is closed though it is not full, in milliseconds.",
    )
    .on_broker("log.roll.ms")
    .min(1),
    Definition::new(
        "unclean.leader.election.enable",
        Boolean,
        "false",
        "Only `false`: a replica outside the ISR leads after an explicit unclean election alone, because records may be lost.",
    )
    .on_broker("unclean.leader.election.enable")
    .one_of(&["false"]),
];

/// What Kafka keeps for topics alone, without a broker setting that stands for it, in the order of
/// the names. Each has the one value that says what happens here.
pub(super) const TOPIC_ONLY_KEYS: &[Definition] = &[
    Definition::new(
        "errors.deadletterqueue.group.enable",
        Boolean,
        "false",
        "Only `false`: no group writes undeliverable records to a topic.",
    )
    .one_of(&["false"]),
    Definition::new(
        "follower.replication.throttled.replicas",
        List,
        "",
        "Only empty: replication is not throttled.",
    )
    .one_of(&[""]),
    Definition::new(
        "leader.replication.throttled.replicas",
        List,
        "",
        "Only empty: replication is not throttled.",
    )
    .one_of(&[""]),
    Definition::new(
        "remote.log.copy.disable",
        Boolean,
        "false",
        "Only `false`: there is no remote storage whose use could be stopped.",
    )
    .one_of(&["false"]),
    Definition::new(
        "remote.log.delete.on.disable",
        Boolean,
        "false",
        "Only `false`: there is no remote storage to delete from.",
    )
    .one_of(&["false"]),
    Definition::new(
        "remote.storage.enable",
        Boolean,
        "false",
        "Only `false`: there is no remote storage.",
    )
    .one_of(&["false"]),
];
