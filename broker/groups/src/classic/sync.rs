//! SyncGroup: the leader's assignment is stored, then handed to every member.
//! It computes no assignment: in classic groups the leader's client does.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState};
use crate::committed::GroupMetadata;
use crate::config::STORE_AGAIN_MS;
use crate::request::SyncGroup;
use crate::response::{GroupResponse, SyncOutcome};
use crate::step::Step;
use crate::writes::{Then, error_for_client};

impl ClassicGroup {
    /// Handles a SyncGroup.
    pub(crate) fn sync(&mut self, id: u64, request: SyncGroup, step: &mut Step<'_>) {
        if let Err(error) = self.check_sync(&request) {
            return step.respond(id, GroupResponse::Sync(SyncOutcome::refused(error)));
        }
        let member_id = request.member_id;
        self.to_sync.remove(&member_id);
        if self.state == ClassicState::Stable {
            if let Some(member) = self.members.get_mut(&member_id) {
                member.touch(step.now.mono);
            }
            let outcome = self.synced(&member_id);
            return step.respond(id, GroupResponse::Sync(outcome));
        }
        // One that waits already is given up by its client; it is answered because answers keep
        // their order.
        let superseded = SyncOutcome::refused(ErrorCode::RebalanceInProgress);
        self.answer_sync(&member_id, superseded, step);
        if let Some(member) = self.members.get_mut(&member_id) {
            member.syncing = Some(id);
        }
        if self.leader.as_deref() == Some(&member_id) && self.assignment_write.is_none() {
            let assignments: BTreeMap<String, Bytes> = request.assignments.into_iter().collect();
            let record = self.record(Some(&assignments));
            let then = Then::Assign {
                generation: self.generation,
            };
            let group = self.id.clone();
            self.assignment_write = Some(step.write(&group, vec![record], then));
        }
    }

    fn check_sync(&self, request: &SyncGroup) -> Result<(), ErrorCode> {
        let instance = request.group_instance_id.as_deref();
        self.check_generation(&request.member_id, instance, request.generation_id)?;
        let differs = |asked: &Option<String>, own: &Option<String>| {
            asked.is_some() && asked.as_deref() != own.as_deref()
        };
        match self.state {
            ClassicState::Empty => Err(ErrorCode::UnknownMemberId),
            _ if differs(&request.protocol_type, &self.protocol_type)
                || differs(&request.protocol_name, &self.protocol) =>
            {
                Err(ErrorCode::InconsistentGroupProtocol)
            }
            ClassicState::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            ClassicState::CompletingRebalance | ClassicState::Stable => Ok(()),
        }
    }

    fn synced(&self, member_id: &str) -> SyncOutcome {
        let member = self.members.get(member_id);
        SyncOutcome {
            error: ErrorCode::None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: member.map(|m| m.assignment.clone()).unwrap_or_default(),
        }
    }

    /// The assignment of `generation` is stored as `stored`, or was refused.
    pub(crate) fn assigned(
        &mut self,
        generation: i32,
        result: Result<&GroupMetadata, ErrorCode>,
        step: &mut Step<'_>,
    ) {
        let awaited = self.assignment_write.is_some()
            && self.state == ClassicState::CompletingRebalance
            && self.generation == generation;
        if !awaited {
            // Another rebalance began; its members will get another assignment.
            return;
        }
        self.assignment_write = None;
        match result {
            Ok(stored) => {
                for member in &stored.members {
                    if let Some(known) = self.members.get_mut(&member.member_id) {
                        known.assignment.clone_from(&member.assignment);
                    }
                }
                self.enter(ClassicState::Stable, step);
                tracing::info!(group = %self.id, generation, members = self.members.len(), "group is stable");
                self.hand_out(step);
            }
            Err(error) => {
                self.join_not_before = Some(step.after_ms(STORE_AGAIN_MS));
                self.refuse_syncs(error_for_client(error), step);
                self.prepare_rebalance("the assignment could not be stored", step);
            }
        }
    }

    fn hand_out(&mut self, step: &mut Step<'_>) {
        for member_id in self.member_ids() {
            let waits = self.members[&member_id].syncing.is_some();
            if !waits {
                continue;
            }
            let outcome = self.synced(&member_id);
            self.answer_sync(&member_id, outcome, step);
            if let Some(member) = self.members.get_mut(&member_id) {
                member.touch(step.now.mono);
                let deadline = member.session_deadline;
                self.wake(deadline, step);
            }
        }
    }

    /// The time in which members had to ask for their assignment is over.
    pub(super) fn sync_phase_over(&mut self, step: &mut Step<'_>) {
        self.deadline = None;
        let missing = std::mem::take(&mut self.to_sync);
        if missing.is_empty() {
            return;
        }
        for member_id in &missing {
            tracing::info!(group = %self.id, member = %member_id, "member did not sync in time");
            self.drop_member(member_id, ErrorCode::UnknownMemberId, step);
        }
        self.rebalance_or_complete("members did not sync in time", step);
    }
}
