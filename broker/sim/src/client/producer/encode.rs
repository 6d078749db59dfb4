//! Batches of the simulated producers, by the other implementation's encoder.
//! It sends nothing.

use bytes::{Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};

use crate::history::{Partition, Records, Value};
use crate::topics::Topic;

/// Time that the broker may take for acks=all.
const TIMEOUT_MS: i32 = 1_500;

/// What a producer writes into its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::client) struct Identity {
    pub(in crate::client) id: i64,
    pub(in crate::client) epoch: i16,
    /// Number of the first record of this epoch: there the sequence begins at 0.
    pub(in crate::client) begins: u64,
    /// Whether its batches are part of transactions.
    pub(in crate::client) transactional: bool,
}

/// One batch with these records.
pub(in crate::client) fn batch(
    identity: Identity,
    partition: Partition,
    records: Records,
    timestamp: i64,
    padding: usize,
) -> Bytes {
    let sequence = i32::try_from(records.first - identity.begins)
        .expect("a run is shorter than the sequence wraps");
    let records: Vec<Record> = (0..)
        .zip(records.ids())
        .map(|(index, id)| {
            let value = Value {
                id,
                partition,
                timestamp,
            };
            Record {
                transactional: identity.transactional,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id: identity.id,
                producer_epoch: identity.epoch,
                timestamp_type: TimestampType::Creation,
                offset: i64::from(index),
                sequence: sequence + index,
                timestamp,
                key: None,
                value: Some(Bytes::from(value.to_bytes(padding))),
                headers: IndexMap::new(),
            }
        })
        .collect();
    let options = RecordEncodeOptions {
        version: 2,
        compression: Compression::None,
    };
    let mut out = BytesMut::new();
    RecordBatchEncoder::encode(&mut out, records.iter(), &options)
        .expect("records of our own encode");
    out.freeze()
}

/// A request with one batch.
pub(super) fn request(topic: Topic, index: i32, batch: Bytes) -> ProduceRequest {
    request_of(topic, [(index, batch)])
}

/// A request with a batch for each of these partitions.
pub(in crate::client) fn request_of(
    topic: Topic,
    batches: impl IntoIterator<Item = (i32, Bytes)>,
) -> ProduceRequest {
    let data = batches.into_iter().map(|(index, batch)| {
        PartitionProduceData::default()
            .with_index(index)
            .with_records(Some(batch))
    });
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str(topic.name)))
        .with_partition_data(data.collect());
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(TIMEOUT_MS)
        .with_topic_data(vec![topic])
}
