//! `uniform`: everybody gets as many partitions as the others, give or take one, and keeps what it had as far as that allows.
//! It does not look at the topics of a member's partitions or at racks, as Kafka's does not since 4.0.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::TopicId;

use super::{PartitionCounts, Subscribers};
use crate::consumer::partitions::Assignment;

type Partition = (TopicId, i32);

/// Members by their place in the order of ids, with what they have so far.
struct Shares<'a> {
    members: Vec<&'a str>,
    topics: Vec<&'a BTreeSet<TopicId>>,
    owned: Vec<BTreeSet<Partition>>,
}

pub(super) fn assign(
    members: &Subscribers<'_>,
    topics: &PartitionCounts,
) -> BTreeMap<String, Assignment> {
    let mut shares = Shares {
        members: members.keys().copied().collect(),
        topics: members.values().map(|member| &member.topics).collect(),
        owned: vec![BTreeSet::new(); members.len()],
    };
    let mut free = shares.keep_what_was(members, topics);
    if shares.topics.windows(2).all(|two| two[0] == two[1]) {
        shares.level_alike(&mut free);
    } else {
        shares.hand_out(free);
        shares.level_unlike();
    }
    shares.into_assignments()
}

impl<'a> Shares<'a> {
    /// Gives everybody what it had and may still have; what remains is free.
    fn keep_what_was(
        &mut self,
        members: &Subscribers<'a>,
        topics: &PartitionCounts,
    ) -> BTreeSet<Partition> {
        let read: BTreeSet<TopicId> = self.topics.iter().copied().flatten().copied().collect();
        let mut free: BTreeSet<Partition> = topics
            .iter()
            .filter(|(topic, _)| read.contains(topic))
            .flat_map(|(topic, count)| (0..*count).map(|partition| (*topic, partition)))
            .collect();
        for (member, owned) in members.values().zip(&mut self.owned) {
            for (topic, partitions) in member.before.into_iter().flatten() {
                if !member.topics.contains(topic) {
                    continue;
                }
                for partition in partitions {
                    if free.remove(&(*topic, *partition)) {
                        owned.insert((*topic, *partition));
                    }
                }
            }
        }
        free
    }

    /// Where all read the same, each has its number: only what is above it moves.
    fn level_alike(&mut self, free: &mut BTreeSet<Partition>) {
        if self.members.is_empty() {
            return;
        }
        let all = free.len() + self.owned.iter().map(BTreeSet::len).sum::<usize>();
        let each = all / self.members.len();
        let mut more = all % self.members.len();
        let mut quotas = vec![each; self.members.len()];
        // Who has more already keeps one more; of those left over, the first in order get one.
        for above in [true, false] {
            for (owned, quota) in self.owned.iter().zip(&mut quotas) {
                if more > 0 && *quota == each && (owned.len() > each || !above) {
                    *quota += 1;
                    more -= 1;
                }
            }
        }
        for (owned, quota) in self.owned.iter_mut().zip(&quotas) {
            while owned.len() > *quota {
                free.extend(owned.pop_last());
            }
        }
        // Round after round, so that the partitions of a topic are spread.
        let mut place = 0;
        for partition in std::mem::take(free) {
            while self.owned[place].len() >= quotas[place] {
                place = (place + 1) % self.members.len();
            }
            self.owned[place].insert(partition);
            place = (place + 1) % self.members.len();
        }
    }

    /// Gives each free partition to the reader that has least. Topics with few readers come first: the others can level out.
    fn hand_out(&mut self, free: BTreeSet<Partition>) {
        let mut by_topic: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
        for (topic, partition) in free {
            by_topic.entry(topic).or_default().push(partition);
        }
        let mut topics: Vec<(Vec<usize>, TopicId, Vec<i32>)> = by_topic
            .into_iter()
            .map(|(topic, partitions)| (self.readers(topic), topic, partitions))
            .collect();
        topics.sort_by_key(|(readers, topic, _)| (readers.len(), *topic));
        for (readers, topic, partitions) in topics {
            let mut by_load: BTreeSet<(usize, usize)> =
                readers.iter().map(|r| (self.owned[*r].len(), *r)).collect();
            for partition in partitions {
                let Some((load, reader)) = by_load.pop_first() else {
                    break;
                };
                self.owned[reader].insert((topic, partition));
                by_load.insert((load + 1, reader));
            }
        }
    }

    /// Moves single partitions from who has most to who has at least two fewer and reads the topic, while there is one. Each
    /// move makes the sum of squares smaller, so it ends.
    fn level_unlike(&mut self) {
        let mut readers: BTreeMap<TopicId, Vec<usize>> = BTreeMap::new();
        for (member, topics) in self.topics.iter().enumerate() {
            for topic in *topics {
                readers.entry(*topic).or_default().push(member);
            }
        }
        while let Some((from, to, partition)) = self.next_move(&readers) {
            self.owned[from].remove(&partition);
            self.owned[to].insert(partition);
        }
    }

    fn next_move(
        &self,
        readers: &BTreeMap<TopicId, Vec<usize>>,
    ) -> Option<(usize, usize, Partition)> {
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by_key(|member| (std::cmp::Reverse(self.owned[*member].len()), *member));
        for from in order {
            let load = self.owned[from].len();
            let mut last = None;
            for partition in self.owned[from].iter().rev() {
                if last.replace(partition.0) == Some(partition.0) {
                    continue;
                }
                let readers = readers.get(&partition.0).into_iter().flatten();
                let to = readers.min_by_key(|reader| (self.owned[**reader].len(), **reader));
                if let Some(to) = to.filter(|to| self.owned[**to].len() + 2 <= load) {
                    return Some((from, *to, *partition));
                }
            }
        }
        None
    }

    fn readers(&self, topic: TopicId) -> Vec<usize> {
        let reads = |member: &usize| self.topics[*member].contains(&topic);
        (0..self.members.len()).filter(reads).collect()
    }

    fn into_assignments(self) -> BTreeMap<String, Assignment> {
        let shares = self.members.into_iter().zip(self.owned);
        shares
            .map(|(member, owned)| {
                let mut assignment = Assignment::new();
                for (topic, partition) in owned {
                    assignment.entry(topic).or_default().insert(partition);
                }
                (member.to_owned(), assignment)
            })
            .collect()
    }
}
