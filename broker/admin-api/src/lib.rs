//! The contract between the operator and the broker: types, paths and version of the admin HTTP API.
//! It holds no logic; the broker answers it in `kring-node`, the operator speaks it in `kring-admin-client`.
//!
//! Every request carries `Authorization: Bearer <token>`. Any broker answers any request: what only
//! the active controller knows or may change is forwarded to it by the broker that was asked. Bodies
//! are JSON; an error is an [`ErrorBody`] with a status of 4xx (the request is wrong) or 503 (ask
//! again: no controller is known, or it did not answer in time).

#![forbid(unsafe_code)]

mod cluster_config;
mod topic_groups;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cluster_config::{ClusterConfig, ClusterConfigRequest};
pub use topic_groups::{GroupLag, TopicGroups};

/// Paths of version 1. A path with a parameter is a prefix to which the parameter is appended.
pub mod path {
    /// `GET` → [`super::Identity`] of the broker that answers.
    pub const IDENTITY: &str = "/v1/identity";
    /// `GET` → [`super::Health`] as the broker that answers sees it.
    pub const HEALTH: &str = "/v1/health";
    /// `GET` → [`super::BrokerList`] as the active controller sees it.
    pub const BROKERS: &str = "/v1/brokers";
    /// `POST` [`super::RestartCheckRequest`] → [`super::RestartCheck`].
    pub const RESTART_CHECK: &str = "/v1/restart-check";
    /// `POST` [`super::MaintenanceRequest`] → [`super::MaintenanceStatus`]; `GET` with `?broker=N` → the same.
    pub const MAINTENANCE: &str = "/v1/maintenance";
    /// `POST` [`super::ReturnLeadersRequest`] → [`super::ReturnLeaders`]. Repeat until `remaining` is 0.
    pub const RETURN_LEADERS: &str = "/v1/return-leaders";
    /// `POST` [`super::DecommissionRequest`] → [`super::DecommissionStatus`]; `GET` with `?broker=N` → the same.
    pub const DECOMMISSION: &str = "/v1/decommission";
    /// `POST` [`super::UnregisterRequest`] → `{}`. Refused while the broker holds a replica or is alive.
    pub const UNREGISTER: &str = "/v1/unregister";
    /// `GET` → every [`super::TopicDescription`]; `POST` [`super::CreateTopicRequest`] → [`super::TopicDescription`].
    pub const TOPICS: &str = "/v1/topics";
    /// `GET`, `PATCH` ([`super::AlterTopicRequest`]) or `DELETE` one topic: append its name. `DELETE` with
    /// `?id=ID` deletes only the topic that has this id.
    pub const TOPIC: &str = "/v1/topics/";
    /// `GET` → the [`super::TopicGroups`] of the topic whose name stands for `{}`, of the groups that the broker
    /// which answers coordinates.
    pub const TOPIC_GROUPS: &str = "/v1/topics/{}/groups";
    /// `GET` → the [`super::ConfigKey`] of every broker and topic setting.
    pub const CONFIG_SCHEMA: &str = "/v1/config-schema";
    /// `GET` or `PUT` [`super::LogLevel`] → [`super::LogLevel`] of the broker that answers, until it restarts.
    pub const LOG_LEVEL: &str = "/v1/log-level";
    /// The cluster-wide dynamic settings, whole: `GET` → [`super::ClusterConfig`]; `PUT`
    /// [`super::ClusterConfigRequest`] → `{}`.
    pub const CLUSTER_CONFIG: &str = "/v1/cluster-config";
}

/// Who a broker is: unchanged over restarts as long as its disk is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The cluster's id, 22 characters of URL-safe base64 as Kafka prints it.
    pub cluster_id: String,
    /// `node.id`.
    pub broker_id: i32,
    /// Drawn when the data directory was formatted; another value means another disk.
    pub disk_id: String,
    /// Drawn at each start of the process; another value means a restart.
    pub boot_id: String,
    /// Version of the broker binary.
    pub version: String,
    /// `io_uring` or `posix`.
    pub io_driver: String,
    /// Why that driver, in words.
    pub io_driver_reason: String,
    /// Whether the previous run ended by a completed shutdown.
    pub clean_start: bool,
}

/// How the broker that answers sees itself and the cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// It has recovered its log, is registered and unfenced.
    pub ready: bool,
    /// Why not, when `ready` is false.
    pub reason: String,
    /// The active controller, if one is known.
    pub controller_id: Option<i32>,
    /// Epoch of that controller.
    pub controller_epoch: i64,
    /// Partitions of the cluster without a leader.
    pub offline_partitions: u64,
    /// Partitions of the cluster whose ISR is smaller than their replica set.
    pub under_replicated_partitions: u64,
    /// Partitions of the cluster whose ISR is smaller than `min.insync.replicas`.
    pub under_min_isr_partitions: u64,
    /// By broker, how many records the replica lacks that is farthest behind, of those whose leader is
    /// the broker that answers. The largest over all answers is a broker's lag in the cluster.
    #[serde(default)]
    pub replica_lag_records: BTreeMap<i32, u64>,
}

/// One broker as the active controller sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerStatus {
    /// `node.id`.
    pub id: i32,
    /// Grows with each registration.
    pub epoch: i64,
    /// Silent or not yet caught up with the metadata; it leads nothing.
    pub fenced: bool,
    /// Maintenance is on: it gets no new leaders.
    pub maintenance: bool,
    /// It is being emptied: it gets no new replicas.
    pub decommissioning: bool,
    /// Partitions it leads, internal topics included.
    pub leaders: u64,
    /// Partitions of `__consumer_offsets` it leads, each of which is a group coordinator.
    pub coordinators: u64,
    /// Partitions that prefer it as their leader.
    pub preferred_leaders: u64,
    /// Partitions it holds a replica of.
    pub replicas: u64,
    /// Of those, the ones in whose ISR it is.
    pub in_sync_replicas: u64,
    /// Version it registered with.
    pub version: String,
    /// Disk it registered with.
    pub disk_id: String,
    /// Rack it registered with.
    pub rack: Option<String>,
}

/// All brokers, as the active controller sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerList {
    /// The active controller.
    pub controller_id: i32,
    /// Its epoch.
    pub controller_epoch: i64,
    /// Members of the metadata quorum.
    pub voters: Vec<i32>,
    /// Voters whose metadata log is within reach of the leader's, the leader included.
    pub voters_caught_up: Vec<i32>,
    /// In the order of their ids.
    pub brokers: Vec<BrokerStatus>,
}

/// What would happen if these brokers stopped together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartCheckRequest {
    /// Their ids.
    pub brokers: Vec<i32>,
}

/// A count with at most ten examples, `topic-partition`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// How many partitions.
    pub partitions: u64,
    /// The first ten of them.
    pub sample: Vec<String>,
}

/// Answer to [`RestartCheckRequest`]; every count excludes what is harmed already without the restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartCheck {
    /// Partitions with several replicas that would have no leader.
    pub unavailable: Risk,
    /// Partitions that would fall below `min.insync.replicas` and refuse acks=all.
    pub below_min_isr: Risk,
    /// Partitions with a single replica, which is on one of these brokers.
    pub single_replica: Risk,
    /// Partitions whose only caught-up replicas are on these brokers: acks=1 records could be lost.
    pub acks1_loss: Risk,
    /// The metadata quorum would lose its majority.
    pub quorum_lost: bool,
}

impl RestartCheck {
    /// Whether the restart harms no partition that has more than one replica, and not the quorum.
    #[must_use]
    pub fn is_safe(&self) -> bool {
        self.unavailable.partitions == 0 && self.below_min_isr.partitions == 0 && !self.quorum_lost
    }
}

/// Turns maintenance of a broker on or off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceRequest {
    /// The broker.
    pub broker: i32,
    /// On: hand over leaders and coordinators, accept no new ones. Off: may lead again.
    pub on: bool,
    /// Grows with each order of the operator that differs from the one before; a request with a
    /// smaller epoch than the largest so far is refused with [`error::CONFLICT`].
    pub epoch: i64,
    /// Maintenance ends by itself after this many seconds without a repeated request.
    pub ttl_s: u64,
}

/// How far a hand-over is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaintenanceStatus {
    /// The broker.
    pub broker: i32,
    /// Whether maintenance is on.
    pub on: bool,
    /// Epoch of the request that turned it on; where it is off, the largest of any request.
    pub epoch: i64,
    /// Seconds until it ends by itself.
    pub expires_in_s: u64,
    /// Partitions it still leads.
    pub leaders: u64,
    /// Coordinators it still holds.
    pub coordinators: u64,
    /// Of `leaders`, those that have no other in-sync replica to go to.
    pub stuck_leaders: Risk,
}

/// Makes a broker the leader of partitions that prefer it, a batch at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnLeadersRequest {
    /// The broker.
    pub broker: i32,
    /// At most this many partitions in this call.
    pub batch: u32,
}

/// Answer to [`ReturnLeadersRequest`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnLeaders {
    /// Partitions moved by this call.
    pub moved: u64,
    /// Partitions that prefer the broker, have it in their ISR and are led by another.
    pub remaining: u64,
}

/// Empties a broker (or stops doing so): every replica is moved to other brokers. What cannot be done
/// is not begun: the answer then has `on: false` and names what is `impossible`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecommissionRequest {
    /// The broker.
    pub broker: i32,
    /// On or off.
    pub on: bool,
}

/// How far the emptying is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecommissionStatus {
    /// The broker.
    pub broker: i32,
    /// Whether it is being emptied.
    pub on: bool,
    /// Replicas it still holds.
    pub replicas: u64,
    /// Partitions whose move cannot be planned: fewer other brokers than their replication factor.
    pub impossible: Risk,
    /// Partitions whose move is under way.
    pub moving: u64,
}

/// Forgets a broker for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnregisterRequest {
    /// The broker.
    pub broker: i32,
}

/// A topic as the controller knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id, 22 characters of URL-safe base64 as Kafka prints it; a topic created anew has another.
    pub topic_id: String,
    /// How many partitions.
    pub partitions: i32,
    /// Replicas of partition 0.
    pub replication_factor: i32,
    /// Settings that differ from the default, by Kafka's own names.
    pub config: BTreeMap<String, String>,
    /// Partitions without a leader.
    pub offline_partitions: u64,
    /// Partitions whose ISR is smaller than their replica set.
    pub under_replicated_partitions: u64,
    /// Partitions being reassigned.
    pub reassigning_partitions: u64,
}

/// Creates a topic. Refused when the name is taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateTopicRequest {
    /// Its name.
    pub name: String,
    /// How many partitions; the cluster's default when absent.
    pub partitions: Option<i32>,
    /// How many replicas; the cluster's default when absent.
    pub replication_factor: Option<i32>,
    /// Settings, by Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// Changes a topic. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterTopicRequest {
    /// The new number of partitions; fewer than now is refused.
    pub partitions: Option<i32>,
    /// Settings to set.
    pub set_config: BTreeMap<String, String>,
    /// Settings to return to their default.
    pub unset_config: Vec<String>,
    /// The new number of replicas, reached by reassignment.
    pub replication_factor: Option<i32>,
}

/// Type of a setting's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigType {
    /// `true` or `false`.
    Boolean,
    /// Whole number of 32 bits.
    Int,
    /// Whole number of 64 bits.
    Long,
    /// Number with a fraction.
    Double,
    /// Any text.
    String,
    /// Words with commas between.
    List,
}

/// Where a setting may stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigScope {
    /// A topic.
    Topic,
    /// A broker or all of them.
    Broker,
}

/// One setting: the source of validation and of documentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigKey {
    /// Kafka's own name, or ours with the prefix `kring.`.
    pub name: String,
    /// Where it may stand.
    pub scope: ConfigScope,
    /// Type of its value.
    pub value_type: ConfigType,
    /// Its default, as text; none when it has none.
    pub default: Option<String>,
    /// Smallest allowed number.
    pub min: Option<i64>,
    /// Largest allowed number.
    pub max: Option<i64>,
    /// Allowed words, when only these are.
    pub allowed: Vec<String>,
    /// Whether a change takes a restart of the broker.
    pub requires_restart: bool,
    /// What it does.
    pub doc: String,
}

/// What a broker logs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLevel {
    /// As `kring.log.level`: `error`, `warn`, `info`, `debug` or `trace`, also by module, such as
    /// `info,kring_edge=debug`.
    pub level: String,
}

/// Body of every answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// A word for programs, from [`error`].
    pub error: String,
    /// What is wrong and what to do, for people.
    pub message: String,
}

/// Words of [`ErrorBody::error`].
pub mod error {
    /// No or a wrong token (401).
    pub const UNAUTHORIZED: &str = "unauthorized";
    /// The body or a parameter cannot be read (400).
    pub const BAD_REQUEST: &str = "bad_request";
    /// A value is not allowed (422); the message names key, value and what is allowed.
    pub const INVALID: &str = "invalid";
    /// No such topic or broker (404).
    pub const NOT_FOUND: &str = "not_found";
    /// It exists already, or the state forbids it (409).
    pub const CONFLICT: &str = "conflict";
    /// No controller, or no answer in time (503): ask again.
    pub const UNAVAILABLE: &str = "unavailable";
}
