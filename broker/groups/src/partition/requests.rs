//! Dispatch of requests to a partition that is led here, and what holds for groups that do not exist.
//! What a request does to an existing group is in `classic` and `offsets`.

use std::collections::BTreeMap;

use kring_wire::ErrorCode;

use super::leader::{Leader, refused_join};
use crate::classic::{ClassicGroup, GroupState};
use crate::committed::Committed;
use crate::config::PARTITION_GROUPS_MAX;
use crate::engine::Env;
use crate::offsets::{delete, fetch};
use crate::request::{GroupRequest, JoinGroup, OffsetCommit};
use crate::response::{
    CommitOutcome, DeleteOutcome, DescribedGroup, GroupResponse, LeaveOutcome, SyncOutcome,
};
use crate::step::Step;

/// What a classic string of the protocol, and so the key of a record, can hold.
const GROUP_ID_BYTES_MAX: usize = i16::MAX as usize;

impl Leader {
    /// Handles a request: answers it now or later, once.
    pub(super) fn request(
        &mut self,
        id: u64,
        request: GroupRequest,
        committed: &Committed,
        env: &mut Env<'_>,
    ) {
        if let Err(error) = self.check(&request) {
            let response = GroupResponse::refused(&request, error);
            return env.out.responses.push((id, response));
        }
        let (groups, mut step) = self.step(env);
        match request {
            GroupRequest::Join(request) => join(id, request, groups, committed, &mut step),
            GroupRequest::Commit(request) => commit(id, request, groups, &mut step),
            GroupRequest::Fetch(request) => {
                step.respond(id, GroupResponse::Fetch(fetch::fetch(request, committed)));
            }
            GroupRequest::OffsetDelete(request) => {
                let group = groups.get(&request.group_id);
                delete::delete_offsets(id, request, group, committed, &mut step);
            }
            GroupRequest::Describe(request) => {
                let described = match groups.get(&request.group_id) {
                    Some(group) => group.describe(),
                    None => unknown(request.group_id),
                };
                step.respond(id, GroupResponse::Describe(described));
            }
            GroupRequest::Delete(asked) => {
                delete_group(id, &asked.group_id, groups, committed, &mut step);
            }
            GroupRequest::Sync(asked) => match groups.get_mut(&asked.group_id) {
                Some(group) => group.sync(id, asked, &mut step),
                None => {
                    let outcome = SyncOutcome::refused(ErrorCode::UnknownMemberId);
                    step.respond(id, GroupResponse::Sync(outcome));
                }
            },
            GroupRequest::Heartbeat(asked) => {
                let now = step.now.mono;
                let error = match groups.get_mut(&asked.group_id) {
                    Some(group) => group.heartbeat(&asked, now),
                    None => ErrorCode::UnknownMemberId,
                };
                step.respond(id, GroupResponse::Heartbeat(error));
            }
            GroupRequest::Leave(asked) => {
                let outcome = match groups.get_mut(&asked.group_id) {
                    Some(group) => group.leave(asked, &mut step),
                    None => LeaveOutcome::refused(ErrorCode::UnknownMemberId),
                };
                step.respond(id, GroupResponse::Leave(outcome));
            }
        }
    }

    fn check(&self, request: &GroupRequest) -> Result<(), ErrorCode> {
        // Kafka allows an empty id where old clients stored offsets under it.
        let empty_allowed = matches!(
            request,
            GroupRequest::Commit(_)
                | GroupRequest::Fetch(_)
                | GroupRequest::OffsetDelete(_)
                | GroupRequest::Describe(_)
                | GroupRequest::Delete(_)
        );
        let group_id = request.group_id();
        if group_id.len() > GROUP_ID_BYTES_MAX || (group_id.is_empty() && !empty_allowed) {
            return Err(ErrorCode::InvalidGroupId);
        }
        let appends = !matches!(
            request,
            GroupRequest::Heartbeat(_) | GroupRequest::Fetch(_) | GroupRequest::Describe(_)
        );
        if appends && self.is_overloaded() {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        Ok(())
    }
}

fn delete_group(
    id: u64,
    group_id: &str,
    groups: &mut BTreeMap<String, ClassicGroup>,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let error = match groups.get(group_id) {
        Some(group) if group.is_vacant() => {
            groups.remove(group_id);
            step.wakes.remove(group_id);
            return delete::delete_group(id, group_id, committed, step);
        }
        Some(_) => ErrorCode::NonEmptyGroup,
        None => ErrorCode::GroupIdNotFound,
    };
    let outcome = DeleteOutcome {
        group_id: group_id.to_owned(),
        error,
    };
    step.respond(id, GroupResponse::Delete(outcome));
}

fn unknown(group_id: String) -> DescribedGroup {
    DescribedGroup {
        error: ErrorCode::GroupIdNotFound,
        group_id,
        state: GroupState::Dead,
        protocol_type: String::new(),
        protocol: String::new(),
        members: Vec::new(),
    }
}

fn join(
    id: u64,
    request: JoinGroup,
    groups: &mut BTreeMap<String, ClassicGroup>,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let allowed =
        step.config.group_min_session_timeout_ms..=step.config.group_max_session_timeout_ms;
    if !allowed.contains(&request.session_timeout_ms) {
        let error = ErrorCode::InvalidSessionTimeout;
        return step.respond(id, refused_join(error, &request.member_id));
    }
    let group_id = request.group_id.clone();
    if !groups.contains_key(&group_id) {
        if !request.member_id.is_empty() {
            let error = ErrorCode::UnknownMemberId;
            return step.respond(id, refused_join(error, &request.member_id));
        }
        if groups.len() >= PARTITION_GROUPS_MAX {
            return step.respond(id, refused_join(ErrorCode::PolicyViolation, ""));
        }
        groups.insert(
            group_id.clone(),
            ClassicGroup::new(&group_id, step.now.wall_ms),
        );
    }
    let group = groups
        .get_mut(&group_id)
        .expect("it was there or was just inserted");
    group.join(id, request, step);
    if group.is_fresh()
        && !committed.knows(&group_id)
        && !step.writes.groups().contains(group_id.as_str())
    {
        // The one who would have founded it was refused.
        groups.remove(&group_id);
        step.wakes.remove(&group_id);
    }
}

fn commit(
    id: u64,
    request: OffsetCommit,
    groups: &mut BTreeMap<String, ClassicGroup>,
    step: &mut Step<'_>,
) {
    let error = if groups.contains_key(&request.group_id) {
        None
    } else if request.generation_id >= 0 {
        Some(ErrorCode::IllegalGeneration)
    } else if groups.len() >= PARTITION_GROUPS_MAX {
        Some(ErrorCode::PolicyViolation)
    } else {
        None
    };
    if let Some(error) = error {
        let outcome = CommitOutcome::all(&request, error);
        return step.respond(id, GroupResponse::Commit(outcome));
    }
    // A consumer that assigns partitions itself needs no group but as the owner of its offsets.
    let now_ms = step.now.wall_ms;
    groups
        .entry(request.group_id.clone())
        .or_insert_with_key(|id| ClassicGroup::new(id, now_ms))
        .commit(id, request, step);
}
