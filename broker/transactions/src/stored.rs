//! A transactional id as its record describes it, and what the record becomes when its transaction goes on.
//! Whether it may go on is decided where the request is handled.

use std::collections::{BTreeMap, BTreeSet};

use crate::{TransactionState, TransactionVersion};

/// The last epoch that a producer is given. The one above is kept to fence it: a producer id whose
/// epochs are used up is replaced.
pub(crate) const LAST_EPOCH: i16 = i16::MAX - 1;

/// No producer id.
pub(crate) const NO_PRODUCER_ID: i64 = -1;

/// Partitions by topic.
pub(crate) type Topics = BTreeMap<String, BTreeSet<i32>>;

/// A producer id and an epoch: who holds it may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

impl Producer {
    /// Whether there is no epoch left to give.
    pub(crate) fn is_exhausted(self) -> bool {
        self.epoch >= LAST_EPOCH
    }

    /// With the next epoch, which may be the one that is only for fencing.
    pub(crate) fn raised(self) -> Producer {
        Producer {
            id: self.id,
            // Nobody is given the highest epoch, so that a transaction never has it.
            epoch: self.epoch.saturating_add(1),
        }
    }
}

/// The value of a transactional id's last record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) producer: Producer,
    /// The producer id before this one, in the record that replaces it; else −1.
    pub(crate) previous_producer_id: i64,
    /// The producer id after this one, while the transaction that uses this one up is ended; else −1.
    pub(crate) next_producer_id: i64,
    pub(crate) timeout_ms: i32,
    pub(crate) state: TransactionState,
    pub(crate) topics: Topics,
    pub(crate) updated_ms: i64,
    /// When the transaction began, or the last one; −1 without one.
    pub(crate) started_ms: i64,
    /// How the one works who wrote the transaction last. That of a transaction which the
    /// coordinator aborts is the first: its producer is fenced and cannot repeat its request.
    pub(crate) client_version: TransactionVersion,
}

impl Stored {
    /// `producer` has the id from now on, without a transaction.
    pub(crate) fn given_to(producer: Producer, timeout_ms: i32, now_ms: i64) -> Stored {
        Stored {
            producer,
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id: NO_PRODUCER_ID,
            timeout_ms,
            state: TransactionState::Empty,
            topics: Topics::new(),
            updated_ms: now_ms,
            started_ms: -1,
            client_version: TransactionVersion::V1,
        }
    }

    /// Also with these partitions; with the first, the transaction begins.
    pub(crate) fn with_partitions(
        &self,
        topics: &[(String, Vec<i32>)],
        client_version: TransactionVersion,
        now_ms: i64,
    ) -> Stored {
        let is_ongoing = self.state == TransactionState::Ongoing;
        let mut all = self.topics.clone();
        for (topic, partitions) in topics {
            all.entry(topic.clone()).or_default().extend(partitions);
        }
        Stored {
            producer: self.producer,
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id: NO_PRODUCER_ID,
            timeout_ms: self.timeout_ms,
            state: TransactionState::Ongoing,
            topics: all,
            updated_ms: now_ms,
            started_ms: if is_ongoing { self.started_ms } else { now_ms },
            client_version,
        }
    }

    /// Its outcome is decided by its producer. In the second version that raises the epoch, and
    /// `next_producer_id` is who goes on when there is none left.
    pub(crate) fn prepared(
        &self,
        commit: bool,
        client_version: TransactionVersion,
        next_producer_id: i64,
        now_ms: i64,
    ) -> Stored {
        let is_ongoing = self.state == TransactionState::Ongoing;
        Stored {
            producer: match client_version {
                TransactionVersion::V1 => self.producer,
                TransactionVersion::V2 => self.producer.raised(),
            },
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id,
            timeout_ms: self.timeout_ms,
            state: if commit {
                TransactionState::PrepareCommit
            } else {
                TransactionState::PrepareAbort
            },
            topics: self.topics.clone(),
            updated_ms: now_ms,
            started_ms: if is_ongoing { self.started_ms } else { now_ms },
            client_version,
        }
    }

    /// It is aborted, and its producer is fenced by the epoch of the markers.
    pub(crate) fn fenced(&self, now_ms: i64) -> Stored {
        let aborted = self.prepared(false, TransactionVersion::V1, NO_PRODUCER_ID, now_ms);
        Stored {
            producer: self.producer.raised(),
            ..aborted
        }
    }

    /// Every marker of what is prepared is written.
    pub(crate) fn completed(&self, now_ms: i64) -> Stored {
        let producer = self.successor();
        Stored {
            producer,
            previous_producer_id: if producer.id == self.producer.id {
                NO_PRODUCER_ID
            } else {
                self.producer.id
            },
            next_producer_id: NO_PRODUCER_ID,
            timeout_ms: self.timeout_ms,
            state: if self.state.outcome() == Some(true) {
                TransactionState::CompleteCommit
            } else {
                TransactionState::CompleteAbort
            },
            topics: Topics::new(),
            updated_ms: now_ms,
            started_ms: self.started_ms,
            client_version: self.client_version,
        }
    }

    /// Who may begin the next transaction.
    pub(crate) fn successor(&self) -> Producer {
        if self.next_producer_id >= 0 {
            Producer {
                id: self.next_producer_id,
                epoch: 0,
            }
        } else {
            self.producer
        }
    }

    /// Who ended this transaction, where that raised the epoch: its repeated EndTxn is recognised
    /// by this, also by a coordinator that did not see the first.
    pub(crate) fn ended_by(&self) -> Option<Producer> {
        if self.client_version == TransactionVersion::V1 || self.state.outcome().is_none() {
            return None;
        }
        let Producer { id, epoch } = self.producer;
        let was_replaced =
            self.previous_producer_id >= 0 && self.previous_producer_id != id && epoch == 0;
        if was_replaced {
            return Some(Producer {
                id: self.previous_producer_id,
                epoch: LAST_EPOCH,
            });
        }
        let epoch = epoch.checked_sub(1).filter(|epoch| *epoch >= 0)?;
        Some(Producer { id, epoch })
    }

    /// Whether the partition is in the transaction.
    pub(crate) fn has_partition(&self, topic: &str, partition: i32) -> bool {
        self.topics
            .get(topic)
            .is_some_and(|partitions| partitions.contains(&partition))
    }

    /// Partitions of the transaction.
    pub(crate) fn partitions(&self) -> usize {
        self.topics.values().map(BTreeSet::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ongoing(epoch: i16) -> Stored {
        let producer = Producer { id: 7, epoch };
        let topics = [("t".to_owned(), vec![1, 0])];
        Stored::given_to(producer, 60_000, 1).with_partitions(&topics, TransactionVersion::V2, 2)
    }

    #[test]
    fn the_end_of_a_transaction_of_the_second_version_raises_the_epoch() {
        let prepared = ongoing(3).prepared(true, TransactionVersion::V2, NO_PRODUCER_ID, 3);
        assert_eq!(prepared.producer, Producer { id: 7, epoch: 4 });
        assert_eq!(prepared.ended_by(), Some(Producer { id: 7, epoch: 3 }));
        let complete = prepared.completed(4);
        assert_eq!(complete.producer, Producer { id: 7, epoch: 4 });
        assert_eq!(complete.ended_by(), Some(Producer { id: 7, epoch: 3 }));
        assert_eq!(complete.started_ms, 2);
        assert!(complete.topics.is_empty());
    }

    #[test]
    fn a_producer_id_whose_epochs_are_used_up_is_replaced() {
        let ongoing = ongoing(LAST_EPOCH);
        assert!(ongoing.producer.is_exhausted());
        let prepared = ongoing.prepared(false, TransactionVersion::V2, 9, 3);
        assert_eq!(prepared.producer.epoch, i16::MAX);
        assert_eq!(prepared.successor(), Producer { id: 9, epoch: 0 });
        assert_eq!(prepared.ended_by(), Some(ongoing.producer));
        let complete = prepared.completed(4);
        assert_eq!(complete.producer, Producer { id: 9, epoch: 0 });
        assert_eq!(complete.previous_producer_id, 7);
        assert_eq!(complete.ended_by(), Some(ongoing.producer));
    }

    #[test]
    fn whom_the_coordinator_aborts_cannot_repeat_its_end() {
        let fenced = ongoing(3).fenced(3);
        assert_eq!(fenced.producer.epoch, 4);
        assert_eq!(fenced.ended_by(), None);
        assert_eq!(fenced.completed(4).ended_by(), None);
    }
}
