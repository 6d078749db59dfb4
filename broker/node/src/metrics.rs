//! The broker's counters in the OpenMetrics form, under the names that dashboards for Kafka read and under our own.
//! It counts nothing; a scrape takes a snapshot of the engine.

use std::fmt::Write as _;

use kring_requests::Metrics;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::observe::About;
use crate::run::VERSION;

/// Type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TopicPartition {
    topic: String,
    partition: i32,
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

/// A snapshot as text.
pub(crate) fn render(snapshot: &Metrics, about: &About) -> String {
    let mut registry = Registry::default();
    cluster(&mut registry, snapshot, about);
    partitions(&mut registry, snapshot);
    groups(&mut registry, snapshot);
    traffic(&mut registry, snapshot);
    log(&mut registry, snapshot);
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        // Writing to a string fails only for a label that cannot be written; there is none.
        let _ = writeln!(text, "# EOF");
    }
    text
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn seconds(registry: &mut Registry, name: &str, help: &str, value_us: u64) {
    let gauge = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    gauge.set(value_us as f64 / 1e6);
    registry.register_with_unit(name, help, Unit::Seconds, gauge);
}

fn cluster(registry: &mut Registry, snapshot: &Metrics, about: &About) {
    let info = Info::new(vec![
        ("version", VERSION.to_owned()),
        ("node_id", about.broker.to_string()),
        ("io_driver", about.driver.name.to_owned()),
        ("io_driver_reason", about.driver.reason.clone()),
    ]);
    registry.register(
        "kring_broker",
        "Which broker this is and how it reaches its disk",
        info,
    );
    let gauges = [
        (
            "kafka_brokers",
            "Brokers that are registered and unfenced",
            snapshot.live_brokers,
        ),
        (
            "kring_brokers_registered",
            "Brokers that are registered; more than kafka_brokers means that some are away",
            snapshot.brokers,
        ),
        (
            "kring_ready",
            "1 when this broker serves; when it is 0, /readyz says why",
            u64::from(snapshot.ready),
        ),
        (
            "kring_active_controller",
            "1 on the active controller; the sum over the cluster is 1",
            u64::from(snapshot.active_controller),
        ),
        ("kring_topics", "Topics of the cluster", snapshot.topics),
        (
            "kring_partitions",
            "Partitions of the cluster",
            snapshot.partitions,
        ),
        (
            "kring_offline_partitions",
            "Partitions of the cluster without a leader; above 0, start the brokers that hold them",
            snapshot.offline_partitions,
        ),
        (
            "kring_leaders",
            "Partitions that this broker leads",
            snapshot.leaders,
        ),
        (
            "kring_coordinators",
            "Group coordinators that serve on this broker",
            snapshot.coordinators,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(registry, name, help, value);
    }
}

fn partitions(registry: &mut Registry, snapshot: &Metrics) {
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

fn groups(registry: &mut Registry, snapshot: &Metrics) {
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

fn traffic(registry: &mut Registry, snapshot: &Metrics) {
    let requests = Family::<[(&'static str, &'static str); 1], Counter>::default();
    for (api, count) in &snapshot.requests {
        requests.get_or_create(&[("api", *api)]).inc_by(*count);
    }
    registry.register("kring_requests", "Requests by API", requests);
    let by_topic = |counts: &[(String, u64)]| {
        let family = Family::<[(&'static str, String); 1], Counter>::default();
        for (topic, count) in counts {
            family
                .get_or_create(&[("topic", topic.clone())])
                .inc_by(*count);
        }
        family
    };
    registry.register(
        "kring_produced_bytes",
        "Bytes appended for clients",
        by_topic(&snapshot.produced_bytes),
    );
    registry.register(
        "kring_produced_batches",
        "Batches appended for clients",
        by_topic(&snapshot.produced_batches),
    );
    let connections = Family::<[(&'static str, String); 2], Gauge>::default();
    for (name, version, count) in &snapshot.connections {
        connections
            .get_or_create(&[("client", name.clone()), ("version", version.clone())])
            .set(i64::try_from(*count).unwrap_or(i64::MAX));
    }
    registry.register(
        "kring_connections",
        "Open connections by client library",
        connections,
    );
    counter(
        registry,
        "kring_fetched_bytes",
        "Bytes of records given to clients",
        snapshot.fetched_bytes,
    );
    counter(
        registry,
        "kring_refused_requests",
        "Connections closed because of what they sent; growing means a broken or hostile client",
        snapshot.refused_requests,
    );
    gauge(
        registry,
        "kring_waiting_produce_requests",
        "Produce requests that wait for replicas or the disk",
        snapshot.waiting_produce,
    );
    gauge(
        registry,
        "kring_waiting_fetch_requests",
        "Fetch requests that wait for records",
        snapshot.waiting_fetch,
    );
}

fn log(registry: &mut Registry, snapshot: &Metrics) {
    let log = &snapshot.log;
    let counters = [
        (
            "kring_log_appended_batches",
            "Batches appended by leaders and followers",
            log.appended_batches,
        ),
        (
            "kring_log_appended_bytes",
            "Bytes of these batches",
            log.appended_bytes,
        ),
        (
            "kring_log_commit_groups",
            "Durable journal writes",
            log.groups,
        ),
        (
            "kring_log_journal_written_bytes",
            "Bytes written to the journal, padding included",
            log.journal_written_bytes,
        ),
        (
            "kring_log_segment_written_bytes",
            "Bytes written to segments",
            log.segment_written_bytes,
        ),
        ("kring_log_checkpoints", "Checkpoints", log.checkpoints),
        (
            "kring_log_cold_reads",
            "Reads that needed the disk",
            log.cold_reads,
        ),
        (
            "kring_log_corrupt_reads",
            "Reads whose bytes failed their checksum; above 0, replace the disk",
            log.corrupt_reads,
        ),
        (
            "kring_log_duplicate_batches",
            "Retries of idempotent producers that were answered with the first offset",
            log.duplicate_batches,
        ),
        (
            "kring_log_removed_segments",
            "Segments removed by retention, deletion and truncation",
            log.removed_segments,
        ),
    ];
    for (name, help, value) in counters {
        counter(registry, name, help, value);
    }
    let gauges = [
        (
            "kring_log_journal_used_bytes",
            "Journal bytes that no checkpoint covers",
            log.journal_used_bytes,
        ),
        (
            "kring_log_journal_capacity_bytes",
            "Bytes that the journal takes in all",
            log.journal_capacity_bytes,
        ),
        (
            "kring_log_checkpoint_bytes",
            "Length of the last checkpoint",
            log.checkpoint_bytes,
        ),
        (
            "kring_log_tail_bytes",
            "Memory of recent records",
            log.tail_bytes,
        ),
        (
            "kring_log_tail_dirty_bytes",
            "Part of it that no segment holds yet",
            log.tail_dirty_bytes,
        ),
        (
            "kring_log_disk_full",
            "1 while segments cannot grow because the disk is full; make room",
            u64::from(log.disk_full),
        ),
    ];
    for (name, help, value) in gauges {
        gauge(registry, name, help, value);
    }
    let times = [
        (
            "kring_log_flush_last",
            "Duration of the last durable journal write",
            log.flush_last_us,
        ),
        (
            "kring_log_flush_max",
            "Longest durable journal write",
            log.flush_max_us,
        ),
        (
            "kring_log_checkpoint_last",
            "Duration of the last checkpoint",
            log.checkpoint_last_us,
        ),
        (
            "kring_log_recovery",
            "Duration of recovery at the start",
            log.recovery_us,
        ),
    ];
    for (name, help, value_us) in times {
        seconds(registry, name, help, value_us);
    }
    let flushing = Counter::<f64, std::sync::atomic::AtomicU64>::default();
    flushing.inc_by(log.flush_total_us as f64 / 1e6);
    registry.register_with_unit(
        "kring_log_flush",
        "Time spent in durable journal writes, all together",
        Unit::Seconds,
        flushing,
    );
}
