//! What is asked of a group while an append is under way, and the one append that stores what comes of it.
//! What is asked is done in `heartbeat` and `leave`.

use kring_wire::ErrorCode;

use super::{Change, ConsumerGroup, Owned};
use crate::config::CONSUMER_GROUP_QUEUE_MAX;
use crate::record::Record;
use crate::request::{ConsumerHeartbeat, LeaveGroup};
use crate::response::{ConsumerHeartbeatOutcome, GroupResponse, LeaveOutcome};
use crate::step::Step;
use crate::writes::Then;

/// Bytes of one append past which what else is asked waits for the next. A single answer may need more.
const BATCH_BYTES: usize = 256 << 10;

/// What changes a group.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// A member speaks.
    Heartbeat(Box<ConsumerHeartbeat>),
    /// An administrator removes members.
    Remove(LeaveGroup),
}

impl Asked {
    fn refused(&self, error: ErrorCode) -> GroupResponse {
        match self {
            Asked::Heartbeat(_) => {
                GroupResponse::ConsumerHeartbeat(ConsumerHeartbeatOutcome::refused(error))
            }
            Asked::Remove(_) => GroupResponse::Leave(LeaveOutcome::refused(error)),
        }
    }
}

/// Records on their way to one append, and who is answered when it is stored.
#[derive(Debug, Default)]
pub(super) struct Batch {
    changes: Vec<Change>,
    bytes: usize,
    answers: Vec<(u64, GroupResponse)>,
}

impl ConsumerGroup {
    /// Does what is asked now, or after the append that is under way.
    pub(crate) fn ask(&mut self, id: u64, asked: Asked, step: &mut Step<'_>) {
        self.ask_after(Vec::new(), id, asked, step);
    }

    /// As [`ConsumerGroup::ask`], with records that come first in the append.
    pub(crate) fn ask_after(
        &mut self,
        first: Vec<Record>,
        id: u64,
        asked: Asked,
        step: &mut Step<'_>,
    ) {
        if self.queue.len() >= CONSUMER_GROUP_QUEUE_MAX {
            return step.respond(id, asked.refused(ErrorCode::CoordinatorLoadInProgress));
        }
        self.queue.push_back((id, asked));
        if self.write.is_none() {
            self.run(first, step);
        }
    }

    fn run(&mut self, first: Vec<Record>, step: &mut Step<'_>) {
        let mut batch = Batch::default();
        while batch.bytes < BATCH_BYTES
            && let Some((id, asked)) = self.queue.pop_front()
        {
            let answer = match asked {
                Asked::Heartbeat(request) => {
                    let outcome = self.heartbeat(&request, &mut batch, step);
                    GroupResponse::ConsumerHeartbeat(outcome)
                }
                Asked::Remove(request) => {
                    GroupResponse::Leave(self.remove_members(request, &mut batch, step))
                }
            };
            batch.answers.push((id, answer));
        }
        self.store(first, batch, step);
    }

    /// Applies a change to the live group; it is stored with the batch.
    pub(super) fn change(&mut self, change: Change, batch: &mut Batch) {
        batch.bytes += bytes(&change);
        self.state.apply(change.clone());
        batch.changes.push(change);
    }

    /// Appends the batch, or answers at once when it changes nothing.
    pub(super) fn store(&mut self, first: Vec<Record>, batch: Batch, step: &mut Step<'_>) {
        let mut records = first;
        let changes = batch.changes.into_iter();
        records.extend(changes.map(|change| Record::Consumer {
            group: self.id.clone(),
            change,
        }));
        if records.is_empty() {
            for (id, answer) in batch.answers {
                step.respond(id, answer);
            }
            return;
        }
        let then = Then::RespondAll(batch.answers);
        self.write = Some(step.write(&self.id, records, then));
    }

    /// The append is stored: what waited is next, then the deadlines.
    pub(crate) fn stored(&mut self, step: &mut Step<'_>) {
        self.write = None;
        self.run(Vec::new(), step);
        self.on_wake(step);
    }

    /// Answers who waits for a later append.
    pub(crate) fn refuse_waiting(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        for (id, asked) in std::mem::take(&mut self.queue) {
            if let Asked::Heartbeat(request) = &asked {
                // It was heard from, whatever becomes of its request.
                self.touch(&request.member_id, step);
            }
            step.respond(id, asked.refused(error));
        }
    }

    /// Gives up the group: the requests that wait for a later append, each with its answer.
    pub(crate) fn into_waiting(self, error: ErrorCode) -> Vec<(u64, GroupResponse)> {
        let waiting = self.queue.into_iter();
        waiting
            .map(|(id, asked)| (id, asked.refused(error)))
            .collect()
    }
}

/// About how many bytes the record of a change has.
fn bytes(change: &Change) -> usize {
    const RECORD: usize = 128;
    let owned = |owned: &Owned| -> usize { owned.values().map(|ps| 24 + 8 * ps.len()).sum() };
    RECORD
        + match change {
            Change::Target(_, Some(target)) => target.values().map(|ps| 24 + 4 * ps.len()).sum(),
            Change::Current(_, Some(current)) => {
                owned(&current.assigned) + owned(&current.revoking)
            }
            Change::Member(_, Some(member)) => member.topics.iter().map(String::len).sum(),
            Change::Regex(_, Some(resolved)) => resolved.topics.iter().map(String::len).sum(),
            _ => 0,
        }
}
