//! What a coordinator knows of a transactional id beside its record: the change under way, markers, deadlines.
//! It decides nothing; the handlers in `partition` do.

use std::time::Duration;

use kring_io::{Instant, Now};

use crate::markers::Markers;
use crate::stored::{Producer, Stored};
use crate::{TransactionConfig, TransactionResponse, TransactionState};

/// What happens when an append completes.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Nothing but what the new state asks for.
    Nothing,
    /// A client gets its answer.
    Respond {
        id: u64,
        response: TransactionResponse,
    },
    /// A transaction was open for too long.
    CountTimeout,
}

/// The record under way.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// `None` forgets the id.
    pub(crate) value: Option<Stored>,
    /// [`Live::last`] from then on.
    pub(crate) last: Option<Producer>,
    pub(crate) then: Then,
    /// When the client that waits is told to try again.
    pub(crate) respond_by: Option<Instant>,
    /// Whether the engine decided it, and so stores it again by itself.
    pub(crate) is_own: bool,
}

/// The live layer of a transactional id.
#[derive(Clone, Debug, Default)]
pub(crate) struct Live {
    /// Who had the id before its last change of epoch, if that is who asked for the change: when it
    /// asks again it has not got the answer and gets it again (KIP-360, KIP-890).
    pub(crate) last: Option<Producer>,
    /// The change under way. TXN-2: at most one.
    pub(crate) pending: Option<Pending>,
    /// What is missing, while the transaction is prepared and has partitions.
    pub(crate) markers: Option<Markers>,
    /// When the transaction, or the id without one, has been there for too long.
    pub(crate) deadline: Option<Instant>,
    /// Not before this does the engine store again what it could not store.
    pub(crate) again_at: Option<Instant>,
}

impl Live {
    /// Of an id whose record was loaded.
    pub(crate) fn load(stored: &Stored, now: Now, config: &TransactionConfig) -> Live {
        Live {
            last: stored.ended_by(),
            deadline: deadline(stored, now, config),
            ..Live::default()
        }
    }

    /// `stored` has replaced a record of the state `before`.
    pub(crate) fn enter(
        &mut self,
        before: Option<TransactionState>,
        stored: &Stored,
        now: Now,
        config: &TransactionConfig,
    ) {
        self.markers = None;
        self.again_at = None;
        let goes_on = stored.state == TransactionState::Ongoing && before == Some(stored.state);
        if !goes_on {
            self.deadline = deadline(stored, now, config);
        }
    }

    /// Whether the deadline has passed.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        self.deadline.is_some_and(|at| at <= now)
    }

    /// When it must be looked at next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        if let Some(pending) = &self.pending {
            return pending.respond_by;
        }
        let due = match &self.markers {
            Some(markers) => markers.next(),
            None => self.deadline,
        };
        match (due, self.again_at) {
            (Some(due), Some(again)) => Some(due.max(again)),
            (due, again) => due.or(again),
        }
    }
}

/// When a record has been there for too long. The wall clock counts only for how much of the time
/// passed before now, and at most for all or nothing of it: when it jumps, no transaction ends.
fn deadline(stored: &Stored, now: Now, config: &TransactionConfig) -> Option<Instant> {
    let (since_ms, span_ms) = match stored.state {
        TransactionState::Ongoing => (stored.started_ms, i64::from(stored.timeout_ms)),
        TransactionState::Empty
        | TransactionState::CompleteCommit
        | TransactionState::CompleteAbort => (stored.updated_ms, config.id_expiration_ms),
        TransactionState::PrepareCommit
        | TransactionState::PrepareAbort
        | TransactionState::Dead
        | TransactionState::PrepareEpochFence => return None,
    };
    let left_ms = since_ms
        .saturating_add(span_ms)
        .saturating_sub(now.wall_ms)
        .clamp(0, span_ms.max(0));
    Some(now.mono + Duration::from_millis(left_ms.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumped_ends_a_transaction_at_once_or_after_its_whole_time() {
        let config = TransactionConfig::default();
        let producer = Producer { id: 1, epoch: 0 };
        let mut stored = Stored::given_to(producer, 1_000, 0);
        stored.state = TransactionState::Ongoing;
        stored.started_ms = 5_000;
        let at = |wall_ms| {
            let mono = Instant(7);
            let live = Live::load(&stored, Now { mono, wall_ms }, &config);
            live.deadline
                .expect("an ongoing transaction has one")
                .since(mono)
        };
        assert_eq!(at(5_400), Duration::from_millis(600));
        assert_eq!(at(0), Duration::from_millis(1_000));
        assert_eq!(at(1_000_000), Duration::ZERO);
    }
}
