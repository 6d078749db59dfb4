//! Keys and values of consumer groups (KIP-848), all of version 0, with the tagged fields that Kafka 4.4 knows.
//! `ConsumerGroupPartitionMetadata` (4) is neither written nor read: since Kafka 4.1 a hash in the group's record stands for it.

#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, TopicId, encode};

use super::RecordError;
use crate::consumer::{
    Assignment, Change, Current, Epoch, MemberMetadata, MemberState, Owned, Resolved, TargetEpoch,
};

/// `ConsumerGroupMetadataKey`.
const EPOCH_KEY: i16 = 3;
/// `ConsumerGroupMemberMetadataKey`.
const MEMBER_KEY: i16 = 5;
/// `ConsumerGroupTargetAssignmentMetadataKey`.
const TARGET_EPOCH_KEY: i16 = 6;
/// `ConsumerGroupTargetAssignmentMemberKey`.
const TARGET_KEY: i16 = 7;
/// `ConsumerGroupCurrentMemberAssignmentKey`.
const CURRENT_KEY: i16 = 8;
/// `ConsumerGroupRegularExpressionKey`.
const REGEX_KEY: i16 = 16;

/// The one version of all values.
const VERSION: i16 = 0;
/// Bytes of a topic with its partitions at the least: id, empty list, no tags.
const TOPIC_BYTES_MIN: usize = 18;
const METADATA_HASH_TAG: u32 = 0;
const COMPUTED_TAG: u32 = 0;
const ASSIGNMENT_EPOCHS_TAG: u32 = 0;

/// Whether the key of this version is one of a consumer group.
pub(super) fn is_key(version: i16) -> bool {
    matches!(
        version,
        EPOCH_KEY | MEMBER_KEY | TARGET_EPOCH_KEY | TARGET_KEY | CURRENT_KEY | REGEX_KEY
    )
}

/// Key and value as bytes.
pub(super) fn encode(group: &str, change: &Change) -> (Bytes, Option<Bytes>) {
    match change {
        Change::Epoch(value) => (key(EPOCH_KEY, group, None), value.as_ref().map(epoch)),
        Change::TargetEpoch(value) => {
            let key = key(TARGET_EPOCH_KEY, group, None);
            (key, value.as_ref().map(target_epoch))
        }
        Change::Member(id, value) => {
            let key = key(MEMBER_KEY, group, Some(id));
            (key, value.as_ref().map(member))
        }
        Change::Target(id, value) => {
            let key = key(TARGET_KEY, group, Some(id));
            (key, value.as_ref().map(target))
        }
        Change::Current(id, value) => {
            let key = key(CURRENT_KEY, group, Some(id));
            (key, value.as_ref().map(current))
        }
        Change::Regex(regex, value) => {
            let key = key(REGEX_KEY, group, Some(regex));
            (key, value.as_ref().map(resolved))
        }
    }
}

/// The group and the change of a key, whose version was read, and its value.
pub(super) fn decode(
    version: i16,
    key: &mut Decoder,
    value: Option<Bytes>,
) -> Result<(String, Change), RecordError> {
    let group = key.string("group", false)?.to_string();
    let change = match version {
        EPOCH_KEY => Change::Epoch(read(value, "ConsumerGroupMetadata", read_epoch)?),
        TARGET_EPOCH_KEY => {
            let kind = "ConsumerGroupTargetAssignmentMetadata";
            Change::TargetEpoch(read(value, kind, read_target_epoch)?)
        }
        MEMBER_KEY => {
            let id = key.string("memberId", false)?.to_string();
            Change::Member(id, read(value, "ConsumerGroupMemberMetadata", read_member)?)
        }
        TARGET_KEY => {
            let id = key.string("memberId", false)?.to_string();
            let kind = "ConsumerGroupTargetAssignmentMember";
            Change::Target(id, read(value, kind, read_target)?)
        }
        CURRENT_KEY => {
            let id = key.string("memberId", false)?.to_string();
            let kind = "ConsumerGroupCurrentMemberAssignment";
            Change::Current(id, read(value, kind, read_current)?)
        }
        _ => {
            let regex = key.string("regularExpression", false)?.to_string();
            let kind = "ConsumerGroupRegularExpression";
            Change::Regex(regex, read(value, kind, read_resolved)?)
        }
    };
    Ok((group, change))
}

fn key(version: i16, group: &str, second: Option<&str>) -> Bytes {
    let mut key = BytesMut::new();
    key.put_i16(version);
    encode::string(&mut key, false, Some(group));
    if let Some(second) = second {
        encode::string(&mut key, false, Some(second));
    }
    key.freeze()
}

fn begin() -> BytesMut {
    let mut buf = BytesMut::new();
    buf.put_i16(VERSION);
    buf
}

fn read<T>(
    value: Option<Bytes>,
    kind: &'static str,
    read: impl FnOnce(&mut Decoder) -> Result<T, DecodeError>,
) -> Result<Option<T>, RecordError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let mut value = Decoder::new(value);
    let version = value.i16("version")?;
    if version != VERSION {
        return Err(RecordError::Version {
            kind,
            version,
            max: VERSION,
        });
    }
    Ok(Some(read(&mut value)?))
}

/// Ends a struct that has one tagged number, which is not written when it is 0.
fn put_number(buf: &mut BytesMut, tag: u32, value: i64) {
    if value == 0 {
        return encode::no_tags(buf, true);
    }
    put_tag(buf, tag, &value.to_be_bytes());
}

/// Ends a struct that has one tagged field.
fn put_tag(buf: &mut BytesMut, tag: u32, content: &[u8]) {
    buf.put_u8(1);
    encode::tag(buf, tag, content);
}

fn epoch(value: &Epoch) -> Bytes {
    let mut buf = begin();
    buf.put_i32(value.epoch);
    put_number(&mut buf, METADATA_HASH_TAG, value.metadata_hash);
    buf.freeze()
}

fn read_epoch(value: &mut Decoder) -> Result<Epoch, DecodeError> {
    let mut epoch = Epoch {
        epoch: value.i32("epoch")?,
        metadata_hash: 0,
    };
    value.tags(true, |tag, content| {
        if tag == METADATA_HASH_TAG {
            epoch.metadata_hash = Decoder::new(content).i64("metadataHash")?;
        }
        Ok(())
    })?;
    Ok(epoch)
}

fn target_epoch(value: &TargetEpoch) -> Bytes {
    let mut buf = begin();
    buf.put_i32(value.epoch);
    put_number(&mut buf, COMPUTED_TAG, value.computed_ms);
    buf.freeze()
}

fn read_target_epoch(value: &mut Decoder) -> Result<TargetEpoch, DecodeError> {
    let mut target = TargetEpoch {
        epoch: value.i32("assignmentEpoch")?,
        computed_ms: 0,
    };
    value.tags(true, |tag, content| {
        if tag == COMPUTED_TAG {
            target.computed_ms = Decoder::new(content).i64("assignmentTimestamp")?;
        }
        Ok(())
    })?;
    Ok(target)
}

fn member(value: &MemberMetadata) -> Bytes {
    let mut buf = begin();
    encode::string(&mut buf, true, value.instance_id.as_deref());
    encode::string(&mut buf, true, value.rack_id.as_deref());
    encode::string(&mut buf, true, Some(&value.client_id));
    encode::string(&mut buf, true, Some(&value.client_host));
    encode::array(&mut buf, true, Some(value.topics.len()));
    for topic in &value.topics {
        encode::string(&mut buf, true, Some(topic));
    }
    encode::string(&mut buf, true, value.regex.as_deref());
    buf.put_i32(value.rebalance_timeout_ms);
    encode::string(&mut buf, true, value.assignor.as_deref());
    encode::no_tags(&mut buf, true);
    buf.freeze()
}

fn read_member(value: &mut Decoder) -> Result<MemberMetadata, DecodeError> {
    let nullable = |value: &mut Decoder, field| {
        let text = value.nullable_string(field, true)?;
        Ok::<_, DecodeError>(text.map(|text| text.to_string()))
    };
    let instance_id = nullable(value, "instanceId")?;
    let rack_id = nullable(value, "rackId")?;
    let client_id = value.string("clientId", true)?.to_string();
    let client_host = value.string("clientHost", true)?.to_string();
    let count = value.array("subscribedTopicNames", true, 1)?;
    let mut member = MemberMetadata {
        instance_id,
        rack_id,
        client_id,
        client_host,
        ..MemberMetadata::default()
    };
    for _ in 0..count {
        let topic = value.string("subscribedTopicName", true)?.to_string();
        member.topics.insert(topic);
    }
    member.regex = nullable(value, "subscribedTopicRegex")?;
    member.rebalance_timeout_ms = value.i32("rebalanceTimeoutMs")?;
    member.assignor = nullable(value, "serverAssignor")?;
    value.skip_tags(true)?;
    Ok(member)
}

fn target(value: &Assignment) -> Bytes {
    let mut buf = begin();
    encode::array(&mut buf, true, Some(value.len()));
    for (topic, partitions) in value {
        encode::topic_id(&mut buf, *topic);
        encode::array(&mut buf, true, Some(partitions.len()));
        for partition in partitions {
            buf.put_i32(*partition);
        }
        encode::no_tags(&mut buf, true);
    }
    encode::no_tags(&mut buf, true);
    buf.freeze()
}

fn read_target(value: &mut Decoder) -> Result<Assignment, DecodeError> {
    let count = value.array("topicPartitions", true, TOPIC_BYTES_MIN)?;
    let mut assignment = Assignment::new();
    for _ in 0..count {
        let (topic, partitions) = read_topic(value)?;
        value.skip_tags(true)?;
        assignment.insert(topic, partitions.into_iter().collect());
    }
    value.skip_tags(true)?;
    Ok(assignment)
}

fn read_topic(value: &mut Decoder) -> Result<(TopicId, Vec<i32>), DecodeError> {
    let topic = value.topic_id("topicId")?;
    let count = value.array("partitions", true, 4)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        partitions.push(value.i32("partition")?);
    }
    Ok((topic, partitions))
}

fn current(value: &Current) -> Bytes {
    let mut buf = begin();
    buf.put_i32(value.epoch);
    buf.put_i32(value.previous_epoch);
    buf.put_i8(match value.state {
        MemberState::Stable => 0,
        MemberState::UnrevokedPartitions => 1,
        MemberState::UnreleasedPartitions => 2,
        MemberState::Unknown => 127,
    });
    for owned in [&value.assigned, &value.revoking] {
        encode::array(&mut buf, true, Some(owned.len()));
        for (topic, partitions) in owned {
            encode::topic_id(&mut buf, *topic);
            encode::array(&mut buf, true, Some(partitions.len()));
            for partition in partitions.keys() {
                buf.put_i32(*partition);
            }
            let mut epochs = BytesMut::new();
            encode::array(&mut epochs, true, Some(partitions.len()));
            for epoch in partitions.values() {
                epochs.put_i32(*epoch);
            }
            put_tag(&mut buf, ASSIGNMENT_EPOCHS_TAG, &epochs);
        }
    }
    encode::no_tags(&mut buf, true);
    buf.freeze()
}

fn read_current(value: &mut Decoder) -> Result<Current, DecodeError> {
    let epoch = value.i32("memberEpoch")?;
    let previous_epoch = value.i32("previousMemberEpoch")?;
    let state = match value.i8("state")? {
        0 => MemberState::Stable,
        1 => MemberState::UnrevokedPartitions,
        2 => MemberState::UnreleasedPartitions,
        _ => MemberState::Unknown,
    };
    let assigned = read_owned(value, epoch)?;
    let revoking = read_owned(value, epoch)?;
    value.skip_tags(true)?;
    Ok(Current {
        epoch,
        previous_epoch,
        state,
        assigned,
        revoking,
    })
}

/// Partitions without epochs, of a version before KIP-1251, count from the member's epoch.
fn read_owned(value: &mut Decoder, member_epoch: i32) -> Result<Owned, DecodeError> {
    let count = value.array("topicPartitions", true, TOPIC_BYTES_MIN)?;
    let mut owned = Owned::new();
    for _ in 0..count {
        let (topic, partitions) = read_topic(value)?;
        let mut epochs = Vec::new();
        value.tags(true, |tag, content| {
            if tag == ASSIGNMENT_EPOCHS_TAG {
                let mut content = Decoder::new(content);
                let count = content.nullable_array("assignmentEpochs", true, 4)?;
                for _ in 0..count.unwrap_or(0) {
                    epochs.push(content.i32("assignmentEpoch")?);
                }
            }
            Ok(())
        })?;
        let epochs = epochs.into_iter().chain(std::iter::repeat(member_epoch));
        owned.insert(topic, partitions.into_iter().zip(epochs).collect());
    }
    Ok(owned)
}

fn resolved(value: &Resolved) -> Bytes {
    let mut buf = begin();
    encode::array(&mut buf, true, Some(value.topics.len()));
    for topic in &value.topics {
        encode::string(&mut buf, true, Some(topic));
    }
    buf.put_i64(value.version);
    buf.put_i64(value.resolved_ms);
    encode::no_tags(&mut buf, true);
    buf.freeze()
}

fn read_resolved(value: &mut Decoder) -> Result<Resolved, DecodeError> {
    let count = value.array("topics", true, 1)?;
    let mut resolved = Resolved::default();
    for _ in 0..count {
        resolved
            .topics
            .insert(value.string("topic", true)?.to_string());
    }
    resolved.version = value.i64("version")?;
    resolved.resolved_ms = value.i64("timestamp")?;
    value.skip_tags(true)?;
    Ok(resolved)
}
