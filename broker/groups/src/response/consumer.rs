//! Answers to the requests of KIP-848.
//! It holds no behaviour.

use kring_wire::{ErrorCode, TopicId};

use crate::{GroupState, TopicPartitionsList};

/// To ConsumerGroupHeartbeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerHeartbeatOutcome {
    /// Whether it worked.
    pub error: ErrorCode,
    /// Why not, for people.
    pub message: Option<String>,
    /// The member's id.
    pub member_id: Option<String>,
    /// Its epoch.
    pub member_epoch: i32,
    /// When to speak again.
    pub heartbeat_interval_ms: i32,
    /// What the member may read; `None` when it knows.
    pub assignment: Option<TopicPartitionsList>,
}

impl ConsumerHeartbeatOutcome {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode) -> ConsumerHeartbeatOutcome {
        ConsumerHeartbeatOutcome {
            error,
            message: None,
            member_id: None,
            member_epoch: 0,
            heartbeat_interval_ms: 0,
            assignment: None,
        }
    }

    /// A refusal with its reason.
    pub(crate) fn refused_because(error: ErrorCode, reason: String) -> ConsumerHeartbeatOutcome {
        ConsumerHeartbeatOutcome {
            message: Some(reason).filter(|reason| !reason.is_empty()),
            ..ConsumerHeartbeatOutcome::refused(error)
        }
    }
}

/// To ConsumerGroupDescribe of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConsumerGroup {
    /// `GROUP_ID_NOT_FOUND` of one that is unknown or of the classic protocol.
    pub error: ErrorCode,
    /// The group.
    pub group_id: String,
    /// Its state.
    pub state: GroupState,
    /// Its epoch.
    pub group_epoch: i32,
    /// The epoch that the target assignment was computed for.
    pub assignment_epoch: i32,
    /// The assignor.
    pub assignor: String,
    /// Its members.
    pub members: Vec<DescribedConsumer>,
}

/// A member of a KIP-848 group as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedConsumer {
    /// Its id.
    pub member_id: String,
    /// Its static name.
    pub instance_id: Option<String>,
    /// Its rack.
    pub rack_id: Option<String>,
    /// Its epoch.
    pub member_epoch: i32,
    /// The client's name for itself.
    pub client_id: String,
    /// The client's address.
    pub client_host: String,
    /// Topics that it reads by name.
    pub subscribed_topic_names: Vec<String>,
    /// The regular expression of topics that it reads.
    pub subscribed_topic_regex: Option<String>,
    /// What it has.
    pub assignment: Vec<NamedPartitions>,
    /// What it shall have.
    pub target: Vec<NamedPartitions>,
}

/// Partitions of a topic with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedPartitions {
    /// The topic's id.
    pub topic_id: TopicId,
    /// The topic's name.
    pub topic: String,
    /// The partitions.
    pub partitions: Vec<i32>,
}

impl DescribedConsumerGroup {
    /// A refusal.
    #[must_use]
    pub fn refused(group_id: String, error: ErrorCode) -> DescribedConsumerGroup {
        DescribedConsumerGroup {
            error,
            group_id,
            state: GroupState::Dead,
            group_epoch: 0,
            assignment_epoch: 0,
            assignor: String::new(),
            members: Vec::new(),
        }
    }
}
