//! What a member of a classic consumer group asks its coordinator, and the blobs of the consumer protocol.
//! It keeps no state.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;

use crate::topics::Topic;

pub(super) const FIND: i16 = 3;
pub(super) const JOIN: i16 = 5;
pub(super) const SYNC: i16 = 3;
pub(super) const HEARTBEAT: i16 = 3;
pub(super) const LEAVE: i16 = 3;
pub(super) const COMMIT: i16 = 7;
pub(super) const OFFSETS: i16 = 5;

/// `session.timeout.ms`.
const SESSION_MS: i32 = 4_000;
/// `max.poll.interval.ms`.
const REBALANCE_MS: i32 = 5_000;

/// A member as its coordinator knows it.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) group: StrBytes,
    pub(super) member: StrBytes,
    pub(super) generation: i32,
}

impl Identity {
    fn group(&self) -> GroupId {
        GroupId(self.group.clone())
    }

    pub(super) fn find(&self) -> FindCoordinatorRequest {
        FindCoordinatorRequest::default()
            .with_key(self.group.clone())
            .with_key_type(0)
    }

    pub(super) fn join(&self, topic: Topic) -> JoinGroupRequest {
        let protocol = JoinGroupRequestProtocol::default()
            .with_name(StrBytes::from_static_str("range"))
            .with_metadata(subscription(topic));
        JoinGroupRequest::default()
            .with_group_id(self.group())
            .with_session_timeout_ms(SESSION_MS)
            .with_rebalance_timeout_ms(REBALANCE_MS)
            .with_member_id(self.member.clone())
            .with_protocol_type(StrBytes::from_static_str("consumer"))
            .with_protocols(vec![protocol])
    }

    /// `members` are those that the leader was told of; for the others there are none.
    pub(super) fn sync(
        &self,
        topic: Topic,
        members: &[JoinGroupResponseMember],
    ) -> SyncGroupRequest {
        let mut ids: Vec<StrBytes> = members.iter().map(|m| m.member_id.clone()).collect();
        ids.sort_unstable();
        let count = ids.len();
        let assignments = ids
            .into_iter()
            .enumerate()
            .map(|(index, member)| {
                let partitions = (0..topic.partitions)
                    .filter(|p| p.unsigned_abs() as usize % count == index)
                    .collect();
                SyncGroupRequestAssignment::default()
                    .with_member_id(member)
                    .with_assignment(assignment(topic, partitions))
            })
            .collect();
        SyncGroupRequest::default()
            .with_group_id(self.group())
            .with_generation_id(self.generation)
            .with_member_id(self.member.clone())
            .with_assignments(assignments)
    }

    pub(super) fn heartbeat(&self) -> HeartbeatRequest {
        HeartbeatRequest::default()
            .with_group_id(self.group())
            .with_generation_id(self.generation)
            .with_member_id(self.member.clone())
    }

    pub(super) fn leave(&self) -> LeaveGroupRequest {
        let member = MemberIdentity::default().with_member_id(self.member.clone());
        LeaveGroupRequest::default()
            .with_group_id(self.group())
            .with_members(vec![member])
    }

    pub(super) fn commit(&self, topic: Topic, offsets: &[(i32, i64)]) -> OffsetCommitRequest {
        let partitions = offsets
            .iter()
            .map(|(index, offset)| {
                OffsetCommitRequestPartition::default()
                    .with_partition_index(*index)
                    .with_committed_offset(*offset)
                    .with_committed_leader_epoch(-1)
            })
            .collect();
        let topic = OffsetCommitRequestTopic::default()
            .with_name(name(topic))
            .with_partitions(partitions);
        OffsetCommitRequest::default()
            .with_group_id(self.group())
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(self.member.clone())
            .with_topics(vec![topic])
    }

    pub(super) fn offsets(&self, topic: Topic, partitions: Vec<i32>) -> OffsetFetchRequest {
        let topic = OffsetFetchRequestTopic::default()
            .with_name(name(topic))
            .with_partition_indexes(partitions);
        OffsetFetchRequest::default()
            .with_group_id(self.group())
            .with_topics(Some(vec![topic]))
    }
}

fn name(topic: Topic) -> TopicName {
    TopicName(StrBytes::from_static_str(topic.name))
}

/// Version 0: topics, no data of the user's.
fn subscription(topic: Topic) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    put_text(&mut out, topic.name);
    out.put_i32(-1);
    out.freeze()
}

/// Version 0: a topic with its partitions, no data of the user's.
fn assignment(topic: Topic, partitions: Vec<i32>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(1);
    put_text(&mut out, topic.name);
    out.put_i32(i32::try_from(partitions.len()).expect("few partitions"));
    for partition in partitions {
        out.put_i32(partition);
    }
    out.put_i32(-1);
    out.freeze()
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(i16::try_from(text.len()).expect("names are short"));
    out.put_slice(text.as_bytes());
}

/// The partitions of an assignment that [`Identity::sync`] made; an empty one has none.
pub(super) fn assigned(mut blob: Bytes) -> Option<Vec<i32>> {
    if blob.is_empty() {
        return Some(Vec::new());
    }
    blob.try_get_i16().ok()?;
    blob.try_get_i32().ok()?;
    let name = usize::try_from(blob.try_get_i16().ok()?).ok()?;
    if blob.remaining() < name {
        return None;
    }
    blob.advance(name);
    let count = blob.try_get_i32().ok()?;
    (0..count).map(|_| blob.try_get_i32().ok()).collect()
}
