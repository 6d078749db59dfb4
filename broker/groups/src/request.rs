//! Requests to the group coordinator as plain structs, free of versions.
//! It checks nothing; each request's handler does.

use bytes::Bytes;
use kring_wire::{LeaderEpoch, Offset, ProducerId, TopicId};

use crate::TopicPartitionsList;

/// Member epoch of who leaves for good.
pub(crate) const LEAVE_EPOCH: i32 = -1;
/// Member epoch of a static member that leaves and will be back.
pub(crate) const STATIC_LEAVE_EPOCH: i32 = -2;

/// A request about one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupRequest {
    /// JoinGroup → [`crate::GroupResponse::Join`], when the rebalance has gathered the members.
    Join(JoinGroup),
    /// SyncGroup → [`crate::GroupResponse::Sync`], when the leader's assignment is stored.
    Sync(SyncGroup),
    /// Heartbeat → [`crate::GroupResponse::Heartbeat`].
    Heartbeat(Heartbeat),
    /// LeaveGroup → [`crate::GroupResponse::Leave`].
    Leave(LeaveGroup),
    /// OffsetCommit → [`crate::GroupResponse::Commit`], when the offsets are stored.
    Commit(OffsetCommit),
    /// TxnOffsetCommit → [`crate::GroupResponse::Commit`], when the offsets are stored as those of
    /// an open transaction.
    TxnCommit(TxnOffsetCommit),
    /// OffsetFetch of one group → [`crate::GroupResponse::Fetch`].
    Fetch(OffsetFetch),
    /// OffsetDelete → [`crate::GroupResponse::OffsetDelete`], when that is stored.
    OffsetDelete(OffsetDelete),
    /// DescribeGroups of one group → [`crate::GroupResponse::Describe`].
    Describe(DescribeGroup),
    /// DeleteGroups of one group → [`crate::GroupResponse::Delete`], when that is stored.
    Delete(DeleteGroup),
    /// ConsumerGroupHeartbeat → [`crate::GroupResponse::ConsumerHeartbeat`], when what it changes is stored.
    ConsumerHeartbeat(Box<ConsumerHeartbeat>),
    /// ConsumerGroupDescribe of one group → [`crate::GroupResponse::ConsumerDescribe`].
    ConsumerDescribe(ConsumerDescribe),
}

/// JoinGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JoinGroup {
    /// The group.
    pub group_id: String,
    /// Empty of a member that has none yet.
    pub member_id: String,
    /// The name of a static member (KIP-345).
    pub group_instance_id: Option<String>,
    /// From the request's header.
    pub client_id: String,
    /// The client's address as Kafka shows it: `/10.0.0.1`.
    pub client_host: String,
    /// Versions 4 and later: a dynamic member first gets an id and joins again with it (KIP-394).
    pub require_known_member_id: bool,
    /// Versions 9 and later: the answer may say `skip_assignment` (KIP-814).
    pub supports_skipping_assignment: bool,
    /// How long the member may be silent.
    pub session_timeout_ms: i32,
    /// How long the member may take to rejoin; below 0 (version 0) the session timeout counts.
    pub rebalance_timeout_ms: i32,
    /// `consumer`, `connect`, …
    pub protocol_type: String,
    /// Assignors in the order of preference.
    pub protocols: Vec<Protocol>,
    /// Why the member joins, for the log (KIP-800).
    pub reason: Option<String>,
}

/// An assignor that a member supports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// Its name.
    pub name: String,
    /// The member's subscription in the assignor's form.
    pub metadata: Bytes,
}

/// SyncGroup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncGroup {
    /// The group.
    pub group_id: String,
    /// The generation the member joined.
    pub generation_id: i32,
    /// The member.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
    /// Versions 5 and later: must be the group's.
    pub protocol_type: Option<String>,
    /// Versions 5 and later: must be the group's.
    pub protocol_name: Option<String>,
    /// From the leader: member id → assignment. From others: empty.
    pub assignments: Vec<(String, Bytes)>,
}

/// Heartbeat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heartbeat {
    /// The group.
    pub group_id: String,
    /// The generation.
    pub generation_id: i32,
    /// The member.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
}

/// LeaveGroup. Versions 0–2 are a list of one member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeaveGroup {
    /// The group.
    pub group_id: String,
    /// Who leaves.
    pub members: Vec<LeavingMember>,
}

/// One who leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeavingMember {
    /// Who.
    pub member: MemberIdentity,
    /// Why, for the log (KIP-800).
    pub reason: Option<String>,
}

/// A member by its id, by its static name, or both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberIdentity {
    /// May be empty when an administrator removes a static member.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
}

/// OffsetCommit. Topics that do not exist are answered by the caller and not in here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetCommit {
    /// The group.
    pub group_id: String,
    /// Below 0 of a client that uses no group management.
    pub generation_id: i32,
    /// Empty of a client that uses no group management.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
    /// Versions 2–4: a retention of this commit's own; below 0 the broker's.
    pub retention_ms: i64,
    /// The offsets.
    pub topics: Vec<TopicCommit>,
}

/// TxnOffsetCommit: offsets that count when the producer's transaction is committed (KIP-98,
/// KIP-447). Topics that do not exist are answered by the caller and not in here, and that the
/// group's partition of `__consumer_offsets` is in the transaction is checked there (KIP-890).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxnOffsetCommit {
    /// The group; must not be empty.
    pub group_id: String,
    /// The transaction's producer.
    pub producer_id: ProducerId,
    /// Its epoch.
    pub producer_epoch: i16,
    /// Below 0 of a producer that knows no group membership (versions 0–2).
    pub generation_id: i32,
    /// Empty of a producer that knows no group membership.
    pub member_id: String,
    /// The name of a static member.
    pub group_instance_id: Option<String>,
    /// The offsets.
    pub topics: Vec<TopicCommit>,
}

/// Offsets of one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCommit {
    /// The topic's name, which is the key it is stored under.
    pub topic: String,
    /// Stored with the offset; [`TopicId::ZERO`] when unknown.
    pub topic_id: TopicId,
    /// The offsets.
    pub partitions: Vec<PartitionCommit>,
}

/// The offset of one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionCommit {
    /// The partition.
    pub partition: i32,
    /// The next record to read.
    pub offset: Offset,
    /// Epoch of the last record that was read, −1 when unknown.
    pub leader_epoch: LeaderEpoch,
    /// The client's text; null is stored as empty, as Kafka does.
    pub metadata: Option<String>,
}

/// OffsetFetch of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetFetch {
    /// The group.
    pub group_id: String,
    /// Versions 9 and later, of members of new-protocol groups; classic groups ignore it, as Kafka does.
    pub member_id: Option<String>,
    /// As `member_id`.
    pub member_epoch: i32,
    /// `None`: everything that is committed.
    pub topics: Option<Vec<PartitionsOf>>,
    /// Whether a partition with an offset in an open transaction is answered with
    /// `UNSTABLE_OFFSET_COMMIT` instead of the last one that is committed (KIP-447).
    pub require_stable: bool,
}

/// Partitions of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionsOf {
    /// The topic's name.
    pub topic: String,
    /// The partitions.
    pub partitions: Vec<i32>,
}

/// OffsetDelete.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetDelete {
    /// The group.
    pub group_id: String,
    /// What to forget.
    pub topics: Vec<PartitionsOf>,
}

/// DescribeGroups of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DescribeGroup {
    /// The group.
    pub group_id: String,
}

/// DeleteGroups of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteGroup {
    /// The group.
    pub group_id: String,
}

/// ConsumerGroupHeartbeat (KIP-848). `None` says that nothing changed since the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerHeartbeat {
    /// The group.
    pub group_id: String,
    /// Made by the client, but for a first request of version 0.
    pub member_id: String,
    /// Versions 1 and later.
    pub member_id_required: bool,
    /// 0 joins, −1 leaves, −2 of a static member that will be back.
    pub member_epoch: i32,
    /// The name of a static member.
    pub instance_id: Option<String>,
    /// The client's rack.
    pub rack_id: Option<String>,
    /// From the request's header.
    pub client_id: String,
    /// The client's address as Kafka shows it: `/10.0.0.1`.
    pub client_host: String,
    /// How long the member may take to give partitions back, or −1.
    pub rebalance_timeout_ms: i32,
    /// Topics that it reads.
    pub subscribed_topic_names: Option<Vec<String>>,
    /// A regular expression of topics that it reads; empty of none any more.
    pub subscribed_topic_regex: Option<String>,
    /// The assignor that it prefers.
    pub server_assignor: Option<String>,
    /// Partitions that it has.
    pub topic_partitions: Option<TopicPartitionsList>,
}

impl ConsumerHeartbeat {
    /// Whether it says everything, as after an answer that was lost: then it is told everything.
    pub(crate) fn is_full(&self) -> bool {
        let subscribes =
            self.subscribed_topic_names.is_some() || self.subscribed_topic_regex.is_some();
        let all = self.rebalance_timeout_ms != -1 && subscribes && self.topic_partitions.is_some();
        self.member_epoch == 0 || all
    }
}

/// ConsumerGroupDescribe of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConsumerDescribe {
    /// The group.
    pub group_id: String,
}

impl GroupRequest {
    /// The group it is about, which decides the partition.
    #[must_use]
    pub fn group_id(&self) -> &str {
        match self {
            GroupRequest::Join(r) => &r.group_id,
            GroupRequest::Sync(r) => &r.group_id,
            GroupRequest::Heartbeat(r) => &r.group_id,
            GroupRequest::Leave(r) => &r.group_id,
            GroupRequest::Commit(r) => &r.group_id,
            GroupRequest::TxnCommit(r) => &r.group_id,
            GroupRequest::Fetch(r) => &r.group_id,
            GroupRequest::OffsetDelete(r) => &r.group_id,
            GroupRequest::Describe(r) => &r.group_id,
            GroupRequest::Delete(r) => &r.group_id,
            GroupRequest::ConsumerHeartbeat(r) => &r.group_id,
            GroupRequest::ConsumerDescribe(r) => &r.group_id,
        }
    }
}
