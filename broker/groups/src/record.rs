//! The records of `__consumer_offsets` in Kafka's own format, so that its tools read them.
//! It knows the keys; `offset_commit` and `group_metadata` know the values, `consumer` both of KIP-848. Keys of share and
//! streams groups are recognised and skipped.

mod consumer;
mod group_metadata;
mod offset_commit;
#[cfg(test)]
mod tests;

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, encode};
use thiserror::Error;

use crate::committed::{CommittedOffset, GroupMetadata};
use crate::consumer::Change;

/// `LegacyOffsetCommitKey`, written by Kafka before 0.9, with the layout of the next.
const LEGACY_OFFSET_COMMIT_KEY: i16 = 0;
/// `OffsetCommitKey`.
const OFFSET_COMMIT_KEY: i16 = 1;
/// `GroupMetadataKey`.
const GROUP_METADATA_KEY: i16 = 2;

/// One record, decoded. A `None` value deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A committed offset.
    Offset {
        group: String,
        topic: String,
        partition: i32,
        value: Option<CommittedOffset>,
    },
    /// A group's generation and members.
    Group {
        group: String,
        value: Option<GroupMetadata>,
    },
    /// A part of a KIP-848 group.
    Consumer { group: String, change: Change },
}

/// A record that is no record of `__consumer_offsets` as far as this version knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The bytes do not fit the format.
    #[error("record of __consumer_offsets: {0}")]
    Malformed(#[from] DecodeError),
    /// A version of a value that is newer than this broker.
    #[error(
        "{kind} value has version {version}, this broker reads 0 to {max}: start a broker that is at least as new as the one that wrote it"
    )]
    Version {
        /// Which value.
        kind: &'static str,
        /// Its version.
        version: i16,
        /// The newest that is read.
        max: i16,
    },
}

impl Record {
    /// Key and value as bytes.
    pub(crate) fn encode(&self) -> (Bytes, Option<Bytes>) {
        let mut key = BytesMut::new();
        match self {
            Record::Offset {
                group,
                topic,
                partition,
                value,
            } => {
                key.put_i16(OFFSET_COMMIT_KEY);
                encode::string(&mut key, false, Some(group));
                encode::string(&mut key, false, Some(topic));
                key.put_i32(*partition);
                (key.freeze(), value.as_ref().map(offset_commit::encode))
            }
            Record::Group { group, value } => {
                key.put_i16(GROUP_METADATA_KEY);
                encode::string(&mut key, false, Some(group));
                (key.freeze(), value.as_ref().map(group_metadata::encode))
            }
            Record::Consumer { group, change } => consumer::encode(group, change),
        }
    }

    /// The record of these bytes; `None` of a kind that no group here uses.
    pub(crate) fn decode(key: Bytes, value: Option<Bytes>) -> Result<Option<Record>, RecordError> {
        let mut key = Decoder::new(key);
        match key.i16("key version")? {
            LEGACY_OFFSET_COMMIT_KEY | OFFSET_COMMIT_KEY => {
                let group = key.string("group", false)?.to_string();
                let topic = key.string("topic", false)?.to_string();
                let partition = key.i32("partition")?;
                let value = value.map(offset_commit::decode).transpose()?;
                Ok(Some(Record::Offset {
                    group,
                    topic,
                    partition,
                    value,
                }))
            }
            GROUP_METADATA_KEY => {
                let group = key.string("group", false)?.to_string();
                let value = value.map(group_metadata::decode).transpose()?;
                Ok(Some(Record::Group { group, value }))
            }
            version if consumer::is_key(version) => {
                let (group, change) = consumer::decode(version, &mut key, value)?;
                Ok(Some(Record::Consumer { group, change }))
            }
            _ => Ok(None),
        }
    }
}
