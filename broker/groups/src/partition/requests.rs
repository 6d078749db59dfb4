//! Dispatch of requests to a partition that is led here, and what holds for groups that do not exist.
//! What a request does to an existing group is in `classic` and `offsets`.

use kring_wire::ErrorCode;

use super::consumer;
use super::leader::{Leader, refused_join};
use super::live::LiveGroups;
use crate::GroupState;
use crate::classic::ClassicGroup;
use crate::committed::Committed;
use crate::config::{PARTITION_GROUPS_MAX, PARTITION_PENDING_OFFSETS_MAX};
use crate::consumer::Asked;
use crate::engine::Env;
use crate::offsets::{delete, fetch};
use crate::request::{
    GroupRequest, JoinGroup, LeaveGroup, OffsetCommit, OffsetFetch, TxnOffsetCommit,
};
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
        if let Err(error) = self.check(&request, committed) {
            let response = GroupResponse::refused(&request, error);
            return env.out.responses.push((id, response));
        }
        let (groups, mut step) = self.step(env);
        match request {
            GroupRequest::Join(request) => join(id, request, groups, committed, &mut step),
            GroupRequest::Commit(request) => commit(id, request, groups, &mut step),
            GroupRequest::TxnCommit(request) => txn_commit(id, request, groups, &mut step),
            GroupRequest::Fetch(request) => {
                fetch_offsets(id, request, groups, committed, &mut step);
            }
            GroupRequest::OffsetDelete(request) => {
                let group = groups.owner(&request.group_id);
                delete::delete_offsets(id, request, group, committed, &mut step);
            }
            GroupRequest::Describe(request) => {
                let described = match groups.classic.get(&request.group_id) {
                    Some(group) => group.describe(),
                    None => unknown(request.group_id),
                };
                step.respond(id, GroupResponse::Describe(described));
            }
            GroupRequest::Delete(asked) => {
                delete_group(id, &asked.group_id, groups, committed, &mut step);
            }
            GroupRequest::Sync(asked) => match groups.classic.get_mut(&asked.group_id) {
                Some(group) => group.sync(id, asked, &mut step),
                None => {
                    let outcome = SyncOutcome::refused(ErrorCode::UnknownMemberId);
                    step.respond(id, GroupResponse::Sync(outcome));
                }
            },
            GroupRequest::Heartbeat(asked) => {
                let now = step.now.mono;
                let error = match groups.classic.get_mut(&asked.group_id) {
                    Some(group) => group.heartbeat(&asked, now),
                    None => ErrorCode::UnknownMemberId,
                };
                step.respond(id, GroupResponse::Heartbeat(error));
            }
            GroupRequest::ConsumerHeartbeat(asked) => {
                consumer::heartbeat(id, asked, groups, committed, &mut step);
            }
            GroupRequest::ConsumerDescribe(asked) => {
                consumer::describe(id, asked, groups, &mut step);
            }
            GroupRequest::Leave(asked) => leave(id, asked, groups, &mut step),
        }
    }

    fn check(&self, request: &GroupRequest, committed: &Committed) -> Result<(), ErrorCode> {
        // Kafka allows an empty id where old clients stored offsets under it, and not in transactions.
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
            GroupRequest::Heartbeat(_)
                | GroupRequest::Fetch(_)
                | GroupRequest::Describe(_)
                | GroupRequest::ConsumerDescribe(_)
        );
        if appends && self.is_overloaded() {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        if matches!(request, GroupRequest::TxnCommit(_))
            && committed.pending.len() >= PARTITION_PENDING_OFFSETS_MAX
        {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        Ok(())
    }
}

fn leave(id: u64, request: LeaveGroup, groups: &mut LiveGroups, step: &mut Step<'_>) {
    if let Some(group) = groups.consumer.get_mut(&request.group_id) {
        // Members of KIP-848 say so in a heartbeat: this is an administrator.
        return group.ask(id, Asked::Remove(request), step);
    }
    let outcome = match groups.classic.get_mut(&request.group_id) {
        Some(group) => group.leave(request, step),
        None => LeaveOutcome::refused(ErrorCode::UnknownMemberId),
    };
    step.respond(id, GroupResponse::Leave(outcome));
}

fn fetch_offsets(
    id: u64,
    request: OffsetFetch,
    groups: &LiveGroups,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let group = groups.consumer.get(&request.group_id);
    let checked = group.map_or(Ok(()), |group| group.check_fetch(&request));
    let outcome = match checked {
        Ok(()) => fetch::fetch(request, committed, step.writes),
        Err(error) => fetch::refused(request.group_id, error),
    };
    step.respond(id, GroupResponse::Fetch(outcome));
}

fn delete_group(
    id: u64,
    group_id: &str,
    groups: &mut LiveGroups,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let error = match groups.owner(group_id) {
        Some(group) if group.is_vacant() => {
            let forget = group.forget_all(group_id);
            groups.remove(group_id);
            step.wakes.remove(group_id);
            return delete::delete_group(id, group_id, forget, committed, step);
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
    groups: &mut LiveGroups,
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
    if !consumer::gives_way(&group_id, groups, committed, step) {
        let error = ErrorCode::InconsistentGroupProtocol;
        return step.respond(id, refused_join(error, &request.member_id));
    }
    if !groups.classic.contains_key(&group_id) {
        if !request.member_id.is_empty() {
            let error = ErrorCode::UnknownMemberId;
            return step.respond(id, refused_join(error, &request.member_id));
        }
        if groups.len() >= PARTITION_GROUPS_MAX {
            return step.respond(id, refused_join(ErrorCode::PolicyViolation, ""));
        }
        groups.classic.insert(
            group_id.clone(),
            ClassicGroup::new(&group_id, step.now.wall_ms),
        );
    }
    let group = groups
        .classic
        .get_mut(&group_id)
        .expect("it was there or was just inserted");
    group.join(id, request, step);
    if group.is_fresh()
        && !committed.knows(&group_id)
        && !step.writes.groups().contains(group_id.as_str())
    {
        // The one who would have founded it was refused.
        groups.classic.remove(&group_id);
        step.wakes.remove(&group_id);
    }
}

fn commit(id: u64, request: OffsetCommit, groups: &mut LiveGroups, step: &mut Step<'_>) {
    if let Some(group) = groups.consumer.get(&request.group_id) {
        return group.commit(id, request, step);
    }
    match owner(&request.group_id, request.generation_id, groups, step) {
        Ok(group) => group.commit(id, request, step),
        Err(error) => {
            let outcome = CommitOutcome::all(&request.topics, error);
            step.respond(id, GroupResponse::Commit(outcome));
        }
    }
}

fn txn_commit(id: u64, request: TxnOffsetCommit, groups: &mut LiveGroups, step: &mut Step<'_>) {
    if let Some(group) = groups.consumer.get(&request.group_id) {
        return group.commit_in_transaction(id, request, step);
    }
    match owner(&request.group_id, request.generation_id, groups, step) {
        Ok(group) => group.commit_in_transaction(id, request, step),
        Err(error) => {
            let outcome = CommitOutcome::all(&request.topics, error);
            step.respond(id, GroupResponse::Commit(outcome));
        }
    }
}

/// The group that offsets are committed for. A consumer that assigns partitions itself needs none
/// but as the owner of its offsets: it is created.
fn owner<'a>(
    group_id: &str,
    generation_id: i32,
    groups: &'a mut LiveGroups,
    step: &Step<'_>,
) -> Result<&'a mut ClassicGroup, ErrorCode> {
    if !groups.classic.contains_key(group_id) {
        if generation_id >= 0 {
            return Err(ErrorCode::IllegalGeneration);
        }
        if groups.len() >= PARTITION_GROUPS_MAX {
            return Err(ErrorCode::PolicyViolation);
        }
    }
    let now_ms = step.now.wall_ms;
    Ok(groups
        .classic
        .entry(group_id.to_owned())
        .or_insert_with_key(|id| ClassicGroup::new(id, now_ms)))
}
