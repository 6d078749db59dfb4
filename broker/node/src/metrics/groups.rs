//! Offsets and lag of the consumer groups that this broker coordinates, under the Kafka exporter's names.
//! A group is told by its coordinator alone, so that a sum over brokers counts it once.

use std::sync::atomic::AtomicU64;

use kring_requests::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Group {
    consumergroup: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GroupPartition {
    consumergroup: String,
    topic: String,
    partition: i32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct GroupTopic {
    consumergroup: String,
    topic: String,
}

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics) {
    let members = Family::<Group, Gauge>::default();
    for (group, count) in &snapshot.group_members {
        let label = Group {
            consumergroup: group.clone(),
        };
        let count = i64::try_from(*count).unwrap_or(i64::MAX);
        members.get_or_create(&label).set(count);
    }
    registry.register(
        "kafka_consumergroup_members",
        "Members of the group; 0 with a growing lag means that nobody reads",
        members,
    );
    let offsets = Family::<GroupPartition, Gauge>::default();
    let lag = Family::<GroupPartition, Gauge>::default();
    let behind = Family::<GroupPartition, Gauge<f64, AtomicU64>>::default();
    let sum = Family::<GroupTopic, Gauge>::default();
    for committed in &snapshot.group_offsets {
        let label = GroupPartition {
            consumergroup: committed.group.clone(),
            topic: committed.topic.clone(),
            partition: committed.partition,
        };
        offsets.get_or_create(&label).set(committed.offset);
        if let Some(records) = committed.lag_records {
            let since_ms = committed.unread_since_ms.filter(|_| records > 0);
            // Records without a timestamp are not known to wait.
            let waited_ms = since_ms.map_or(0, |since_ms| (snapshot.wall_ms - since_ms).max(0));
            behind.get_or_create(&label).set(waited_ms as f64 / 1_000.0);
            lag.get_or_create(&label).set(records);
            let label = GroupTopic {
                consumergroup: committed.group.clone(),
                topic: committed.topic.clone(),
            };
            sum.get_or_create(&label).inc_by(records);
        }
    }
    registry.register_with_unit(
        "kring_consumergroup_lag",
        "About how long the first record that the group has not read has been waiting; 0 when it has read all",
        Unit::Seconds,
        behind,
    );
    registry.register(
        "kafka_consumergroup_current_offset",
        "Offset that the group has committed",
        offsets,
    );
    registry.register("kafka_consumergroup_lag", "Committed records that the group has not read; growing for minutes means that it is too slow or stuck", lag);
    registry.register(
        "kafka_consumergroup_lag_sum",
        "Sum of kafka_consumergroup_lag over the partitions of a topic",
        sum,
    );
}
