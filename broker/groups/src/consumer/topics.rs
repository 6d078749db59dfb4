//! The cluster's topics as far as groups care: names, ids and numbers of partitions.
//! It does not know who leads them.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;

use super::assignor::PartitionCounts;

/// A topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Topic {
    id: TopicId,
    partitions: i32,
}

/// All topics.
#[derive(Clone, Debug, Default)]
pub(crate) struct Topics {
    by_name: BTreeMap<String, Topic>,
    names: BTreeMap<TopicId, String>,
    version: u64,
}

impl Topics {
    /// Grows with every change.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Whether a topic is known as it is.
    pub(crate) fn knows(&self, name: &str, id: TopicId, partitions: i32) -> bool {
        self.by_name.get(name) == Some(&Topic { id, partitions })
    }

    /// A topic is new or has more partitions.
    pub(crate) fn put(&mut self, name: String, id: TopicId, partitions: i32) {
        if self.knows(&name, id, partitions) {
            return;
        }
        self.version += 1;
        let topic = Topic { id, partitions };
        if let Some(before) = self.by_name.insert(name.clone(), topic) {
            self.names.remove(&before.id);
        }
        self.names.insert(id, name);
    }

    /// A topic was deleted.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Some(topic) = self.by_name.remove(name) {
            self.version += 1;
            self.names.remove(&topic.id);
        }
    }

    /// All names, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }

    /// The name of an id.
    pub(crate) fn name(&self, id: TopicId) -> Option<&str> {
        self.names.get(&id).map(String::as_str)
    }

    /// Ids of those of `names` that exist.
    pub(crate) fn ids(&self, names: &BTreeSet<String>) -> BTreeSet<TopicId> {
        let found = names.iter().filter_map(|name| self.by_name.get(name));
        found.map(|topic| topic.id).collect()
    }

    /// Numbers of partitions of those of `names` that exist.
    pub(crate) fn counts(&self, names: &BTreeSet<String>) -> PartitionCounts {
        let found = names.iter().filter_map(|name| self.by_name.get(name));
        found.map(|topic| (topic.id, topic.partitions)).collect()
    }
}

/// A number that differs when the topics or their partitions do; 0 of none. It means something to brokers of this kind only:
/// whoever computes another takes it for a change, and assigns again what is assigned.
pub(super) fn hash(counts: &PartitionCounts) -> i64 {
    if counts.is_empty() {
        return 0;
    }
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for (id, partitions) in counts {
        for byte in id.0.iter().chain(&partitions.to_be_bytes()) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    i64::from_ne_bytes(hash.to_ne_bytes())
}
