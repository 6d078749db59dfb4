//! LeaveGroup: members go, and the others rebalance once for all of them.
//! Members that go without a word are in `heartbeat`.

use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState};
use crate::request::{LeaveGroup, MemberIdentity};
use crate::response::{LeaveOutcome, LeftMember};
use crate::step::Step;

impl ClassicGroup {
    /// Handles a LeaveGroup.
    pub(crate) fn leave(&mut self, request: LeaveGroup, step: &mut Step<'_>) -> LeaveOutcome {
        let before = self.members.len();
        let mut members = Vec::with_capacity(request.members.len());
        for leaving in request.members {
            let result = self.leave_one(&leaving.member, step);
            if result.is_ok() {
                tracing::info!(
                    group = %self.id,
                    member = %leaving.member.member_id,
                    reason = leaving.reason.as_deref().unwrap_or(""),
                    "member left"
                );
            }
            members.push(LeftMember {
                member_id: leaving.member.member_id,
                group_instance_id: leaving.member.group_instance_id,
                error: result.err().unwrap_or(ErrorCode::None),
            });
        }
        if self.members.len() < before && self.state != ClassicState::Empty {
            self.rebalance_or_complete("member left", step);
        } else {
            // One who had not yet become a member may have been all that was waited for.
            self.maybe_complete_join(step);
        }
        LeaveOutcome {
            error: ErrorCode::None,
            members,
        }
    }

    fn leave_one(&mut self, member: &MemberIdentity, step: &mut Step<'_>) -> Result<(), ErrorCode> {
        let instance = member.group_instance_id.as_deref();
        let member_id = if member.member_id.is_empty() {
            // An administrator removes a static member by its name alone (KIP-345).
            let owner = instance.and_then(|instance| self.static_members.get(instance));
            owner.cloned().ok_or(ErrorCode::UnknownMemberId)?
        } else if self.pending_members.remove(&member.member_id).is_some() {
            return Ok(());
        } else {
            self.check_member(&member.member_id, instance)?;
            member.member_id.clone()
        };
        self.drop_member(&member_id, ErrorCode::UnknownMemberId, step);
        Ok(())
    }
}
