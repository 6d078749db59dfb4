//! `OffsetCommitValue`: reads versions 0–4, writes what Kafka 4.4 writes (4, or 1 with an expiry of its own).
//! It knows no key.

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{Decoder, TopicId, encode};

use super::RecordError;
use crate::committed::CommittedOffset;

/// The newest version.
const VERSION: i16 = 4;
/// The one version that carries an expiry.
const VERSION_WITH_EXPIRY: i16 = 1;
/// Tag of the topic's id (KIP-848).
const TOPIC_ID_TAG: u32 = 0;

pub(super) fn encode(value: &CommittedOffset) -> Bytes {
    let mut buf = BytesMut::new();
    let version = match value.expire_timestamp_ms {
        Some(_) => VERSION_WITH_EXPIRY,
        None => VERSION,
    };
    let flexible = version >= 4;
    buf.put_i16(version);
    buf.put_i64(value.offset);
    if version >= 3 {
        buf.put_i32(value.leader_epoch);
    }
    encode::string(&mut buf, flexible, Some(&value.metadata));
    buf.put_i64(value.commit_timestamp_ms);
    if let Some(expire_timestamp_ms) = value.expire_timestamp_ms {
        buf.put_i64(expire_timestamp_ms);
    }
    if flexible && !value.topic_id.is_zero() {
        // One tagged field.
        buf.put_u8(1);
        encode::tag(&mut buf, TOPIC_ID_TAG, &value.topic_id.0);
    } else {
        encode::no_tags(&mut buf, flexible);
    }
    buf.freeze()
}

pub(super) fn decode(value: Bytes) -> Result<CommittedOffset, RecordError> {
    let mut value = Decoder::new(value);
    let version = value.i16("version")?;
    if !(0..=VERSION).contains(&version) {
        return Err(RecordError::Version {
            kind: "OffsetCommit",
            version,
            max: VERSION,
        });
    }
    let flexible = version >= 4;
    let offset = value.i64("offset")?;
    let leader_epoch = if version >= 3 {
        value.i32("leaderEpoch")?
    } else {
        -1
    };
    let metadata = value.string("metadata", flexible)?.to_string();
    let commit_timestamp_ms = value.i64("commitTimestamp")?;
    let expire_timestamp_ms = if version == VERSION_WITH_EXPIRY {
        Some(value.i64("expireTimestamp")?).filter(|at| *at >= 0)
    } else {
        None
    };
    let mut topic_id = TopicId::ZERO;
    if flexible {
        value.tags(true, |tag, content| {
            if tag == TOPIC_ID_TAG {
                topic_id = Decoder::new(content).topic_id("topicId")?;
            }
            Ok(())
        })?;
    }
    Ok(CommittedOffset {
        offset,
        leader_epoch,
        metadata,
        commit_timestamp_ms,
        expire_timestamp_ms,
        topic_id,
    })
}
