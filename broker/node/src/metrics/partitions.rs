//! The partitions with a replica on this broker, under the Kafka exporter's names.
//! What flows through them is in `traffic.rs`.

use kring_requests::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::observe::About;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Topic {
    topic: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Follower {
    broker: i32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TopicPartition {
    topic: String,
    partition: i32,
}

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics, about: &About) {
    register_leaders(registry, snapshot, about);
    register_counts(registry, snapshot);
    type PerPartition = Family<TopicPartition, Gauge>;
    let current = PerPartition::default();
    let oldest = PerPartition::default();
    let in_sync = PerPartition::default();
    let under_replicated = PerPartition::default();
    let leads = PerPartition::default();
    let size = PerPartition::default();
    for replica in &snapshot.replicas {
        let label = TopicPartition {
            topic: replica.topic.clone(),
            partition: replica.partition,
        };
        let set = |family: &PerPartition, value: i64| {
            family.get_or_create(&label).set(value);
        };
        set(&leads, i64::from(replica.leads));
        set(&size, i64::try_from(replica.size_bytes).unwrap_or(i64::MAX));
        // Of the others the leader tells, so that a sum over brokers counts each partition once.
        if replica.leads {
            set(&current, replica.high_watermark);
            set(&oldest, replica.log_start);
            set(
                &in_sync,
                i64::try_from(replica.in_sync_replicas).unwrap_or(i64::MAX),
            );
            set(
                &under_replicated,
                i64::from(replica.in_sync_replicas < replica.replicas),
            );
        }
    }
    let families = [
        (
            "kafka_topic_partition_current_offset",
            "Offset behind the last committed record",
            current,
        ),
        (
            "kafka_topic_partition_oldest_offset",
            "Offset of the first record",
            oldest,
        ),
        (
            "kafka_topic_partition_in_sync_replica",
            "Replicas that are in sync",
            in_sync,
        ),
        (
            "kafka_topic_partition_under_replicated_partition",
            "1 when a replica is not in sync; look for a broker that is away or slow",
            under_replicated,
        ),
        (
            "kring_partition_leader",
            "1 when this broker leads the partition",
            leads,
        ),
        (
            "kring_partition_size_bytes",
            "Bytes of the partition's log on this broker",
            size,
        ),
    ];
    for (name, help, family) in families {
        registry.register(name, help, family);
    }
}

fn register_leaders(registry: &mut Registry, snapshot: &Metrics, about: &About) {
    let leader = Family::<TopicPartition, Gauge>::default();
    for replica in snapshot.replicas.iter().filter(|replica| replica.leads) {
        let label = TopicPartition {
            topic: replica.topic.clone(),
            partition: replica.partition,
        };
        leader.get_or_create(&label).set(about.broker.into());
    }
    registry.register(
        "kafka_topic_partition_leader",
        "Id of the broker that leads the partition; absent where nobody does, then start the brokers that hold it",
        leader,
    );
}

fn register_counts(registry: &mut Registry, snapshot: &Metrics) {
    let partitions = Family::<Topic, Gauge>::default();
    for (topic, count) in &snapshot.topic_partitions {
        let label = Topic {
            topic: topic.clone(),
        };
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        partitions.get_or_create(&label).set(count);
    }
    registry.register(
        "kafka_topic_partitions",
        "Partitions of the topic, told by the active controller alone",
        partitions,
    );
    let lag = Family::<Follower, Gauge>::default();
    for (broker, records) in &snapshot.replica_lag_records {
        let label = Follower { broker: *broker };
        let records = i64::try_from(*records).unwrap_or(i64::MAX);
        lag.get_or_create(&label).set(records);
    }
    registry.register(
        "kring_replica_lag_records",
        "Records that the broker's worst replica lacks, of the partitions led here; growing for minutes means that it is away or too slow",
        lag,
    );
}
