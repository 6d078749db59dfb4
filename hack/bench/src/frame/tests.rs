//! Frames of the load, read by the broker's own decoders, and answers that the broker's own encoders make.
//! No socket is involved.

use kring_wire::produce::{
    ProducePartitionResponse, ProduceRequest, ProduceResponse, ProduceTopicResponse,
};
use kring_wire::{Compression, RequestHeader, TopicRef};

use super::*;
use crate::batch::{BatchShape, build};

fn whole(parts: &[&[u8]]) -> Bytes {
    let frame = Bytes::from(parts.concat());
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(length as usize, frame.len() - 4);
    frame.slice(4..)
}

#[test]
fn a_produce_frame_is_read_by_the_broker_with_its_batch_as_it_was() {
    let shape = BatchShape {
        record_bytes: 100,
        batch_bytes: 1000,
        compression: Compression::None,
    };
    let batch = build(shape, 5);
    let head = produce_head("orders", 7, -1, batch.bytes.len());
    let mut frame = whole(&[&head, &batch.bytes]);
    let header = RequestHeader::parse(&mut frame).unwrap();
    assert_eq!(
        (header.api_key, header.api_version, header.correlation_id),
        (0, 7, 0)
    );
    let request = ProduceRequest::parse(header.api_version, frame).unwrap();
    assert_eq!(request.acks, -1);
    assert_eq!(request.topics[0].topic, TopicRef::from("orders"));
    let partition = &request.topics[0].partitions[0];
    assert_eq!(partition.index, 7);
    let records = partition.records.as_ref().unwrap();
    assert_eq!(records, &batch.bytes);
    kring_wire::batch::check_crc(records).unwrap();
}

#[test]
fn a_produce_answer_gives_error_and_offset() {
    let response = ProduceResponse {
        topics: vec![ProduceTopicResponse {
            topic: TopicRef::from("orders"),
            partitions: vec![ProducePartitionResponse::appended(7, 1234, -1, 0)],
        }],
        ..ProduceResponse::default()
    };
    let answer = response.encode(PRODUCE_VERSION, 42).slice(4..);
    assert_eq!(produce_answer(answer), Ok((42, 0, 1234)));
}
