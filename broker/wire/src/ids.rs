//! Identifiers that Kafka's protocol and every engine share: topics, partitions, offsets, epochs, producers.
//! It does not know names or brokers: names live in the cluster image, broker ids in `kring-io`.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;
use uuid::Uuid;

/// Position of a record in a partition, from 0 and without gaps as produced.
pub type Offset = i64;

/// Number of a leader's term in a partition; grows by at least one with each leader. −1: none.
pub type LeaderEpoch = i32;

/// Number of an idempotent producer. −1: not idempotent.
pub type ProducerId = i64;

/// No offset, as Kafka's messages write it.
pub const NO_OFFSET: Offset = -1;

/// No leader epoch, as Kafka's messages write it.
pub const NO_LEADER_EPOCH: LeaderEpoch = -1;

/// Not idempotent, as Kafka's batches write it.
pub const NO_PRODUCER_ID: ProducerId = -1;

/// Identity of a topic: a topic deleted and created again under its name has another one (KIP-516).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

impl TopicId {
    /// "No id", as requests that name their topics carry it.
    pub const ZERO: TopicId = TopicId([0; 16]);

    /// Whether this is [`TopicId::ZERO`].
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == TopicId::ZERO
    }
}

/// Like Kafka's `Uuid.toString`: 22 characters of URL-safe base64 without padding.
impl fmt::Display for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 22];
        URL_SAFE_NO_PAD
            .encode_slice(self.0, &mut text)
            .expect("16 bytes are 22 characters");
        f.pad(std::str::from_utf8(&text).expect("base64 is ASCII"))
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a topic id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not a topic id: 22 characters of URL-safe base64 are expected")]
pub struct TopicIdError {
    /// The text, cut after 64 characters.
    pub text: String,
}

impl FromStr for TopicId {
    type Err = TopicIdError;

    fn from_str(text: &str) -> Result<TopicId, TopicIdError> {
        let mut id = [0; 16];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut id) {
            Ok(16) => Ok(TopicId(id)),
            _ => Err(TopicIdError {
                text: text.chars().take(64).collect(),
            }),
        }
    }
}

impl From<Uuid> for TopicId {
    fn from(id: Uuid) -> TopicId {
        TopicId(*id.as_bytes())
    }
}

impl From<TopicId> for Uuid {
    fn from(id: TopicId) -> Uuid {
        Uuid::from_bytes(id.0)
    }
}

/// As text where people read (JSON), as 16 bytes elsewhere (postcard).
impl Serialize for TopicId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for TopicId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<TopicId, D::Error> {
        if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            text.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 16]>::deserialize(deserializer).map(TopicId)
        }
    }
}

/// A partition of a topic.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic.
    pub topic: TopicId,
    /// The number of the partition, from 0.
    pub partition: i32,
}

impl TopicPartition {
    /// Partition `partition` of `topic`.
    #[must_use]
    pub fn new(topic: TopicId, partition: i32) -> TopicPartition {
        TopicPartition { topic, partition }
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

impl fmt::Debug for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_reads_like_kafkas_uuid() {
        // org.apache.kafka.common.Uuid of these sixteen bytes.
        let id = TopicId([
            0x1f, 0x8a, 0xf7, 0xfe, 0x9c, 0x2d, 0x4b, 0x6e, 0xa3, 0x11, 0x00, 0xff, 0x5e, 0x70,
            0x81, 0x92,
        ]);
        assert_eq!(id.to_string(), "H4r3_pwtS26jEQD_XnCBkg");
        assert_eq!("H4r3_pwtS26jEQD_XnCBkg".parse(), Ok(id));
        assert_eq!(TopicId::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
    }

    #[test]
    fn a_text_of_another_length_or_alphabet_is_no_topic_id() {
        for text in [
            "",
            "AAAA",
            "AAAAAAAAAAAAAAAAAAAAA+",
            "AAAAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(text.parse::<TopicId>().is_err(), "{text}");
        }
    }

    #[test]
    fn json_has_the_text_and_postcard_the_bytes() {
        let tp = TopicPartition::new(TopicId([7; 16]), 3);
        let json = serde_json::to_string(&tp).unwrap();
        assert_eq!(json, r#"{"topic":"BwcHBwcHBwcHBwcHBwcHBw","partition":3}"#);
        assert_eq!(serde_json::from_str::<TopicPartition>(&json).unwrap(), tp);
        let bytes = postcard::to_allocvec(&tp).unwrap();
        assert_eq!(bytes.len(), 17);
        assert_eq!(postcard::from_bytes::<TopicPartition>(&bytes).unwrap(), tp);
    }
}
