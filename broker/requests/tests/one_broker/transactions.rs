//! Transactions from the first request to what readers see: both versions of the protocol, fencing, offsets, time-outs.
//! What the coordinator decides in detail is tested with its engine, what the log keeps with the log.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ApiVersionsRequest,
    DescribeProducersRequest, DescribeTransactionsRequest, EndTxnRequest, EndTxnResponse,
    FetchRequest, FindCoordinatorRequest, GroupId, InitProducerIdRequest, InitProducerIdResponse,
    ListOffsetsRequest, ListTransactionsRequest, OffsetFetchRequest, ProduceRequest, TopicName,
    TransactionalId, TxnOffsetCommitRequest,
};
use kring_wire::BatchBuilder;

use crate::harness::{OneBroker, START_MS, batch, config, text, values};
use crate::produce::{produce, request};
use crate::topics::create;

const ID: &str = "orders";
/// The first version with which a batch makes its partition part of the transaction.
const V2: i16 = 12;
const READ_COMMITTED: i8 = 1;

fn id() -> TransactionalId {
    TransactionalId(text(ID))
}

/// Finds the coordinator, which creates its topic.
fn find(one: &mut OneBroker, key_type: i8, key: &str) {
    let request = FindCoordinatorRequest::default()
        .with_key_type(key_type)
        .with_coordinator_keys(vec![text(key)]);
    let answer = one.ask(4, &request);
    assert_eq!(answer.coordinators[0].error_code, 0);
}

fn init(one: &mut OneBroker) -> InitProducerIdResponse {
    let request = InitProducerIdRequest::default()
        .with_transactional_id(Some(id()))
        .with_transaction_timeout_ms(10_000);
    for _ in 0..100 {
        let answer = one.ask(4, &request);
        // The transaction before is being aborted.
        if answer.error_code != 51 {
            return answer;
        }
        one.run_for(Duration::from_millis(20));
    }
    panic!("the transaction before does not end");
}

fn transactional(producer: (i64, i16), sequence: i32, values: &[&str]) -> Bytes {
    let mut builder = BatchBuilder::new()
        .transactional(producer.0, producer.1)
        .producer(producer.0, producer.1, sequence);
    for value in values {
        builder.push(START_MS, Some(b"key"), Some(value.as_bytes()));
    }
    builder.build()
}

/// The error of a transactional batch.
fn write(one: &mut OneBroker, version: i16, topic: &str, records: Bytes) -> i16 {
    let mut request = request(topic, -1, records);
    request.transactional_id = Some(id());
    let answer = one.ask::<ProduceRequest>(version, &request);
    answer.responses[0].partition_responses[0].error_code
}

fn end(one: &mut OneBroker, version: i16, producer: (i64, i16), commit: bool) -> EndTxnResponse {
    let request = EndTxnRequest::default()
        .with_transactional_id(id())
        .with_producer_id(producer.0.into())
        .with_producer_epoch(producer.1)
        .with_committed(commit);
    one.ask(version, &request)
}

fn fetch(one: &mut OneBroker, topic: &str, isolation: i8) -> PartitionData {
    let partition = FetchPartition::default().with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default()
        .with_topic(TopicName(text(topic)))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_bytes(1 << 20)
        .with_isolation_level(isolation)
        .with_topics(vec![topic]);
    let mut answer = one.ask(11, &request);
    answer.responses[0].partitions.remove(0)
}

/// What a consumer of committed records gives to its user.
fn committed(one: &mut OneBroker, topic: &str) -> Vec<String> {
    let answer = fetch(one, topic, READ_COMMITTED);
    let mut aborted = answer.aborted_transactions.unwrap_or_default();
    let mut skipped = Vec::new();
    let mut seen = Vec::new();
    for batch in kring_wire::batches(&answer.records.unwrap_or_default()) {
        let (header, batch) = batch.unwrap();
        aborted.retain(|transaction| {
            let begun = transaction.first_offset <= header.last_offset();
            if begun {
                skipped.push(transaction.producer_id.0);
            }
            !begun
        });
        if header.attributes.is_control() {
            skipped.retain(|producer| *producer != header.producer_id);
        } else if !header.attributes.is_transactional() || !skipped.contains(&header.producer_id) {
            seen.extend(values(&batch));
        }
    }
    seen
}

/// The end of a partition for readers of each isolation.
fn ends(one: &mut OneBroker, topic: &str) -> (i64, i64) {
    let mut end = |isolation| {
        let partition = ListOffsetsPartition::default().with_timestamp(-1);
        let topic = ListOffsetsTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![partition]);
        let request = ListOffsetsRequest::default()
            .with_isolation_level(isolation)
            .with_topics(vec![topic]);
        one.ask(6, &request).topics[0].partitions[0].offset
    };
    (end(0), end(READ_COMMITTED))
}

fn settle(one: &mut OneBroker) {
    one.run_for(Duration::from_millis(200));
}

fn begun() -> (OneBroker, (i64, i16)) {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    find(&mut one, 1, ID);
    let given = init(&mut one);
    assert_eq!(given.error_code, 0);
    let producer = (given.producer_id.0, given.producer_epoch);
    (one, producer)
}

#[test]
fn what_a_transaction_wrote_is_seen_when_it_is_committed_and_never_when_it_is_aborted() {
    let (mut one, first) = begun();
    produce(&mut one, "t", -1, batch(&["before"]));
    assert_eq!(
        write(&mut one, V2, "t", transactional(first, 0, &["a", "b"])),
        0
    );
    assert_eq!(write(&mut one, V2, "t", transactional(first, 2, &["c"])), 0);
    produce(&mut one, "t", -1, batch(&["between"]));
    assert_eq!(committed(&mut one, "t"), ["before"]);
    assert_eq!(ends(&mut one, "t"), (5, 1));

    let ended = end(&mut one, 5, first, true);
    assert_eq!((ended.error_code, ended.producer_id.0), (0, first.0));
    assert_eq!(ended.producer_epoch, first.1 + 1, "KIP-890");
    settle(&mut one);
    assert_eq!(
        committed(&mut one, "t"),
        ["before", "a", "b", "c", "between"]
    );
    assert_eq!(ends(&mut one, "t"), (6, 6));

    let second = (first.0, ended.producer_epoch);
    assert_eq!(
        write(&mut one, V2, "t", transactional(second, 0, &["gone"])),
        0
    );
    let uncommitted = fetch(&mut one, "t", 0).records.unwrap();
    let all = kring_wire::batches(&uncommitted).filter(|batch| {
        let header = batch.as_ref().unwrap().0;
        !header.attributes.is_control()
    });
    assert_eq!(
        all.count(),
        5,
        "a reader of everything sees the open transaction"
    );
    assert_eq!(end(&mut one, 5, second, false).error_code, 0);
    settle(&mut one);
    assert_eq!(
        committed(&mut one, "t"),
        ["before", "a", "b", "c", "between"]
    );
    let aborted = fetch(&mut one, "t", READ_COMMITTED).aborted_transactions;
    let aborted = aborted.unwrap();
    assert_eq!(
        (aborted[0].producer_id.0, aborted[0].first_offset),
        (first.0, 6)
    );
}

#[test]
fn the_next_transaction_begins_before_the_markers_of_the_last_one_are_written() {
    let (mut one, mut producer) = begun();
    for round in 0..20 {
        let value = round.to_string();
        let records = transactional(producer, 0, &[&value]);
        assert_eq!(write(&mut one, V2, "t", records), 0, "round {round}");
        let ended = end(&mut one, 5, producer, round % 2 == 0);
        assert_eq!(ended.error_code, 0);
        producer.1 = ended.producer_epoch;
    }
    settle(&mut one);
    let seen: Vec<u32> = committed(&mut one, "t")
        .iter()
        .map(|v| v.parse().unwrap())
        .collect();
    let even: Vec<u32> = (0..20).filter(|n| n % 2 == 0).collect();
    assert_eq!(seen, even);
}

#[test]
fn a_producer_of_the_first_version_says_which_partitions_it_writes_to() {
    let (mut one, producer) = begun();
    create(&mut one, "other", 1, &[]);
    let topic = AddPartitionsToTxnTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![0]);
    let add = AddPartitionsToTxnRequest::default()
        .with_v3_and_below_transactional_id(id())
        .with_v3_and_below_producer_id(producer.0.into())
        .with_v3_and_below_producer_epoch(producer.1)
        .with_v3_and_below_topics(vec![topic]);
    let answer = one.ask(3, &add);
    let row = &answer.results_by_topic_v3_and_below[0].results_by_partition[0];
    assert_eq!(row.partition_error_code, 0);
    assert_eq!(
        write(&mut one, 11, "t", transactional(producer, 0, &["a"])),
        0
    );
    let not_added = write(&mut one, 11, "other", transactional(producer, 0, &["x"]));
    assert_eq!(not_added, 120, "TRANSACTION_ABORTABLE");
    let older = write(&mut one, 9, "other", transactional(producer, 0, &["x"]));
    assert_eq!(older, 48, "INVALID_TXN_STATE");
    assert_eq!(end(&mut one, 4, producer, true).error_code, 0);
    settle(&mut one);
    assert_eq!(committed(&mut one, "t"), ["a"]);
    // The same epoch and the next sequence go on.
    assert_eq!(
        one.ask(3, &add).results_by_topic_v3_and_below[0].results_by_partition[0]
            .partition_error_code,
        0
    );
    assert_eq!(
        write(&mut one, 11, "t", transactional(producer, 1, &["b"])),
        0
    );
    assert_eq!(end(&mut one, 3, producer, true).error_code, 0);
    settle(&mut one);
    assert_eq!(committed(&mut one, "t"), ["a", "b"]);
}

#[test]
fn a_producer_with_the_same_id_fences_the_one_before_and_its_transaction_is_aborted() {
    let (mut one, first) = begun();
    assert_eq!(
        write(&mut one, V2, "t", transactional(first, 0, &["zombie"])),
        0
    );
    let second = init(&mut one);
    assert_eq!((second.error_code, second.producer_id.0), (0, first.0));
    assert!(second.producer_epoch > first.1);
    let late = write(&mut one, V2, "t", transactional(first, 1, &["late"]));
    assert_eq!(late, 47, "INVALID_PRODUCER_EPOCH");
    assert_eq!(
        end(&mut one, 5, first, true).error_code,
        90,
        "PRODUCER_FENCED"
    );
    let producer = (first.0, second.producer_epoch);
    assert_eq!(
        write(&mut one, V2, "t", transactional(producer, 0, &["new"])),
        0
    );
    assert_eq!(end(&mut one, 5, producer, true).error_code, 0);
    settle(&mut one);
    assert_eq!(committed(&mut one, "t"), ["new"]);
}

#[test]
fn a_transaction_that_takes_too_long_is_aborted() {
    let (mut one, producer) = begun();
    assert_eq!(
        write(&mut one, V2, "t", transactional(producer, 0, &["slow"])),
        0
    );
    one.run_for(Duration::from_secs(9));
    assert_eq!(ends(&mut one, "t"), (1, 0));
    one.run_for(Duration::from_secs(3));
    assert_eq!(ends(&mut one, "t"), (2, 2));
    assert_eq!(committed(&mut one, "t"), [""; 0]);
    let late = write(&mut one, V2, "t", transactional(producer, 1, &["late"]));
    assert_eq!(late, 47, "INVALID_PRODUCER_EPOCH");
}

fn commit_offset(one: &mut OneBroker, version: i16, producer: (i64, i16), offset: i64) -> i16 {
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_partition_index(0)
        .with_committed_offset(offset)
        .with_committed_metadata(Some(text("")));
    let topic = TxnOffsetCommitRequestTopic::default()
        .with_name(TopicName(text("t")))
        .with_partitions(vec![partition]);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(id())
        .with_group_id(GroupId(text("g")))
        .with_producer_id(producer.0.into())
        .with_producer_epoch(producer.1)
        .with_topics(vec![topic]);
    one.ask(version, &request).topics[0].partitions[0].error_code
}

/// Offset and error of the group's partition.
fn offset(one: &mut OneBroker, stable: bool) -> (i64, i16) {
    let topic = OffsetFetchRequestTopics::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default()
        .with_groups(vec![group])
        .with_require_stable(stable);
    let answer = one.ask(8, &request);
    assert_eq!(answer.groups[0].error_code, 0);
    let row = &answer.groups[0].topics[0].partitions[0];
    (row.committed_offset, row.error_code)
}

#[test]
fn offsets_of_a_group_are_committed_with_the_transaction_or_not_at_all() {
    let (mut one, mut producer) = begun();
    find(&mut one, 0, "g");
    for (commit, committed, expected) in [(true, 5, 5), (false, 9, 5), (true, 12, 12)] {
        let before = offset(&mut one, true);
        assert_eq!(commit_offset(&mut one, 5, producer, committed), 0);
        assert_eq!(offset(&mut one, true), (-1, 88), "UNSTABLE_OFFSET_COMMIT");
        assert_eq!(offset(&mut one, false), before, "the last committed one");
        let ended = end(&mut one, 5, producer, commit);
        assert_eq!(ended.error_code, 0);
        producer.1 = ended.producer_epoch;
        settle(&mut one);
        assert_eq!(offset(&mut one, true), (expected, 0));
    }
    one.crash();
    assert_eq!(offset(&mut one, true), (12, 0));
}

#[test]
fn a_producer_of_the_first_version_adds_the_groups_offsets_first() {
    let (mut one, producer) = begun();
    let refused = commit_offset(&mut one, 3, producer, 3);
    assert_eq!(refused, 16, "NOT_COORDINATOR: nobody has created the topic");
    let add = AddOffsetsToTxnRequest::default()
        .with_transactional_id(id())
        .with_producer_id(producer.0.into())
        .with_producer_epoch(producer.1)
        .with_group_id(GroupId(text("g")));
    assert_eq!(one.ask(3, &add).error_code, 0);
    find(&mut one, 0, "g");
    assert_eq!(commit_offset(&mut one, 3, producer, 3), 0);
    assert_eq!(end(&mut one, 4, producer, true).error_code, 0);
    settle(&mut one);
    assert_eq!(offset(&mut one, true), (3, 0));
}

#[test]
fn a_transaction_survives_the_broker_and_ends_after_it() {
    let (mut one, producer) = begun();
    assert_eq!(
        write(&mut one, V2, "t", transactional(producer, 0, &["a"])),
        0
    );
    one.crash();
    assert_eq!(ends(&mut one, "t"), (1, 0));
    assert_eq!(
        write(&mut one, V2, "t", transactional(producer, 1, &["b"])),
        0
    );
    assert_eq!(end(&mut one, 5, producer, true).error_code, 0);
    // The decision is durable, the markers may not be.
    one.crash();
    settle(&mut one);
    assert_eq!(committed(&mut one, "t"), ["a", "b"]);
    // A marker that was written and not reported is written again, which changes nothing.
    let (end, stable) = ends(&mut one, "t");
    assert_eq!(end, stable);
}

#[test]
fn batches_that_come_while_the_coordinator_is_asked_keep_their_order() {
    let (mut one, producer) = begun();
    let sent: Vec<_> = (0..5)
        .map(|sequence| {
            let value = sequence.to_string();
            let mut request = request("t", -1, transactional(producer, sequence, &[&value]));
            request.transactional_id = Some(id());
            one.send(V2, &request)
        })
        .collect();
    for (sequence, sent) in sent.into_iter().enumerate() {
        let answer = one.receive::<ProduceRequest>(V2, sent);
        let row = &answer.responses[0].partition_responses[0];
        assert_eq!(
            (row.error_code, row.base_offset),
            (0, i64::try_from(sequence).unwrap())
        );
    }
}

#[test]
fn administrators_see_transactions_and_their_producers() {
    let (mut one, producer) = begun();
    assert_eq!(
        write(&mut one, V2, "t", transactional(producer, 0, &["a"])),
        0
    );
    let describe = DescribeTransactionsRequest::default()
        .with_transactional_ids(vec![id(), TransactionalId(text("unknown"))]);
    let answer = one.ask(0, &describe);
    let known = &answer.transaction_states[0];
    assert_eq!(
        (known.error_code, &known.transaction_state[..]),
        (0, "Ongoing")
    );
    assert_eq!(known.transaction_timeout_ms, 10_000);
    assert_eq!(
        (&known.topics[0].topic.0[..], &known.topics[0].partitions),
        ("t", &vec![0])
    );
    assert_eq!(
        answer.transaction_states[1].error_code, 105,
        "TRANSACTIONAL_ID_NOT_FOUND"
    );

    let list = |one: &mut OneBroker, pattern: &str, states: &[&str]| {
        let request = ListTransactionsRequest::default()
            .with_duration_filter(-1)
            .with_transactional_id_pattern(Some(text(pattern)))
            .with_state_filters(states.iter().map(|s| text(s)).collect());
        one.ask(2, &request)
    };
    assert_eq!(list(&mut one, "ord.*", &[]).transaction_states.len(), 1);
    assert_eq!(
        list(&mut one, "ord", &[]).transaction_states.len(),
        0,
        "the whole id matches"
    );
    assert_eq!(list(&mut one, "", &["Ongoing"]).transaction_states.len(), 1);
    let unknown = list(&mut one, "", &["Odd", "Empty"]);
    assert_eq!(
        (
            unknown.transaction_states.len(),
            &unknown.unknown_state_filters[0][..]
        ),
        (0, "Odd")
    );
    assert_eq!(
        list(&mut one, "(", &[]).error_code,
        128,
        "INVALID_REGULAR_EXPRESSION"
    );

    let topic = kafka_protocol::messages::describe_producers_request::TopicRequest::default()
        .with_name(TopicName(text("t")))
        .with_partition_indexes(vec![0]);
    let request = DescribeProducersRequest::default().with_topics(vec![topic]);
    let answer = one.ask(0, &request);
    let state = &answer.topics[0].partitions[0].active_producers[0];
    assert_eq!(state.producer_id.0, producer.0);
    assert_eq!(
        (state.last_sequence, state.current_txn_start_offset),
        (0, 0)
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let mut settings = config();
    settings.transactions.max_timeout_ms = 60_000;
    let mut one = OneBroker::with(settings);
    create(&mut one, "t", 1, &[]);
    find(&mut one, 1, ID);
    let ask = |one: &mut OneBroker, id: &str, timeout_ms| {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(text(id))))
            .with_transaction_timeout_ms(timeout_ms);
        one.ask(4, &request).error_code
    };
    assert_eq!(ask(&mut one, ID, 60_001), 50, "INVALID_TRANSACTION_TIMEOUT");
    assert_eq!(ask(&mut one, "", 1_000), 42, "INVALID_REQUEST");
    assert_eq!(ask(&mut one, ID, 60_000), 0);
    let plain = write(&mut one, V2, "t", batch(&["a"]));
    assert_eq!(plain, 87, "INVALID_RECORD");
    let outside = produce(&mut one, "t", -1, transactional((0, 0), 0, &["a"]));
    assert_eq!(outside.error_code, 87, "INVALID_RECORD");
    let state = produce(&mut one, "__transaction_state", -1, batch(&["a"]));
    assert_eq!(state.error_code, 17, "INVALID_TOPIC_EXCEPTION");
}

#[test]
fn clients_are_told_that_each_transaction_has_its_epoch() {
    let mut one = OneBroker::new();
    let request = ApiVersionsRequest::default()
        .with_client_software_name(text("test"))
        .with_client_software_version(text("1"));
    let answer = one.ask(3, &request);
    let features = answer.finalized_features.iter();
    let transactions = features.filter(|feature| &feature.name[..] == "transaction.version");
    let levels: Vec<i16> = transactions
        .map(|feature| feature.max_version_level)
        .collect();
    assert_eq!(levels, [2]);
    assert!(answer.finalized_features_epoch >= 0);
}
