//! What the records of a consumer group (KIP-848) add up to, and how each of them changes it.
//! It is a function of the records alone: the committed layer keeps one, and the live group works on a copy that is ahead by
//! what is on its way to the log.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;

use super::partitions::{Assignment, Owned};

/// One record of a group; `None` deletes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// `ConsumerGroupMetadata`.
    Epoch(Option<Epoch>),
    /// `ConsumerGroupMemberMetadata`.
    Member(String, Option<MemberMetadata>),
    /// `ConsumerGroupTargetAssignmentMetadata`.
    TargetEpoch(Option<TargetEpoch>),
    /// `ConsumerGroupTargetAssignmentMember`.
    Target(String, Option<Assignment>),
    /// `ConsumerGroupCurrentMemberAssignment`.
    Current(String, Option<Current>),
    /// `ConsumerGroupRegularExpression`.
    Regex(String, Option<Resolved>),
}

/// Epoch of the group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch {
    /// Grows whenever the target must be computed again.
    pub(crate) epoch: i32,
    /// Of the topics that are subscribed to: their ids and numbers of partitions.
    pub(crate) metadata_hash: i64,
}

/// Epoch of the target assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TargetEpoch {
    /// The group's epoch that it was computed for.
    pub(crate) epoch: i32,
    /// When that was.
    pub(crate) computed_ms: i64,
}

/// A member as it describes itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemberMetadata {
    pub(crate) instance_id: Option<String>,
    pub(crate) rack_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) topics: BTreeSet<String>,
    pub(crate) regex: Option<String>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) assignor: Option<String>,
}

/// How far a member is on its way to the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum MemberState {
    /// It has what it shall have, as of its epoch.
    #[default]
    Stable,
    /// It must give something back first.
    UnrevokedPartitions,
    /// It waits for what others have not given back.
    UnreleasedPartitions,
    /// As a newer version wrote it.
    Unknown,
}

/// What a member has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Current {
    pub(crate) epoch: i32,
    /// The member may not have heard of the last change of its epoch.
    pub(crate) previous_epoch: i32,
    pub(crate) state: MemberState,
    pub(crate) assigned: Owned,
    /// What it has and must give back.
    pub(crate) revoking: Owned,
}

/// What a regular expression stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) topics: BTreeSet<String>,
    /// Of the metadata that it was resolved with.
    pub(crate) version: i64,
    pub(crate) resolved_ms: i64,
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) epoch: Option<Epoch>,
    pub(crate) target_epoch: Option<TargetEpoch>,
    pub(crate) members: BTreeMap<String, MemberMetadata>,
    pub(crate) targets: BTreeMap<String, Assignment>,
    pub(crate) current: BTreeMap<String, Current>,
    pub(crate) regexes: BTreeMap<String, Resolved>,
}

impl State {
    /// Applies one record.
    pub(crate) fn apply(&mut self, change: Change) {
        match change {
            Change::Epoch(value) => self.epoch = value,
            Change::TargetEpoch(value) => self.target_epoch = value,
            Change::Member(id, value) => put(&mut self.members, id, value),
            Change::Target(id, value) => put(&mut self.targets, id, value),
            Change::Current(id, value) => put(&mut self.current, id, value),
            Change::Regex(regex, value) => put(&mut self.regexes, regex, value),
        }
    }

    /// Whether nothing of the group is left.
    pub(crate) fn is_gone(&self) -> bool {
        *self == State::default()
    }

    /// The group's epoch. An append that was refused may have left later epochs behind in other records.
    pub(crate) fn group_epoch(&self) -> i32 {
        let own = self.epoch.map_or(0, |epoch| epoch.epoch);
        own.max(self.assignment_epoch())
    }

    /// The epoch that the target was computed for.
    pub(crate) fn assignment_epoch(&self) -> i32 {
        self.target_epoch.map_or(0, |target| target.epoch)
    }

    /// What a member has; nothing at epoch 0 of one that is new.
    pub(crate) fn current_of(&self, member: &str) -> Current {
        self.current.get(member).cloned().unwrap_or_default()
    }

    /// The member with a static name.
    pub(crate) fn static_member(&self, instance: &str) -> Option<&str> {
        let mut members = self.members.iter();
        members
            .find(|(_, member)| member.instance_id.as_deref() == Some(instance))
            .map(|(id, _)| id.as_str())
    }

    /// Names of the topics that a member reads, whether they exist or not.
    pub(crate) fn subscription(&self, member: &MemberMetadata) -> BTreeSet<String> {
        let mut topics = member.topics.clone();
        let resolved = member.regex.as_ref().and_then(|r| self.regexes.get(r));
        topics.extend(
            resolved
                .iter()
                .flat_map(|resolved| &resolved.topics)
                .cloned(),
        );
        topics
    }

    /// Whether a member reads `topic`.
    pub(crate) fn is_subscribed_to(&self, topic: &str) -> bool {
        self.members.values().any(|member| {
            let resolved = member.regex.as_ref().and_then(|r| self.regexes.get(r));
            member.topics.contains(topic) || resolved.is_some_and(|r| r.topics.contains(topic))
        })
    }

    /// Partitions that others than `member` have not given back.
    pub(crate) fn held_by_others(&self, member: &str) -> BTreeSet<(TopicId, i32)> {
        let others = self.current.iter().filter(|(id, _)| *id != member);
        let owned = others.flat_map(|(_, current)| [&current.assigned, &current.revoking]);
        owned
            .flatten()
            .flat_map(|(topic, partitions)| partitions.keys().map(|p| (*topic, *p)))
            .collect()
    }

    /// The records that forget a member.
    pub(crate) fn forget_member(&self, member: &str) -> Vec<Change> {
        let id = || member.to_owned();
        let mut changes = Vec::new();
        if self.current.contains_key(member) {
            changes.push(Change::Current(id(), None));
        }
        if self.targets.contains_key(member) {
            changes.push(Change::Target(id(), None));
        }
        if self.members.contains_key(member) {
            changes.push(Change::Member(id(), None));
        }
        changes
    }

    /// The records that forget the group.
    pub(crate) fn forget(&self) -> Vec<Change> {
        let ids: BTreeSet<&String> = self
            .members
            .keys()
            .chain(self.targets.keys())
            .chain(self.current.keys())
            .collect();
        let mut changes: Vec<Change> = ids
            .into_iter()
            .flat_map(|member| self.forget_member(member))
            .collect();
        let regexes = self.regexes.keys();
        changes.extend(regexes.map(|regex| Change::Regex(regex.clone(), None)));
        changes.push(Change::TargetEpoch(None));
        changes.push(Change::Epoch(None));
        changes
    }
}

fn put<V>(map: &mut BTreeMap<String, V>, key: String, value: Option<V>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.remove(&key);
        }
    }
}
