//! Offsets and lag of the consumer groups that this broker coordinates, under the Kafka exporter's names.
//! A group is told by its coordinator alone, so that a sum over brokers counts it once.

use kring_requests::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

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
    let sum = Family::<GroupTopic, Gauge>::default();
    for committed in &snapshot.group_offsets {
        let label = GroupPartition {
            consumergroup: committed.group.clone(),
            topic: committed.topic.clone(),
            partition: committed.partition,
        };
        offsets.get_or_create(&label).set(committed.offset);
        if let Some(records) = committed.lag_records {
            lag.get_or_create(&label).set(records);
            let label = GroupTopic {
                consumergroup: committed.group.clone(),
                topic: committed.topic.clone(),
            };
            sum.get_or_create(&label).inc_by(records);
        }
    }
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
