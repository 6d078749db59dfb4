//! Sets of partitions by topic, as assignments are made of.
//! It decides nothing about who gets which.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;

/// Partitions by topic; no topic without partitions.
pub(crate) type Assignment = BTreeMap<TopicId, BTreeSet<i32>>;

/// Partitions that a member owns, each with the epoch in which it got it (KIP-1251).
pub(crate) type Owned = BTreeMap<TopicId, BTreeMap<i32, i32>>;

/// Partitions of an answer or a request, in order.
pub type TopicPartitionsList = Vec<(TopicId, Vec<i32>)>;

/// The epoch in which `partition` came into `owned`.
pub(super) fn epoch_of(owned: &Owned, topic: TopicId, partition: i32) -> Option<i32> {
    owned.get(&topic)?.get(&partition).copied()
}

/// What is owned, without epochs.
pub(super) fn list(owned: &Owned) -> TopicPartitionsList {
    owned
        .iter()
        .map(|(topic, partitions)| (*topic, partitions.keys().copied().collect()))
        .collect()
}

/// What is assigned, as a list.
pub(super) fn assigned_list(assignment: &Assignment) -> TopicPartitionsList {
    assignment
        .iter()
        .map(|(topic, partitions)| (*topic, partitions.iter().copied().collect()))
        .collect()
}

/// Whether `list` names a partition of `owned`.
pub(super) fn meets(list: &TopicPartitionsList, owned: &Owned) -> bool {
    let mut pairs = pairs(list);
    pairs.any(|(topic, partition)| epoch_of(owned, topic, partition).is_some())
}

/// Whether all that `list` names is in `owned`.
pub(super) fn is_within(list: &TopicPartitionsList, owned: &Owned) -> bool {
    let mut pairs = pairs(list);
    pairs.all(|(topic, partition)| epoch_of(owned, topic, partition).is_some())
}

fn pairs(list: &TopicPartitionsList) -> impl Iterator<Item = (TopicId, i32)> + '_ {
    list.iter()
        .flat_map(|(topic, partitions)| partitions.iter().map(|partition| (*topic, *partition)))
}
