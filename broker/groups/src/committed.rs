//! The committed layer of a partition: what its records below the high watermark say.
//! It is a function of those records alone and knows no session, timer or waiting client.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_wire::{LeaderEpoch, Offset, TopicId};

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

/// The committed offsets of a group: topic → partition → offset.
pub(crate) type GroupOffsets = BTreeMap<String, BTreeMap<i32, CommittedOffset>>;

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
#[derive(Clone, Debug, Default)]
pub(crate) struct Committed {
    /// The offset behind the last record that was applied.
    pub(crate) next_offset: Offset,
    pub(crate) offsets: BTreeMap<String, GroupOffsets>,
    pub(crate) groups: BTreeMap<String, GroupMetadata>,
}

impl Committed {
    /// Whether anything is known of the group.
    pub(crate) fn knows(&self, group: &str) -> bool {
        self.groups.contains_key(group) || self.offsets.contains_key(group)
    }

    /// All groups, each once, in order.
    pub(crate) fn group_ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.groups.keys().cloned().collect();
        let stored = ids.len();
        ids.extend(
            self.offsets
                .keys()
                .filter(|id| !self.groups.contains_key(*id))
                .cloned(),
        );
        if ids.len() > stored {
            ids.sort_unstable();
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
        self.offsets.get(group)?.get(topic)?.get(&partition)
    }

    /// Applies one record. Applying is the only way in which this layer changes.
    pub(crate) fn apply(&mut self, record: Record) {
        match record {
            Record::Group {
                group,
                value: Some(value),
            } => {
                self.groups.insert(group, value);
            }
            Record::Group { group, value: None } => {
                self.groups.remove(&group);
            }
            Record::Offset {
                group,
                topic,
                partition,
                value: Some(value),
            } => {
                let topics = self.offsets.entry(group).or_default();
                topics.entry(topic).or_default().insert(partition, value);
            }
            Record::Offset {
                group,
                topic,
                partition,
                value: None,
            } => {
                self.forget(&group, &topic, partition);
            }
        }
    }

    fn forget(&mut self, group: &str, topic: &str, partition: i32) {
        let Some(topics) = self.offsets.get_mut(group) else {
            return;
        };
        let Some(partitions) = topics.get_mut(topic) else {
            return;
        };
        partitions.remove(&partition);
        if partitions.is_empty() {
            topics.remove(topic);
        }
        if topics.is_empty() {
            self.offsets.remove(group);
        }
    }
}
