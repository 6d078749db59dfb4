//! Requests of KIP-848, and how an empty group passes from one protocol to the other.
//! What a request does to an existing group is in `consumer`.

use kring_wire::ErrorCode;

use super::live::LiveGroups;
use crate::committed::Committed;
use crate::config::PARTITION_GROUPS_MAX;
use crate::consumer::{Asked, ConsumerGroup, check};
use crate::record::Record;
use crate::request::{ConsumerDescribe, ConsumerHeartbeat};
use crate::response::{ConsumerHeartbeatOutcome, DescribedConsumerGroup, GroupResponse};
use crate::step::Step;
use crate::writes::Then;

/// ConsumerGroupHeartbeat. Who joins founds the group, or takes over an empty one of the classic protocol with its offsets.
pub(super) fn heartbeat(
    id: u64,
    request: Box<ConsumerHeartbeat>,
    groups: &mut LiveGroups,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let group_id = request.group_id.clone();
    if step.topics.version() == 0 {
        // Without the cluster's topics everybody would be told to give up everything.
        return refuse(
            id,
            ErrorCode::CoordinatorLoadInProgress,
            String::new(),
            step,
        );
    }
    if let Err((error, reason)) = check(&request, step.config) {
        return refuse(id, error, reason, step);
    }
    if let Some(group) = groups.consumer.get_mut(&group_id) {
        group.ask(id, Asked::Heartbeat(request), step);
    } else {
        let first = match found(&request, groups) {
            Ok(first) => first,
            Err((error, reason)) => return refuse(id, error, reason, step),
        };
        let mut group = ConsumerGroup::new(&group_id);
        step.wakes.remove(&group_id);
        group.ask_after(first, id, Asked::Heartbeat(request), step);
        groups.classic.remove(&group_id);
        groups.consumer.insert(group_id.clone(), group);
    }
    let group = groups.consumer.get(&group_id);
    if group.is_some_and(ConsumerGroup::is_fresh) && !committed.knows(&group_id) {
        // The one who would have founded it was refused.
        groups.consumer.remove(&group_id);
        step.wakes.remove(&group_id);
    }
}

/// What must be forgotten before the group begins.
fn found(
    request: &ConsumerHeartbeat,
    groups: &LiveGroups,
) -> Result<Vec<Record>, (ErrorCode, String)> {
    let id = &request.group_id;
    let joins = request.member_epoch == 0;
    match groups.classic.get(id) {
        Some(group) if joins && group.is_vacant() => Ok(if group.is_fresh() {
            Vec::new()
        } else {
            vec![Record::Group {
                group: id.clone(),
                value: None,
            }]
        }),
        Some(_) => Err((
            ErrorCode::GroupIdNotFound,
            format!("Group {id} is not a consumer group."),
        )),
        None if !joins => Err((ErrorCode::GroupIdNotFound, format!("Group {id} not found."))),
        None if groups.len() >= PARTITION_GROUPS_MAX => {
            Err((ErrorCode::PolicyViolation, String::new()))
        }
        None => Ok(Vec::new()),
    }
}

/// Makes way for a member of the classic protocol: whether it may join the group of this id. An empty group of KIP-848 is
/// forgotten without its offsets; members of the two protocols are not mixed.
pub(super) fn gives_way(
    group_id: &str,
    groups: &mut LiveGroups,
    committed: &Committed,
    step: &mut Step<'_>,
) -> bool {
    let Some(group) = groups.consumer.get(group_id) else {
        return true;
    };
    if !group.is_vacant() {
        return false;
    }
    if let Some(owner) = groups.owner(group_id) {
        let forget = owner.forget(group_id, committed);
        if !forget.is_empty() {
            step.write(group_id, forget, Then::Nothing);
        }
    }
    groups.consumer.remove(group_id);
    step.wakes.remove(group_id);
    true
}

/// ConsumerGroupDescribe.
pub(super) fn describe(
    id: u64,
    request: ConsumerDescribe,
    groups: &LiveGroups,
    step: &mut Step<'_>,
) {
    let described = match groups.consumer.get(&request.group_id) {
        Some(group) => group.describe(step),
        None => DescribedConsumerGroup::refused(request.group_id, ErrorCode::GroupIdNotFound),
    };
    step.respond(id, GroupResponse::ConsumerDescribe(described));
}

fn refuse(id: u64, error: ErrorCode, reason: String, step: &mut Step<'_>) {
    let outcome = ConsumerHeartbeatOutcome::refused_because(error, reason);
    step.respond(id, GroupResponse::ConsumerHeartbeat(outcome));
}
