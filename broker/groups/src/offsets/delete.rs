//! OffsetDelete and DeleteGroups: what a group has committed is forgotten on request.
//! Forgetting by age is in `expire`.

use std::collections::BTreeSet;

use kring_wire::{ErrorCode, TopicId};

use super::{append_tombstones, offset_tombstone};
use crate::committed::Committed;
use crate::owner::Owner;
use crate::record::Record;
use crate::request::OffsetDelete;
use crate::response::{
    DeleteOutcome, GroupResponse, OffsetDeleteOutcome, PartitionError, TopicOutcome,
};
use crate::step::Step;
use crate::writes::Then;

/// Topics and partitions with an offset of `group`: committed, in an open transaction, or on its
/// way to the log. A tombstone drops what is pending too.
pub(super) fn offset_keys(
    group: &str,
    committed: &Committed,
    step: &Step<'_>,
) -> BTreeSet<(String, i32)> {
    let mut keys: BTreeSet<(String, i32)> = step
        .writes
        .offset_keys(group)
        .chain(committed.pending.keys_of(group))
        .map(|(topic, partition)| (topic.to_owned(), partition))
        .collect();
    for (topic, partitions) in committed.offsets.get(group).into_iter().flatten() {
        keys.extend(partitions.keys().map(|p| (topic.clone(), *p)));
    }
    keys
}

/// Handles an OffsetDelete. Topics that a living consumer reads keep their offsets.
pub(crate) fn delete_offsets(
    id: u64,
    request: OffsetDelete,
    group: Option<Owner<'_>>,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let error = match group {
        None => ErrorCode::GroupIdNotFound,
        Some(group) => group
            .check_delete_offsets()
            .err()
            .unwrap_or(ErrorCode::None),
    };
    let mut outcome = OffsetDeleteOutcome {
        error,
        topics: Vec::new(),
    };
    let Some(group) = group.filter(|_| error.is_ok()) else {
        return step.respond(id, GroupResponse::OffsetDelete(outcome));
    };
    let known = offset_keys(&request.group_id, committed, step);
    let mut tombstones = Vec::new();
    for asked in request.topics {
        let error = if group.reads(&asked.topic) {
            ErrorCode::GroupSubscribedToTopic
        } else {
            ErrorCode::None
        };
        for partition in &asked.partitions {
            if error.is_ok() && known.contains(&(asked.topic.clone(), *partition)) {
                tombstones.push(offset_tombstone(
                    &request.group_id,
                    &asked.topic,
                    *partition,
                ));
            }
        }
        outcome.topics.push(TopicOutcome {
            partitions: asked
                .partitions
                .iter()
                .map(|partition| PartitionError {
                    partition: *partition,
                    error,
                })
                .collect(),
            topic: asked.topic,
            topic_id: TopicId::ZERO,
        });
    }
    let response = GroupResponse::OffsetDelete(outcome);
    if tombstones.is_empty() {
        return step.respond(id, response);
    }
    let then = Then::Respond {
        id,
        response: Box::new(response),
    };
    append_tombstones(&request.group_id, tombstones, then, step);
}

/// Forgets an empty group with all its offsets, by `forget` the group itself; the caller removes it from the live layer.
pub(crate) fn delete_group(
    id: u64,
    group: &str,
    forget: Vec<Record>,
    committed: &Committed,
    step: &mut Step<'_>,
) {
    let then = Then::Respond {
        id,
        response: Box::new(GroupResponse::Delete(DeleteOutcome {
            group_id: group.to_owned(),
            error: ErrorCode::None,
        })),
    };
    let keys = offset_keys(group, committed, step);
    let mut tombstones: Vec<Record> = keys
        .iter()
        .map(|(topic, partition)| offset_tombstone(group, topic, *partition))
        .collect();
    tombstones.extend(forget);
    append_tombstones(group, tombstones, then, step);
}

/// Forgets what every group has committed for a topic that was deleted.
pub(crate) fn delete_topic(topic: &str, committed: &Committed, step: &mut Step<'_>) {
    let mut groups: BTreeSet<&str> = committed
        .offsets
        .iter()
        .filter(|(_, topics)| topics.contains_key(topic))
        .map(|(group, _)| group.as_str())
        .collect();
    let under_way: BTreeSet<String> = step
        .writes
        .records()
        .filter_map(|record| match record {
            Record::Offset {
                group, topic: of, ..
            } if of == topic => Some(group.clone()),
            _ => None,
        })
        .collect();
    groups.extend(under_way.iter().map(String::as_str));
    let pending = committed.pending.groups().map(String::as_str);
    groups.extend(
        pending.filter(|group| committed.pending.keys_of(group).any(|(of, _)| of == topic)),
    );
    for group in groups {
        let keys = offset_keys(group, committed, step);
        let tombstones: Vec<Record> = keys
            .iter()
            .filter(|(of, _)| of == topic)
            .map(|(topic, partition)| offset_tombstone(group, topic, *partition))
            .collect();
        if !tombstones.is_empty() {
            append_tombstones(group, tombstones, Then::Nothing, step);
        }
    }
}
