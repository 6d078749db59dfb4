//! The journal and the segments: bytes, writes, times.
//! The log counts; here are only the names.

use kring_log::LogStats;
use kring_requests::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::{Registry, Unit};

use super::{counter, gauge, seconds};

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics) {
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
            "kring_log_disk_full_times",
            "How often the disk became full and appends were refused",
            log.disk_full_times,
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
    damage(registry, log);
    sizes(registry, log);
    times(registry, log);
}

fn damage(registry: &mut Registry, log: &LogStats) {
    let counters = [
        (
            "kring_log_damage_found",
            "Times that a partition's segments were found to be damaged or not readable; if it grows, replace the disk",
            log.damage_found,
        ),
        (
            "kring_log_damage_repaired",
            "Times that a damaged copy was dropped, to be fetched again from the leader",
            log.damage_repaired,
        ),
        (
            "kring_log_scrubbed_bytes",
            "Bytes of segments that were verified at rest",
            log.scrubbed_bytes,
        ),
        (
            "kring_log_scrub_passes",
            "Passes over all segments that ended",
            log.scrub_passes,
        ),
    ];
    for (name, help, value) in counters {
        counter(registry, name, help, value);
    }
}

fn sizes(registry: &mut Registry, log: &LogStats) {
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
            "kring_log_damaged_partitions",
            "Partitions whose copy here is damaged; above 0 for long, no other replica is in sync",
            log.damaged_partitions,
        ),
        (
            "kring_log_disk_full",
            "1 while the disk is full and appends are refused; make room",
            u64::from(log.disk_full),
        ),
    ];
    for (name, help, value) in gauges {
        gauge(registry, name, help, value);
    }
}

fn times(registry: &mut Registry, log: &LogStats) {
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
