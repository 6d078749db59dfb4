//! Writes Produce responses, the whole frame.
//! It decides no error; it writes the ones it is given.

use bytes::{BufMut, Bytes, BytesMut};

use super::{FLEXIBLE_FROM, TOPIC_ID_FROM};
use crate::leader_hint::write_endpoints_tag;
use crate::{CurrentLeader, ErrorCode, LeaderEpoch, NodeEndpoint, Offset, TopicRef, encode, frame};

/// A Produce response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProduceResponse {
    /// One for each topic of the request, in its order.
    pub topics: Vec<ProduceTopicResponse>,
    /// How long the client is asked to wait, in milliseconds.
    pub throttle_ms: i32,
    /// Where the leaders are that the partitions name; sent from version 10.
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// The partitions of a topic in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProduceTopicResponse {
    /// As the request named it.
    pub topic: TopicRef,
    /// One for each partition of the request, in its order.
    pub partitions: Vec<ProducePartitionResponse>,
}

/// What came of an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducePartitionResponse {
    /// Number of the partition.
    pub index: i32,
    /// What went wrong, or [`ErrorCode::None`].
    pub error: ErrorCode,
    /// Offset of the first record, −1 after an error.
    pub base_offset: Offset,
    /// Time of the append where the topic asks for it, otherwise −1.
    pub log_append_time_ms: i64,
    /// First offset of the log, −1 when unknown.
    pub log_start: Offset,
    /// Which records are to blame; sent from version 8 (KIP-467).
    pub record_faults: Vec<RecordFault>,
    /// More words about the error; sent from version 8.
    pub message: Option<String>,
    /// Who leads, if this broker does not; sent from version 10 (KIP-951).
    pub current_leader: Option<CurrentLeader>,
}

/// A record that made an append fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordFault {
    /// Its number in the batch, from 0.
    pub index: i32,
    /// What is wrong with it.
    pub message: Option<String>,
}

impl ProducePartitionResponse {
    /// The answer to an append that failed.
    #[must_use]
    pub fn failed(index: i32, error: ErrorCode, message: Option<String>) -> Self {
        ProducePartitionResponse {
            index,
            error,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start: -1,
            record_faults: Vec::new(),
            message,
            current_leader: None,
        }
    }

    /// The answer to an append that holds.
    #[must_use]
    pub fn appended(
        index: i32,
        base_offset: Offset,
        log_append_time_ms: i64,
        log_start: Offset,
    ) -> Self {
        ProducePartitionResponse {
            base_offset,
            log_append_time_ms,
            log_start,
            ..ProducePartitionResponse::failed(index, ErrorCode::None, None)
        }
    }

    /// With the leader this broker knows.
    #[must_use]
    pub fn led_by(mut self, leader_id: i32, leader_epoch: LeaderEpoch) -> Self {
        self.current_leader = Some(CurrentLeader {
            leader_id,
            leader_epoch,
        });
        self
    }

    fn write(&self, buf: &mut BytesMut, version: i16, flexible: bool) {
        buf.put_i32(self.index);
        buf.put_i16(self.error.code());
        buf.put_i64(self.base_offset);
        if version >= 2 {
            buf.put_i64(self.log_append_time_ms);
        }
        if version >= 5 {
            buf.put_i64(self.log_start);
        }
        if version >= 8 {
            encode::array(buf, flexible, Some(self.record_faults.len()));
            for fault in &self.record_faults {
                buf.put_i32(fault.index);
                encode::string(buf, flexible, fault.message.as_deref());
                encode::no_tags(buf, flexible);
            }
            encode::string(buf, flexible, self.message.as_deref());
        }
        match self.current_leader.filter(|_| version >= 10) {
            Some(leader) => {
                buf.put_u8(1);
                encode::tag(buf, 0, &leader.tag());
            }
            None => encode::no_tags(buf, flexible),
        }
    }
}

impl ProduceResponse {
    /// The frame, its length in front. `version` must be one that the request parser accepts.
    #[must_use]
    pub fn encode(&self, version: i16, correlation_id: i32) -> Bytes {
        let flexible = version >= FLEXIBLE_FROM;
        let mut buf = frame::begin_response(correlation_id, flexible);
        encode::array(&mut buf, flexible, Some(self.topics.len()));
        for topic in &self.topics {
            topic
                .topic
                .write(&mut buf, flexible, version >= TOPIC_ID_FROM);
            encode::array(&mut buf, flexible, Some(topic.partitions.len()));
            for partition in &topic.partitions {
                partition.write(&mut buf, version, flexible);
            }
            encode::no_tags(&mut buf, flexible);
        }
        if version >= 1 {
            buf.put_i32(self.throttle_ms);
        }
        if version >= 10 {
            write_endpoints_tag(&mut buf, &self.node_endpoints);
        } else {
            encode::no_tags(&mut buf, flexible);
        }
        frame::finish(&mut buf, 0);
        buf.freeze()
    }
}
