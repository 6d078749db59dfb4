//! Why the controller refuses a request, as facts with fields.
//! It knows no Kafka number: the code comes from the table in `kring_wire::error_code`.

use kring_io::BrokerId;
use kring_wire::{ErrorCode, TopicId, TopicPartition};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A refusal. It travels between brokers when a request was forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Error)]
pub enum ControllerError {
    /// No active controller is known, so nothing was changed.
    #[error("no active controller is known; ask again")]
    NoController,
    /// The controller lost its leadership before the change was committed; it may still happen.
    #[error("the active controller changed before the request was committed; check and ask again")]
    LeadershipLost,
    /// No answer in time; the change may have happened.
    #[error("the active controller did not answer in {timeout_ms} ms; check and ask again")]
    TimedOut {
        /// How long it was waited for.
        timeout_ms: u64,
    },
    /// More requests wait than the cap allows.
    #[error("the controller has {waiting} requests under way, its most; ask again later")]
    Busy {
        /// How many.
        waiting: usize,
    },
    /// The topic does not exist by that name.
    #[error("topic {name:?} does not exist")]
    UnknownTopic {
        /// The name.
        name: String,
    },
    /// The topic does not exist by that id.
    #[error("no topic has the id {id}")]
    UnknownTopicId {
        /// The id.
        id: TopicId,
    },
    /// The topic exists but not the partition.
    #[error("partition {partition} does not exist")]
    UnknownPartition {
        /// The partition.
        partition: TopicPartition,
    },
    /// The name is taken.
    #[error("topic {name:?} exists already")]
    TopicExists {
        /// The name.
        name: String,
    },
    /// The name is not allowed.
    #[error("{name:?} is not a topic name: {reason}")]
    InvalidTopic {
        /// The name.
        name: String,
        /// What is allowed.
        reason: String,
    },
    /// The number of partitions is not allowed.
    #[error("{reason}")]
    InvalidPartitions {
        /// What was asked and what is allowed.
        reason: String,
    },
    /// The number of replicas is not allowed or cannot be reached.
    #[error("{reason}")]
    InvalidReplicationFactor {
        /// What was asked and what is possible.
        reason: String,
    },
    /// A manual assignment is wrong.
    #[error("{reason}")]
    InvalidReplicaAssignment {
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is unknown or its value is not allowed.
    #[error("{reason}")]
    InvalidConfig {
        /// Key, value and what is allowed.
        reason: String,
    },
    /// The request contradicts itself.
    #[error("{reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// The request is larger than one change of metadata may be.
    #[error("{reason}")]
    PolicyViolation {
        /// What was asked and what is allowed.
        reason: String,
    },
    /// The asker does not lead the partition in that epoch.
    #[error(
        "leader epoch {given} of {partition} is not the current one, {current}, or its leader is another"
    )]
    FencedLeaderEpoch {
        /// The partition.
        partition: TopicPartition,
        /// Epoch of the request.
        given: i32,
        /// Epoch of the image.
        current: i32,
    },
    /// The partition changed since the asker looked.
    #[error("partition epoch {given} of {partition} is not the current one, {current}")]
    InvalidUpdateVersion {
        /// The partition.
        partition: TopicPartition,
        /// Epoch of the request.
        given: i32,
        /// Epoch of the image.
        current: i32,
    },
    /// A broker that is fenced, shutting down, of another incarnation or no replica cannot join the ISR.
    #[error("broker {broker} cannot join the ISR of {partition}: {reason}")]
    IneligibleReplica {
        /// The partition.
        partition: TopicPartition,
        /// The broker.
        broker: BrokerId,
        /// Why.
        reason: String,
    },
    /// The leader is already the wanted one.
    #[error("the leader of {partition} is already the wanted one")]
    ElectionNotNeeded {
        /// The partition.
        partition: TopicPartition,
    },
    /// The preferred replica is not in the ISR, fenced or in maintenance.
    #[error("the preferred replica of {partition} cannot lead now")]
    PreferredLeaderNotAvailable {
        /// The partition.
        partition: TopicPartition,
    },
    /// No replica can lead.
    #[error("no replica of {partition} can lead now")]
    EligibleLeadersNotAvailable {
        /// The partition.
        partition: TopicPartition,
    },
    /// The partition is not being reassigned.
    #[error("{partition} is not being reassigned")]
    NoReassignmentInProgress {
        /// The partition.
        partition: TopicPartition,
    },
    /// The broker never registered, or was unregistered.
    #[error("broker {broker} is not registered")]
    UnknownBroker {
        /// The broker.
        broker: BrokerId,
    },
    /// The state forbids it.
    #[error("{reason}")]
    Conflict {
        /// What forbids it, and what to do.
        reason: String,
    },
    /// A maintenance request arrives after a newer one.
    #[error(
        "maintenance epoch {given} is older than {current}; a newer order was given, so read the KafkaCluster again"
    )]
    StaleMaintenanceEpoch {
        /// Epoch of the request.
        given: i64,
        /// The largest of any request.
        current: i64,
    },
}

impl ControllerError {
    /// Kafka's code for it.
    #[must_use]
    pub fn error_code(&self) -> ErrorCode {
        match self {
            ControllerError::NoController | ControllerError::LeadershipLost => {
                ErrorCode::NotController
            }
            ControllerError::TimedOut { .. } => ErrorCode::RequestTimedOut,
            ControllerError::Busy { .. } => ErrorCode::ThrottlingQuotaExceeded,
            ControllerError::UnknownTopic { .. } | ControllerError::UnknownPartition { .. } => {
                ErrorCode::UnknownTopicOrPartition
            }
            ControllerError::UnknownTopicId { .. } => ErrorCode::UnknownTopicId,
            ControllerError::TopicExists { .. } => ErrorCode::TopicAlreadyExists,
            ControllerError::InvalidTopic { .. } => ErrorCode::InvalidTopicException,
            ControllerError::InvalidPartitions { .. } => ErrorCode::InvalidPartitions,
            ControllerError::InvalidReplicationFactor { .. } => ErrorCode::InvalidReplicationFactor,
            ControllerError::InvalidReplicaAssignment { .. } => ErrorCode::InvalidReplicaAssignment,
            ControllerError::InvalidConfig { .. } => ErrorCode::InvalidConfig,
            ControllerError::InvalidRequest { .. }
            | ControllerError::Conflict { .. }
            | ControllerError::StaleMaintenanceEpoch { .. } => ErrorCode::InvalidRequest,
            ControllerError::PolicyViolation { .. } => ErrorCode::PolicyViolation,
            ControllerError::FencedLeaderEpoch { .. } => ErrorCode::FencedLeaderEpoch,
            ControllerError::InvalidUpdateVersion { .. } => ErrorCode::InvalidUpdateVersion,
            ControllerError::IneligibleReplica { .. } => ErrorCode::IneligibleReplica,
            ControllerError::ElectionNotNeeded { .. } => ErrorCode::ElectionNotNeeded,
            ControllerError::PreferredLeaderNotAvailable { .. } => {
                ErrorCode::PreferredLeaderNotAvailable
            }
            ControllerError::EligibleLeadersNotAvailable { .. } => {
                ErrorCode::EligibleLeadersNotAvailable
            }
            ControllerError::NoReassignmentInProgress { .. } => ErrorCode::NoReassignmentInProgress,
            ControllerError::UnknownBroker { .. } => ErrorCode::BrokerIdNotRegistered,
        }
    }
}
