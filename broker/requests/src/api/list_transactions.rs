//! ListTransactions (66), versions 0–2: transactions that are coordinated here (KIP-664).
//!
//! * Filters by state and producer id, from v1 on by how long a transaction has run, from v2 on by a regular expression that
//!   the whole id must match (KIP-1152); one that cannot be read is `INVALID_REGULAR_EXPRESSION`.
//! * A state that does not exist is named in the answer.

use kafka_protocol::messages::list_transactions_response::TransactionState as Listed;
use kafka_protocol::messages::{
    ListTransactionsRequest, ListTransactionsResponse, TransactionalId,
};
use kring_io::Now;
use kring_transactions::TransactionState;
use kring_wire::ErrorCode;
use regex::{Regex, RegexBuilder};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::text;

/// What a client's regular expression may take as a program.
const PATTERN_BYTES_MAX: usize = 1 << 20;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ListTransactionsRequest = call.decode()?;
    call.caller.answer(&list(broker, now, &request), out);
    Ok(())
}

fn list(broker: &Broker, now: Now, request: &ListTransactionsRequest) -> ListTransactionsResponse {
    let answer = ListTransactionsResponse::default();
    if broker.transactions.is_loading() {
        return answer.with_error_code(ErrorCode::CoordinatorLoadInProgress.code());
    }
    let pattern = match pattern(request) {
        Ok(pattern) => pattern,
        Err(error) => return answer.with_error_code(error.code()),
    };
    let (known, unknown): (Vec<_>, Vec<_>) =
        request.state_filters.iter().cloned().partition(|name| {
            TransactionState::ALL
                .iter()
                .any(|s| s.name() == name.as_str())
        });
    let states = broker
        .transactions
        .list()
        .filter(|listed| {
            request.state_filters.is_empty()
                || known
                    .iter()
                    .any(|name| name.as_str() == listed.state.name())
        })
        .filter(|listed| {
            let ids = &request.producer_id_filters;
            ids.is_empty() || ids.iter().any(|id| id.0 == listed.producer_id)
        })
        .filter(|listed| {
            let ran_ms = now.wall_ms.saturating_sub(listed.start_timestamp_ms);
            request.duration_filter < 0
                || (listed.start_timestamp_ms >= 0 && ran_ms > request.duration_filter)
        })
        .filter(|listed| {
            let pattern = pattern.as_ref();
            pattern.is_none_or(|pattern| pattern.is_match(listed.transactional_id))
        })
        .map(|listed| {
            Listed::default()
                .with_transactional_id(TransactionalId(text(listed.transactional_id)))
                .with_producer_id(listed.producer_id.into())
                .with_transaction_state(text(listed.state.name()))
        });
    answer
        .with_transaction_states(states.collect())
        .with_unknown_state_filters(unknown)
}

fn pattern(request: &ListTransactionsRequest) -> Result<Option<Regex>, ErrorCode> {
    let pattern = request.transactional_id_pattern.as_ref();
    let Some(pattern) = pattern.filter(|pattern| !pattern.is_empty()) else {
        return Ok(None);
    };
    RegexBuilder::new(&format!("^(?:{})$", pattern.as_str()))
        .size_limit(PATTERN_BYTES_MAX)
        .build()
        .map(Some)
        .map_err(|_| ErrorCode::InvalidRegularExpression)
}
