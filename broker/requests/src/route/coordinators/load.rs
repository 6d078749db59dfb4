//! The replay of coordinators' partitions: what is committed and not known yet is read and given to the engines.
//! It decides nothing about terms but that a coordinator serves once it has everything.

use bytes::Bytes;
use kring_groups::{GroupEvent, Loaded};
use kring_io::Now;
use kring_log::{Read, ReadError};
use kring_transactions::TransactionEvent;
use kring_wire::{
    BatchHeader, EndTxnMarker, Offset, TopicPartition, TransactionOutcome, batches, records,
};

use super::term;
use super::{Kind, Place, REPLAY_RETRY, Term};
use crate::broker::{Broker, Work};
use crate::event::Output;
use crate::route::reads::Reader;

/// Bytes that one read of the replay asks for.
const REPLAY_READ_BYTES: usize = 1 << 20;

/// Something that a batch holds.
enum Item {
    Record {
        header: BatchHeader,
        offset: Offset,
        key: Bytes,
        value: Option<Bytes>,
    },
    Marker {
        header: BatchHeader,
        committed: bool,
    },
}

impl Broker {
    fn replayed_to(&self, place: Place) -> Offset {
        match place.kind {
            Kind::Groups => self.groups.replayed_to(place.partition),
            Kind::Transactions => self.transactions.replayed_to(place.partition),
        }
    }

    /// Where the next read of a replay begins.
    fn replay_from(&self, place: Place, tp: TopicPartition) -> Offset {
        let start = self.log.state(tp).map_or(0, |state| state.log_start);
        self.replayed_to(place).max(start)
    }

    /// Gives the engine what is committed and not yet replayed, and lets the coordinator serve
    /// when that is everything.
    pub(crate) fn replay(&mut self, now: Now, place: Place, out: &mut Output) {
        let Some(coordinator) = self.coordinators.open.get(&place) else {
            return;
        };
        if coordinator.reading || matches!(coordinator.term, Term::Serving { .. }) {
            return;
        }
        let (tp, term) = (coordinator.tp, coordinator.term);
        let Some(state) = self.log.state(tp) else {
            return;
        };
        let from = self.replay_from(place, tp);
        if from < state.high_watermark {
            let upto = state.high_watermark;
            let effects = &mut out.effects;
            let read = self
                .log
                .read(now, tp, from, upto, REPLAY_READ_BYTES, effects);
            match read {
                Read::Ready(parts) => self.load(place, &parts, from),
                Read::Pending(id) => {
                    self.reads.add(id, Reader::Coordinator(place));
                    self.set_reading(place, true);
                }
                Read::Busy => self.replay_later(now),
                Read::OutOfRange { .. } | Read::UnknownPartition => {}
            }
            return;
        }
        if let Term::Loading { epoch, end } = term
            && state.high_watermark >= end
            && let Some(coordinator) = self.coordinators.open.get_mut(&place)
        {
            coordinator.term = Term::Serving { epoch };
            self.work.push_back(term::become_leader(place, epoch));
        }
    }

    fn set_reading(&mut self, place: Place, reading: bool) {
        if let Some(coordinator) = self.coordinators.open.get_mut(&place) {
            coordinator.reading = reading;
        }
    }

    /// A read of the replay came back from the disk.
    pub(crate) fn coordinator_read_done(
        &mut self,
        now: Now,
        place: Place,
        result: Result<Vec<Bytes>, ReadError>,
        out: &mut Output,
    ) {
        self.set_reading(place, false);
        let Some(coordinator) = self.coordinators.open.get(&place) else {
            return;
        };
        match result {
            Ok(parts) => {
                let from = self.replay_from(place, coordinator.tp);
                self.load(place, &parts, from);
            }
            Err(ReadError::Gone) => self.replay(now, place, out),
            Err(error) => {
                // The coordinator stays in loading: better none than one that forgot what it promised.
                let topic = place.kind.topic();
                tracing::error!(topic, partition = place.partition, %error, "replay failed");
                self.replay_later(now);
            }
        }
    }

    fn load(&mut self, place: Place, parts: &[Bytes], from: Offset) {
        let (items, next_offset) = items(place, parts, from);
        if next_offset <= from {
            return;
        }
        let partition = place.partition;
        self.work.push_back(match place.kind {
            Kind::Groups => Work::Groups(GroupEvent::Load {
                partition,
                records: items.into_iter().map(for_groups).collect(),
                next_offset,
            }),
            Kind::Transactions => Work::Transactions(TransactionEvent::Load {
                partition,
                records: items.into_iter().filter_map(for_transactions).collect(),
                next_offset,
            }),
        });
        self.work.push_back(Work::Replay(place));
    }

    fn replay_later(&mut self, now: Now) {
        self.coordinators.retry_at = Some(now.mono + REPLAY_RETRY);
    }

    /// Takes up replays that found the disk busy or failing.
    pub(crate) fn retry_replays(&mut self, now: Now, out: &mut Output) {
        if self.coordinators.retry_at.is_none_or(|at| at > now.mono) {
            return;
        }
        self.coordinators.retry_at = None;
        let places: Vec<Place> = self.coordinators.open.keys().copied().collect();
        for place in places {
            self.replay(now, place, out);
        }
    }
}

/// What the batches hold from an offset on, and where they end.
fn items(place: Place, parts: &[Bytes], from: Offset) -> (Vec<Item>, Offset) {
    let (topic, partition) = (place.kind.topic(), place.partition);
    let mut items = Vec::new();
    let mut next_offset = from;
    for part in parts {
        for batch in batches(part) {
            let Ok((header, batch)) = batch else {
                tracing::error!(topic, partition, "a stored batch is unreadable");
                break;
            };
            next_offset = header.next_offset();
            if header.attributes.is_control() {
                // The log took it, so it is one of its own.
                if let Ok(Some(marker)) = EndTxnMarker::parse(&header, &batch)
                    && header.base_offset >= from
                {
                    let committed = marker.outcome == TransactionOutcome::Commit;
                    items.push(Item::Marker { header, committed });
                }
                continue;
            }
            collect_records(place, header, &batch, from, &mut items);
        }
    }
    (items, next_offset)
}

fn collect_records(
    place: Place,
    header: BatchHeader,
    batch: &Bytes,
    from: Offset,
    items: &mut Vec<Item>,
) {
    let (topic, partition, offset) = (place.kind.topic(), place.partition, header.base_offset);
    // The engines write uncompressed; whatever else a client may have produced is skipped.
    let Ok(records) = records(&header, batch) else {
        tracing::warn!(topic, partition, offset, "compressed batch skipped");
        return;
    };
    for record in records {
        match record {
            Ok(record) if record.offset >= from => {
                if let Some(key) = record.key {
                    items.push(Item::Record {
                        header,
                        offset: record.offset,
                        key,
                        value: record.value,
                    });
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(topic, partition, offset, %error, "unreadable record skipped");
                return;
            }
        }
    }
}

fn for_groups(item: Item) -> Loaded {
    match item {
        Item::Record {
            header,
            offset,
            key,
            value,
        } => Loaded::Record(kring_groups::LoadedRecord {
            offset,
            key,
            value,
            transaction: header
                .attributes
                .is_transactional()
                .then_some(header.producer_id),
        }),
        Item::Marker { header, committed } => Loaded::Marker {
            offset: header.base_offset,
            producer_id: header.producer_id,
            committed,
        },
    }
}

fn for_transactions(item: Item) -> Option<kring_transactions::LoadedRecord> {
    match item {
        Item::Record {
            offset, key, value, ..
        } => Some(kring_transactions::LoadedRecord { offset, key, value }),
        Item::Marker { .. } => None,
    }
}
