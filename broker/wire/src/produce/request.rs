//! Reads Produce requests.
//! Record bytes share the memory of the frame.

use bytes::Bytes;
use bytestring::ByteString;

use super::{API_KEY, FLEXIBLE_FROM, TOPIC_ID_FROM, VERSION_MAX, VERSION_MIN};
use crate::TopicRef;
use crate::decode::{DecodeError, Decoder, RESERVED_ELEMENTS_MAX};

/// A Produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceRequest {
    /// The transaction it belongs to.
    pub transactional_id: Option<ByteString>,
    /// Whose acknowledgement is awaited: 0 nobody's, 1 the leader's, −1 that of all in-sync replicas.
    pub acks: i16,
    /// How long the client waits for the acknowledgement, in milliseconds.
    pub timeout_ms: i32,
    /// What to append where.
    pub topics: Vec<ProduceTopic>,
}

/// The partitions of a topic in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopic {
    /// The topic.
    pub topic: TopicRef,
    /// Its partitions.
    pub partitions: Vec<ProducePartition>,
}

/// What to append to a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartition {
    /// Its number.
    pub index: i32,
    /// Record batches as the client made them.
    pub records: Option<Bytes>,
}

impl ProduceRequest {
    /// Reads the body (what follows the request header).
    ///
    /// # Errors
    /// Any [`DecodeError`]; the connection is then closed.
    pub fn parse(version: i16, body: Bytes) -> Result<ProduceRequest, DecodeError> {
        if !(VERSION_MIN..=VERSION_MAX).contains(&version) {
            return Err(DecodeError::Version {
                api_key: API_KEY,
                version,
            });
        }
        let flexible = version >= FLEXIBLE_FROM;
        let mut read = Decoder::new(body);
        let transactional_id = if version >= 3 {
            read.nullable_string("transactional id", flexible)?
        } else {
            None
        };
        let acks = read.i16("acks")?;
        let timeout_ms = read.i32("timeout")?;
        let count = read.array("topics", flexible, if flexible { 3 } else { 6 })?;
        let mut topics = Vec::with_capacity(count.min(RESERVED_ELEMENTS_MAX));
        for _ in 0..count {
            topics.push(ProduceTopic::read(&mut read, version, flexible)?);
        }
        read.skip_tags(flexible)?;
        Ok(ProduceRequest {
            transactional_id,
            acks,
            timeout_ms,
            topics,
        })
    }
}

impl ProduceTopic {
    fn read(read: &mut Decoder, version: i16, flexible: bool) -> Result<ProduceTopic, DecodeError> {
        let topic = TopicRef::read(read, flexible, version >= TOPIC_ID_FROM)?;
        let count = read.array("partitions", flexible, if flexible { 6 } else { 8 })?;
        let mut partitions = Vec::with_capacity(count.min(RESERVED_ELEMENTS_MAX));
        for _ in 0..count {
            let index = read.i32("partition")?;
            let records = read.nullable_bytes("records", flexible)?;
            read.skip_tags(flexible)?;
            partitions.push(ProducePartition { index, records });
        }
        read.skip_tags(flexible)?;
        Ok(ProduceTopic { topic, partitions })
    }
}
