//! The rendezvous of a generation: gathering the members, then naming them.
//! Who may come is decided in `join`; what they get is handed out in `sync`.

use kring_io::Instant;
use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState, InitialDelay};
use crate::response::SyncOutcome;
use crate::step::Step;
use crate::writes::Then;

impl ClassicGroup {
    /// Begins a rebalance, or ends the one under way when this made it complete.
    pub(super) fn rebalance_or_complete(&mut self, reason: &str, step: &mut Step<'_>) {
        match self.state {
            ClassicState::Empty | ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.prepare_rebalance(reason, step);
            }
            ClassicState::PreparingRebalance => self.maybe_complete_join(step),
        }
    }

    /// Asks every member to join again.
    pub(super) fn prepare_rebalance(&mut self, reason: &str, step: &mut Step<'_>) {
        if self.state == ClassicState::CompletingRebalance {
            self.refuse_syncs(ErrorCode::RebalanceInProgress, step);
        }
        *step.rebalances += 1;
        tracing::info!(
            group = %self.id,
            generation = self.generation,
            members = self.members.len(),
            reason,
            "rebalance begins"
        );
        self.to_sync.clear();
        let was_empty = self.state == ClassicState::Empty;
        self.enter(ClassicState::PreparingRebalance, step);
        let timeout_ms = self.rebalance_timeout_ms();
        if was_empty {
            let delay_ms = step.config.group_initial_rebalance_delay_ms.min(timeout_ms);
            self.initial_delay = Some(InitialDelay {
                remaining_ms: timeout_ms - delay_ms,
                new_member_added: false,
            });
            if delay_ms == 0 {
                return self.end_join(step);
            }
            self.wait_until(step.after_ms(delay_ms), step);
        } else {
            self.wait_until(step.after_ms(timeout_ms), step);
            self.maybe_complete_join(step);
        }
    }

    /// Tells those who wait for an assignment that this one will not come.
    pub(super) fn refuse_syncs(&mut self, error: ErrorCode, step: &mut Step<'_>) {
        self.assignment_write = None;
        for member_id in self.member_ids() {
            if let Some(member) = self.members.get_mut(&member_id) {
                // Who waited was alive; from here on it must be heard from again.
                if member.syncing.is_some() {
                    member.touch(step.now.mono);
                }
                let deadline = member.session_deadline;
                self.wake(deadline, step);
            }
            self.answer_sync(&member_id, SyncOutcome::refused(error), step);
        }
    }

    /// The longest that any member asked for, in milliseconds.
    pub(super) fn rebalance_timeout_ms(&self) -> u64 {
        let longest = self.members.values().map(|m| m.rebalance_timeout_ms).max();
        u64::try_from(longest.unwrap_or(0)).unwrap_or(0)
    }

    pub(super) fn member_ids(&self) -> Vec<String> {
        self.members.keys().cloned().collect()
    }

    fn wait_until(&mut self, deadline: Instant, step: &mut Step<'_>) {
        self.deadline = Some(deadline);
        self.wake(deadline, step);
    }

    /// Ends the join phase when nobody is missing. The first one of an empty group lasts as long as
    /// its delay, whoever comes.
    pub(super) fn maybe_complete_join(&mut self, step: &mut Step<'_>) {
        let complete = self.state == ClassicState::PreparingRebalance
            && self.initial_delay.is_none()
            && self.have_all_joined();
        if !complete {
            return;
        }
        match self.join_not_before.filter(|at| *at > step.now.mono) {
            Some(at) => self.wait_until(at, step),
            None => self.end_join(step),
        }
    }

    fn have_all_joined(&self) -> bool {
        self.pending_members.is_empty() && self.joining() == self.members.len()
    }

    /// The time of the join phase is over, or of one delay of the first.
    pub(super) fn join_phase_over(&mut self, step: &mut Step<'_>) {
        if let Some(initial) = &mut self.initial_delay
            && initial.new_member_added
            && initial.remaining_ms > 0
        {
            let delay_ms = step
                .config
                .group_initial_rebalance_delay_ms
                .min(initial.remaining_ms);
            initial.remaining_ms -= delay_ms;
            initial.new_member_added = false;
            return self.wait_until(step.after_ms(delay_ms), step);
        }
        if self.join_not_before.take().is_some() && !self.have_all_joined() {
            // Somebody went again while all waited: there is as much time as in any other join phase.
            let timeout_ms = self.rebalance_timeout_ms();
            return self.wait_until(step.after_ms(timeout_ms), step);
        }
        self.end_join(step);
    }

    /// Names the members of the next generation. Dynamic members that did not rejoin are out;
    /// static ones keep their place until their session ends.
    fn end_join(&mut self, step: &mut Step<'_>) {
        let missing: Vec<String> = self
            .members
            .values()
            .filter(|m| m.joining.is_none() && m.group_instance_id.is_none())
            .map(|m| m.member_id.clone())
            .collect();
        for member_id in missing {
            tracing::info!(group = %self.id, member = %member_id, "member did not rejoin in time");
            self.drop_member(&member_id, ErrorCode::UnknownMemberId, step);
        }
        if !self.members.is_empty() && !self.elect_leader() {
            // Nobody came back but nobody is gone either: a generation without a leader that
            // listens would never get an assignment.
            let timeout_ms = self.rebalance_timeout_ms();
            return self.wait_until(step.after_ms(timeout_ms), step);
        }
        self.deadline = None;
        self.initial_delay = None;
        self.join_not_before = None;
        self.to_sync.clear();
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        if self.members.is_empty() {
            self.become_empty(step);
        } else {
            self.begin_sync(step);
        }
    }

    /// Keeps a leader that has joined, or takes the first member that has.
    fn elect_leader(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        if leader.is_some_and(|m| m.joining.is_some()) {
            return true;
        }
        let joined = self.members.values().find(|m| m.joining.is_some());
        let Some(joined) = joined else { return false };
        self.leader = Some(joined.member_id.clone());
        true
    }

    fn become_empty(&mut self, step: &mut Step<'_>) {
        self.protocol = None;
        self.leader = None;
        self.enter(ClassicState::Empty, step);
        self.update_subscribed_topics();
        tracing::info!(group = %self.id, generation = self.generation, "group is empty");
        let record = self.record(None);
        let group = self.id.clone();
        step.write(&group, vec![record], Then::Nothing);
    }

    fn begin_sync(&mut self, step: &mut Step<'_>) {
        self.protocol = self.select_protocol();
        self.enter(ClassicState::CompletingRebalance, step);
        self.update_subscribed_topics();
        tracing::info!(
            group = %self.id,
            generation = self.generation,
            members = self.members.len(),
            protocol = self.protocol.as_deref().unwrap_or(""),
            "generation begins"
        );
        let timeout_ms = self.rebalance_timeout_ms();
        self.wait_until(step.after_ms(timeout_ms), step);
        for member_id in self.member_ids() {
            let is_leader = self.leader.as_deref() == Some(&member_id);
            let outcome = self.joined(&member_id, is_leader);
            self.answer_join(&member_id, outcome, step);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.is_new = false;
                member.touch(step.now.mono);
                let deadline = member.session_deadline;
                self.wake(deadline, step);
            }
            self.to_sync.insert(member_id);
        }
    }
}
