//! Offsets that producers have committed within transactions whose end is not below the high watermark.
//! It does not know what an end means for the offsets; the committed layer does.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::ProducerId;

use super::Logged;

/// What an offset is committed for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OffsetKey {
    pub(crate) group: String,
    pub(crate) topic: String,
    pub(crate) partition: i32,
}

/// Producers with a pending offset of each topic and partition.
type Open = BTreeMap<(String, i32), BTreeSet<ProducerId>>;

/// Pending offsets, of each producer at most one for a key: its last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pending {
    by_producer: BTreeMap<ProducerId, BTreeMap<OffsetKey, Logged>>,
    /// The same keys by group. A group is in here only with a key, a key only with a producer.
    by_group: BTreeMap<String, Open>,
    count: usize,
}

impl Pending {
    /// How many offsets are pending.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Adds an offset of a producer's open transaction, in the place of an older one of the same.
    pub(crate) fn insert(&mut self, producer_id: ProducerId, key: OffsetKey, offset: Logged) {
        let open = self.by_group.entry(key.group.clone()).or_default();
        let producers = open.entry((key.topic.clone(), key.partition)).or_default();
        producers.insert(producer_id);
        let offsets = self.by_producer.entry(producer_id).or_default();
        if offsets.insert(key, offset).is_none() {
            self.count += 1;
        }
    }

    /// Takes out what a producer's transaction has committed, in the order of the keys.
    pub(crate) fn take(&mut self, producer_id: ProducerId) -> BTreeMap<OffsetKey, Logged> {
        let offsets = self.by_producer.remove(&producer_id).unwrap_or_default();
        for key in offsets.keys() {
            self.close(key, producer_id);
        }
        self.count -= offsets.len();
        offsets
    }

    /// Forgets a key in every transaction.
    pub(crate) fn forget(&mut self, key: &OffsetKey) {
        let open = self.by_group.get(&key.group);
        let Some(producers) = open.and_then(|o| o.get(&(key.topic.clone(), key.partition))) else {
            return;
        };
        for producer_id in producers.clone() {
            let Some(offsets) = self.by_producer.get_mut(&producer_id) else {
                continue;
            };
            if offsets.remove(key).is_some() {
                self.count -= 1;
            }
            if offsets.is_empty() {
                self.by_producer.remove(&producer_id);
            }
            self.close(key, producer_id);
        }
    }

    fn close(&mut self, key: &OffsetKey, producer_id: ProducerId) {
        let Some(open) = self.by_group.get_mut(&key.group) else {
            return;
        };
        let place = (key.topic.clone(), key.partition);
        if let Some(producers) = open.get_mut(&place) {
            producers.remove(&producer_id);
            if producers.is_empty() {
                open.remove(&place);
            }
        }
        if open.is_empty() {
            self.by_group.remove(&key.group);
        }
    }

    /// Whether any transaction has an offset of the group.
    pub(crate) fn has_group(&self, group: &str) -> bool {
        self.by_group.contains_key(group)
    }

    /// Groups with a pending offset, in order.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &String> {
        self.by_group.keys()
    }

    /// Topics and partitions of a group with a pending offset, in order.
    pub(crate) fn keys_of(&self, group: &str) -> impl Iterator<Item = (&str, i32)> {
        let open = self.by_group.get(group).into_iter();
        open.flat_map(|open| open.keys().map(|(topic, p)| (topic.as_str(), *p)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CommittedOffset;
    use kring_wire::TopicId;

    fn key(group: &str, partition: i32) -> OffsetKey {
        OffsetKey {
            group: group.to_owned(),
            topic: "t".to_owned(),
            partition,
        }
    }

    fn offset(offset: i64) -> Logged {
        Logged {
            record_offset: offset,
            value: CommittedOffset {
                offset,
                leader_epoch: -1,
                metadata: String::new(),
                commit_timestamp_ms: 0,
                expire_timestamp_ms: None,
                topic_id: TopicId::ZERO,
            },
        }
    }

    #[test]
    fn a_producers_offsets_are_taken_once_and_others_stay() {
        let mut pending = Pending::default();
        pending.insert(1, key("g", 0), offset(5));
        pending.insert(1, key("g", 0), offset(6));
        pending.insert(1, key("h", 0), offset(7));
        pending.insert(2, key("g", 0), offset(8));
        assert_eq!(pending.len(), 3);
        let taken = pending.take(1);
        assert_eq!(taken[&key("g", 0)], offset(6));
        assert_eq!(taken[&key("h", 0)], offset(7));
        assert!(pending.take(1).is_empty());
        assert!(pending.has_group("g") && !pending.has_group("h"));
        assert_eq!(pending.keys_of("g").collect::<Vec<_>>(), [("t", 0)]);
        assert_eq!(pending.len(), 1);
    }

    #[test]
    fn nothing_remains_of_a_key_that_is_forgotten() {
        let mut pending = Pending::default();
        pending.insert(1, key("g", 0), offset(5));
        pending.insert(2, key("g", 0), offset(6));
        pending.insert(2, key("g", 1), offset(7));
        pending.forget(&key("g", 0));
        pending.forget(&key("g", 9));
        assert_eq!(pending.keys_of("g").collect::<Vec<_>>(), [("t", 1)]);
        assert!(pending.take(1).is_empty());
        pending.forget(&key("g", 1));
        assert_eq!(pending, Pending::default());
    }
}
