//! Writes Fetch responses as parts: what describes the records is built, the records are passed on.
//! It reads no log and copies no record.

use bytes::{BufMut, Bytes, BytesMut};

use super::{FLEXIBLE_FROM, TOPIC_ID_FROM};
use crate::leader_hint::write_endpoints_tag;
use crate::{
    CurrentLeader, ErrorCode, LeaderEpoch, NodeEndpoint, Offset, ProducerId, TopicRef, encode,
    frame,
};

/// A Fetch response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FetchResponse {
    /// How long the client is asked to wait, in milliseconds.
    pub throttle_ms: i32,
    /// What is wrong with the request as a whole or its session; sent from version 7.
    pub error: ErrorCode,
    /// The session, 0 for none.
    pub session_id: i32,
    /// What was read.
    pub topics: Vec<FetchTopicResponse>,
    /// Where the leaders are that the partitions name; sent from version 16.
    pub node_endpoints: Vec<NodeEndpoint>,
}

/// The partitions of a topic in a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchTopicResponse {
    /// As the request named it.
    pub topic: TopicRef,
    /// Its partitions.
    pub partitions: Vec<FetchPartitionResponse>,
}

/// What was read of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchPartitionResponse {
    /// Its number.
    pub partition: i32,
    /// What went wrong, or [`ErrorCode::None`].
    pub error: ErrorCode,
    /// Everything below is committed.
    pub high_watermark: Offset,
    /// Everything below belongs to no open transaction.
    pub last_stable_offset: Offset,
    /// First offset of the log; sent from version 5.
    pub log_start: Offset,
    /// Where the client's log leaves the leader's; sent from version 12 (KIP-595).
    pub diverging_epoch: Option<EpochEnd>,
    /// Who leads, if this broker does not; sent from version 12.
    pub current_leader: Option<CurrentLeader>,
    /// Aborted transactions in what was read; null unless the client reads committed.
    pub aborted: Option<Vec<AbortedTransaction>>,
    /// A better replica for this client, −1 for none; sent from version 11 (KIP-392).
    pub preferred_read_replica: i32,
    /// Whole batches, one after the other.
    pub records: Vec<Bytes>,
}

/// The end of a leader epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochEnd {
    /// The epoch.
    pub epoch: LeaderEpoch,
    /// The offset after its last record.
    pub end_offset: Offset,
}

/// A transaction whose records the client skips.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbortedTransaction {
    /// Its producer.
    pub producer_id: ProducerId,
    /// Its first offset.
    pub first_offset: Offset,
}

impl FetchPartitionResponse {
    /// The answer for a partition that could not be read.
    #[must_use]
    pub fn failed(partition: i32, error: ErrorCode) -> Self {
        FetchPartitionResponse {
            partition,
            error,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start: -1,
            diverging_epoch: None,
            current_leader: None,
            aborted: None,
            preferred_read_replica: -1,
            records: Vec::new(),
        }
    }

    /// Bytes of its records.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        self.records.iter().map(Bytes::len).sum()
    }

    fn write(&self, buf: &mut BytesMut, version: i16, flexible: bool) {
        buf.put_i32(self.partition);
        buf.put_i16(self.error.code());
        buf.put_i64(self.high_watermark);
        buf.put_i64(self.last_stable_offset);
        if version >= 5 {
            buf.put_i64(self.log_start);
        }
        let aborted = self.aborted.as_deref();
        encode::array(buf, flexible, aborted.map(<[_]>::len));
        for transaction in aborted.unwrap_or_default() {
            buf.put_i64(transaction.producer_id);
            buf.put_i64(transaction.first_offset);
            encode::no_tags(buf, flexible);
        }
        if version >= 11 {
            buf.put_i32(self.preferred_read_replica);
        }
        encode::bytes_len(buf, flexible, Some(self.record_bytes()));
    }

    /// What follows the records.
    fn write_tags(&self, buf: &mut BytesMut) {
        let count =
            u8::from(self.diverging_epoch.is_some()) + u8::from(self.current_leader.is_some());
        buf.put_u8(count);
        if let Some(end) = self.diverging_epoch {
            let mut content = [0; 13];
            content[..4].copy_from_slice(&end.epoch.to_be_bytes());
            content[4..12].copy_from_slice(&end.end_offset.to_be_bytes());
            encode::tag(buf, 0, &content);
        }
        if let Some(leader) = self.current_leader {
            encode::tag(buf, 1, &leader.tag());
        }
    }
}

impl FetchResponse {
    /// Bytes of all records.
    #[must_use]
    pub fn record_bytes(&self) -> usize {
        let partitions = self.topics.iter().flat_map(|topic| &topic.partitions);
        partitions.map(FetchPartitionResponse::record_bytes).sum()
    }

    /// The frame as parts, its length in front of the first. `version` must be one that the request
    /// parser accepts.
    #[must_use]
    pub fn encode(&self, version: i16, correlation_id: i32) -> Vec<Bytes> {
        let flexible = version >= FLEXIBLE_FROM;
        let mut buf = frame::begin_response(correlation_id, flexible);
        // Where the description is cut to let records in, and which.
        let mut cuts: Vec<(usize, &[Bytes])> = Vec::new();
        buf.put_i32(self.throttle_ms);
        if version >= 7 {
            buf.put_i16(self.error.code());
            buf.put_i32(self.session_id);
        }
        encode::array(&mut buf, flexible, Some(self.topics.len()));
        for topic in &self.topics {
            topic
                .topic
                .write(&mut buf, flexible, version >= TOPIC_ID_FROM);
            encode::array(&mut buf, flexible, Some(topic.partitions.len()));
            for partition in &topic.partitions {
                partition.write(&mut buf, version, flexible);
                if partition.records.iter().any(|part| !part.is_empty()) {
                    cuts.push((buf.len(), &partition.records));
                }
                if flexible {
                    partition.write_tags(&mut buf);
                }
            }
            encode::no_tags(&mut buf, flexible);
        }
        if version >= 16 {
            write_endpoints_tag(&mut buf, &self.node_endpoints);
        } else {
            encode::no_tags(&mut buf, flexible);
        }
        frame::finish(&mut buf, self.record_bytes());
        interleave(buf.freeze(), &cuts)
    }
}

fn interleave(description: Bytes, cuts: &[(usize, &[Bytes])]) -> Vec<Bytes> {
    let records: usize = cuts.iter().map(|(_, records)| records.len()).sum();
    let mut parts = Vec::with_capacity(cuts.len() + 1 + records);
    let mut from = 0;
    for (at, records) in cuts {
        parts.push(description.slice(from..*at));
        parts.extend(records.iter().filter(|part| !part.is_empty()).cloned());
        from = *at;
    }
    if from < description.len() {
        parts.push(description.slice(from..));
    }
    parts
}
