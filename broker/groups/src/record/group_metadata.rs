//! `GroupMetadataValue`: reads versions 0–4, writes 3, as Kafka 4.4 does.
//! It knows no key.

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{Decoder, encode};

use super::RecordError;
use crate::committed::{GroupMetadata, StoredMember};

/// The version that is written: the newest without tagged fields, of which the value needs none.
const VERSION_WRITTEN: i16 = 3;
/// The newest version that is read.
const VERSION_MAX: i16 = 4;
/// Bytes of a member at the least: two strings, a timeout, two byte fields, all empty and compact.
const MEMBER_BYTES_MIN: usize = 8;

pub(super) fn encode(value: &GroupMetadata) -> Bytes {
    let mut buf = BytesMut::new();
    buf.put_i16(VERSION_WRITTEN);
    encode::string(&mut buf, false, Some(&value.protocol_type));
    buf.put_i32(value.generation);
    encode::string(&mut buf, false, value.protocol.as_deref());
    encode::string(&mut buf, false, value.leader.as_deref());
    buf.put_i64(value.state_timestamp_ms);
    encode::array(&mut buf, false, Some(value.members.len()));
    for member in &value.members {
        encode::string(&mut buf, false, Some(&member.member_id));
        encode::string(&mut buf, false, member.group_instance_id.as_deref());
        encode::string(&mut buf, false, Some(&member.client_id));
        encode::string(&mut buf, false, Some(&member.client_host));
        buf.put_i32(member.rebalance_timeout_ms);
        buf.put_i32(member.session_timeout_ms);
        for bytes in [&member.subscription, &member.assignment] {
            encode::bytes_len(&mut buf, false, Some(bytes.len()));
            buf.put_slice(bytes);
        }
    }
    buf.freeze()
}

pub(super) fn decode(value: Bytes) -> Result<GroupMetadata, RecordError> {
    let mut value = Decoder::new(value);
    let version = value.i16("version")?;
    if !(0..=VERSION_MAX).contains(&version) {
        return Err(RecordError::Version {
            kind: "GroupMetadata",
            version,
            max: VERSION_MAX,
        });
    }
    let flexible = version >= 4;
    let protocol_type = value.string("protocolType", flexible)?.to_string();
    let generation = value.i32("generation")?;
    let protocol = value
        .nullable_string("protocol", flexible)?
        .map(|s| s.to_string());
    let leader = value
        .nullable_string("leader", flexible)?
        .map(|s| s.to_string());
    let state_timestamp_ms = if version >= 2 {
        value.i64("currentStateTimestamp")?
    } else {
        -1
    };
    let count = value.array("members", flexible, MEMBER_BYTES_MIN)?;
    let mut members = Vec::with_capacity(count);
    for _ in 0..count {
        members.push(decode_member(&mut value, version)?);
    }
    value.skip_tags(flexible)?;
    Ok(GroupMetadata {
        protocol_type,
        generation,
        protocol,
        leader,
        state_timestamp_ms,
        members,
    })
}

fn decode_member(value: &mut Decoder, version: i16) -> Result<StoredMember, RecordError> {
    let flexible = version >= 4;
    let member_id = value.string("memberId", flexible)?.to_string();
    let group_instance_id = if version >= 3 {
        value
            .nullable_string("groupInstanceId", flexible)?
            .map(|s| s.to_string())
    } else {
        None
    };
    let client_id = value.string("clientId", flexible)?.to_string();
    let client_host = value.string("clientHost", flexible)?.to_string();
    let rebalance_timeout_ms = if version >= 1 {
        value.i32("rebalanceTimeout")?
    } else {
        -1
    };
    let session_timeout_ms = value.i32("sessionTimeout")?;
    let subscription = value
        .nullable_bytes("subscription", flexible)?
        .unwrap_or_default();
    let assignment = value
        .nullable_bytes("assignment", flexible)?
        .unwrap_or_default();
    value.skip_tags(flexible)?;
    Ok(StoredMember {
        member_id,
        group_instance_id,
        client_id,
        client_host,
        rebalance_timeout_ms: if rebalance_timeout_ms < 0 {
            session_timeout_ms
        } else {
            rebalance_timeout_ms
        },
        session_timeout_ms,
        // Copied, so that a group does not keep the batch alive that its record came in.
        subscription: Bytes::copy_from_slice(&subscription),
        assignment: Bytes::copy_from_slice(&assignment),
    })
}
