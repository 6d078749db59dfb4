//! Records that left memory: they come from the segments, with the same promises.
//! How segments are written and read is tested in `kring-log`.

use std::time::Duration;

use kafka_protocol::messages::FetchRequest;
use kafka_protocol::messages::ListOffsetsRequest;
use kafka_protocol::messages::TopicName;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};

use crate::fetch::request;
use crate::harness::{OneBroker, START_MS, batch, config, text, values};
use crate::produce::produce;
use crate::topics::create;

const BATCHES: usize = 60;

/// A broker whose first batches are on disk only.
fn with_cold_records() -> OneBroker {
    let mut config = config();
    config.log.tail_cache_bytes = 16 << 10;
    config.log.segment_flush_bytes = 4 << 10;
    config.log.segment_flush_interval_ms = 100;
    let mut one = OneBroker::with(config);
    create(&mut one, "t", 1, &[]);
    for number in 0..BATCHES {
        let value = format!("{number}:{}", "x".repeat(2_000));
        assert_eq!(produce(&mut one, "t", -1, batch(&[&value])).error_code, 0);
    }
    one.run_for(Duration::from_secs(2));
    one
}

#[test]
fn a_consumer_reads_everything_from_the_start() {
    let mut one = with_cold_records();
    let before = one.metrics().log.cold_reads;
    let mut seen = Vec::new();
    let mut offset = 0;
    while seen.len() < BATCHES {
        let answer = one.ask(12, &request("t", offset).with_max_bytes(10_000));
        let data = &answer.responses[0].partitions[0];
        assert_eq!(data.error_code, 0);
        let got = values(data.records.as_ref().unwrap());
        assert!(!got.is_empty());
        offset += i64::try_from(got.len()).unwrap();
        seen.extend(got);
    }
    let numbers: Vec<&str> = seen.iter().map(|v| v.split(':').next().unwrap()).collect();
    let expected: Vec<String> = (0..BATCHES).map(|number| number.to_string()).collect();
    assert_eq!(numbers, expected);
    assert!(
        one.metrics().log.cold_reads > before,
        "some came from the disk"
    );
}

#[test]
fn what_comes_from_the_disk_is_given_without_waiting_for_min_bytes() {
    let mut one = with_cold_records();
    let greedy = request("t", 0)
        .with_min_bytes(1 << 20)
        .with_max_wait_ms(100_000);
    let id = one.send(12, &greedy);
    one.run_for(Duration::from_secs(1));
    assert!(one.answered(id));
    let answer = one.receive::<FetchRequest>(12, id);
    let records = answer.responses[0].partitions[0].records.clone().unwrap();
    assert!(values(&records)[0].starts_with("0:"));
}

#[test]
fn timestamps_are_found_on_disk() {
    let mut one = with_cold_records();
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_current_leader_epoch(-1)
        .with_timestamp(START_MS);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = one.ask(7, &request);
    let row = &answer.topics[0].partitions[0];
    assert_eq!(
        (row.error_code, row.offset, row.timestamp),
        (0, 0, START_MS)
    );
}
