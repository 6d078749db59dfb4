//! Each setting of the engines by its name: from a checked value to its field.
//! It checks nothing; the tables do.

use kring_requests::BrokerConfig;

use crate::config::keys::words;

/// Sets a switch; false for a name that is not the engine's.
pub(super) fn set_flag(config: &mut BrokerConfig, name: &str, value: bool) -> bool {
    match name {
        "auto.create.topics.enable" => config.auto_create_topics_enable = value,
        "auto.leader.rebalance.enable" => config.auto_leader_rebalance_enable = value,
        _ => return false,
    }
    true
}

/// Sets the assignors, whose names were checked.
pub(super) fn set_assignors(config: &mut BrokerConfig, value: &str) {
    config.groups.group_consumer_assignors = words(value).map(str::to_owned).collect();
}

/// Sets a number whose bounds were checked; false for a name that is not the engine's.
pub(super) fn set_number(config: &mut BrokerConfig, name: &str, value: i64) -> bool {
    // The tables bound each value to the type of its field.
    let unsigned = value.unsigned_abs();
    let size = usize::try_from(value).unwrap_or(usize::MAX);
    let int = i32::try_from(value).unwrap_or(i32::MAX);
    let short = i16::try_from(value).unwrap_or(i16::MAX);
    match name {
        "broker.heartbeat.interval.ms" => config.broker_heartbeat_interval_ms = unsigned,
        "broker.session.timeout.ms" => config.broker_session_timeout_ms = unsigned,
        "controller.quorum.election.timeout.ms" => {
            config.controller_quorum_election_timeout_ms = unsigned;
        }
        "default.replication.factor" => config.default_replication_factor = short,
        "fetch.max.bytes" => config.fetch_max_bytes = size,
        "group.consumer.heartbeat.interval.ms" => {
            config.groups.group_consumer_heartbeat_interval_ms = int;
        }
        "group.consumer.max.size" => config.groups.group_consumer_max_size = size,
        "group.consumer.session.timeout.ms" => {
            config.groups.group_consumer_session_timeout_ms = unsigned;
        }
        "group.initial.rebalance.delay.ms" => {
            config.groups.group_initial_rebalance_delay_ms = unsigned;
        }
        "group.max.session.timeout.ms" => config.groups.group_max_session_timeout_ms = int,
        "group.max.size" => config.groups.group_max_size = size,
        "group.min.session.timeout.ms" => config.groups.group_min_session_timeout_ms = int,
        "kring.commit.groups.in.flight" => config.log.commit_groups_in_flight = size,
        "kring.controlled.shutdown.timeout.ms" => {
            config.controlled_shutdown_timeout_ms = unsigned;
        }
        "kring.disk.hang.ms" => config.disk_hang_ms = unsigned,
        "kring.fetch.session.cache.bytes" => config.fetch_session_cache_bytes = size,
        "kring.journal.file.bytes" => config.log.journal_file_bytes = unsigned,
        "kring.journal.files" => config.log.journal_files = u32::try_from(value).unwrap_or(2),
        "kring.metrics.group.partitions.max" => config.metrics_group_partitions_max = size,
        "kring.metrics.group.window.ms" => config.metrics_group_window_ms = unsigned,
        "kring.scrub.bytes.per.second" => config.log.scrub_bytes_per_s = unsigned,
        "kring.scrub.interval.ms" => config.log.scrub_interval_ms = unsigned,
        "kring.untaken.answer.bytes" => config.untaken_answer_bytes = size,
        "leader.imbalance.check.interval.seconds" => {
            config.leader_imbalance_check_interval_seconds = unsigned;
        }
        "log.retention.check.interval.ms" => config.log.retention_check_interval_ms = unsigned,
        // Which of them holds is decided in `retention`.
        "log.retention.hours" | "log.retention.minutes" => {}
        "max.incremental.fetch.session.cache.slots" => {
            config.max_incremental_fetch_session_cache_slots = size;
        }
        "min.insync.replicas" => config.min_insync_replicas = int,
        "num.partitions" => config.num_partitions = int,
        "offset.metadata.max.bytes" => config.groups.offset_metadata_max_bytes = size,
        "offsets.commit.timeout.ms" => config.groups.offsets_commit_timeout_ms = unsigned,
        "offsets.retention.check.interval.ms" => {
            config.groups.offsets_retention_check_interval_ms = unsigned;
        }
        "offsets.retention.minutes" => config.groups.offsets_retention_ms = value * 60_000,
        "offsets.topic.num.partitions" => config.offsets_topic_num_partitions = int,
        "offsets.topic.replication.factor" => config.offsets_topic_replication_factor = short,
        "producer.id.expiration.ms" => config.producer_id_expiration_ms = value,
        "replica.fetch.backoff.ms" => config.replication.fetch_backoff_ms = unsigned,
        "replica.fetch.max.bytes" => config.replication.partition_fetch_bytes_max = size,
        "replica.fetch.response.max.bytes" => config.replication.fetch_bytes_max = size,
        "replica.fetch.wait.max.ms" => config.replication.fetch_wait_ms = unsigned,
        "replica.lag.time.max.ms" => config.replication.replica_lag_time_max_ms = unsigned,
        "transaction.max.timeout.ms" => config.transactions.max_timeout_ms = int,
        "transaction.state.log.num.partitions" => config.transaction_state_partitions = int,
        "transaction.state.log.replication.factor" => {
            config.transaction_state_replication_factor = short;
        }
        "transactional.id.expiration.ms" => config.transactions.id_expiration_ms = value,
        _ => return false,
    }
    true
}
