//! Reads Fetch requests.
//! It resolves no topic.

use bytes::Bytes;
use bytestring::ByteString;

use super::{API_KEY, FLEXIBLE_FROM, TOPIC_ID_FROM, VERSION_MAX, VERSION_MIN};
use crate::TopicRef;
use crate::decode::{DecodeError, Decoder, RESERVED_ELEMENTS_MAX};
use crate::ids::{LeaderEpoch, Offset};

/// A Fetch request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRequest {
    /// The cluster the client believes it talks to.
    pub cluster_id: Option<ByteString>,
    /// −1 of a consumer; a broker id of a follower that speaks Kafka's replication.
    pub replica_id: i32,
    /// Epoch of that follower.
    pub replica_epoch: i64,
    /// How long to wait for `min_bytes`, in milliseconds.
    pub max_wait_ms: i32,
    /// With fewer bytes the answer waits.
    pub min_bytes: i32,
    /// With more bytes the answer ends, but a first batch always goes whole (KIP-74).
    pub max_bytes: i32,
    /// 0 reads everything that is committed, 1 only what no open transaction holds.
    pub isolation_level: i8,
    /// The session, 0 for none (KIP-227).
    pub session_id: i32,
    /// The session's epoch: −1 none, 0 opens one.
    pub session_epoch: i32,
    /// What to read.
    pub topics: Vec<FetchTopic>,
    /// What the session no longer reads.
    pub forgotten: Vec<ForgottenTopic>,
    /// The client's rack, empty when it has none (KIP-392).
    pub rack_id: ByteString,
}

/// The partitions of a topic in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopic {
    /// The topic.
    pub topic: TopicRef,
    /// Its partitions.
    pub partitions: Vec<FetchPartition>,
}

/// What to read of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchPartition {
    /// Its number.
    pub partition: i32,
    /// The leader epoch the client knows, −1 for none.
    pub current_leader_epoch: LeaderEpoch,
    /// Where to begin.
    pub fetch_offset: Offset,
    /// Leader epoch of the last record the client has, −1 for none (KIP-320).
    pub last_fetched_epoch: LeaderEpoch,
    /// Where a follower's log begins, −1 of a consumer.
    pub log_start_offset: Offset,
    /// With more bytes of this partition its part ends.
    pub partition_max_bytes: i32,
}

/// Partitions of a topic that leave the session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForgottenTopic {
    /// The topic.
    pub topic: TopicRef,
    /// Their numbers.
    pub partitions: Vec<i32>,
}

impl FetchRequest {
    /// Reads the body (what follows the request header).
    ///
    /// # Errors
    /// Any [`DecodeError`]; the connection is then closed.
    pub fn parse(version: i16, body: Bytes) -> Result<FetchRequest, DecodeError> {
        if !(VERSION_MIN..=VERSION_MAX).contains(&version) {
            return Err(DecodeError::Version {
                api_key: API_KEY,
                version,
            });
        }
        let flexible = version >= FLEXIBLE_FROM;
        let mut read = Decoder::new(body);
        let mut request = FetchRequest::read_numbers(&mut read, version)?;
        let count = read.array("topics", flexible, if flexible { 3 } else { 6 })?;
        request.topics.reserve(count.min(RESERVED_ELEMENTS_MAX));
        for _ in 0..count {
            let topic = FetchTopic::read(&mut read, version, flexible)?;
            request.topics.push(topic);
        }
        if version >= 7 {
            let count = read.array("forgotten topics", flexible, if flexible { 3 } else { 6 })?;
            for _ in 0..count {
                let topic = ForgottenTopic::read(&mut read, version, flexible)?;
                request.forgotten.push(topic);
            }
        }
        if version >= 11 {
            request.rack_id = read.string("rack id", flexible)?;
        }
        read.tags(flexible, |tag, content| {
            request.read_tag(version, tag, content)
        })?;
        Ok(request)
    }

    fn read_numbers(read: &mut Decoder, version: i16) -> Result<FetchRequest, DecodeError> {
        let session = version >= 7;
        Ok(FetchRequest {
            cluster_id: None,
            replica_id: if version < 15 {
                read.i32("replica id")?
            } else {
                -1
            },
            replica_epoch: -1,
            max_wait_ms: read.i32("max wait")?,
            min_bytes: read.i32("min bytes")?,
            max_bytes: read.i32("max bytes")?,
            isolation_level: read.i8("isolation level")?,
            session_id: if session { read.i32("session id")? } else { 0 },
            session_epoch: if session {
                read.i32("session epoch")?
            } else {
                -1
            },
            topics: Vec::new(),
            forgotten: Vec::new(),
            rack_id: ByteString::new(),
        })
    }

    fn read_tag(&mut self, version: i16, tag: u32, content: Bytes) -> Result<(), DecodeError> {
        let mut read = Decoder::new(content);
        match tag {
            0 => self.cluster_id = read.nullable_string("cluster id", true)?,
            1 if version >= 15 => {
                self.replica_id = read.i32("replica id")?;
                self.replica_epoch = read.i64("replica epoch")?;
                read.skip_tags(true)?;
            }
            _ => return Ok(()),
        }
        read.finish()
    }
}

impl FetchTopic {
    fn read(read: &mut Decoder, version: i16, flexible: bool) -> Result<FetchTopic, DecodeError> {
        let topic = TopicRef::read(read, flexible, version >= TOPIC_ID_FROM)?;
        let count = read.array("partitions", flexible, 16)?;
        let mut partitions = Vec::with_capacity(count.min(RESERVED_ELEMENTS_MAX));
        for _ in 0..count {
            partitions.push(FetchPartition::read(read, version, flexible)?);
        }
        read.skip_tags(flexible)?;
        Ok(FetchTopic { topic, partitions })
    }
}

impl FetchPartition {
    fn read(
        read: &mut Decoder,
        version: i16,
        flexible: bool,
    ) -> Result<FetchPartition, DecodeError> {
        let partition = FetchPartition {
            partition: read.i32("partition")?,
            current_leader_epoch: if version >= 9 {
                read.i32("current leader epoch")?
            } else {
                -1
            },
            fetch_offset: read.i64("fetch offset")?,
            last_fetched_epoch: if version >= 12 {
                read.i32("last fetched epoch")?
            } else {
                -1
            },
            log_start_offset: if version >= 5 {
                read.i64("log start offset")?
            } else {
                -1
            },
            partition_max_bytes: read.i32("partition max bytes")?,
        };
        // The tags are the follower's directory and high watermark: of no use to a consumer.
        read.skip_tags(flexible)?;
        Ok(partition)
    }
}

impl ForgottenTopic {
    fn read(
        read: &mut Decoder,
        version: i16,
        flexible: bool,
    ) -> Result<ForgottenTopic, DecodeError> {
        let topic = TopicRef::read(read, flexible, version >= TOPIC_ID_FROM)?;
        let count = read.array("forgotten partitions", flexible, 4)?;
        let mut partitions = Vec::with_capacity(count.min(RESERVED_ELEMENTS_MAX));
        for _ in 0..count {
            partitions.push(read.i32("forgotten partition")?);
        }
        read.skip_tags(flexible)?;
        Ok(ForgottenTopic { topic, partitions })
    }
}
