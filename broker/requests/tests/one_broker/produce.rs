//! Produce: what is promised for which acks, duplicates, refusals.
//! Fetching what was produced is in `fetch`.

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{InitProducerIdRequest, ProduceRequest, TopicName};
use kring_wire::{BatchBuilder, Compression};

use crate::harness::{OneBroker, START_MS, batch, idempotent_batch, text};
use crate::topics::create;

pub(crate) fn request(topic: &str, acks: i16, records: Bytes) -> ProduceRequest {
    let partition = PartitionProduceData::default()
        .with_index(0)
        .with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(TopicName(text(topic)))
        .with_partition_data(vec![partition]);
    ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic])
}

pub(crate) fn produce(
    one: &mut OneBroker,
    topic: &str,
    acks: i16,
    records: Bytes,
) -> PartitionProduceResponse {
    let answer = one.ask(9, &request(topic, acks, records));
    answer.responses[0].partition_responses[0].clone()
}

#[test]
fn every_acks_appends_and_offsets_go_on() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let first = produce(&mut one, "t", -1, batch(&["a", "b"]));
    assert_eq!((first.error_code, first.base_offset), (0, 0));
    let second = produce(&mut one, "t", 1, batch(&["c"]));
    assert_eq!((second.error_code, second.base_offset), (0, 2));
    let silent = one.send(9, &request("t", 0, batch(&["d"])));
    assert_eq!(one.frame(silent), Bytes::new(), "acks=0 has no answer");
    let fourth = produce(&mut one, "t", -1, batch(&["e"]));
    assert_eq!(fourth.base_offset, 4);
}

#[test]
fn every_served_version_is_answered() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    for version in 3..=12 {
        let answer = one.ask(version, &request("t", -1, batch(&["x"])));
        let row = &answer.responses[0].partition_responses[0];
        assert_eq!(
            (row.error_code, row.base_offset),
            (0, i64::from(version - 3))
        );
    }
}

#[test]
fn nothing_is_acknowledged_before_the_disk_has_it() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    for acks in [1, -1] {
        let id = one.send(9, &request("t", acks, batch(&["a"])));
        assert!(!one.answered(id), "the write has only been submitted");
        let answer = one.receive::<ProduceRequest>(9, id);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
}

#[test]
fn a_duplicate_is_answered_with_the_first_offset() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let init = one.ask(
        4,
        &InitProducerIdRequest::default().with_transactional_id(None),
    );
    assert_eq!(init.error_code, 0);
    let producer = init.producer_id.0;
    produce(&mut one, "t", -1, batch(&["other"]));
    let first = produce(
        &mut one,
        "t",
        -1,
        idempotent_batch(producer, 0, &["a", "b"]),
    );
    let again = produce(
        &mut one,
        "t",
        -1,
        idempotent_batch(producer, 0, &["a", "b"]),
    );
    assert_eq!((first.error_code, again.error_code), (0, 0));
    assert_eq!((first.base_offset, again.base_offset), (1, 1));
    let gap = produce(&mut one, "t", -1, idempotent_batch(producer, 9, &["z"]));
    assert_eq!(gap.error_code, 45, "OUT_OF_ORDER_SEQUENCE_NUMBER");
    let second = one.ask(
        4,
        &InitProducerIdRequest::default().with_transactional_id(None),
    );
    assert_ne!(second.producer_id.0, producer);
}

#[test]
fn a_batch_behind_a_refused_first_one_is_not_taken_before_it() {
    let mut one = OneBroker::new();
    let first = || idempotent_batch(7, 0, &["a", "b"]);
    let second = || idempotent_batch(7, 2, &["c"]);
    // Two batches under way to a topic that is created between them.
    let early = produce(&mut one, "t", -1, first());
    assert_eq!(early.error_code, 3, "UNKNOWN_TOPIC_OR_PARTITION");
    create(&mut one, "t", 1, &[]);
    let behind = produce(&mut one, "t", -1, second());
    assert_eq!(behind.error_code, 6, "NOT_LEADER_OR_FOLLOWER");
    says(
        &behind,
        &[
            "producer 7",
            "sequence 2",
            "behind 0",
            "UNKNOWN_TOPIC_OR_PARTITION",
        ],
    );
    let first = produce(&mut one, "t", -1, first());
    assert_eq!((first.error_code, first.base_offset), (0, 0));
    let second = produce(&mut one, "t", -1, second());
    assert_eq!((second.error_code, second.base_offset), (0, 2));
}

#[test]
fn a_batch_behind_a_refused_one_waits_for_it_although_the_first_refused_was_a_duplicate() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let damaged = |records: Bytes| {
        let mut bytes = records.to_vec();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        Bytes::from(bytes)
    };
    let [first, second, third] =
        [(0, "a"), (1, "b"), (2, "c")].map(|(at, value)| idempotent_batch(7, at, &[value]));
    assert_eq!(produce(&mut one, "t", -1, first.clone()).error_code, 0);
    // The answer got lost; all three come, and the first two are refused for a moment.
    for records in [&first, &second] {
        let refused = produce(&mut one, "t", -1, damaged(records.clone()));
        assert_eq!(refused.error_code, 2, "CORRUPT_MESSAGE");
    }
    let behind = produce(&mut one, "t", -1, third.clone());
    assert_eq!(behind.error_code, 2, "librdkafka takes 45 for a lost batch");
    for (at, records) in (0..).zip([first, second, third]) {
        let row = produce(&mut one, "t", -1, records);
        assert_eq!((row.error_code, row.base_offset), (0, at));
    }
}

#[test]
fn a_producer_that_was_forgotten_goes_on_with_its_sequence() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let row = produce(&mut one, "t", -1, idempotent_batch(7, 500, &["a"]));
    assert_eq!((row.error_code, row.base_offset), (0, 0), "KIP-360");
}

#[track_caller]
fn says(row: &PartitionProduceResponse, expected: &[&str]) {
    let message = row.error_message.as_deref().unwrap_or("no message");
    for part in expected {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}

#[test]
fn bad_batches_and_bad_partitions_are_refused_each_alone() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[("max.message.bytes", "200")]);
    let mut broken = batch(&["a"]).to_vec();
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let crc = produce(&mut one, "t", -1, Bytes::from(broken));
    assert_eq!(crc.error_code, 2, "CORRUPT_MESSAGE");
    says(&crc, &["CRC"]);
    let large = produce(&mut one, "t", -1, batch(&["x".repeat(300).as_str()]));
    assert_eq!(large.error_code, 10, "MESSAGE_TOO_LARGE");
    says(&large, &["bytes", "200", "max.message.bytes"]);
    let unknown = produce(&mut one, "nowhere", -1, batch(&["a"]));
    assert_eq!(unknown.error_code, 3, "UNKNOWN_TOPIC_OR_PARTITION");
    says(&unknown, &["topic \"nowhere\" does not exist"]);
    let mut beyond = request("t", -1, batch(&["a"]));
    beyond.topic_data[0].partition_data[0].index = 7;
    let beyond = one.ask(9, &beyond).responses[0].partition_responses[0].clone();
    assert_eq!(beyond.error_code, 3);
    says(&beyond, &["the topic has no partition 7"]);
    let internal = one.ask(9, &request("t", 5, batch(&["a"])));
    assert_eq!(internal.responses[0].partition_responses[0].error_code, 21);
    let fine = produce(&mut one, "t", -1, batch(&["a"]));
    assert_eq!((fine.error_code, fine.base_offset), (0, 0));
}

#[test]
fn min_isr_counts_at_most_as_many_as_there_are_replicas() {
    let mut one = OneBroker::new();
    create(&mut one, "two", 1, &[("min.insync.replicas", "2")]);
    assert_eq!(produce(&mut one, "two", -1, batch(&["a"])).error_code, 0);
}

fn zstd_batch() -> Bytes {
    let mut builder = BatchBuilder::new();
    builder.push(START_MS, None, Some(b"zstd"));
    builder.build_compressed(Compression::Zstd)
}

#[test]
fn zstandard_is_for_clients_that_know_it() {
    const UNSUPPORTED: i16 = 76;
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["plain"]));
    for (version, expected) in [(3, UNSUPPORTED), (6, UNSUPPORTED), (7, 0)] {
        let answer = one.ask(version, &request("t", -1, zstd_batch()));
        let row = &answer.responses[0].partition_responses[0];
        assert_eq!(row.error_code, expected, "Produce version {version}");
    }
    let fetched = |one: &mut OneBroker, version: i16, offset: i64| {
        let answer = one.ask(version, &crate::fetch::request("t", offset));
        let row = answer.responses[0].partitions[0].clone();
        (
            row.error_code,
            row.records.map_or(0, |records| records.len()),
        )
    };
    let (plain, zstd) = (batch(&["plain"]).len(), zstd_batch().len());
    assert_eq!(
        fetched(&mut one, 9, 0),
        (0, plain),
        "up to the first in Zstandard"
    );
    assert_eq!(fetched(&mut one, 9, 1), (UNSUPPORTED, 0));
    assert_eq!(fetched(&mut one, 10, 0), (0, plain + zstd));
}

#[test]
fn an_error_with_acks_0_closes_the_connection() {
    let mut one = OneBroker::new();
    one.send(9, &request("nowhere", 0, batch(&["a"])));
    assert!(one.closes());
}
