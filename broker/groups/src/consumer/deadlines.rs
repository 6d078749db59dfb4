//! Members that are not heard from in time, or do not give back in time what they must.
//! A member that joins anew finds its way again; nothing here asks it to.

use kring_io::Instant;

use super::batch::Batch;
use super::{ConsumerGroup, MemberState};
use crate::step::Step;

impl ConsumerGroup {
    /// A member was heard from: its session begins anew.
    pub(super) fn touch(&mut self, member_id: &str, step: &mut Step<'_>) {
        if self.state.members.contains_key(member_id) {
            let until = step.after_ms(step.config.group_consumer_session_timeout_ms);
            self.sessions.insert(member_id.to_owned(), until);
            self.wake(until, step);
        }
    }

    pub(super) fn forget_deadlines(&mut self, member_id: &str) {
        self.sessions.remove(member_id);
        self.revocations.remove(member_id);
    }

    /// Looks at every deadline, and asks to be woken at the next. While an append is under way it waits for that: a member may
    /// have been heard from meanwhile.
    pub(crate) fn on_wake(&mut self, step: &mut Step<'_>) {
        if self.write.is_some() {
            return;
        }
        let now = step.now.mono;
        let mut batch = Batch::default();
        let sessions = self.sessions.iter().filter(|(_, until)| **until <= now);
        for member in sessions.map(|(id, _)| id.clone()).collect::<Vec<_>>() {
            self.remove(&member, "session expired", &mut batch, step);
        }
        let overdue = self
            .revocations
            .iter()
            .filter(|(_, (_, until))| *until <= now);
        for (member, epoch) in overdue
            .map(|(id, (e, _))| (id.clone(), *e))
            .collect::<Vec<_>>()
        {
            let current = self.state.current_of(&member);
            if current.state == MemberState::UnrevokedPartitions && current.epoch == epoch {
                self.remove(
                    &member,
                    "did not give up partitions in time",
                    &mut batch,
                    step,
                );
            } else {
                self.revocations.remove(&member);
            }
        }
        self.store(Vec::new(), batch, step);
        if let Some(at) = self.next_deadline() {
            self.wake(at, step);
        }
    }

    /// The earliest of all deadlines.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.sessions.values().copied();
        let revocations = self.revocations.values().map(|(_, until)| *until);
        sessions.chain(revocations).min()
    }
}
