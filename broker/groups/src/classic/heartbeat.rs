//! Heartbeat, and what happens when they stop: every deadline of a group is looked at here.
//! The phases that a deadline ends are in `rebalance` and `sync`.

use kring_io::Instant;
use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState};
use crate::request::Heartbeat;
use crate::step::Step;

impl ClassicGroup {
    /// Handles a Heartbeat. A member learns of a rebalance from it and stays alive meanwhile.
    pub(crate) fn heartbeat(&mut self, request: &Heartbeat, now: Instant) -> ErrorCode {
        let instance = request.group_instance_id.as_deref();
        let checked = self.check_generation(&request.member_id, instance, request.generation_id);
        if let Err(error) = checked {
            return error;
        }
        match self.state {
            ClassicState::Empty => ErrorCode::UnknownMemberId,
            ClassicState::PreparingRebalance => {
                self.touch(&request.member_id, now);
                ErrorCode::RebalanceInProgress
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                self.touch(&request.member_id, now);
                ErrorCode::None
            }
        }
    }

    /// Keeps a member's session alive. Its deadline only moves to later, so no wake changes.
    pub(crate) fn touch(&mut self, member_id: &str, now: Instant) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.touch(now);
        }
    }

    /// Looks at every deadline, and asks to be woken at the next.
    pub(crate) fn on_wake(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        self.expire_sessions(step);
        if self.deadline.is_some_and(|at| at <= now) {
            match self.state {
                ClassicState::PreparingRebalance => self.join_phase_over(step),
                ClassicState::CompletingRebalance | ClassicState::Stable => {
                    self.sync_phase_over(step)
                }
                ClassicState::Empty => self.deadline = None,
            }
        }
        if let Some(at) = self.next_deadline() {
            self.wake(at, step);
        }
    }

    /// The earliest of all deadlines.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.members.values().filter_map(super::Member::expires_at);
        let pending = self.pending_members.values().copied();
        sessions.chain(pending).chain(self.deadline).min()
    }

    fn expire_sessions(&mut self, step: &mut Step<'_>) {
        let now = step.now.mono;
        let pending = self.pending_members.len();
        self.pending_members.retain(|_, expires| *expires > now);
        let gone: Vec<String> = self
            .members
            .values()
            .filter(|m| m.expires_at().is_some_and(|at| at <= now))
            .map(|m| m.member_id.clone())
            .collect();
        for member_id in &gone {
            tracing::info!(group = %self.id, member = %member_id, "session of a member expired");
            self.drop_member(member_id, ErrorCode::UnknownMemberId, step);
        }
        if !gone.is_empty() {
            self.rebalance_or_complete("session of a member expired", step);
        } else if self.pending_members.len() < pending {
            self.maybe_complete_join(step);
        }
    }
}
