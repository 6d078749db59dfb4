//! The settings of a broker that the engine acts on, with Kafka's own names.
//! Listeners, directories, secrets and threads are the node's; it reads the file.

use std::collections::BTreeMap;

use kring_admin_api::ConfigKey;
use kring_controller::{ClusterDefaults, ControllerConfig};
use kring_groups::GroupConfig;
use kring_io::BrokerId;
use kring_log::LogConfig;
use kring_replication::ReplicationConfig;
use kring_transactions::TransactionConfig;

use crate::fetch::SessionLimits;

/// What the node's configuration becomes for the engine. The fields that Kafka has too bear its
/// names; the parts of the engines have their own structs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerConfig {
    /// Members of the metadata quorum and `host:port` of their peer listeners
    /// (`controller.quorum.voters`); the same on every broker.
    pub voters: Vec<(BrokerId, String)>,
    /// `broker.rack`.
    pub broker_rack: Option<String>,
    /// Whether `replica.selector.class` is `RackAwareReplicaSelector`: clients read from followers in their rack.
    pub rack_aware_replica_selector: bool,
    /// `auto.create.topics.enable`.
    pub auto_create_topics_enable: bool,
    /// `num.partitions`.
    pub num_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `min.insync.replicas`.
    pub min_insync_replicas: i32,
    /// `offsets.topic.num.partitions`.
    pub offsets_topic_num_partitions: i32,
    /// `offsets.topic.replication.factor`.
    pub offsets_topic_replication_factor: i16,
    /// `transaction.state.log.num.partitions`.
    pub transaction_state_partitions: i32,
    /// `transaction.state.log.replication.factor`.
    pub transaction_state_replication_factor: i16,
    /// `fetch.max.bytes`: the most that one Fetch answer holds, but for a single batch.
    pub fetch_max_bytes: usize,
    /// `kring.untaken.answer.bytes`: what Fetch answers that clients have not taken yet may hold together;
    /// past it one answer holds 64 KiB, but for a single batch.
    pub untaken_answer_bytes: usize,
    /// `max.incremental.fetch.session.cache.slots`: fetch sessions that are kept (KIP-227).
    pub max_incremental_fetch_session_cache_slots: usize,
    /// `kring.fetch.session.cache.bytes`: the memory that they take at most.
    pub fetch_session_cache_bytes: usize,
    /// `producer.id.expiration.ms`.
    pub producer_id_expiration_ms: i64,
    /// `broker.session.timeout.ms`: a broker that is silent for longer is fenced.
    pub broker_session_timeout_ms: u64,
    /// `broker.heartbeat.interval.ms`.
    pub broker_heartbeat_interval_ms: u64,
    /// `controller.quorum.election.timeout.ms`.
    pub controller_quorum_election_timeout_ms: u64,
    /// `auto.leader.rebalance.enable`.
    pub auto_leader_rebalance_enable: bool,
    /// `leader.imbalance.check.interval.seconds`.
    pub leader_imbalance_check_interval_seconds: u64,
    /// A disk that has not answered a journal write for this long hangs: the broker is fenced, by its
    /// own word, until it has answered for as long again (`kring.disk.hang.ms`). 0: never.
    pub disk_hang_ms: u64,
    /// How long a shutdown waits for the leaders to be handed over
    /// (`kring.controlled.shutdown.timeout.ms`).
    pub controlled_shutdown_timeout_ms: u64,
    /// `kring.metrics.group.partitions.max`: committed partitions of groups that the metrics tell one by one.
    pub metrics_group_partitions_max: usize,
    /// `kring.metrics.group.window.ms`: the time in which a lag grows or a group stalls.
    pub metrics_group_window_ms: u64,
    /// Topic settings that differ from the built-in defaults, by topic key: where the file says
    /// `log.retention.ms`, this has `retention.ms`.
    pub topic_defaults: BTreeMap<String, String>,
    /// Settings of the node, which the engine only shows, with the values that were set.
    pub node_settings: Vec<NodeSetting>,
    /// The log's own settings.
    pub log: LogConfig,
    /// Replication's own settings.
    pub replication: ReplicationConfig,
    /// The group coordinator's own settings.
    pub groups: GroupConfig,
    /// The transaction coordinator's own settings.
    pub transactions: TransactionConfig,
}

/// A setting that the node reads, for DescribeConfigs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSetting {
    /// Its name, type, default and meaning.
    pub key: ConfigKey,
    /// The value that holds: what was set, or what follows from other settings.
    pub value: Option<String>,
}

impl Default for BrokerConfig {
    fn default() -> BrokerConfig {
        let cluster = ClusterDefaults::default();
        BrokerConfig {
            voters: Vec::new(),
            broker_rack: None,
            rack_aware_replica_selector: false,
            auto_create_topics_enable: true,
            num_partitions: cluster.num_partitions,
            default_replication_factor: cluster.default_replication_factor,
            min_insync_replicas: cluster.min_insync_replicas,
            offsets_topic_num_partitions: cluster.offsets_topic_partitions,
            offsets_topic_replication_factor: cluster.offsets_topic_replication_factor,
            transaction_state_partitions: cluster.transaction_state_partitions,
            transaction_state_replication_factor: cluster.transaction_state_replication_factor,
            fetch_max_bytes: 55 << 20,
            untaken_answer_bytes: 64 << 20,
            max_incremental_fetch_session_cache_slots: 1_000,
            fetch_session_cache_bytes: 16 << 20,
            producer_id_expiration_ms: 86_400_000,
            broker_session_timeout_ms: 3_000,
            broker_heartbeat_interval_ms: 500,
            controller_quorum_election_timeout_ms: 600,
            auto_leader_rebalance_enable: true,
            leader_imbalance_check_interval_seconds: 300,
            disk_hang_ms: 2_500,
            controlled_shutdown_timeout_ms: 30_000,
            metrics_group_partitions_max: 10_000,
            metrics_group_window_ms: 300_000,
            topic_defaults: BTreeMap::new(),
            node_settings: Vec::new(),
            log: LogConfig::default(),
            replication: ReplicationConfig::default(),
            groups: GroupConfig::default(),
            transactions: TransactionConfig::default(),
        }
    }
}

impl BrokerConfig {
    /// The defaults of topics and the internal topic.
    pub(crate) fn cluster_defaults(&self) -> ClusterDefaults {
        ClusterDefaults {
            num_partitions: self.num_partitions,
            default_replication_factor: self.default_replication_factor,
            min_insync_replicas: self.min_insync_replicas,
            offsets_topic_partitions: self.offsets_topic_num_partitions,
            offsets_topic_replication_factor: self.offsets_topic_replication_factor,
            transaction_state_partitions: self.transaction_state_partitions,
            transaction_state_replication_factor: self.transaction_state_replication_factor,
            topic_config: self.topic_defaults.clone(),
        }
    }

    /// How many fetch sessions are kept.
    pub(crate) fn fetch_session_limits(&self) -> SessionLimits {
        SessionLimits {
            slots: self.max_incremental_fetch_session_cache_slots,
            bytes: self.fetch_session_cache_bytes,
        }
    }

    /// What the metadata quorum is made with.
    pub(crate) fn controller_config(&self, id: BrokerId) -> ControllerConfig {
        let rebalance_ms = self.leader_imbalance_check_interval_seconds * 1_000;
        ControllerConfig {
            session_timeout_ms: self.broker_session_timeout_ms,
            heartbeat_ms: self.broker_heartbeat_interval_ms,
            election_timeout_ms: self.controller_quorum_election_timeout_ms,
            leader_rebalance_interval_ms: if self.auto_leader_rebalance_enable {
                rebalance_ms
            } else {
                0
            },
            defaults: self.cluster_defaults(),
            ..ControllerConfig::new(id, self.voters.clone())
        }
    }

    /// The values of the settings that DescribeConfigs shows as this broker's own.
    pub(crate) fn static_values(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            (
                "auto.create.topics.enable",
                self.auto_create_topics_enable.to_string(),
            ),
            (
                "auto.leader.rebalance.enable",
                self.auto_leader_rebalance_enable.to_string(),
            ),
            (
                "broker.heartbeat.interval.ms",
                self.broker_heartbeat_interval_ms.to_string(),
            ),
            (
                "broker.session.timeout.ms",
                self.broker_session_timeout_ms.to_string(),
            ),
            (
                "default.replication.factor",
                self.default_replication_factor.to_string(),
            ),
            (
                "leader.imbalance.check.interval.seconds",
                self.leader_imbalance_check_interval_seconds.to_string(),
            ),
            ("min.insync.replicas", self.min_insync_replicas.to_string()),
            ("num.partitions", self.num_partitions.to_string()),
            (
                "offsets.topic.num.partitions",
                self.offsets_topic_num_partitions.to_string(),
            ),
            (
                "offsets.topic.replication.factor",
                self.offsets_topic_replication_factor.to_string(),
            ),
            (
                "replica.lag.time.max.ms",
                self.replication.replica_lag_time_max_ms.to_string(),
            ),
            (
                "transaction.state.log.num.partitions",
                self.transaction_state_partitions.to_string(),
            ),
            (
                "transaction.state.log.replication.factor",
                self.transaction_state_replication_factor.to_string(),
            ),
        ])
    }
}
