//! Answers of the group coordinator as plain structs, free of versions, and the answer that carries nothing but an error.
//! What a version of the protocol cannot say is left out by the caller, which knows the version.

mod consumer;

use bytes::Bytes;
use kring_wire::{ErrorCode, LeaderEpoch, Offset, TopicId};

pub use consumer::{
    ConsumerHeartbeatOutcome, DescribedConsumer, DescribedConsumerGroup, NamedPartitions,
};

use crate::{GroupRequest, GroupState};

/// The answer to a [`GroupRequest`], of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupResponse {
    /// To JoinGroup.
    Join(JoinOutcome),
    /// To SyncGroup.
    Sync(SyncOutcome),
    /// To Heartbeat.
    Heartbeat(ErrorCode),
    /// To LeaveGroup.
    Leave(LeaveOutcome),
    /// To OffsetCommit and TxnOffsetCommit.
    Commit(CommitOutcome),
    /// To OffsetFetch of one group.
    Fetch(OffsetFetchOutcome),
    /// To OffsetDelete.
    OffsetDelete(OffsetDeleteOutcome),
    /// To DescribeGroups of one group.
    Describe(DescribedGroup),
    /// To DeleteGroups of one group.
    Delete(DeleteOutcome),
    /// To ConsumerGroupHeartbeat.
    ConsumerHeartbeat(ConsumerHeartbeatOutcome),
    /// To ConsumerGroupDescribe of one group.
    ConsumerDescribe(DescribedConsumerGroup),
}

/// To JoinGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinOutcome {
    /// Whether it worked; with `MEMBER_ID_REQUIRED` the `member_id` is the one to join with.
    pub error: ErrorCode,
    /// The new generation, −1 with an error.
    pub generation_id: i32,
    /// The group's protocol type.
    pub protocol_type: Option<String>,
    /// The assignor that was chosen; versions below 7 write `None` as an empty string.
    pub protocol_name: Option<String>,
    /// Member id of the leader, empty with an error.
    pub leader: String,
    /// The leader must not compute an assignment (KIP-814).
    pub skip_assignment: bool,
    /// The member's id.
    pub member_id: String,
    /// For the leader: all members and their subscriptions. For others: empty.
    pub members: Vec<JoinedMember>,
}

/// A member as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member_id: String,
    /// Its static name.
    pub group_instance_id: Option<String>,
    /// Its subscription for the chosen assignor.
    pub metadata: Bytes,
}

/// To SyncGroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncOutcome {
    /// Whether it worked.
    pub error: ErrorCode,
    /// The group's protocol type.
    pub protocol_type: Option<String>,
    /// The assignor.
    pub protocol_name: Option<String>,
    /// The member's assignment, empty with an error.
    pub assignment: Bytes,
}

/// To LeaveGroup. Versions 0–2 have one error: `error`, or else that of the one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaveOutcome {
    /// Why nobody could leave.
    pub error: ErrorCode,
    /// Each member, in the order of the request.
    pub members: Vec<LeftMember>,
}

/// One who left, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftMember {
    /// As in the request.
    pub member_id: String,
    /// As in the request.
    pub group_instance_id: Option<String>,
    /// Whether it worked.
    pub error: ErrorCode,
}

/// To OffsetCommit and TxnOffsetCommit: the topics and partitions of the request, in its order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOutcome {
    /// The topics.
    pub topics: Vec<TopicOutcome>,
}

/// Errors of the partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicOutcome {
    /// The topic's name.
    pub topic: String,
    /// As in the request, [`TopicId::ZERO`] where a request has none.
    pub topic_id: TopicId,
    /// The partitions.
    pub partitions: Vec<PartitionError>,
}

/// How it went for a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionError {
    /// The partition.
    pub partition: i32,
    /// Whether it worked.
    pub error: ErrorCode,
}

/// To OffsetFetch of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetFetchOutcome {
    /// The group.
    pub group_id: String,
    /// An error of the whole group. Version 1 repeats it for each partition asked for.
    pub error: ErrorCode,
    /// Topics with their partitions: those asked for in the order of the request, or all in order.
    pub topics: Vec<(String, Vec<FetchedOffset>)>,
}

/// A committed offset, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// The partition.
    pub partition: i32,
    /// The next record to read, −1 when nothing is committed.
    pub offset: Offset,
    /// As committed, −1 when unknown.
    pub leader_epoch: LeaderEpoch,
    /// The client's text.
    pub metadata: String,
    /// `UNSTABLE_OFFSET_COMMIT`, with nothing committed, where a stable offset was asked for and an
    /// open transaction has one of this partition (KIP-447). Nothing committed is no error.
    pub error: ErrorCode,
}

/// To OffsetDelete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetDeleteOutcome {
    /// An error of the whole request, with no topics.
    pub error: ErrorCode,
    /// The topics of the request.
    pub topics: Vec<TopicOutcome>,
}

/// To DescribeGroups of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedGroup {
    /// `GROUP_ID_NOT_FOUND` of an unknown group, whose state is [`GroupState::Dead`]: versions
    /// below 6 write no error and the state.
    pub error: ErrorCode,
    /// The group.
    pub group_id: String,
    /// Its state.
    pub state: GroupState,
    /// Its protocol type, or empty.
    pub protocol_type: String,
    /// The chosen assignor when the group is stable, or empty.
    pub protocol: String,
    /// Its members.
    pub members: Vec<DescribedMember>,
}

/// A member as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DescribedMember {
    /// Its id.
    pub member_id: String,
    /// Its static name.
    pub group_instance_id: Option<String>,
    /// The client's name for itself.
    pub client_id: String,
    /// The client's address.
    pub client_host: String,
    /// Its subscription when the group is stable, or empty.
    pub metadata: Bytes,
    /// Its assignment when the group is stable, or empty.
    pub assignment: Bytes,
}

/// To DeleteGroups of one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOutcome {
    /// The group.
    pub group_id: String,
    /// Whether it worked.
    pub error: ErrorCode,
}

/// A group in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedGroup {
    /// The group.
    pub group_id: String,
    /// Its protocol type, or empty of one that only stores offsets.
    pub protocol_type: String,
    /// Its state.
    pub state: GroupState,
    /// `GroupType` of ListGroups 5.
    pub group_type: &'static str,
}

impl ListedGroup {
    /// Type of a group of the classic protocol.
    pub const CLASSIC: &'static str = "classic";
    /// Type of a group of KIP-848.
    pub const CONSUMER: &'static str = "consumer";
}

impl JoinOutcome {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode, member_id: &str) -> JoinOutcome {
        JoinOutcome {
            error,
            generation_id: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: Vec::new(),
        }
    }
}

impl SyncOutcome {
    /// A refusal.
    #[must_use]
    pub fn refused(error: ErrorCode) -> SyncOutcome {
        SyncOutcome {
            error,
            protocol_type: None,
            protocol_name: None,
            assignment: Bytes::new(),
        }
    }
}

impl LeaveOutcome {
    /// A refusal of the whole request.
    #[must_use]
    pub fn refused(error: ErrorCode) -> LeaveOutcome {
        LeaveOutcome {
            error,
            members: Vec::new(),
        }
    }
}

impl GroupResponse {
    /// The answer to `request` that says nothing but `error`; also for a broker that must refuse
    /// before the engine sees the request.
    #[must_use]
    pub fn refused(request: &GroupRequest, error: ErrorCode) -> GroupResponse {
        match request {
            GroupRequest::Join(r) => GroupResponse::Join(JoinOutcome::refused(error, &r.member_id)),
            GroupRequest::Sync(_) => GroupResponse::Sync(SyncOutcome::refused(error)),
            GroupRequest::Heartbeat(_) => GroupResponse::Heartbeat(error),
            GroupRequest::Leave(_) => GroupResponse::Leave(LeaveOutcome::refused(error)),
            GroupRequest::Commit(r) => GroupResponse::Commit(CommitOutcome::all(&r.topics, error)),
            GroupRequest::TxnCommit(r) => {
                GroupResponse::Commit(CommitOutcome::all(&r.topics, error))
            }
            GroupRequest::Fetch(r) => GroupResponse::Fetch(OffsetFetchOutcome {
                group_id: r.group_id.clone(),
                error,
                topics: Vec::new(),
            }),
            GroupRequest::OffsetDelete(_) => GroupResponse::OffsetDelete(OffsetDeleteOutcome {
                error,
                topics: Vec::new(),
            }),
            GroupRequest::Describe(r) => GroupResponse::Describe(DescribedGroup {
                error,
                group_id: r.group_id.clone(),
                state: GroupState::Dead,
                protocol_type: String::new(),
                protocol: String::new(),
                members: Vec::new(),
            }),
            GroupRequest::Delete(r) => GroupResponse::Delete(DeleteOutcome {
                group_id: r.group_id.clone(),
                error,
            }),
            GroupRequest::ConsumerHeartbeat(_) => {
                GroupResponse::ConsumerHeartbeat(ConsumerHeartbeatOutcome::refused(error))
            }
            GroupRequest::ConsumerDescribe(r) => {
                let group = DescribedConsumerGroup::refused(r.group_id.clone(), error);
                GroupResponse::ConsumerDescribe(group)
            }
        }
    }
}

impl CommitOutcome {
    /// `error` for every partition of a request's `topics`.
    #[must_use]
    pub fn all(topics: &[crate::TopicCommit], error: ErrorCode) -> CommitOutcome {
        let topics = topics.iter().map(|topic| TopicOutcome {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: topic
                .partitions
                .iter()
                .map(|p| PartitionError {
                    partition: p.partition,
                    error,
                })
                .collect(),
        });
        CommitOutcome {
            topics: topics.collect(),
        }
    }
}
