//! Whole requests through the engine of a broker: header, every API and version, handler, answer.
//! What state the requests meet is what those before them left.

use bytes::BytesMut;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use kring_wire::{BatchBuilder, bounds};

use crate::alone::{Alone, Reused};
use crate::golden::{self, header};

thread_local! {
    static BROKER: Reused = Reused::default();
}

pub(super) fn run(data: &[u8]) {
    BROKER.with(|broker| broker.feed(|broker| ask(broker, data)));
}

fn ask(broker: &mut Alone, frame: &[u8]) {
    broker.answers.clear();
    broker.request(frame);
    for answer in &broker.answers {
        let claimed = answer.first_chunk::<4>().map(|l| u32::from_be_bytes(*l));
        assert_eq!(
            claimed,
            u32::try_from(answer.len() - 4).ok(),
            "an answer has the length it says"
        );
    }
}

/// Frames of every API and version with a body of zeros and with that of the Java client, and of Produce and Fetch with real ones.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    for key in 0..=100 {
        for version in bounds::versions(key).into_iter().flatten() {
            let mut frame = header(key, version);
            frame.extend_from_slice(&[0; 48]);
            frames.push(frame);
        }
    }
    frames.extend(golden::requests().iter().map(golden::Golden::frame));
    for key in [0, 1] {
        for body in bodies(key) {
            let (version, body) = body.split_first().expect("a body begins with its version");
            let version = i16::from(*version) + if key == 1 { 4 } else { 0 };
            frames.push([&header(key, version)[..], body].concat());
        }
    }
    frames
}

/// Bodies of Produce (0) or Fetch (1), each behind its version above the oldest.
pub(super) fn bodies(key: i16) -> Vec<Vec<u8>> {
    let oldest: u8 = if key == 0 { 0 } else { 4 };
    let versions = if key == 0 { 3..13_u8 } else { 4..13 };
    let body = |version: u8| {
        let mut bytes = BytesMut::from(&[version - oldest][..]);
        let version = i16::from(version);
        let encoded = if key == 0 {
            produce().encode(&mut bytes, version)
        } else {
            fetch().encode(&mut bytes, version)
        };
        encoded.expect("these requests have a form in every version");
        bytes.to_vec()
    };
    versions.map(body).collect()
}

fn topic() -> TopicName {
    TopicName(StrBytes::from_static_str("fuzz"))
}

fn produce() -> ProduceRequest {
    let mut batch = BatchBuilder::new();
    batch.push(1_700_000_000_000, Some(b"key"), Some(b"value"));
    let partition = PartitionProduceData::default().with_records(Some(batch.build()));
    let topic = TopicProduceData::default()
        .with_name(topic())
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic])
}

fn fetch() -> FetchRequest {
    let partition = FetchPartition::default().with_partition_max_bytes(1_024);
    let topic = FetchTopic::default()
        .with_topic(topic())
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_bytes(1_024)
        .with_topics(vec![topic])
}
