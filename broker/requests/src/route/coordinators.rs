//! Partitions of `__consumer_offsets` and `__transaction_state` on this broker: replay of what is committed, start and end
//! of a coordinator's term, and its appends until they are committed.
//! What the records mean is for the engines of groups and transactions.

mod load;
mod term;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{Instant, Now};
use kring_log::AppendError;
use kring_wire::{
    BatchBuilder, EndTxnMarker, ErrorCode, LeaderEpoch, Offset, ProducerId, TopicPartition,
    TransactionOutcome, coordinator_partition,
};

use crate::broker::Broker;
use crate::cluster::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use crate::event::Output;
use crate::produce::append_error;

/// How long a replay waits when the disk is busy or failed.
const REPLAY_RETRY: Duration = Duration::from_millis(100);

/// What is coordinated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Consumer groups.
    Groups,
    /// Transactions.
    Transactions,
}

impl Kind {
    /// Whose partitions the topic's are.
    pub(crate) fn of_topic(name: &str) -> Option<Kind> {
        match name {
            CONSUMER_OFFSETS => Some(Kind::Groups),
            TRANSACTION_STATE => Some(Kind::Transactions),
            _ => None,
        }
    }

    /// The topic.
    pub(crate) fn topic(self) -> &'static str {
        match self {
            Kind::Groups => CONSUMER_OFFSETS,
            Kind::Transactions => TRANSACTION_STATE,
        }
    }
}

/// One coordinator of a kind: a partition of its topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) kind: Kind,
    pub(crate) partition: i32,
}

/// Where a partition's coordinator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Term {
    /// Another broker leads: what is committed is replayed, so that this one can take over.
    Standby,
    /// This broker was elected; it serves when everything below `end` is committed and replayed.
    Loading { epoch: LeaderEpoch, end: Offset },
    /// This broker serves.
    Serving { epoch: LeaderEpoch },
}

/// Something that was appended and that an engine hears of once it is committed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Awaited {
    /// Records of the group engine.
    Group(kring_groups::Token),
    /// Records of the transaction engine.
    Transaction(kring_transactions::Token),
    /// The end of a transaction that committed offsets of groups.
    Marker {
        producer_id: ProducerId,
        committed: bool,
    },
}

/// An append on its way to the high watermark.
#[derive(Debug)]
struct Pending {
    awaited: Awaited,
    /// The last record's offset, or why there is none.
    last: Result<Offset, ErrorCode>,
}

#[derive(Debug)]
struct Coordinator {
    tp: TopicPartition,
    term: Term,
    /// A read of the replay waits for the disk.
    reading: bool,
    /// In the order of the appends, which is the order of the answers.
    appends: VecDeque<Pending>,
}

/// The partitions of coordinators that have a replica here.
#[derive(Debug, Default)]
pub(crate) struct Coordinators {
    open: BTreeMap<Place, Coordinator>,
    retry_at: Option<Instant>,
}

impl Coordinators {
    /// When a replay that found the disk busy goes on.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Partitions whose coordinator of groups serves here.
    pub(crate) fn serving_groups(&self) -> u64 {
        let serving = |(place, c): &(&Place, &Coordinator)| {
            place.kind == Kind::Groups && matches!(c.term, Term::Serving { .. })
        };
        self.open.iter().filter(serving).count() as u64
    }

    /// The coordinator whose partition this is.
    fn of_partition(&mut self, tp: TopicPartition) -> Option<(Place, &mut Coordinator)> {
        [Kind::Groups, Kind::Transactions]
            .map(|kind| Place {
                kind,
                partition: tp.partition,
            })
            .into_iter()
            .find(|place| self.open.get(place).is_some_and(|c| c.tp == tp))
            .and_then(|place| Some((place, self.open.get_mut(&place)?)))
    }
}

impl Broker {
    /// The partition whose leader coordinates a group or a transactional id; none before the topic exists.
    pub(crate) fn coordinator_of(&self, kind: Kind, key: &str) -> Option<TopicPartition> {
        let topic = self.image().topic_by_name(kind.topic())?;
        let partitions = i32::try_from(topic.partitions.len()).ok()?;
        let partition = coordinator_partition(key, partitions);
        Some(TopicPartition::new(topic.id, partition))
    }

    /// The high watermark of some partition moved; if it is a coordinator's, its appends complete
    /// and its replay goes on.
    pub(crate) fn coordinator_committed(
        &mut self,
        now: Now,
        tp: TopicPartition,
        high_watermark: Offset,
        out: &mut Output,
    ) {
        let Some((place, coordinator)) = self.coordinators.of_partition(tp) else {
            return;
        };
        while let Some(pending) = coordinator.appends.front() {
            if pending.last.is_ok_and(|last| last >= high_watermark) {
                break;
            }
            let pending = coordinator.appends.pop_front().expect("looked at above");
            self.work
                .push_back(term::appended(place.partition, &pending));
        }
        self.replay(now, place, out);
    }

    /// Appends what an engine stores. With a producer the records are part of its transaction.
    pub(crate) fn append_for_coordinator(
        &mut self,
        now: Now,
        place: Place,
        awaited: Awaited,
        records: &[(Bytes, Option<Bytes>)],
        transaction: Option<(ProducerId, i16)>,
        out: &mut Output,
    ) {
        let last = self.append_records(now, place, records, transaction, out);
        let Some(coordinator) = self.coordinators.open.get_mut(&place) else {
            // The replica went away: its `Unload` answers everybody.
            return;
        };
        let tp = coordinator.tp;
        coordinator.appends.push_back(Pending { awaited, last });
        // A refusal, or an append that is committed at once, has no later event to complete it.
        if let Some(state) = self.log.state(tp) {
            self.coordinator_committed(now, tp, state.high_watermark, out);
        }
    }

    fn append_records(
        &mut self,
        now: Now,
        place: Place,
        records: &[(Bytes, Option<Bytes>)],
        transaction: Option<(ProducerId, i16)>,
        out: &mut Output,
    ) -> Result<Offset, ErrorCode> {
        let coordinator = self
            .coordinators
            .open
            .get(&place)
            .ok_or(ErrorCode::NotCoordinator)?;
        let Term::Serving { epoch } = coordinator.term else {
            return Err(ErrorCode::NotCoordinator);
        };
        let tp = coordinator.tp;
        if !self.has_min_isr(tp) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let mut batch = match transaction {
            Some((producer_id, producer_epoch)) => {
                BatchBuilder::new().transactional(producer_id, producer_epoch)
            }
            None => BatchBuilder::new(),
        };
        for (key, value) in records {
            batch.push(now.wall_ms, Some(key), value.as_deref());
        }
        let appended = match transaction {
            Some(_) => self
                .log
                .append_transactional_offsets(now, tp, epoch, batch.build()),
            None => self.log.append(now, tp, epoch, batch.build()),
        };
        let appended = appended.map_err(|error| append_error::code(&error))?;
        self.replicas_appended(now, tp, out);
        Ok(appended.last_offset)
    }

    /// Appends the end of a transaction to a partition that this broker leads, and says where. A coordinator of groups
    /// that does not serve yet takes none: what is appended meanwhile, its replay might miss.
    pub(crate) fn append_marker(
        &mut self,
        now: Now,
        tp: TopicPartition,
        marker: &EndTxnMarker,
        out: &mut Output,
    ) -> Result<Offset, ErrorCode> {
        let epoch = self.led_epoch(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
        if self.may_be_replaced(now, tp) {
            return Err(ErrorCode::NotLeaderOrFollower);
        }
        if !self.has_min_isr(tp) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let serves = |c: &Coordinator| matches!(c.term, Term::Serving { .. });
        if let Some((_, coordinator)) = self.coordinators.of_partition(tp)
            && !serves(coordinator)
        {
            return Err(ErrorCode::CoordinatorLoadInProgress);
        }
        let appended = self.log.append_marker(now, tp, epoch, marker);
        let appended = appended.map_err(|error: AppendError| append_error::code(&error))?;
        self.guards.ended(tp, marker.producer_id);
        if let Some((_, coordinator)) = self.coordinators.of_partition(tp) {
            coordinator.appends.push_back(Pending {
                awaited: Awaited::Marker {
                    producer_id: marker.producer_id,
                    committed: marker.outcome == TransactionOutcome::Commit,
                },
                last: Ok(appended.last_offset),
            });
        }
        self.replicas_appended(now, tp, out);
        if let Some(state) = self.log.state(tp) {
            self.coordinator_committed(now, tp, state.high_watermark, out);
        }
        Ok(appended.last_offset)
    }
}
