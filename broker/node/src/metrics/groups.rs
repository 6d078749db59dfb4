//! Offsets and lag of the consumer groups that this broker coordinates, under the Kafka exporter's names and our own.
//! A group is told by its coordinator alone, so that a sum over brokers counts it once.

use std::sync::atomic::AtomicU64;

use kring_requests::{GroupOffsetMetrics, GroupTopicMetrics, Metrics};
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
        members.get_or_create(&label).set(signed(*count));
    }
    registry.register(
        "kafka_consumergroup_members",
        "Members of the group; 0 with a growing lag means that nobody reads",
        members,
    );
    register_partitions(registry, snapshot);
    register_topics(registry, snapshot);
    super::gauge(
        registry,
        "kring_consumergroup_partitions_left_out",
        "Partitions of groups that are in the sums by topic only, because there are more than kring.metrics.group.partitions.max",
        snapshot.group_partitions_left_out,
    );
}

fn register_partitions(registry: &mut Registry, snapshot: &Metrics) {
    let of = |row: &GroupOffsetMetrics| GroupPartition {
        consumergroup: row.group.clone(),
        topic: row.topic.clone(),
        partition: row.partition,
    };
    let rows = &snapshot.group_offsets;
    let known = |row: &&GroupOffsetMetrics| row.lag_records.is_some();
    let family = |value: fn(&GroupOffsetMetrics) -> Option<i64>| {
        numbers(rows.iter().map(|row| (of(row), value(row))))
    };
    registry.register(
        "kafka_consumergroup_current_offset",
        "Offset that the group has committed",
        family(|row| Some(row.offset)),
    );
    registry.register(
        "kafka_consumergroup_lag",
        "Committed records that the group has not read; growing for minutes means that it is too slow or stuck",
        family(|row| row.lag_records),
    );
    registry.register_with_unit(
        "kring_consumergroup_lag",
        "About how long the first record that the group has not read has been waiting; 0 when it has read all",
        Unit::Seconds,
        times(rows.iter().filter(known).map(|row| (of(row), row.waited_ms(snapshot.wall_ms)))),
    );
    registry.register(
        "kring_consumergroup_lag_growth",
        "Records by which kafka_consumergroup_lag grew within kring.metrics.group.window.ms, or since this broker coordinates the group",
        family(|row| row.growth_records),
    );
    registry.register(
        "kring_consumergroup_stalled",
        "1 when the group had something to read and did not commit a new offset in the whole of kring.metrics.group.window.ms",
        family(|row| Some(i64::from(row.stalled))),
    );
    registry.register(
        "kring_consumergroup_lost_records",
        "Records that were removed from the log before the group read them: how far its offset is below the log's start",
        family(|row| row.lag_records.map(|_| row.lost_records)),
    );
}

fn register_topics(registry: &mut Registry, snapshot: &Metrics) {
    let of = |sum: &GroupTopicMetrics| GroupTopic {
        consumergroup: sum.group.clone(),
        topic: sum.topic.clone(),
    };
    let sums = &snapshot.group_topics;
    let family = |value: fn(&GroupTopicMetrics) -> Option<i64>| {
        numbers(sums.iter().map(|sum| (of(sum), value(sum))))
    };
    registry.register(
        "kafka_consumergroup_lag_sum",
        "Sum of kafka_consumergroup_lag over the partitions of a topic",
        family(|sum| Some(sum.lag_records)),
    );
    registry.register_with_unit(
        "kring_consumergroup_lag_max",
        "The largest kring_consumergroup_lag_seconds of the partitions of a topic",
        Unit::Seconds,
        times(
            sums.iter()
                .map(|sum| (of(sum), sum.waited_ms(snapshot.wall_ms))),
        ),
    );
    registry.register(
        "kring_consumergroup_lag_growth_sum",
        "Records by which kafka_consumergroup_lag_sum grew within kring.metrics.group.window.ms, or since this broker coordinates the group",
        family(|sum| sum.growth_records),
    );
    registry.register(
        "kring_consumergroup_lag_growing",
        "1 when kafka_consumergroup_lag_sum grew in both halves of the last kring.metrics.group.window.ms",
        family(|sum| sum.growth_records.map(|_| i64::from(sum.growing))),
    );
    registry.register(
        "kring_consumergroup_stalled_partitions",
        "Partitions of a topic whose kring_consumergroup_stalled is 1",
        family(|sum| Some(signed(sum.stalled_partitions))),
    );
    registry.register(
        "kring_consumergroup_lost_records_sum",
        "Sum of kring_consumergroup_lost_records over the partitions of a topic",
        family(|sum| Some(sum.lost_records)),
    );
    registry.register(
        "kring_consumergroup_unknown_partitions",
        "Partitions of a topic whose lag the group's coordinator does not know: it has no replica, and the leader does not answer",
        family(|sum| Some(signed(sum.unknown_partitions))),
    );
}

/// What has no value now has no sample.
fn numbers<L: Label>(values: impl Iterator<Item = (L, Option<i64>)>) -> Family<L, Gauge> {
    let family = Family::<L, Gauge>::default();
    for (label, value) in values {
        if let Some(value) = value {
            family.get_or_create(&label).set(value);
        }
    }
    family
}

type Seconds = Gauge<f64, AtomicU64>;

fn times<L: Label>(values_ms: impl Iterator<Item = (L, i64)>) -> Family<L, Seconds> {
    let family = Family::<L, Seconds>::default();
    for (label, ms) in values_ms {
        family.get_or_create(&label).set(ms as f64 / 1_000.0);
    }
    family
}

trait Label: Clone + Eq + std::hash::Hash {}
impl Label for GroupPartition {}
impl Label for GroupTopic {}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn what_is_not_known_is_not_told_and_the_rest_under_its_names() {
        let known = GroupOffsetMetrics {
            group: "g".to_owned(),
            topic: "t".to_owned(),
            partition: 3,
            offset: 5,
            lag_records: Some(7),
            unread_since_ms: Some(1_000),
            lost_records: 2,
            growth_records: Some(-4),
            stalled: true,
        };
        let unknown = GroupOffsetMetrics {
            partition: 4,
            lag_records: None,
            unread_since_ms: None,
            growth_records: None,
            stalled: false,
            ..known.clone()
        };
        let sum = GroupTopicMetrics {
            group: "g".to_owned(),
            topic: "t".to_owned(),
            lag_records: 7,
            unknown_partitions: 1,
            unread_since_ms: Some(1_000),
            lost_records: 2,
            growth_records: None,
            growing: false,
            stalled_partitions: 1,
        };
        let snapshot = Metrics {
            group_offsets: vec![known, unknown],
            group_topics: vec![sum],
            group_partitions_left_out: 9,
            wall_ms: 3_500,
            ..Metrics::default()
        };
        let mut registry = Registry::default();
        register(&mut registry, &snapshot);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let mut told: Vec<String> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.replace(r#"consumergroup="g",topic="t""#, "g,t"))
            .collect();
        told.sort();
        let expected = [
            r#"kafka_consumergroup_current_offset{g,t,partition="3"} 5"#,
            r#"kafka_consumergroup_current_offset{g,t,partition="4"} 5"#,
            r#"kafka_consumergroup_lag_sum{g,t} 7"#,
            r#"kafka_consumergroup_lag{g,t,partition="3"} 7"#,
            r#"kring_consumergroup_lag_growth{g,t,partition="3"} -4"#,
            r#"kring_consumergroup_lag_max_seconds{g,t} 2.5"#,
            r#"kring_consumergroup_lag_seconds{g,t,partition="3"} 2.5"#,
            r#"kring_consumergroup_lost_records_sum{g,t} 2"#,
            r#"kring_consumergroup_lost_records{g,t,partition="3"} 2"#,
            r#"kring_consumergroup_partitions_left_out 9"#,
            r#"kring_consumergroup_stalled_partitions{g,t} 1"#,
            r#"kring_consumergroup_stalled{g,t,partition="3"} 1"#,
            r#"kring_consumergroup_stalled{g,t,partition="4"} 0"#,
            r#"kring_consumergroup_unknown_partitions{g,t} 1"#,
        ];
        assert_eq!(told, expected);
    }
}
