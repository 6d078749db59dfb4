//! DescribeTransactions (65), version 0: state and partitions of transactions, from their coordinator (KIP-664).
//!
//! * A transactional id that does not exist is `TRANSACTIONAL_ID_NOT_FOUND`, an empty one `INVALID_REQUEST`.

use kafka_protocol::messages::describe_transactions_response::{TopicData, TransactionState};
use kafka_protocol::messages::{
    DescribeTransactionsRequest, DescribeTransactionsResponse, TopicName, TransactionalId,
};
use kring_io::Now;
use kring_transactions::{DescribedTransaction, TransactionRequest, TransactionResponse};
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeTransactionsRequest = call.decode()?;
    let caller = call.caller;
    let ids = request.transactional_ids;
    let gather = Gather::new(ids.len(), move |states: Vec<TransactionState>, out| {
        let answer = DescribeTransactionsResponse::default().with_transaction_states(states);
        caller.answer(&answer, out);
    });
    gather.complete_if_empty(out);
    for (slot, id) in ids.into_iter().enumerate() {
        if id.is_empty() {
            let refused =
                TransactionState::default().with_error_code(ErrorCode::InvalidRequest.code());
            gather.put(slot, refused, out);
            continue;
        }
        let gather = gather.clone();
        broker.ask_transactions(
            now,
            TransactionRequest::Describe(id.to_string()),
            Box::new(move |_, _, response, out| {
                let state = match response {
                    TransactionResponse::Describe(described) => row(described),
                    _ => TransactionState::default()
                        .with_transactional_id(id)
                        .with_error_code(ErrorCode::UnknownServerError.code()),
                };
                gather.put(slot, state, out);
            }),
            out,
        );
    }
    Ok(())
}

fn row(described: DescribedTransaction) -> TransactionState {
    let row = TransactionState::default()
        .with_transactional_id(TransactionalId(text(described.transactional_id)))
        .with_error_code(described.error.code());
    if !described.error.is_ok() {
        return row;
    }
    let topics = described.topics.into_iter().map(|(topic, partitions)| {
        TopicData::default()
            .with_topic(TopicName(text(topic)))
            .with_partitions(partitions)
    });
    row.with_transaction_state(text(described.state.name()))
        .with_transaction_timeout_ms(described.timeout_ms)
        .with_transaction_start_time_ms(described.start_timestamp_ms)
        .with_producer_id(described.producer_id.into())
        .with_producer_epoch(described.producer_epoch)
        .with_topics(topics.collect())
}
