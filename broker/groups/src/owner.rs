//! A group of either protocol as the owner of committed offsets.
//! Who may commit is asked of the group itself, in `offsets::commit`.

use kring_wire::ErrorCode;

use crate::classic::{ClassicGroup, ClassicState};
use crate::committed::{Committed, CommittedOffset};
use crate::consumer::ConsumerGroup;
use crate::record::Record;

/// A group that owns offsets.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Owner<'a> {
    /// Of the classic protocol, or with offsets only.
    Classic(&'a ClassicGroup),
    /// Of KIP-848.
    Consumer(&'a ConsumerGroup),
}

impl Owner<'_> {
    /// Whether nobody is a member or about to become one.
    pub(crate) fn is_vacant(&self) -> bool {
        match self {
            Owner::Classic(group) => group.is_vacant(),
            Owner::Consumer(group) => group.is_vacant(),
        }
    }

    /// From when an offset's age counts. `None`: it cannot expire. As Kafka's `ClassicGroup.offsetExpirationCondition`, but that
    /// one which an administrator sets in an empty group counts from then; of KIP-848 groups it is the commit, as in Kafka.
    pub(crate) fn age_counts_from(&self, topic: &str, offset: &CommittedOffset) -> Option<i64> {
        let group = match self {
            Owner::Consumer(group) => {
                return (!group.is_subscribed_to(topic)).then_some(offset.commit_timestamp_ms);
            }
            Owner::Classic(group) => group,
        };
        if group.protocol_type().is_none() {
            return Some(offset.commit_timestamp_ms);
        }
        match group.state() {
            ClassicState::Empty => Some(group.state_timestamp_ms().max(offset.commit_timestamp_ms)),
            ClassicState::Stable if !group.is_subscribed_to(topic) && group.is_consumer_group() => {
                Some(offset.commit_timestamp_ms)
            }
            _ => None,
        }
    }

    /// Whether single offsets may be deleted of it.
    pub(crate) fn check_delete_offsets(&self) -> Result<(), ErrorCode> {
        match self {
            Owner::Classic(group)
                if group.state() != ClassicState::Empty && !group.is_consumer_group() =>
            {
                Err(ErrorCode::NonEmptyGroup)
            }
            _ => Ok(()),
        }
    }

    /// Whether a living member reads `topic`.
    pub(crate) fn reads(&self, topic: &str) -> bool {
        match self {
            Owner::Classic(group) => {
                group.state() != ClassicState::Empty && group.is_subscribed_to(topic)
            }
            Owner::Consumer(group) => group.is_subscribed_to(topic),
        }
    }

    /// The records that forget the group without its offsets, whatever is committed of it.
    pub(crate) fn forget_all(&self, id: &str) -> Vec<Record> {
        let group = || id.to_owned();
        match self {
            Owner::Classic(_) => vec![Record::Group {
                group: group(),
                value: None,
            }],
            Owner::Consumer(consumer) => {
                let changes = consumer.forget().into_iter();
                let record = |change| Record::Consumer {
                    group: group(),
                    change,
                };
                changes.map(record).collect()
            }
        }
    }

    /// The records that forget the group without its offsets; none if nothing of it is committed.
    pub(crate) fn forget(&self, id: &str, committed: &Committed) -> Vec<Record> {
        match self {
            Owner::Classic(_) if committed.groups.contains_key(id) => self.forget_all(id),
            Owner::Consumer(_) if committed.consumers.contains_key(id) => self.forget_all(id),
            _ => Vec::new(),
        }
    }
}
