//! Assignors of the broker (KIP-848): pure functions from subscriptions to who shall get which partition.
//! They know no epochs and do not care how members get there; `reconcile` does.

mod range;
#[cfg(test)]
mod tests;
mod uniform;

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;

use super::partitions::Assignment;

/// Names of the assignors, the default first.
pub const ASSIGNORS: [&str; 2] = ["uniform", "range"];

/// What an assignor knows of a member.
#[derive(Clone, Debug, Default)]
pub(crate) struct Subscriber<'a> {
    /// Its static name.
    pub(crate) instance: Option<&'a str>,
    /// Topics that it reads, of those that exist.
    pub(crate) topics: BTreeSet<TopicId>,
    /// What it was assigned before.
    pub(crate) before: Option<&'a Assignment>,
}

/// All members by id.
pub(crate) type Subscribers<'a> = BTreeMap<&'a str, Subscriber<'a>>;

/// How many partitions each topic has; every topic that is subscribed to is among them.
pub(crate) type PartitionCounts = BTreeMap<TopicId, i32>;

/// Assigns every partition of the topics that somebody reads to one of those who read it. Every member is in the result.
pub(crate) fn assign(
    assignor: &str,
    members: &Subscribers<'_>,
    topics: &PartitionCounts,
) -> BTreeMap<String, Assignment> {
    match assignor {
        "range" => range::assign(members, topics),
        _ => uniform::assign(members, topics),
    }
}
