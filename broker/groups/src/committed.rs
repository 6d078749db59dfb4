//! The committed layer of a partition: what its records below the high watermark say.
//! It is a function of those records alone and knows no session, timer or waiting client.

mod pending;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_wire::{LeaderEpoch, Offset, ProducerId, TopicId};

pub(crate) use pending::{OffsetKey, Pending};

use crate::consumer::{Change, State};
use crate::record::Record;

/// An offset that a group has committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next record to read.
    pub offset: Offset,
    /// Epoch of the last record that was read, −1 when unknown.
    pub leader_epoch: LeaderEpoch,
    /// The client's text.
    pub metadata: String,
    /// When it was committed, in milliseconds since the Unix epoch.
    pub commit_timestamp_ms: i64,
    /// When it expires, of the old versions of OffsetCommit that say so.
    pub expire_timestamp_ms: Option<i64>,
    /// The topic's id, [`TopicId::ZERO`] when the client's broker did not store it.
    pub topic_id: TopicId,
}

/// A committed offset and where it was said. Of two for the same key the later record counts,
/// whichever became effective first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Logged {
    /// Offset of its record in `__consumer_offsets`.
    pub(crate) record_offset: Offset,
    pub(crate) value: CommittedOffset,
}

/// The committed offsets of a group: topic → partition → offset.
pub(crate) type GroupOffsets = BTreeMap<String, BTreeMap<i32, Logged>>;

/// A group as its last record describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupMetadata {
    pub(crate) protocol_type: String,
    pub(crate) generation: i32,
    /// `None`: the group has no members.
    pub(crate) protocol: Option<String>,
    pub(crate) leader: Option<String>,
    pub(crate) state_timestamp_ms: i64,
    pub(crate) members: Vec<StoredMember>,
}

/// A member as its group's last record describes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StoredMember {
    pub(crate) member_id: String,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) session_timeout_ms: i32,
    pub(crate) subscription: Bytes,
    pub(crate) assignment: Bytes,
}

/// What the records of a partition up to `next_offset` add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Committed {
    /// The offset behind the last record that was applied.
    pub(crate) next_offset: Offset,
    pub(crate) offsets: BTreeMap<String, GroupOffsets>,
    pub(crate) groups: BTreeMap<String, GroupMetadata>,
    /// Groups of KIP-848. No id is in both: of two the later record counts.
    pub(crate) consumers: BTreeMap<String, State>,
    /// Offsets of open transactions: nobody is told them until they are committed.
    pub(crate) pending: Pending,
}

impl Committed {
    /// Whether anything is known of the group.
    pub(crate) fn knows(&self, group: &str) -> bool {
        self.groups.contains_key(group)
            || self.consumers.contains_key(group)
            || self.offsets.contains_key(group)
            || self.pending.has_group(group)
    }

    /// All groups, each once, in order.
    pub(crate) fn group_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.groups.keys().cloned().collect();
        let stored = ids.len();
        let with_offsets = self.offsets.keys().chain(self.pending.groups());
        let with_offsets = with_offsets.chain(self.consumers.keys());
        ids.extend(
            with_offsets
                .filter(|id| !self.groups.contains_key(*id))
                .cloned(),
        );
        if ids.len() > stored {
            ids.sort_unstable();
            ids.dedup();
        }
        ids
    }

    /// The committed offset of a partition.
    pub(crate) fn offset(
        &self,
        group: &str,
        topic: &str,
        partition: i32,
    ) -> Option<&CommittedOffset> {
        let logged = self.offsets.get(group)?.get(topic)?.get(&partition)?;
        Some(&logged.value)
    }

    /// Applies the record at `record_offset`, of the open transaction of `transaction`. Applying
    /// and [`Committed::end_transaction`] are the only ways in which this layer changes.
    ///
    /// Only offsets are part of a transaction. What else such a batch may hold counts at once, as
    /// in Kafka.
    pub(crate) fn apply(
        &mut self,
        record_offset: Offset,
        transaction: Option<ProducerId>,
        record: Record,
    ) {
        match record {
            Record::Group {
                group,
                value: Some(value),
            } => {
                self.consumers.remove(&group);
                self.groups.insert(group, value);
            }
            Record::Group { group, value: None } => {
                self.groups.remove(&group);
            }
            Record::Consumer { group, change } => self.apply_consumer(group, change),
            Record::Offset {
                group,
                topic,
                partition,
                value: Some(value),
            } => {
                let key = OffsetKey {
                    group,
                    topic,
                    partition,
                };
                let offset = Logged {
                    record_offset,
                    value,
                };
                match transaction {
                    Some(producer_id) => self.pending.insert(producer_id, key, offset),
                    None => self.store(key, offset),
                }
            }
            Record::Offset {
                group,
                topic,
                partition,
                value: None,
            } => {
                let key = OffsetKey {
                    group,
                    topic,
                    partition,
                };
                self.forget(&key);
                // What was forgotten must not come back with a transaction that is older.
                self.pending.forget(&key);
            }
        }
    }

    fn apply_consumer(&mut self, group: String, change: Change) {
        if matches!(change, Change::Epoch(Some(_))) {
            self.groups.remove(&group);
        }
        let state = self.consumers.entry(group.clone()).or_default();
        state.apply(change);
        if state.is_gone() {
            self.consumers.remove(&group);
        }
    }

    /// Applies the marker that ends the transaction of `producer_id`. What it commits counts from
    /// where its record lies, not from here: it does not replace what was committed since (GRP-2).
    pub(crate) fn end_transaction(&mut self, producer_id: ProducerId, committed: bool) {
        let committed = committed || canary::is_on(Canary::AbortedOffsetsHold);
        for (key, offset) in self.pending.take(producer_id) {
            if committed && self.is_newest(&key, offset.record_offset) {
                self.store(key, offset);
            }
        }
    }

    fn is_newest(&self, key: &OffsetKey, record_offset: Offset) -> bool {
        let topics = self.offsets.get(&key.group);
        let partitions = topics.and_then(|topics| topics.get(&key.topic));
        let known = partitions.and_then(|partitions| partitions.get(&key.partition));
        known.is_none_or(|known| known.record_offset < record_offset)
    }

    fn store(&mut self, key: OffsetKey, offset: Logged) {
        let topics = self.offsets.entry(key.group).or_default();
        let partitions = topics.entry(key.topic).or_default();
        partitions.insert(key.partition, offset);
    }

    fn forget(&mut self, key: &OffsetKey) {
        let Some(topics) = self.offsets.get_mut(&key.group) else {
            return;
        };
        let Some(partitions) = topics.get_mut(&key.topic) else {
            return;
        };
        partitions.remove(&key.partition);
        if partitions.is_empty() {
            topics.remove(&key.topic);
        }
        if topics.is_empty() {
            self.offsets.remove(&key.group);
        }
    }
}
