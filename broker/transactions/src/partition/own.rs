//! What a coordinator does by itself: markers and the end of what is prepared, time-outs, answers that are overdue.
//! What clients ask for is decided in `answer`.

use kring_wire::ErrorCode;

use crate::TransactionState;
use crate::config::{EXPIRY_APPENDS_MAX, STORE_AGAIN_MS};
use crate::live::{Live, Then};
use crate::step::{Change, Step};
use crate::stored::Stored;

/// Does what is due for an id, and nothing while a change of it is under way.
pub(super) fn proceed(name: &str, stored: &Stored, live: &mut Live, step: &mut Step<'_>) {
    let now = step.now.mono;
    if live.pending.is_some() || live.again_at.is_some_and(|at| at > now) {
        return;
    }
    live.again_at = None;
    match stored.state {
        TransactionState::PrepareCommit | TransactionState::PrepareAbort => {
            finish(name, stored, live, step);
        }
        TransactionState::Ongoing if live.is_overdue(now) => {
            tracing::info!(
                transactional_id = name,
                producer_id = stored.producer.id,
                producer_epoch = stored.producer.epoch,
                timeout_ms = stored.timeout_ms,
                "a transaction was open for too long and is aborted"
            );
            let change = Change {
                value: Some(stored.fenced(step.now.wall_ms)),
                last: None,
            };
            step.store_own(name, change, Then::CountTimeout, live);
        }
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort
            if live.is_overdue(now) =>
        {
            if step.appends.len() >= EXPIRY_APPENDS_MAX {
                live.again_at = Some(step.after_ms(STORE_AGAIN_MS));
                return;
            }
            tracing::info!(transactional_id = name, "an unused id is forgotten");
            let change = Change {
                value: None,
                last: None,
            };
            step.store_own(name, change, Then::Nothing, live);
        }
        TransactionState::Ongoing
        | TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort
        | TransactionState::Dead
        | TransactionState::PrepareEpochFence => {}
    }
}

/// Sends the markers that are due; once all are written, stores that the transaction is complete.
fn finish(name: &str, stored: &Stored, live: &mut Live, step: &mut Step<'_>) {
    if live.markers.is_none() && !stored.topics.is_empty() {
        live.markers = Some(step.begin_markers(name, stored));
    }
    if let Some(markers) = &mut live.markers
        && markers.left() > 0
    {
        step.send_due(stored, markers);
        return;
    }
    let change = Change {
        value: Some(stored.completed(step.now.wall_ms)),
        last: live.last,
    };
    step.store_own(name, change, Then::Nothing, live);
}

/// A change is stored: answers who asked for it, and counts it.
pub(super) fn stored(then: Then, stored: Option<&Stored>, step: &mut Step<'_>) {
    match then {
        Then::Nothing => {}
        Then::Respond { id, response } => step.respond(id, response),
        Then::CountTimeout => step.counters.aborted_by_timeout += 1,
    }
    let is_complete = matches!(
        stored.map(|stored| stored.state),
        Some(TransactionState::CompleteCommit | TransactionState::CompleteAbort)
    );
    step.counters.completed += u64::from(is_complete);
}

/// Tells a client whose change takes too long to try again. The change goes on.
pub(super) fn answer_overdue(live: &mut Live, step: &mut Step<'_>) {
    let Some(pending) = &mut live.pending else {
        return;
    };
    if pending.respond_by.is_none_or(|at| at > step.now.mono) {
        return;
    }
    pending.respond_by = None;
    if let Then::Respond { id, response } = std::mem::replace(&mut pending.then, Then::Nothing) {
        step.respond(id, response.failed(ErrorCode::RequestTimedOut));
    }
}
