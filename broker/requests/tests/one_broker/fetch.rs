//! Fetch: what is given, when, and how much.
//! It produces through `produce`.

use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse, TopicName};

use crate::harness::{OneBroker, batch, text, values};
use crate::produce::produce;
use crate::topics::create;

pub(crate) fn request(topic: &str, offset: i64) -> FetchRequest {
    let partition = FetchPartition::default()
        .with_partition(0)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(TopicName(text(topic)))
        .with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(500)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

pub(crate) fn fetch(one: &mut OneBroker, topic: &str, offset: i64) -> PartitionData {
    let answer = one.ask(12, &request(topic, offset));
    only(&answer)
}

fn only(answer: &FetchResponse) -> PartitionData {
    assert_eq!(answer.error_code, 0);
    answer.responses[0].partitions[0].clone()
}

fn fetched(data: &PartitionData) -> Vec<String> {
    data.records.as_ref().map_or(Vec::new(), values)
}

#[test]
fn records_come_back_in_order_from_the_batch_that_holds_the_offset() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    produce(&mut one, "t", -1, batch(&["c"]));
    let all = fetch(&mut one, "t", 0);
    assert_eq!(fetched(&all), ["a", "b", "c"]);
    assert_eq!(
        (
            all.high_watermark,
            all.last_stable_offset,
            all.log_start_offset
        ),
        (3, 3, 0)
    );
    assert_eq!(fetched(&fetch(&mut one, "t", 1)), ["a", "b", "c"]);
    assert_eq!(fetched(&fetch(&mut one, "t", 2)), ["c"]);
}

#[test]
fn every_version_by_name_is_answered() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a"]));
    for version in 4..=12 {
        let answer = one.ask(version, &request("t", 0));
        assert_eq!(fetched(&only(&answer)), ["a"], "version {version}");
    }
}

#[test]
fn topics_are_fetched_by_id_from_version_13_on() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a"]));
    let all = kafka_protocol::messages::MetadataRequest::default().with_topics(None);
    let id = one.ask(12, &all).topics[0].topic_id;
    for version in 13..=18 {
        let mut by_id = request("", 0);
        by_id.topics[0].topic_id = id;
        by_id.topics[0].topic = TopicName::default();
        let answer = one.ask(version, &by_id);
        assert_eq!(answer.responses[0].topic_id, id);
        assert_eq!(fetched(&only(&answer)), ["a"], "version {version}");
        by_id.topics[0].topic_id = uuid::Uuid::from_u128(5);
        let answer = one.ask(version, &by_id);
        assert_eq!(answer.responses[0].partitions[0].error_code, 100);
    }
}

#[test]
fn an_empty_fetch_waits_for_records_and_not_longer_than_asked() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let waits = one.send(12, &request("t", 0));
    one.run_for(Duration::from_millis(100));
    assert!(!one.answered(waits));
    produce(&mut one, "t", -1, batch(&["a"]));
    assert!(one.answered(waits), "woken with the high watermark");
    let answer = one.receive::<FetchRequest>(12, waits);
    assert_eq!(fetched(&only(&answer)), ["a"]);

    let waits = one.send(12, &request("t", 1));
    one.run_for(Duration::from_millis(499));
    assert!(!one.answered(waits));
    one.run_for(Duration::from_millis(2));
    assert!(one.answered(waits));
}

#[test]
fn a_fetch_waits_until_min_bytes_or_deadline() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let waits = one.send(12, &request("t", 0).with_min_bytes(120));
    produce(&mut one, "t", -1, batch(&["a"]));
    assert!(!one.answered(waits), "one batch is below 120 bytes");
    produce(&mut one, "t", -1, batch(&["b"]));
    assert!(one.answered(waits));
    let answer = one.receive::<FetchRequest>(12, waits);
    assert_eq!(fetched(&only(&answer)), ["a", "b"]);
}

#[test]
fn limits_hold_but_for_the_first_batch() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    for value in ["a", "b", "c"] {
        produce(&mut one, "t", -1, batch(&[value]));
    }
    let tiny = one.ask(12, &request("t", 1).with_max_bytes(1));
    assert_eq!(fetched(&only(&tiny)), ["b"]);
    let mut small = request("t", 0);
    small.topics[0].partitions[0].partition_max_bytes = 160;
    let small = one.ask(12, &small);
    assert_eq!(fetched(&only(&small)), ["a", "b"]);
}

#[test]
fn an_offset_outside_of_the_log_is_an_error_at_once() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a"]));
    for offset in [-1, 7] {
        assert_eq!(fetch(&mut one, "t", offset).error_code, 1, "{offset}");
    }
    let mut old = request("t", 0);
    old.topics[0].partitions[0].current_leader_epoch = 1_000;
    let old = one.ask(12, &old);
    assert_eq!(only(&old).error_code, 75, "UNKNOWN_LEADER_EPOCH");
    assert_eq!(fetch(&mut one, "nowhere", 0).error_code, 3);
}

#[test]
fn a_client_that_does_not_take_its_answer_gets_no_more_records_until_it_does() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let value = "x".repeat(400_000);
    for _ in 0..4 {
        produce(&mut one, "t", -1, batch(&[&value]));
    }
    let mut large = request("t", 0);
    large.max_bytes = 2 << 20;
    large.topics[0].partitions[0].partition_max_bytes = 2 << 20;
    one.clients_take = false;
    let first = one.ask(12, &large);
    assert_eq!(fetched(&only(&first)).len(), 4);
    let second = one.ask(12, &large);
    assert_eq!(fetched(&only(&second)).len(), 0, "after max_wait_ms");
    // Another waits, and goes on as soon as the first was taken.
    let third = one.send(12, &large);
    one.run_for(Duration::from_millis(100));
    assert!(!one.answered(third));
    one.take_answers();
    assert!(one.answered(third));
    let third = one.receive::<FetchRequest>(12, third);
    assert_eq!(fetched(&only(&third)).len(), 4);
}
