//! How the machines of a run are set up: small journals and short intervals, so that every part of
//! the log is used often. It starts nothing.

use kring_controller::Endpoint;
use kring_groups::GroupConfig;
use kring_io::{BrokerId, Random};
use kring_io_sim::SimDiskConfig;
use kring_log::LogConfig;
use kring_replication::ReplicationConfig;
use kring_requests::{BrokerConfig, Identity};

use crate::machine::Machine;
use crate::topics;

/// How far a wall clock may be off from the beginning, in milliseconds.
pub(crate) const CLOCK_SKEW_MAX_MS: u64 = 3_000;

/// Length of a segment in bytes: short, so that files come and go.
const SEGMENT_BYTES: u32 = 64 << 10;

/// A machine for `broker` in a cluster in which all brokers carry the controller role.
#[must_use]
pub fn machine(broker: BrokerId, all: &[BrokerId], seed: u64) -> Machine {
    let seed = seed ^ (u64::from(broker.0.unsigned_abs()) << 48);
    let mut random = Random::new(seed);
    let identity = Identity {
        broker,
        incarnation: [0; 16],
        disk_id: random.id(),
        version: "sim".to_owned(),
        listeners: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: format!("broker-{broker}"),
            port: 9092,
        }],
        peer_address: peer_address(broker),
        log_dir: "/data".to_owned(),
        io_driver: "simulated".to_owned(),
        io_driver_reason: "this is a simulation".to_owned(),
    };
    let mut machine = Machine::new(
        config(all),
        identity,
        SimDiskConfig::default(),
        random.next_u64(),
    );
    let skew_ms =
        random.below(2 * CLOCK_SKEW_MAX_MS).cast_signed() - CLOCK_SKEW_MAX_MS.cast_signed();
    machine.set_ahead_ms(skew_ms);
    machine
}

fn config(all: &[BrokerId]) -> BrokerConfig {
    BrokerConfig {
        voters: all
            .iter()
            .map(|broker| (*broker, peer_address(*broker)))
            .collect(),
        auto_create_topics_enable: false,
        default_replication_factor: 3,
        min_insync_replicas: 2,
        broker_session_timeout_ms: 2_000,
        controlled_shutdown_timeout_ms: 5_000,
        leader_imbalance_check_interval_seconds: 5,
        // A lag is as old as a sample, where its leader was asked: well within what the checks allow.
        metrics_group_window_ms: 10_000,
        topic_defaults: [
            ("segment.bytes".to_owned(), SEGMENT_BYTES.to_string()),
            // A broker whose clock is hours behind still takes the records of now.
            (
                "message.timestamp.after.max.ms".to_owned(),
                i64::MAX.to_string(),
            ),
        ]
        .into(),
        log: LogConfig {
            journal_file_bytes: 512 << 10,
            journal_files: 3,
            journal_zeroed_at_start_bytes: 64 << 10,
            commit_group_bytes_max: 32 << 10,
            checkpoint_bytes: 128 << 10,
            checkpoint_interval_ms: 5_000,
            segment_flush_interval_ms: 700,
            segment_flush_bytes: 8 << 10,
            retention_check_interval_ms: 1_000,
            tail_cache_bytes: 64 << 10,
            scrub_interval_ms: 20_000,
            ..LogConfig::default()
        },
        groups: GroupConfig {
            group_min_session_timeout_ms: 1_000,
            group_initial_rebalance_delay_ms: 500,
            ..GroupConfig::default()
        },
        offsets_topic_num_partitions: topics::OFFSETS.partitions,
        transaction_state_partitions: topics::TRANSACTIONS.partitions,
        replication: ReplicationConfig {
            replica_lag_time_max_ms: 3_000,
            ..ReplicationConfig::default()
        },
        ..BrokerConfig::default()
    }
}

fn peer_address(broker: BrokerId) -> String {
    format!("broker-{broker}:9093")
}
