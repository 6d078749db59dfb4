//! How a transactional producer's process ends, when a transaction is given up, and what is done before the run ends.
//! What is asked in between is in `steps`.

use std::time::Duration;

use kring_io::{Instant, Random};

use super::transaction::{Step, Transaction};
use super::zombie::Zombie;
use super::{Phase, Transactor};
use crate::client::ClientOutput;
use crate::history::{Happened, Outcome};

/// A process lives from this long to five times as long.
const LIFE_MS: u64 = 5_000;
/// A process is away for up to this long, longer than any transaction's time-out.
const AWAY_MS: u64 = 12_000;
/// A process that is between two transactions waits so long for one before it ends.
const BETWEEN: Duration = Duration::from_secs(2);
/// A transaction that is to be aborted is given up after this long.
const ABORT_WITHIN: Duration = Duration::from_secs(5);

/// What is left to do before the end of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    /// One more transaction is committed.
    Commit,
    /// One is left open, for its time-out to end it.
    Leave,
    /// The producer asks where its group stands.
    Look,
}

impl Transactor {
    pub(super) fn draw_life(&mut self) -> Duration {
        Duration::from_millis(LIFE_MS + self.random.below(LIFE_MS * 4))
    }

    /// Ends what has taken too long, and the process when its time has come.
    pub(super) fn age(&mut self, now: Instant, out: &mut ClientOutput) {
        let late = self.transaction.as_ref().filter(|t| t.until <= now);
        if let Some(step) = late.map(|transaction| transaction.step) {
            if step == Step::End || self.random.below(3) == 0 {
                self.die(now, true, out);
            } else {
                self.abort(now);
            }
        }
        // In the middle of a transaction, if one comes soon: between two of them little is tested.
        let in_one = self.phase == Phase::InTransaction || self.end_at + BETWEEN <= now;
        if self.last.is_none() && self.phase != Phase::Away && self.end_at <= now && in_one {
            self.die(now, true, out);
        }
    }

    /// When the process is to end, if no transaction comes before.
    pub(super) fn dies_at(&self, now: Instant) -> Instant {
        if self.end_at > now {
            self.end_at
        } else {
            self.end_at + BETWEEN
        }
    }

    /// The transaction cannot be committed any more.
    pub(super) fn abort(&mut self, now: Instant) {
        if let Some(transaction) = &mut self.transaction {
            transaction.commit = false;
            transaction.step = Step::End;
            transaction.end = None;
            transaction.until = now + ABORT_WITHIN;
        }
    }

    /// The process ends, and another begins later. One that ends of itself may go on behind its back for a while.
    pub(super) fn die(&mut self, now: Instant, may_haunt: bool, out: &mut ClientOutput) {
        self.calls.drain();
        if let Some(transaction) = self.transaction.take() {
            self.give_up(&transaction, out);
            let haunts = may_haunt && self.last.is_none() && self.zombie.is_none();
            if haunts && self.random.below(4) > 0 {
                let places = (self.coordinator, self.group_coordinator);
                let sequences = std::mem::take(&mut self.sequences);
                let zombie = Zombie::new(now, transaction, places, sequences, &mut self.random);
                self.zombie = Some(zombie);
            }
        }
        self.identity = None;
        self.known = None;
        self.coordinator = None;
        self.group_coordinator = None;
        self.phase = Phase::Away;
        let away = away(self.last.is_some(), &mut self.random);
        self.try_at = now + away;
        self.end_at = self.try_at + self.draw_life();
    }

    fn give_up(&self, transaction: &Transaction, out: &mut ClientOutput) {
        if let Some(end) = transaction.end {
            out.happened.push(Happened::Ended {
                producer: self.name,
                transaction: transaction.number,
                commit: end.commit,
                outcome: Outcome::Unknown,
            });
        }
    }

    /// Whether the transaction at hand is to be left open.
    pub(super) fn leaves(&self) -> bool {
        self.last == Some(Last::Leave)
    }

    /// Goes away from an open transaction.
    pub(super) fn leave(&mut self) {
        self.transaction = None;
        self.last = Some(Last::Look);
        self.phase = Phase::Positioning;
    }

    /// A transaction has ended as it should.
    pub(super) fn one_done(&mut self, commit: bool) {
        if commit && self.last == Some(Last::Commit) {
            let leaves = self.random.below(2) == 0;
            self.last = Some(if leaves { Last::Leave } else { Last::Look });
        }
    }
}

fn away(finishing: bool, random: &mut Random) -> Duration {
    let most = if finishing || random.below(2) == 0 {
        200
    } else {
        AWAY_MS
    };
    Duration::from_millis(1 + random.below(most))
}
