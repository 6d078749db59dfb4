//! What a controller is made with: quorum membership, time-outs, cluster defaults, and who this broker is.
//! It reads no file; the node fills these structs from `server.properties` names.

use std::collections::BTreeMap;

use kring_io::BrokerId;
use serde::{Deserialize, Serialize};

/// Settings of the metadata quorum and of the active controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControllerConfig {
    /// `node.id` of this broker.
    pub id: BrokerId,
    /// Members of the quorum and `host:port` of their peer listeners; the same on every broker.
    /// A broker that is not among them follows the metadata log without a vote.
    pub voters: Vec<(BrokerId, String)>,
    /// A broker that is silent for longer is fenced (`broker.session.timeout.ms`).
    pub session_timeout_ms: u64,
    /// How often a broker reports to the active controller (`broker.heartbeat.interval.ms`).
    pub heartbeat_ms: u64,
    /// A voter that hears no leader for this long, plus a random part of as much again, stands for election.
    pub election_timeout_ms: u64,
    /// A request that has no answer after this fails with [`crate::ControllerError::TimedOut`].
    pub request_timeout_ms: u64,
    /// After how many entries the metadata log is replaced by a snapshot.
    pub snapshot_entries: u64,
    /// How often leaderships go back to the brokers that partitions prefer
    /// (`leader.imbalance.check.interval.seconds`); 0: never (`auto.leader.rebalance.enable=false`).
    pub leader_rebalance_interval_ms: u64,
    /// Leaderships moved in one step of a hand-over, and moves of a decommission under way at once.
    pub move_batch: usize,
    /// What new topics get when the request does not say.
    pub defaults: ClusterDefaults,
}

impl ControllerConfig {
    /// The defaults with `voters`, for broker `id`.
    #[must_use]
    pub fn new(id: BrokerId, voters: Vec<(BrokerId, String)>) -> ControllerConfig {
        ControllerConfig {
            id,
            voters,
            session_timeout_ms: 3_000,
            heartbeat_ms: 500,
            election_timeout_ms: 600,
            request_timeout_ms: 5_000,
            snapshot_entries: 4_096,
            leader_rebalance_interval_ms: 300_000,
            move_batch: 64,
            defaults: ClusterDefaults::default(),
        }
    }
}

/// Static defaults of the cluster, the same on every broker. Dynamic cluster settings come first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterDefaults {
    /// `num.partitions`.
    pub num_partitions: i32,
    /// `default.replication.factor`.
    pub default_replication_factor: i16,
    /// `min.insync.replicas`.
    pub min_insync_replicas: i32,
    /// `offsets.topic.num.partitions`.
    pub offsets_topic_partitions: i32,
    /// `offsets.topic.replication.factor`; a cluster of fewer voters and brokers uses their number.
    pub offsets_topic_replication_factor: i16,
    /// `transaction.state.log.num.partitions`.
    pub transaction_state_partitions: i32,
    /// `transaction.state.log.replication.factor`; a cluster of fewer voters and brokers uses their number.
    pub transaction_state_replication_factor: i16,
    /// Topic settings that differ from the built-in defaults, by topic key: where the broker's
    /// own configuration says `log.retention.ms`, this has `retention.ms`.
    pub topic_config: BTreeMap<String, String>,
}

impl Default for ClusterDefaults {
    fn default() -> ClusterDefaults {
        ClusterDefaults {
            num_partitions: 1,
            default_replication_factor: 1,
            min_insync_replicas: 1,
            offsets_topic_partitions: 16,
            offsets_topic_replication_factor: 3,
            transaction_state_partitions: 16,
            transaction_state_replication_factor: 3,
            topic_config: BTreeMap::new(),
        }
    }
}

/// Where clients reach a broker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name of the listener, such as `PLAINTEXT`.
    pub name: String,
    /// Advertised host.
    pub host: String,
    /// Advertised port.
    pub port: u16,
}

/// What a broker tells the active controller when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// `node.id`.
    pub broker: BrokerId,
    /// Drawn at each start of the process.
    pub incarnation: [u8; 16],
    /// Drawn when the data directory was formatted; another value means another disk.
    pub disk_id: [u8; 16],
    /// Version of the broker binary.
    pub version: String,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// Where clients reach it.
    pub listeners: Vec<Endpoint>,
    /// `host:port` where other brokers reach it.
    pub peer_address: String,
    /// Whether the previous run ended by a completed shutdown.
    pub clean_start: bool,
    /// Whether recovery found the journal whole up to its durable end. When false, acknowledged
    /// records may be missing: the broker is dropped from every ISR before it may lead.
    pub journal_intact: bool,
}
