//! Every version of the APIs of transactions.
//! What they do is tested in `transactions`.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::describe_producers_request::TopicRequest;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::write_txn_markers_request::{
    WritableTxnMarker, WritableTxnMarkerTopic,
};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Decodable;
use kring_wire::Decoder;

use super::{ask, exchange, group, name};
use crate::harness::{OneBroker, text};

/// The coordinator does not know the producer's id.
const INVALID_PRODUCER_ID_MAPPING: i16 = 49;

fn id() -> TransactionalId {
    TransactionalId(text("x"))
}

pub(super) fn api(one: &mut OneBroker, key: i16, version: i16) {
    match key {
        24 => add_partitions(one, version),
        25 => {
            let request = AddOffsetsToTxnRequest::default()
                .with_transactional_id(id())
                .with_group_id(group());
            let answer = ask(one, version, &request);
            assert_eq!(answer.error_code, INVALID_PRODUCER_ID_MAPPING);
        }
        26 => {
            let request = EndTxnRequest::default().with_transactional_id(id());
            let answer = ask(one, version, &request);
            assert_eq!(answer.error_code, INVALID_PRODUCER_ID_MAPPING);
        }
        27 => write_markers(one, version),
        28 => commit_offsets(one, version),
        61 => {
            let topic = TopicRequest::default()
                .with_name(name())
                .with_partition_indexes(vec![0]);
            let request = DescribeProducersRequest::default().with_topics(vec![topic]);
            assert_eq!(
                ask(one, version, &request).topics[0].partitions[0].error_code,
                0
            );
        }
        65 => {
            let request = DescribeTransactionsRequest::default().with_transactional_ids(vec![id()]);
            let answer = ask(one, version, &request);
            assert_eq!(answer.transaction_states[0].error_code, 105, "not found");
        }
        66 => {
            let mut request = ListTransactionsRequest::default();
            if version >= 2 {
                request.transactional_id_pattern = Some(text("a.*"));
            }
            assert_eq!(ask(one, version, &request).error_code, 0);
        }
        other => panic!("API {other} has no request here"),
    }
}

fn add_partitions(one: &mut OneBroker, version: i16) {
    let topic = AddPartitionsToTxnTopic::default()
        .with_name(name())
        .with_partitions(vec![0]);
    let mut request = AddPartitionsToTxnRequest::default();
    if version >= 4 {
        let transaction = AddPartitionsToTxnTransaction::default()
            .with_transactional_id(id())
            .with_topics(vec![topic]);
        request.transactions = vec![transaction];
    } else {
        request.v3_and_below_transactional_id = id();
        request.v3_and_below_topics = vec![topic];
    }
    let answer = ask(one, version, &request);
    let topics = match version {
        4.. => &answer.results_by_transaction[0].topic_results,
        _ => &answer.results_by_topic_v3_and_below,
    };
    let error = topics[0].results_by_partition[0].partition_error_code;
    assert_eq!(error, INVALID_PRODUCER_ID_MAPPING);
}

fn write_markers(one: &mut OneBroker, version: i16) {
    if version >= 2 {
        // Abort for producer 7, epoch 0, coordinator 0, transaction version 2.
        let mut body = b"\x02\0\0\0\0\0\0\0\x07\0\0\0\x02\x02t\x02\0\0\0\0\0".to_vec();
        body.extend(b"\0\0\0\0\x02\0\0");
        let mut answer = exchange::<WriteTxnMarkersRequest>(one, version, &body);
        let answer = WriteTxnMarkersResponse::decode(&mut answer, 1).unwrap();
        assert_eq!(answer.markers[0].topics[0].partitions[0].error_code, 0);
        return;
    }
    let topic = WritableTxnMarkerTopic::default()
        .with_name(name())
        .with_partition_indexes(vec![0]);
    let marker = WritableTxnMarker::default()
        .with_producer_id(7.into())
        .with_topics(vec![topic]);
    let request = WriteTxnMarkersRequest::default().with_markers(vec![marker]);
    let answer = ask(one, version, &request);
    assert_eq!(answer.markers[0].topics[0].partitions[0].error_code, 0);
}

fn commit_offsets(one: &mut OneBroker, version: i16) {
    if version >= 6 {
        // Transactional id, group, producer 0, epoch 0, generation −1, no member, no instance, a topic that does not exist.
        let mut body = b"\x02x\x02g\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff\x01\0\x02".to_vec();
        body.extend([9; 16]);
        body.extend(b"\x02\0\0\0\0\0\0\0\0\0\0\0\x05\xff\xff\xff\xff\x01\0\0\0");
        let mut answer = Decoder::new(exchange::<TxnOffsetCommitRequest>(one, version, &body));
        assert_eq!(answer.i32("throttle").unwrap(), 0);
        assert_eq!(answer.array("topics", true, 1).unwrap(), 1);
        answer.topic_id("topic id").unwrap();
        assert_eq!(answer.array("partitions", true, 1).unwrap(), 1);
        assert_eq!(answer.i32("index").unwrap(), 0);
        assert_eq!(answer.i16("error").unwrap(), 100, "UNKNOWN_TOPIC_ID");
        answer.skip_tags(true).unwrap();
        answer.skip_tags(true).unwrap();
        answer.skip_tags(true).unwrap();
        return answer.finish().unwrap();
    }
    let partition = TxnOffsetCommitRequestPartition::default()
        .with_committed_offset(5)
        .with_committed_metadata(Some(text("")));
    let topic = TxnOffsetCommitRequestTopic::default()
        .with_name(name())
        .with_partitions(vec![partition]);
    let request = TxnOffsetCommitRequest::default()
        .with_transactional_id(id())
        .with_group_id(group())
        .with_topics(vec![topic]);
    let answer = ask(one, version, &request);
    let error = answer.topics[0].partitions[0].error_code;
    assert_eq!(error, INVALID_PRODUCER_ID_MAPPING);
}
