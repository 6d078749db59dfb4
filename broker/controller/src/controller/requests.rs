//! Requests of this broker on their way to the active controller and back.
//! What an answer says is not looked at, but for "I am not the active controller".

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::{BrokerId, Instant, Now};

use crate::error::ControllerError;
use crate::quorum::{Epoch, Index};
use crate::request::{ControllerRequest, ControllerResponse};

/// Requests that may be open at once.
const OPEN_MAX: usize = 10_000;
/// After this a request is offered again to a controller that was not ready for it.
const RETRY: Duration = Duration::from_millis(20);

pub(super) type Answer = Result<ControllerResponse, ControllerError>;

/// The open requests, by a number that grows: the first one has the first deadline.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<u64, Open>,
    next: u64,
}

#[derive(Debug)]
struct Open {
    /// The caller's name for it.
    id: u64,
    deadline: Instant,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Offered to nobody yet, or to one that was not the active controller.
    Waiting {
        request: ControllerRequest,
        not_before: Instant,
    },
    /// On its way. Kept in case the addressee says that it did nothing.
    Sent {
        request: ControllerRequest,
        to: BrokerId,
        epoch: Epoch,
    },
    /// Answered, but this broker has not yet applied what the answer speaks of.
    Answered { index: Index, answer: Answer },
}

impl Requests {
    /// Takes a request; or gives it back when too many are open.
    pub(super) fn open(
        &mut self,
        now: Now,
        timeout: Duration,
        id: u64,
        request: ControllerRequest,
    ) -> Result<(), ControllerError> {
        if self.open.len() >= OPEN_MAX {
            let waiting = self.open.len();
            return Err(ControllerError::Busy { waiting });
        }
        let phase = Phase::Waiting {
            request,
            not_before: now.mono,
        };
        let deadline = now.mono + timeout;
        self.open.insert(
            self.next,
            Open {
                id,
                deadline,
                phase,
            },
        );
        self.next += 1;
        Ok(())
    }

    /// The requests that can be offered to the active controller `to` now.
    pub(super) fn take_waiting(
        &mut self,
        now: Now,
        to: BrokerId,
        epoch: Epoch,
    ) -> Vec<(u64, ControllerRequest)> {
        let mut taken = Vec::new();
        for (number, open) in &mut self.open {
            if let Phase::Waiting {
                request,
                not_before,
            } = &open.phase
                && *not_before <= now.mono
            {
                let request = request.clone();
                taken.push((*number, request.clone()));
                open.phase = Phase::Sent { request, to, epoch };
            }
        }
        taken
    }

    /// An answer came. One from a controller that was not active sends the request on its way again.
    pub(super) fn answered(&mut self, now: Now, number: u64, index: Index, answer: Answer) {
        let Some(open) = self.open.get_mut(&number) else {
            return;
        };
        let Phase::Sent { request, .. } = &open.phase else {
            return;
        };
        open.phase = if answer == Err(ControllerError::NoController) {
            Phase::Waiting {
                request: request.clone(),
                not_before: now.mono + RETRY,
            }
        } else {
            Phase::Answered { index, answer }
        };
    }

    /// Ends the requests that were sent to a controller that is not the active one any more:
    /// whether it carried them out is unknown.
    pub(super) fn controller_is(&mut self, active: BrokerId, epoch: Epoch) {
        for open in self.open.values_mut() {
            if let Phase::Sent {
                to, epoch: sent_in, ..
            } = open.phase
                && (to, sent_in) != (active, epoch)
            {
                open.phase = Phase::Answered {
                    index: 0,
                    answer: Err(ControllerError::LeadershipLost),
                };
            }
        }
    }

    /// The requests that are done: answered and applied, or out of time.
    pub(super) fn take_done(
        &mut self,
        now: Now,
        applied: Index,
        timeout: Duration,
    ) -> Vec<(u64, Answer)> {
        let done = self.open.extract_if(.., |_, open| match open.phase {
            Phase::Answered { index, .. } if index <= applied => true,
            _ => open.deadline <= now.mono,
        });
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let answer = |open: Open| match open.phase {
            Phase::Answered { answer, .. } => (open.id, answer),
            Phase::Waiting { .. } => (open.id, Err(ControllerError::NoController)),
            Phase::Sent { .. } => (open.id, Err(ControllerError::TimedOut { timeout_ms })),
        };
        done.map(|(_, open)| answer(open)).collect()
    }

    /// When something happens by itself at the earliest.
    pub(super) fn deadline(&self, controller_known: bool) -> Option<Instant> {
        let first = self.open.values().next().map(|open| open.deadline);
        let retries = self.open.values().filter_map(|open| match open.phase {
            Phase::Waiting { not_before, .. } if controller_known => Some(not_before),
            _ => None,
        });
        retries.chain(first).min()
    }
}
