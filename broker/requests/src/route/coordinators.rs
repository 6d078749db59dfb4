//! Partitions of `__consumer_offsets` on this broker: replay of what is committed, start and end of
//! a coordinator's term, and its appends until they are committed.
//! What the records mean is for the group engine.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use kring_groups::{Append, GroupEvent, Loaded, LoadedRecord, Token};
use kring_io::{Instant, Now};
use kring_log::{Read, ReadError};
use kring_wire::{
    BatchBuilder, BatchHeader, ErrorCode, LeaderEpoch, Offset, TopicPartition, batches, records,
};

use super::reads::Reader;
use crate::broker::{Broker, Work};
use crate::event::Output;
use crate::produce::append_error;

/// Bytes that one read of the replay asks for.
const REPLAY_READ_BYTES: usize = 1 << 20;

/// How long a replay waits when the disk is busy or failed.
const REPLAY_RETRY: Duration = Duration::from_millis(100);

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

/// An append of the group engine on its way to the high watermark.
#[derive(Debug)]
struct Pending {
    token: Token,
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

/// The partitions of `__consumer_offsets` that have a replica here.
#[derive(Debug, Default)]
pub(crate) struct Coordinators {
    open: BTreeMap<i32, Coordinator>,
    retry_at: Option<Instant>,
}

impl Coordinators {
    /// When a replay that found the disk busy goes on.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Partitions whose coordinator serves here.
    pub(crate) fn serving(&self) -> u64 {
        let serving = |c: &&Coordinator| matches!(c.term, Term::Serving { .. });
        self.open.values().filter(serving).count() as u64
    }
}

impl Broker {
    /// The role of a partition of `__consumer_offsets` may have changed; `leads` is the epoch this
    /// broker leads in.
    pub(crate) fn sync_coordinator(
        &mut self,
        now: Now,
        tp: TopicPartition,
        leads: Option<LeaderEpoch>,
        out: &mut Output,
    ) {
        let end = self.log.state(tp).map_or(0, |state| state.log_end);
        let coordinator = self
            .coordinators
            .open
            .entry(tp.partition)
            .or_insert(Coordinator {
                tp,
                term: Term::Standby,
                reading: false,
                appends: VecDeque::new(),
            });
        let current = match coordinator.term {
            Term::Standby => None,
            Term::Loading { epoch, .. } | Term::Serving { epoch } => Some(epoch),
        };
        if current == leads {
            self.replay(now, tp.partition, out);
            return;
        }
        if current.is_some() {
            coordinator.appends.clear();
            let partition = tp.partition;
            self.work
                .push_back(Work::Groups(GroupEvent::Resign { partition }));
        }
        coordinator.term = match leads {
            None => Term::Standby,
            Some(epoch) => {
                let partition = tp.partition;
                self.work
                    .push_back(Work::Groups(GroupEvent::Loading { partition }));
                Term::Loading { epoch, end }
            }
        };
        self.work.push_back(Work::Replay(tp.partition));
    }

    /// This broker holds no replica of the partition any more.
    pub(crate) fn drop_coordinator(&mut self, tp: TopicPartition) {
        let partition = tp.partition;
        let held = self.coordinators.open.get(&partition);
        if held.is_some_and(|coordinator| coordinator.tp == tp) {
            self.coordinators.open.remove(&partition);
            self.work
                .push_back(Work::Groups(GroupEvent::Unload { partition }));
        }
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
        let Some(coordinator) = self.coordinators.open.get_mut(&tp.partition) else {
            return;
        };
        if coordinator.tp != tp {
            return;
        }
        while let Some(pending) = coordinator.appends.front() {
            if pending.last.is_ok_and(|last| last >= high_watermark) {
                break;
            }
            let pending = coordinator.appends.pop_front().expect("looked at above");
            self.work.push_back(Work::Groups(GroupEvent::Appended {
                token: pending.token,
                result: pending.last,
            }));
        }
        self.replay(now, tp.partition, out);
    }

    /// Appends what the group engine stores.
    pub(crate) fn append_for_group(&mut self, now: Now, append: Append, out: &mut Output) {
        let Append {
            partition,
            token,
            records,
            transaction: _,
        } = append;
        let outcome = self.append_records(now, partition, &records, out);
        let Some(coordinator) = self.coordinators.open.get_mut(&partition) else {
            // The replica went away: its `Unload` answers everybody.
            return;
        };
        let tp = coordinator.tp;
        coordinator.appends.push_back(Pending {
            token,
            last: outcome,
        });
        // A refusal, or an append that is committed at once, has no later event to complete it.
        if let Some(state) = self.log.state(tp) {
            self.coordinator_committed(now, tp, state.high_watermark, out);
        }
    }

    fn append_records(
        &mut self,
        now: Now,
        partition: i32,
        records: &[(Bytes, Option<Bytes>)],
        out: &mut Output,
    ) -> Result<Offset, ErrorCode> {
        let coordinator = self
            .coordinators
            .open
            .get(&partition)
            .ok_or(ErrorCode::NotCoordinator)?;
        let Term::Serving { epoch } = coordinator.term else {
            return Err(ErrorCode::NotCoordinator);
        };
        let tp = coordinator.tp;
        if !self.has_min_isr(tp) {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let mut batch = BatchBuilder::new();
        for (key, value) in records {
            batch.push(now.wall_ms, Some(key), value.as_deref());
        }
        let appended = self
            .log
            .append(now, tp, epoch, batch.build())
            .map_err(|error| append_error::code(&error))?;
        self.replicas_appended(now, tp, out);
        Ok(appended.last_offset)
    }

    /// Gives the group engine what is committed and not yet replayed, and lets the coordinator serve
    /// when that is everything.
    pub(crate) fn replay(&mut self, now: Now, partition: i32, out: &mut Output) {
        let Some(coordinator) = self.coordinators.open.get_mut(&partition) else {
            return;
        };
        if coordinator.reading || matches!(coordinator.term, Term::Serving { .. }) {
            return;
        }
        let tp = coordinator.tp;
        let Some(state) = self.log.state(tp) else {
            return;
        };
        let from = self.groups.replayed_to(partition).max(state.log_start);
        if from < state.high_watermark {
            let read = self.log.read(
                now,
                tp,
                from,
                state.high_watermark,
                REPLAY_READ_BYTES,
                &mut out.effects,
            );
            match read {
                Read::Ready(parts) => self.load(partition, &parts, from),
                Read::Pending(id) => {
                    coordinator.reading = true;
                    self.reads.add(id, Reader::Coordinator { partition });
                }
                Read::Busy => self.replay_later(now),
                Read::OutOfRange { .. } | Read::UnknownPartition => {}
            }
            return;
        }
        if let Term::Loading { epoch, end } = coordinator.term
            && state.high_watermark >= end
        {
            coordinator.term = Term::Serving { epoch };
            self.work
                .push_back(Work::Groups(GroupEvent::BecomeLeader { partition, epoch }));
        }
    }

    /// A read of the replay came back from the disk.
    pub(crate) fn coordinator_read_done(
        &mut self,
        now: Now,
        partition: i32,
        result: Result<Vec<Bytes>, ReadError>,
        out: &mut Output,
    ) {
        let Some(coordinator) = self.coordinators.open.get_mut(&partition) else {
            return;
        };
        coordinator.reading = false;
        let tp = coordinator.tp;
        match result {
            Ok(parts) => {
                let start = self.log.state(tp).map_or(0, |state| state.log_start);
                let from = self.groups.replayed_to(partition).max(start);
                self.load(partition, &parts, from);
            }
            Err(ReadError::Gone) => self.replay(now, partition, out),
            Err(error) => {
                // The coordinator stays in loading: better none than one that forgot offsets.
                tracing::error!(partition, %error, "replay of __consumer_offsets failed");
                self.replay_later(now);
            }
        }
    }

    fn load(&mut self, partition: i32, parts: &[Bytes], from: Offset) {
        let mut loaded = Vec::new();
        let mut next_offset = from;
        for part in parts {
            for batch in batches(part) {
                let Ok((header, batch)) = batch else {
                    tracing::error!(
                        partition,
                        "a stored batch of __consumer_offsets is unreadable"
                    );
                    break;
                };
                next_offset = header.next_offset();
                if header.attributes.is_control() {
                    continue;
                }
                collect_records(partition, &header, &batch, from, &mut loaded);
            }
        }
        if next_offset > from {
            self.work.push_back(Work::Groups(GroupEvent::Load {
                partition,
                records: loaded,
                next_offset,
            }));
            self.work.push_back(Work::Replay(partition));
        }
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
        let partitions: Vec<i32> = self.coordinators.open.keys().copied().collect();
        for partition in partitions {
            self.replay(now, partition, out);
        }
    }
}

fn collect_records(
    partition: i32,
    header: &BatchHeader,
    batch: &Bytes,
    from: Offset,
    loaded: &mut Vec<Loaded>,
) {
    // The group engine writes uncompressed; whatever else a client may have produced is skipped.
    let Ok(records) = records(header, batch) else {
        tracing::warn!(
            partition,
            offset = header.base_offset,
            "compressed batch in __consumer_offsets skipped"
        );
        return;
    };
    for record in records {
        match record {
            Ok(record) if record.offset >= from => {
                if let Some(key) = record.key {
                    loaded.push(Loaded::Record(LoadedRecord {
                        offset: record.offset,
                        key,
                        value: record.value,
                        transaction: header
                            .attributes
                            .is_transactional()
                            .then_some(header.producer_id),
                    }));
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::error!(partition, offset = header.base_offset, %error, "unreadable record in __consumer_offsets skipped");
                return;
            }
        }
    }
}
