//! AddPartitionsToTxn (24), versions 0–5: makes partitions part of a transaction.
//!
//! * v0–3 are what producers send (transactions v1) before the first batch to a partition. From v4 on one request has several
//!   transactions, and may only ask whether partitions are part of them.
//! * If one partition does not exist, none is added: it says so, the others `OPERATION_NOT_ATTEMPTED`.
//! * `PRODUCER_FENCED` is `INVALID_PRODUCER_EPOCH` below v2.

use kafka_protocol::messages::add_partitions_to_txn_request::{
    AddPartitionsToTxnTopic, AddPartitionsToTxnTransaction,
};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, TopicName};
use kring_io::Now;
use kring_transactions::{
    AddPartitions, TransactionRequest, TransactionResponse, TransactionVersion, VerifyPartitions,
};
use kring_wire::{ErrorCode, TopicRef};

use super::fenced;
use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::text::text;

/// From here on a request has several transactions.
const SEVERAL_FROM: i16 = 4;
/// From here on clients know `PRODUCER_FENCED`.
const PRODUCER_FENCED_FROM: i16 = 2;

/// Each partition with its error.
type Errors = Vec<(String, Vec<(i32, ErrorCode)>)>;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: AddPartitionsToTxnRequest = call.decode()?;
    let caller = call.caller;
    let transactions = if caller.version >= SEVERAL_FROM {
        request.transactions
    } else {
        vec![
            AddPartitionsToTxnTransaction::default()
                .with_transactional_id(request.v3_and_below_transactional_id)
                .with_producer_id(request.v3_and_below_producer_id)
                .with_producer_epoch(request.v3_and_below_producer_epoch)
                .with_topics(request.v3_and_below_topics),
        ]
    };
    let ids: Vec<_> = transactions
        .iter()
        .map(|transaction| transaction.transactional_id.clone())
        .collect();
    let gather = Gather::new(transactions.len(), move |errors: Vec<Errors>, out| {
        let rows = errors
            .into_iter()
            .map(|errors| rows(errors, caller.version));
        let answer = AddPartitionsToTxnResponse::default();
        let answer = if caller.version >= SEVERAL_FROM {
            let results = ids.into_iter().zip(rows).map(|(id, rows)| {
                AddPartitionsToTxnResult::default()
                    .with_transactional_id(id)
                    .with_topic_results(rows)
            });
            answer.with_results_by_transaction(results.collect())
        } else {
            answer.with_results_by_topic_v3_and_below(rows.flatten().collect())
        };
        caller.answer(&answer, out);
    });
    gather.complete_if_empty(out);
    for (slot, transaction) in transactions.into_iter().enumerate() {
        let gather = gather.clone();
        if let Some(errors) = unknown(broker, &transaction.topics) {
            gather.put(slot, errors, out);
            continue;
        }
        broker.ask_transactions(
            now,
            question(transaction),
            Box::new(move |_, _, response, out| {
                let errors = match response {
                    TransactionResponse::Add(outcome) => outcome.topics,
                    _ => Errors::new(),
                };
                gather.put(slot, errors, out);
            }),
            out,
        );
    }
    Ok(())
}

fn question(transaction: AddPartitionsToTxnTransaction) -> TransactionRequest {
    let transactional_id = transaction.transactional_id.to_string();
    let producer_id = transaction.producer_id.0;
    let producer_epoch = transaction.producer_epoch;
    let topics = transaction.topics.into_iter();
    let topics = topics
        .map(|topic| (topic.name.to_string(), topic.partitions))
        .collect();
    if transaction.verify_only {
        TransactionRequest::Verify(VerifyPartitions {
            transactional_id,
            producer_id,
            producer_epoch,
            topics,
        })
    } else {
        TransactionRequest::Add(AddPartitions {
            transactional_id,
            producer_id,
            producer_epoch,
            topics,
            client_version: TransactionVersion::V1,
        })
    }
}

/// The errors of all partitions if one does not exist.
fn unknown(broker: &Broker, topics: &[AddPartitionsToTxnTopic]) -> Option<Errors> {
    let mut all_exist = true;
    let errors = topics.iter().map(|topic| {
        let name = TopicRef::from(topic.name.0.as_str());
        let partitions = topic.partitions.iter().map(|partition| {
            let error = match broker.resolve(&name, *partition) {
                Ok(_) => ErrorCode::OperationNotAttempted,
                Err(error) => {
                    all_exist = false;
                    error
                }
            };
            (*partition, error)
        });
        (topic.name.to_string(), partitions.collect())
    });
    let errors: Errors = errors.collect();
    (!all_exist).then_some(errors)
}

fn rows(errors: Errors, version: i16) -> Vec<AddPartitionsToTxnTopicResult> {
    let rows = errors.into_iter().map(|(topic, partitions)| {
        let results = partitions.into_iter().map(|(partition, error)| {
            let error = fenced(error, version >= PRODUCER_FENCED_FROM);
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(partition)
                .with_partition_error_code(error.code())
        });
        AddPartitionsToTxnTopicResult::default()
            .with_name(TopicName(text(topic)))
            .with_results_by_partition(results.collect())
    });
    rows.collect()
}
