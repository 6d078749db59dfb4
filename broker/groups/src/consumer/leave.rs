//! Members that go: for good, for a restart (static ones), removed by an administrator, or fenced.
//! Who goes because it was silent is found in `deadlines`.

use kring_wire::ErrorCode;

use super::batch::Batch;
use super::check::Refusal;
use super::{Change, ConsumerGroup, Current, Owned};
use crate::request::{ConsumerHeartbeat, LeaveGroup, STATIC_LEAVE_EPOCH};
use crate::response::{ConsumerHeartbeatOutcome, LeaveOutcome, LeftMember};
use crate::step::Step;

impl ConsumerGroup {
    /// A member says that it leaves.
    pub(super) fn leave(
        &mut self,
        request: &ConsumerHeartbeat,
        batch: &mut Batch,
        step: &mut Step<'_>,
    ) -> Result<ConsumerHeartbeatOutcome, Refusal> {
        let member_id = &request.member_id;
        let unknown = || {
            let reason = format!("Member {member_id} is not a member of group {}.", self.id);
            (ErrorCode::UnknownMemberId, reason)
        };
        let owner = match &request.instance_id {
            None => self
                .state
                .members
                .get_key_value(member_id)
                .map(|(id, _)| id.as_str()),
            Some(instance) => self.state.static_member(instance),
        };
        let owner = owner.ok_or_else(unknown)?;
        if owner != member_id {
            let reason = format!("Static member {member_id} was fenced by member {owner}.");
            return Err((ErrorCode::FencedInstanceId, reason));
        }
        if request.member_epoch == STATIC_LEAVE_EPOCH {
            // It keeps its partitions until its session ends.
            let current = Current {
                epoch: STATIC_LEAVE_EPOCH,
                revoking: Owned::new(),
                ..self.state.current_of(member_id)
            };
            self.revocations.remove(member_id);
            self.change(Change::Current(member_id.clone(), Some(current)), batch);
        } else {
            self.remove(member_id, "leaves", batch, step);
        }
        Ok(ConsumerHeartbeatOutcome {
            error: ErrorCode::None,
            message: None,
            member_id: Some(member_id.clone()),
            member_epoch: request.member_epoch,
            heartbeat_interval_ms: 0,
            assignment: None,
        })
    }

    /// LeaveGroup: an administrator removes members, static ones by their names.
    pub(super) fn remove_members(
        &mut self,
        request: LeaveGroup,
        batch: &mut Batch,
        step: &mut Step<'_>,
    ) -> LeaveOutcome {
        let members = request.members.into_iter().map(|leaving| {
            let id = leaving.member.member_id;
            let instance = leaving.member.group_instance_id;
            let found = match &instance {
                Some(name) => self.state.static_member(name).map(str::to_owned),
                None => Some(id.clone()).filter(|id| self.state.members.contains_key(id)),
            };
            let error = match found {
                None => ErrorCode::UnknownMemberId,
                Some(owner) if !id.is_empty() && owner != id => ErrorCode::FencedInstanceId,
                Some(owner) => {
                    self.remove(&owner, "is removed", batch, step);
                    ErrorCode::None
                }
            };
            LeftMember {
                member_id: id,
                group_instance_id: instance,
                error,
            }
        });
        LeaveOutcome {
            error: ErrorCode::None,
            members: members.collect(),
        }
    }

    /// Takes a member out. What it had is free; the others get it with their next heartbeats.
    pub(super) fn remove(
        &mut self,
        member_id: &str,
        why: &'static str,
        batch: &mut Batch,
        step: &mut Step<'_>,
    ) {
        tracing::info!(group = %self.id, member = member_id, why, "member is gone");
        for change in self.state.forget_member(member_id) {
            self.change(change, batch);
        }
        self.forget_deadlines(member_id);
        self.forget_unused_regexes(batch);
        self.bump(batch, step);
    }
}
