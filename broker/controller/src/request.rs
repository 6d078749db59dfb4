//! What can be asked of the active controller, from any broker, and what it answers.
//! It decides nothing; names here are Kafka's, without Kafka's encodings.

use std::collections::BTreeMap;

use kring_admin_api::{
    BrokerList, ClusterConfig, DecommissionStatus, MaintenanceStatus, RestartCheck, ReturnLeaders,
};
use kring_io::BrokerId;
use kring_wire::{TopicId, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::error::ControllerError;
use crate::image::PartitionImage;
use crate::quorum::QuorumStatus;

/// A question or a change. Everything but the questions (statuses, the check, the list, the settings,
/// the quorum) is answered once it is committed. New kinds are added at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControllerRequest {
    /// A leader proposes another ISR (KIP-497). The broker that asks must lead the partition.
    AlterPartition(AlterPartition),
    /// Creates topics; each succeeds or fails alone.
    CreateTopics {
        /// The topics.
        topics: Vec<NewTopic>,
        /// Only says what would happen.
        validate_only: bool,
    },
    /// Deletes topics; each succeeds or fails alone.
    DeleteTopics {
        /// By name or id.
        topics: Vec<TopicRef>,
    },
    /// Adds partitions; each topic succeeds or fails alone.
    CreatePartitions {
        /// The topics.
        topics: Vec<NewPartitions>,
        /// Only says what would happen.
        validate_only: bool,
    },
    /// Changes settings (IncrementalAlterConfigs); each resource succeeds or fails alone.
    AlterConfigs {
        /// The resources.
        resources: Vec<AlterConfigs>,
        /// Only says what would happen.
        validate_only: bool,
    },
    /// Replaces the cluster-wide dynamic settings: what is absent returns to its default.
    SetClusterConfig {
        /// All settings.
        config: BTreeMap<String, String>,
    },
    /// Starts (`Some`) or cancels (`None`) reassignments (KIP-455); each partition succeeds or fails alone.
    AlterReassignments {
        /// Partition and wanted replicas, the preferred leader first.
        partitions: Vec<(TopicPartition, Option<Vec<BrokerId>>)>,
    },
    /// Brings every partition of a topic to another number of replicas by reassignment.
    SetReplicationFactor {
        /// Name of the topic.
        topic: String,
        /// The wanted number.
        replication_factor: i16,
    },
    /// Elects leaders; each partition succeeds or fails alone.
    ElectLeaders {
        /// How.
        kind: ElectionKind,
        /// Which; all that need it when absent.
        partitions: Option<Vec<TopicPartition>>,
    },
    /// Reserves a block of producer ids for this broker.
    AllocateProducerIds,
    /// Turns maintenance on or off.
    Maintenance {
        /// The broker.
        broker: BrokerId,
        /// On or off.
        on: bool,
        /// Grows with each order of the operator; a smaller one than the last is refused.
        epoch: i64,
        /// Ends by itself after this many seconds without a repeated request.
        ttl_s: u64,
    },
    /// Moves leaderships back to a broker that partitions prefer.
    ReturnLeaders {
        /// The broker.
        broker: BrokerId,
        /// At most this many.
        batch: u32,
    },
    /// Empties a broker, or stops doing so.
    Decommission {
        /// The broker.
        broker: BrokerId,
        /// On or off.
        on: bool,
    },
    /// Forgets a broker that is fenced and holds no replica.
    Unregister {
        /// The broker.
        broker: BrokerId,
    },
    /// The broker is about to stop: moves its leaderships away and, once it has none, takes it
    /// out of every ISR. To be repeated until `remaining_leaders` is 0 or patience ends.
    ControlledShutdown {
        /// The broker.
        broker: BrokerId,
    },
    /// How far a hand-over is.
    MaintenanceStatus {
        /// The broker.
        broker: BrokerId,
    },
    /// How far the emptying is.
    DecommissionStatus {
        /// The broker.
        broker: BrokerId,
    },
    /// What would happen if these brokers stopped together.
    RestartCheck {
        /// Their ids.
        brokers: Vec<BrokerId>,
    },
    /// All brokers.
    BrokerList,
    /// The replica of the broker that asks is damaged, and it wants to drop it: it leaves the ISR, is
    /// not eligible, and does not lead, and a new leader epoch begins, so that nothing it said
    /// before counts any more. Refused where no other replica can lead.
    ReplicaDamaged(ReplicaDamaged),
    /// The cluster-wide dynamic settings.
    ClusterConfig,
    /// The same as [`ControllerRequest::SetClusterConfig`], where certain settings are in force.
    ReplaceClusterConfig(ReplaceClusterConfig),
    /// Replaces all settings of resources (AlterConfigs): what is absent returns to its default. Each
    /// resource succeeds or fails alone.
    ReplaceConfigs {
        /// The resources.
        resources: Vec<ReplaceConfigs>,
        /// Only says what would happen.
        validate_only: bool,
    },
    /// How far the members of the metadata quorum are.
    DescribeQuorum,
}

/// All settings of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceConfigs {
    /// Which.
    pub resource: ConfigResource,
    /// Its settings from now on.
    pub config: BTreeMap<String, String>,
}

/// Settings that replace others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceClusterConfig {
    /// All settings.
    pub config: BTreeMap<String, String>,
    /// What they replace; refused where others are in force.
    pub replaces: BTreeMap<String, String>,
}

/// A damaged replica of the broker that asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaDamaged {
    /// The partition.
    pub partition: TopicPartition,
    /// The newest epoch in which the broker led or followed with the damage.
    pub leader_epoch: i32,
}

/// A leader's proposal for the ISR of one partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterPartition {
    /// The partition.
    pub partition: TopicPartition,
    /// Epoch the leader leads in.
    pub leader_epoch: i32,
    /// Version of the partition's state that the proposal starts from.
    pub partition_epoch: i32,
    /// The proposed ISR: broker and the epoch of its registration that the leader saw; −1: unknown to it.
    pub isr: Vec<(BrokerId, i64)>,
}

/// A topic to create.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; −1: the default, or as many as `assignments` has.
    pub partitions: i32,
    /// How many replicas; −1: the default, or as `assignments` says.
    pub replication_factor: i16,
    /// Replicas of each partition, the preferred leader first; empty: the controller chooses.
    pub assignments: BTreeMap<i32, Vec<BrokerId>>,
    /// Settings; `None` stands for the default.
    pub configs: BTreeMap<String, Option<String>>,
}

/// A created (or, with `validate_only`, possible) topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedTopic {
    /// Its id; [`TopicId::ZERO`] with `validate_only`.
    pub id: TopicId,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas.
    pub replication_factor: i16,
    /// Settings that differ from the default.
    pub configs: BTreeMap<String, String>,
}

/// A topic by name or by id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TopicRef {
    /// By name.
    Name(String),
    /// By id.
    Id(TopicId),
}

/// A topic that gets more partitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewPartitions {
    /// Its name.
    pub name: String,
    /// The new total.
    pub count: i32,
    /// Replicas of each new partition; `None`: the controller chooses.
    pub assignments: Option<Vec<Vec<BrokerId>>>,
}

/// What a setting belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ConfigResource {
    /// A topic, by name.
    Topic(String),
    /// One broker.
    Broker(BrokerId),
    /// All brokers (the broker resource with an empty name).
    Cluster,
}

/// Changes of one resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlterConfigs {
    /// Which.
    pub resource: ConfigResource,
    /// What, applied in order.
    pub ops: Vec<ConfigOp>,
}

/// One change of a setting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigOp {
    /// The key.
    pub name: String,
    /// How.
    pub kind: ConfigOpKind,
    /// The value; ignored by a deletion.
    pub value: Option<String>,
}

/// How a setting changes, with Kafka's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConfigOpKind {
    /// 0: set.
    Set,
    /// 1: return to the default.
    Delete,
    /// 2: add words to a list.
    Append,
    /// 3: remove words from a list.
    Subtract,
}

impl ConfigOpKind {
    /// Kafka's number of an operation.
    #[must_use]
    pub fn from_code(code: i8) -> Option<ConfigOpKind> {
        match code {
            0 => Some(ConfigOpKind::Set),
            1 => Some(ConfigOpKind::Delete),
            2 => Some(ConfigOpKind::Append),
            3 => Some(ConfigOpKind::Subtract),
            _ => None,
        }
    }
}

/// How a leader is elected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ElectionKind {
    /// The first replica, if it is in the ISR and may lead.
    Preferred,
    /// Any replica that is alive, only where no in-sync one can lead: records may be lost.
    Unclean,
}

/// Outcome per item, in the order of the request.
pub type Each<K, T = ()> = Vec<(K, Result<T, ControllerError>)>;

/// The answer to the [`ControllerRequest`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ControllerResponse {
    /// The state after the change.
    AlterPartition(PartitionImage),
    /// By name.
    CreateTopics(Each<String, CreatedTopic>),
    /// Id and name of what was deleted.
    DeleteTopics(Each<TopicRef, (TopicId, String)>),
    /// By name.
    CreatePartitions(Each<String>),
    /// By resource; to [`ControllerRequest::ReplaceConfigs`], too.
    AlterConfigs(Each<ConfigResource>),
    /// To [`ControllerRequest::ReplaceClusterConfig`], too.
    SetClusterConfig,
    /// By partition.
    AlterReassignments(Each<TopicPartition>),
    /// Reassignments were started, or none was needed.
    SetReplicationFactor,
    /// By partition; without a list in the request only partitions that changed or failed.
    ElectLeaders(Each<TopicPartition>),
    /// The block `first .. first + count`.
    ProducerIds {
        /// The first id.
        first: i64,
        /// How many.
        count: i32,
    },
    /// To [`ControllerRequest::Maintenance`] and [`ControllerRequest::MaintenanceStatus`].
    Maintenance(MaintenanceStatus),
    /// How many moved and remain.
    ReturnLeaders(ReturnLeaders),
    /// To [`ControllerRequest::Decommission`] and [`ControllerRequest::DecommissionStatus`].
    Decommission(DecommissionStatus),
    /// Forgotten.
    Unregister,
    /// How far the hand-over is.
    ControlledShutdown {
        /// Partitions the broker still leads; those that no other broker can lead are not counted.
        remaining_leaders: u64,
    },
    /// The risks.
    RestartCheck(RestartCheck),
    /// The brokers.
    BrokerList(BrokerList),
    /// The replica counts for nothing from now on.
    ReplicaDamaged,
    /// The settings.
    ClusterConfig(ClusterConfig),
    /// To [`ControllerRequest::DescribeQuorum`].
    Quorum(QuorumStatus),
}
