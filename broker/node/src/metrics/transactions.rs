//! Transactions that this broker coordinates.
//! The engine counts; here are only the names.

use kring_requests::{Metrics, TransactionState};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{counter, gauge};

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics) {
    let stats = &snapshot.transactions;
    let by_state = Family::<OfState, Gauge>::default();
    for (state, count) in TransactionState::ALL.iter().zip(stats.transactions) {
        let of_state = OfState {
            state: state.name(),
        };
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        by_state.get_or_create(&of_state).set(count);
    }
    registry.register(
        "kring_transactions",
        "Transactional ids that are coordinated here, by state",
        by_state,
    );
    gauge(
        registry,
        "kring_transaction_coordinators",
        "Partitions of __transaction_state that are coordinated here",
        stats.partitions_led as u64,
    );
    gauge(
        registry,
        "kring_transaction_markers_under_way",
        "Partitions in which the end of a transaction is decided and not written yet",
        stats.markers_under_way as u64,
    );
    counter(
        registry,
        "kring_transactions_completed",
        "Transactions that were completed, committed or aborted",
        stats.completed_total,
    );
    counter(
        registry,
        "kring_transactions_timed_out",
        "Transactions that were aborted because they were open for longer than their producer's time-out",
        stats.aborted_by_timeout_total,
    );
}
