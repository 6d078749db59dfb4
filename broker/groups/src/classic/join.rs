//! JoinGroup: who becomes a member, under which id, and whether that begins a rebalance.
//! A static member that comes back is in `static_member`; the rebalance itself in `rebalance`.

use kring_wire::ErrorCode;

use super::{ClassicGroup, ClassicState, Member};
use crate::config::{GROUP_MEMBERS_MAX, MEMBER_METADATA_BYTES_MAX, MEMBER_PROTOCOLS_MAX};
use crate::request::JoinGroup;
use crate::response::{GroupResponse, JoinOutcome, JoinedMember};
use crate::step::Step;

/// Bytes of a client's or static member's name that go into the id of a member.
const MEMBER_ID_PREFIX_BYTES_MAX: usize = 255;

impl ClassicGroup {
    /// Handles a JoinGroup whose group id and session timeout are in order.
    pub(crate) fn join(&mut self, id: u64, request: JoinGroup, step: &mut Step<'_>) {
        if let Err(error) = check_size(&request) {
            refuse(id, error, &request.member_id, step);
        } else if !self.has_room_for(&request.member_id, step.config.group_max_size) {
            self.drop_member(&request.member_id, ErrorCode::GroupMaxSizeReached, step);
            refuse(id, ErrorCode::GroupMaxSizeReached, "", step);
        } else if !self.supports(&request.protocol_type, &request.protocols) {
            refuse(
                id,
                ErrorCode::InconsistentGroupProtocol,
                &request.member_id,
                step,
            );
        } else if request.member_id.is_empty() {
            self.join_new(id, request, step);
        } else {
            self.join_known(id, request, step);
        }
    }

    /// As Kafka's `acceptJoiningMember`: who is in is never put out by the limit, but while a
    /// group gathers, the first to come are those who fit.
    fn has_room_for(&self, member_id: &str, group_max_size: usize) -> bool {
        let limit = group_max_size.min(GROUP_MEMBERS_MAX);
        let member = self.members.get(member_id);
        match self.state {
            ClassicState::Empty => limit > 0,
            ClassicState::PreparingRebalance => {
                member.is_some_and(|m| m.joining.is_some()) || self.joining() < limit
            }
            ClassicState::CompletingRebalance | ClassicState::Stable => {
                member.is_some() || self.members.len() < limit
            }
        }
    }

    pub(super) fn joining(&self) -> usize {
        self.members
            .values()
            .filter(|m| m.joining.is_some())
            .count()
    }

    fn join_new(&mut self, id: u64, request: JoinGroup, step: &mut Step<'_>) {
        let name = request
            .group_instance_id
            .as_ref()
            .unwrap_or(&request.client_id);
        let name = &name[..name.floor_char_boundary(MEMBER_ID_PREFIX_BYTES_MAX)];
        let member_id = format!("{name}-{}", step.uuid());
        if let Some(instance) = &request.group_instance_id {
            match self.static_members.get(instance).cloned() {
                Some(old) => self.replace_static(id, request, &old, member_id, step),
                None => self.add(id, request, member_id, step),
            }
        } else if !request.require_known_member_id {
            self.add(id, request, member_id, step);
        } else if self.members.len() + self.pending_members.len() >= GROUP_MEMBERS_MAX {
            refuse(id, ErrorCode::GroupMaxSizeReached, "", step);
        } else {
            let expires = step.after_ms(request.session_timeout_ms.unsigned_abs().into());
            self.pending_members.insert(member_id.clone(), expires);
            self.wake(expires, step);
            refuse(id, ErrorCode::MemberIdRequired, &member_id, step);
        }
    }

    fn join_known(&mut self, id: u64, request: JoinGroup, step: &mut Step<'_>) {
        let member_id = request.member_id.clone();
        if self.pending_members.contains_key(&member_id) {
            if request.group_instance_id.is_some() {
                // Ids are given out in advance to dynamic members only.
                return refuse(id, ErrorCode::UnknownMemberId, &member_id, step);
            }
            return self.add(id, request, member_id, step);
        }
        let instance = request.group_instance_id.as_deref();
        if let Err(error) = self.check_member(&member_id, instance) {
            return refuse(id, error, &member_id, step);
        }
        let is_leader = self.leader.as_deref() == Some(&member_id);
        let unchanged = self.members[&member_id].offers(&request.protocols);
        match self.state {
            ClassicState::PreparingRebalance => self.rejoin(id, request, "member rejoins", step),
            // The answer to its JoinGroup may have been lost: it gets the same again.
            ClassicState::CompletingRebalance if unchanged => {
                self.answer_with_generation(id, &member_id, is_leader, step);
            }
            ClassicState::CompletingRebalance => {
                self.rejoin(
                    id,
                    request,
                    "member rejoins with another subscription",
                    step,
                );
            }
            // The leader rejoins when the metadata of its topics changed.
            ClassicState::Stable if is_leader => {
                self.rejoin(id, request, "leader rejoins", step);
            }
            ClassicState::Stable if !unchanged => {
                self.rejoin(
                    id,
                    request,
                    "member rejoins with another subscription",
                    step,
                );
            }
            ClassicState::Stable => self.answer_with_generation(id, &member_id, false, step),
            ClassicState::Empty => {
                refuse(id, ErrorCode::UnknownMemberId, &member_id, step);
            }
        }
    }

    fn answer_with_generation(
        &mut self,
        id: u64,
        member_id: &str,
        with_members: bool,
        step: &mut Step<'_>,
    ) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.touch(step.now.mono);
        }
        let outcome = self.joined(member_id, with_members);
        step.respond(id, GroupResponse::Join(outcome));
    }

    /// The answer that says the present generation.
    pub(super) fn joined(&self, member_id: &str, with_members: bool) -> JoinOutcome {
        let protocol = self.protocol.as_deref();
        let members = self.members.values().map(|member| JoinedMember {
            member_id: member.member_id.clone(),
            group_instance_id: member.group_instance_id.clone(),
            metadata: member.metadata(protocol),
        });
        JoinOutcome {
            error: ErrorCode::None,
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: if with_members {
                members.collect()
            } else {
                Vec::new()
            },
        }
    }

    fn add(&mut self, id: u64, request: JoinGroup, member_id: String, step: &mut Step<'_>) {
        self.pending_members.remove(&member_id);
        if let Some(initial) = &mut self.initial_delay {
            initial.new_member_added = true;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        if let Some(instance) = &request.group_instance_id {
            self.static_members
                .insert(instance.clone(), member_id.clone());
        }
        self.leader.get_or_insert_with(|| member_id.clone());
        let reason = request.reason.clone();
        let member = Member::joining(request, member_id.clone(), id, step.now.mono);
        self.wake(member.session_deadline, step);
        self.members.insert(member_id, member);
        self.rebalance_or_complete(reason.as_deref().unwrap_or("new member"), step);
    }

    fn rejoin(&mut self, id: u64, request: JoinGroup, why: &str, step: &mut Step<'_>) {
        let reason = request.reason.clone();
        let member_id = request.member_id.clone();
        self.update(id, &member_id, request, step);
        self.rebalance_or_complete(reason.as_deref().unwrap_or(why), step);
    }

    /// Lets a member wait with a new description of itself. A JoinGroup of it that waits already is
    /// one whose client has given up on it; it is answered because answers keep their order.
    pub(super) fn update(
        &mut self,
        id: u64,
        member_id: &str,
        request: JoinGroup,
        step: &mut Step<'_>,
    ) {
        let superseded = JoinOutcome::refused(ErrorCode::RebalanceInProgress, member_id);
        self.answer_join(member_id, superseded, step);
        if let Some(member) = self.members.get_mut(member_id) {
            member.describe(request);
            member.joining = Some(id);
        }
    }
}

fn check_size(request: &JoinGroup) -> Result<(), ErrorCode> {
    let metadata_bytes: usize = request
        .protocols
        .iter()
        .map(|p| p.name.len() + p.metadata.len())
        .sum();
    let instance_bytes = request.group_instance_id.as_ref().map_or(0, String::len);
    if request.protocols.len() > MEMBER_PROTOCOLS_MAX
        || metadata_bytes > MEMBER_METADATA_BYTES_MAX
        || instance_bytes > MEMBER_ID_PREFIX_BYTES_MAX
    {
        return Err(ErrorCode::InvalidRequest);
    }
    Ok(())
}

pub(super) fn refuse(id: u64, error: ErrorCode, member_id: &str, step: &mut Step<'_>) {
    step.respond(
        id,
        GroupResponse::Join(JoinOutcome::refused(error, member_id)),
    );
}
