//! Everything that the journal describes: all partitions, and the values of other engines.
//! It knows no file and no journal; changes come from live calls and from replay alike.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_wire::ids::{Offset, TopicPartition};
use kring_wire::{BatchHeader, batches};

use crate::journal::record::{Change, Record};
use crate::partition::Partition;
use crate::partition::producers::Producers;
use crate::partition::transactions::Transactions;
use crate::segment::Segment;

/// The state of the log.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) partitions: BTreeMap<TopicPartition, Partition>,
    pub(crate) values: BTreeMap<Bytes, Bytes>,
    /// Partitions created in this run, or while its journal was followed.
    created: u64,
}

/// Generations of a partition before it is another's turn: more than it ever begins.
const GENERATIONS: u64 = 1 << 32;

/// What a change left behind: directories and files that nothing refers to any more.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// A directory with all that is in it.
    pub(crate) dir: Option<String>,
    /// Segments of a partition that stays.
    pub(crate) segments: Vec<Segment>,
}

impl State {
    fn create(&mut self, tp: TopicPartition, mut partition: Partition) {
        // What is still under way for a partition of the same name that was deleted must not be
        // taken for this one's.
        self.created += 1;
        partition.generation = self.created * GENERATIONS;
        self.partitions.insert(tp, partition);
    }

    /// Applies a change that was or will be journaled. What it names must be there, except in
    /// [`Change::Create`].
    pub(crate) fn apply(&mut self, change: &Change) -> Leftovers {
        let mut left = Leftovers::default();
        match change {
            Change::Start | Change::Clean => {}
            Change::Create {
                tp,
                topic_name,
                config,
            } => {
                let partition = Partition::new(*tp, topic_name, config.clone());
                self.create(*tp, partition);
            }
            Change::Configure { tp, config } => {
                if let Some(partition) = self.partitions.get_mut(tp) {
                    partition.config = config.clone();
                }
            }
            Change::Delete { tp } => {
                left.dir = self.partitions.remove(tp).map(|p| p.dir);
            }
            Change::Roll { tp, created_ms, .. } => {
                if let Some(partition) = self.partitions.get_mut(tp) {
                    partition.roll(*created_ms);
                }
            }
            Change::Truncate { tp, to } => {
                if let Some(partition) = self.partitions.get_mut(tp) {
                    partition.truncate(*to);
                }
            }
            Change::Discard { tp, to } => {
                if let Some(partition) = self.partitions.get_mut(tp) {
                    left.segments = partition.discard(*to);
                }
            }
            Change::Reset { .. }
            | Change::StartAnew { .. }
            | Change::StartAnewWithTransactions { .. } => {
                left.segments = self.start_anew(change);
            }
            Change::LogStart { tp, offset } => {
                if let Some(partition) = self.partitions.get_mut(tp) {
                    left.segments = partition.set_log_start(*offset);
                }
            }
            Change::Compacted { .. } | Change::CompactedWithMarkers { .. } => {
                left.segments = self.compacted(change);
            }
            Change::State { key, value: None } => {
                self.values.remove(key);
            }
            Change::State {
                key,
                value: Some(value),
            } => {
                // A copy: the bytes that a value was cut out of need not stay in memory with it.
                let value = Bytes::copy_from_slice(value);
                self.values.insert(key.clone(), value);
            }
        }
        left
    }

    fn start_anew(&mut self, change: &Change) -> Vec<Segment> {
        let (tp, at, producers, transactions) = match change {
            Change::Reset { tp, at } => (tp, *at, Producers::default(), Transactions::default()),
            Change::StartAnew { tp, at, producers } => {
                (tp, *at, producers.clone(), Transactions::default())
            }
            Change::StartAnewWithTransactions {
                tp,
                at,
                producers,
                transactions,
            } => (tp, *at, producers.clone(), transactions.clone()),
            _ => return Vec::new(),
        };
        let partition = self.partitions.get_mut(tp);
        partition.map_or(Vec::new(), |p| p.reset(at, producers, transactions))
    }

    fn compacted(&mut self, change: &Change) -> Vec<Segment> {
        let (Change::Compacted {
            tp,
            sources,
            segment,
            cleaned_end,
        }
        | Change::CompactedWithMarkers {
            tp,
            sources,
            segment,
            cleaned_end,
            ..
        }) = change
        else {
            return Vec::new();
        };
        let Some(partition) = self.partitions.get_mut(tp) else {
            return Vec::new();
        };
        if let Change::CompactedWithMarkers { markers, .. } = change {
            partition.transactions.cleaned(segment.next_offset, markers);
        }
        partition.compacted(sources, segment, *cleaned_end)
    }

    /// Applies a record read back from the journal.
    ///
    /// # Errors
    /// Says what does not follow from the state.
    pub(crate) fn replay(&mut self, record: Record, now_ms: i64) -> Result<(), String> {
        match record {
            Record::Batches {
                tp,
                high_watermark,
                bytes,
            } => self.replay_batches(tp, high_watermark, &bytes, now_ms),
            Record::Change(change) => {
                self.check(&change)?;
                self.apply(&change);
                Ok(())
            }
        }
    }

    pub(crate) fn replay_batches(
        &mut self,
        tp: TopicPartition,
        high_watermark: Offset,
        bytes: &Bytes,
        now_ms: i64,
    ) -> Result<(), String> {
        let Some(partition) = self.partitions.get_mut(&tp) else {
            return Err(format!("batches of {tp}, which is not there"));
        };
        let mut headers: Vec<BatchHeader> = Vec::new();
        let mut end = partition.log_end;
        for batch in batches(bytes) {
            let (header, _) = batch.map_err(|e| format!("{tp}: {e}"))?;
            if header.base_offset < end {
                return Err(format!(
                    "{tp}: a batch at {} where {end} was due",
                    header.base_offset
                ));
            }
            end = header.next_offset();
            headers.push(header);
        }
        // Copied, so that a small batch does not keep the whole block in memory.
        for (at, header) in headers.iter().scan(0, |at, h| {
            let from = *at;
            *at += h.total_bytes;
            Some((from, h))
        }) {
            partition.push(&bytes[at..at + header.total_bytes], now_ms, |_| *header);
        }
        partition.durable_end = partition.log_end;
        partition.raise_high_watermark(high_watermark);
        Ok(())
    }

    fn check(&self, change: &Change) -> Result<(), String> {
        let must_be_there = match change {
            Change::Configure { tp, .. }
            | Change::Delete { tp }
            | Change::Roll { tp, .. }
            | Change::Truncate { tp, .. }
            | Change::Discard { tp, .. }
            | Change::Reset { tp, .. }
            | Change::StartAnew { tp, .. }
            | Change::StartAnewWithTransactions { tp, .. }
            | Change::LogStart { tp, .. }
            | Change::Compacted { tp, .. }
            | Change::CompactedWithMarkers { tp, .. } => tp,
            _ => return Ok(()),
        };
        let Some(partition) = self.partitions.get(must_be_there) else {
            return Err(format!("a change of {must_be_there}, which is not there"));
        };
        match change {
            Change::Truncate { to, .. } if *to < partition.flushed_end => Err(format!(
                "{must_be_there} is cut at {to}, below what its segments hold"
            )),
            Change::Discard { to, .. }
                if *to > partition.log_end
                    || partition
                        .segments
                        .iter()
                        .any(|s| s.base_offset < *to && s.next_offset > *to) =>
            {
                Err(format!(
                    "{must_be_there} is dropped from {to} on, inside of a segment or behind its end"
                ))
            }
            Change::Compacted {
                sources, segment, ..
            }
            | Change::CompactedWithMarkers {
                sources, segment, ..
            } if !partition.has_segments(sources)
                || segment.next_offset > partition.flushed_end =>
            {
                Err(format!(
                    "{must_be_there} has not the segments that compaction rewrote"
                ))
            }
            Change::Roll { base_offset, .. } if *base_offset != partition.log_end => Err(format!(
                "{must_be_there} begins a segment at {base_offset} and ends at {}",
                partition.log_end
            )),
            _ => Ok(()),
        }
    }
}
