//! ListOffsets, OffsetForLeaderEpoch and DeleteRecords.
//! Offsets of groups are in `groups`.

use kafka_protocol::messages::delete_records_request::{
    DeleteRecordsPartition, DeleteRecordsTopic,
};
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{
    DeleteRecordsRequest, ListOffsetsRequest, OffsetForLeaderEpochRequest, TopicName,
};

use crate::fetch::fetch;
use crate::harness::{OneBroker, START_MS, batch, text};
use crate::produce::produce;
use crate::topics::create;

/// Where the log of partition 0 begins.
pub(crate) fn earliest(one: &mut OneBroker, topic: &str) -> i64 {
    let mut request = list_request(-2);
    request.topics[0].name = TopicName(text(topic));
    let answer = one.ask(7, &request);
    let row = &answer.topics[0].partitions[0];
    assert_eq!(row.error_code, 0);
    row.offset
}

fn list_request(timestamp: i64) -> ListOffsetsRequest {
    let partition = ListOffsetsPartition::default()
        .with_partition_index(0)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic = ListOffsetsTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    ListOffsetsRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic])
}

fn list(one: &mut OneBroker, version: i16, timestamp: i64) -> (i16, i64, i64) {
    let answer = one.ask(version, &list_request(timestamp));
    let row = &answer.topics[0].partitions[0];
    (row.error_code, row.offset, row.timestamp)
}

#[test]
fn special_and_timestamp_offsets_are_found() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    // Timestamps START, START+1, START+2; then START again.
    produce(&mut one, "t", -1, batch(&["a", "b", "c"]));
    produce(&mut one, "t", -1, batch(&["d"]));
    for version in 1..=10 {
        assert_eq!(list(&mut one, version, -1), (0, 4, -1), "version {version}");
        assert_eq!(list(&mut one, version, -2), (0, 0, -1));
    }
    assert_eq!(list(&mut one, 7, -3), (0, 2, START_MS + 2));
    assert_eq!(list(&mut one, 8, -4), (0, 0, -1));
    assert_eq!(list(&mut one, 9, -5), (0, -1, -1));
    assert_eq!(list(&mut one, 5, START_MS + 1), (0, 1, START_MS + 1));
    assert_eq!(list(&mut one, 5, START_MS + 9), (0, -1, -1));
}

#[test]
fn special_offsets_have_a_version_from_which_on_they_are_served() {
    const UNSUPPORTED_VERSION: i16 = 35;
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    let specials = [(-3, 7, 1), (-4, 8, 0), (-5, 9, -1)];
    for version in 1..=10 {
        for (special, since, offset) in specials {
            let (error, found, _) = list(&mut one, version, special);
            let expected = if version < since {
                (UNSUPPORTED_VERSION, -1)
            } else {
                (0, offset)
            };
            assert_eq!((error, found), expected, "{special} in version {version}");
        }
        for none in [-6, -7, i64::MIN] {
            let answer = list(&mut one, version, none);
            assert_eq!(answer, (UNSUPPORTED_VERSION, -1, -1), "{none}");
        }
    }
    create(&mut one, "e", 1, &[]);
    for (special, offset) in [(-3, -1), (-4, 0), (-5, -1)] {
        let mut request = list_request(special);
        request.topics[0].name = TopicName(text("e"));
        let answer = one.ask(10, &request);
        let row = &answer.topics[0].partitions[0];
        assert_eq!(
            (row.error_code, row.offset, row.timestamp),
            (0, offset, -1),
            "an empty log"
        );
    }
}

#[test]
fn a_partition_that_is_asked_for_twice_is_refused_and_the_others_are_not() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 2, &[]);
    let mut request = list_request(-1);
    let asked = request.topics[0].partitions[0].clone();
    let other = asked.clone().with_partition_index(1);
    request.topics[0].partitions = vec![asked.clone(), other, asked];
    let answer = one.ask(7, &request);
    let errors = answer.topics[0].partitions.iter().map(|row| row.error_code);
    assert_eq!(errors.collect::<Vec<_>>(), [42, 0, 42], "INVALID_REQUEST");
}

#[test]
fn deleted_records_are_gone_for_everybody() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    for value in ["a", "b", "c"] {
        produce(&mut one, "t", -1, batch(&[value]));
    }
    let delete = |offset| {
        let partition = DeleteRecordsPartition::default()
            .with_partition_index(0)
            .with_offset(offset);
        let topic = DeleteRecordsTopic::default()
            .with_name(TopicName(text("t")))
            .with_partitions(vec![partition]);
        DeleteRecordsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(1_000)
    };
    let answer = one.ask(2, &delete(2));
    let row = &answer.topics[0].partitions[0];
    assert_eq!((row.error_code, row.low_watermark), (0, 2));
    assert_eq!(list(&mut one, 5, -2), (0, 2, -1));
    assert_eq!(fetch(&mut one, "t", 1).error_code, 1);
    assert_eq!(fetch(&mut one, "t", 2).error_code, 0);
    let beyond = one.ask(2, &delete(9));
    assert_eq!(beyond.topics[0].partitions[0].error_code, 1);
    let all = one.ask(2, &delete(-1));
    assert_eq!(all.topics[0].partitions[0].low_watermark, 3);
    one.crash();
    assert_eq!(list(&mut one, 5, -2), (0, 3, -1), "it survives a crash");
}

#[test]
fn an_epoch_ends_where_the_next_begins() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    let ask = |one: &mut OneBroker, epoch| {
        let partition = OffsetForLeaderPartition::default()
            .with_partition(0)
            .with_current_leader_epoch(-1)
            .with_leader_epoch(epoch);
        let topic = OffsetForLeaderTopic::default()
            .with_topic(TopicName(text("t")))
            .with_partitions(vec![partition]);
        let request = OffsetForLeaderEpochRequest::default()
            .with_replica_id((-1).into())
            .with_topics(vec![topic]);
        let answer = one.ask(4, &request);
        let row = &answer.topics[0].partitions[0];
        (row.error_code, row.leader_epoch, row.end_offset)
    };
    let (error, epoch, end) = ask(&mut one, 0);
    assert_eq!((error, end), (0, 2));
    one.crash();
    produce(&mut one, "t", -1, batch(&["c"]));
    assert_eq!(
        ask(&mut one, epoch),
        (0, epoch, 2),
        "a new run leads in a new epoch"
    );
    let epoch_of = |one: &mut OneBroker, timestamp| {
        let answer = one.ask(7, &list_request(timestamp));
        let row = &answer.topics[0].partitions[0];
        (row.offset, row.leader_epoch)
    };
    let current = epoch_of(&mut one, -1).1;
    assert!(current > epoch, "{current}");
    assert_eq!(
        epoch_of(&mut one, -2),
        (0, epoch),
        "of the record, not of the leader"
    );
    assert_eq!(epoch_of(&mut one, START_MS + 1), (1, epoch));
    assert_eq!(epoch_of(&mut one, -1), (3, current));
}
