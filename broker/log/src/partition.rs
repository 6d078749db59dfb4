//! The state of one partition's log, and every way it can change.
//! It validates nothing a client says and journals nothing: live appends and replay both come here.

pub(crate) mod epochs;
pub(crate) mod producers;
mod producing;
mod roll;
pub(crate) mod tail;
pub(crate) mod transactions;

use kring_io::canary::{self, Canary};
use std::collections::VecDeque;

use bytes::Bytes;
use kring_wire::BatchHeader;
use kring_wire::ids::{Offset, TopicPartition};

use crate::cold_read::Cursors;
use crate::config::TopicLogConfig;
use crate::event::PartitionState;
use crate::segment::{Segment, SegmentKey};
use epochs::Epochs;
use producers::Producers;
use producing::note_producer;
use tail::{Tail, TailBatch};
use transactions::Transactions;

/// The segment that takes the next batch. It has a [`Segment`] only once something is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Active {
    pub(crate) base_offset: Offset,
    /// With what is only in memory.
    pub(crate) bytes: u64,
    /// Clock at its first batch.
    pub(crate) created_ms: i64,
    /// Largest timestamp of its first batch; of the first since the start for one that is older; −1 before.
    pub(crate) first_timestamp_ms: i64,
}

impl Active {
    /// A segment without a batch.
    fn begins_at(base_offset: Offset, created_ms: i64) -> Active {
        Active {
            base_offset,
            bytes: 0,
            created_ms,
            first_timestamp_ms: -1,
        }
    }
}

/// One partition's log.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) topic_name: String,
    /// Its directory.
    pub(crate) dir: String,
    pub(crate) config: TopicLogConfig,
    pub(crate) log_start: Offset,
    pub(crate) log_end: Offset,
    pub(crate) durable_end: Offset,
    pub(crate) high_watermark: Offset,
    pub(crate) epochs: Epochs,
    pub(crate) producers: Producers,
    pub(crate) transactions: Transactions,
    pub(crate) segments: VecDeque<Segment>,
    /// Bytes of all of them.
    pub(crate) segment_bytes: u64,
    pub(crate) active: Active,
    pub(crate) tail: Tail,
    /// Everything below is written to segments.
    pub(crate) flushed_end: Offset,
    /// Compaction has seen everything below.
    pub(crate) cleaned_end: Offset,
    /// What a durable checkpoint says to be in segments.
    pub(crate) checkpointed_end: Offset,
    /// Bytes that no segment holds.
    pub(crate) dirty_bytes: u64,
    /// Whether compaction may try: not after it met records that it does not understand.
    pub(crate) compactable: bool,
    /// From here on what the segments hold is not what was written, or cannot be read.
    pub(crate) damage: Option<Offset>,
    /// Whether the directory and its metadata file are there.
    pub(crate) dir_made: bool,
    /// Where readers of segments stopped.
    pub(crate) cursors: Cursors,
    /// Rises when segments are dropped, so that a flush under way notices.
    pub(crate) generation: u64,
}

/// The directory of a partition.
pub(crate) fn dir_name(topic_name: &str, tp: TopicPartition) -> String {
    format!("{topic_name}-{}", tp.partition)
}

impl Partition {
    /// An empty log.
    pub(crate) fn new(tp: TopicPartition, topic_name: &str, config: TopicLogConfig) -> Partition {
        Partition {
            topic_name: topic_name.to_owned(),
            dir: dir_name(topic_name, tp),
            config,
            log_start: 0,
            log_end: 0,
            durable_end: 0,
            high_watermark: 0,
            epochs: Epochs::default(),
            producers: Producers::default(),
            transactions: Transactions::default(),
            segments: VecDeque::new(),
            segment_bytes: 0,
            active: Active::begins_at(0, 0),
            tail: Tail::new(0, 0),
            flushed_end: 0,
            cleaned_end: 0,
            checkpointed_end: 0,
            dirty_bytes: 0,
            compactable: true,
            damage: None,
            dir_made: false,
            cursors: Cursors::default(),
            generation: 0,
        }
    }

    pub(crate) fn state(&self) -> PartitionState {
        PartitionState {
            log_start: self.log_start,
            log_end: self.log_end,
            durable_end: self.durable_end,
            high_watermark: self.high_watermark,
            last_stable_offset: self.last_stable_offset(),
            last_epoch: self.epochs.last(),
            size_bytes: self.segment_bytes + self.dirty_bytes,
        }
    }

    /// What follows goes to a new segment.
    pub(crate) fn roll(&mut self, created_ms: i64) {
        self.active = Active::begins_at(self.log_end, created_ms);
        self.tail.roll(self.log_end);
    }

    /// Copies one batch to the end; `finish` makes the copy final. Returns the final bytes.
    pub(crate) fn push(
        &mut self,
        batch: &[u8],
        now_ms: i64,
        finish: impl FnOnce(&mut [u8]) -> BatchHeader,
    ) -> (BatchHeader, &[u8]) {
        let mut header = None;
        let bytes = self.tail.push(batch, |copy| *header.insert(finish(copy)));
        let header = header.expect("the tail finishes every batch it copies");
        note(
            &header,
            now_ms,
            &mut self.log_end,
            &mut self.active,
            &mut self.dirty_bytes,
            &mut self.epochs,
        );
        let (producers, transactions) = (&mut self.producers, &mut self.transactions);
        let high_watermark = self.high_watermark;
        note_producer(producers, transactions, &header, high_watermark, now_ms);
        transactions.appended(&header, bytes, high_watermark, now_ms);
        (header, bytes)
    }

    /// Takes final batches of the active segment: a follower's, or those of the journal.
    pub(crate) fn push_shared(&mut self, bytes: &Bytes, headers: &[BatchHeader], now_ms: i64) {
        self.tail.push_shared(bytes, headers);
        let mut at = 0;
        for header in headers {
            let batch = &bytes[at..at + header.total_bytes];
            at += header.total_bytes;
            note(
                header,
                now_ms,
                &mut self.log_end,
                &mut self.active,
                &mut self.dirty_bytes,
                &mut self.epochs,
            );
            if !canary::is_on(Canary::ProducersNotReplicated) {
                let (producers, transactions) = (&mut self.producers, &mut self.transactions);
                note_producer(producers, transactions, header, self.high_watermark, now_ms);
            }
            self.transactions
                .appended(header, batch, self.high_watermark, now_ms);
        }
    }

    /// Drops everything from `to` on. `to` is the base of a batch that no segment holds, or the end.
    pub(crate) fn truncate(&mut self, to: Offset) {
        let dropped: u64 = self.tail.batches_from(to).map(|(_, b)| b.len as u64).sum();
        self.tail.truncate(to);
        self.dirty_bytes -= dropped;
        self.log_end = to;
        self.durable_end = self.durable_end.min(to);
        if !canary::is_on(Canary::EpochsNotTruncated) {
            self.epochs.truncate(to);
        }
        if !canary::is_on(Canary::ProducersNotTruncated) {
            self.producers.truncate(to);
        }
        self.transactions.truncate(to);
        if to < self.active.base_offset {
            let in_tail = self.tail.batches_from(self.flushed_end).last();
            let base_offset = in_tail
                .map(|(segment, _)| segment)
                .or(self.segments.back().map(|s| s.base_offset))
                .unwrap_or(to);
            self.active.base_offset = base_offset;
        }
        self.active.bytes = self.bytes_of(self.active.base_offset);
        self.tail.roll(self.active.base_offset);
    }

    fn bytes_of(&self, segment: Offset) -> u64 {
        let written = self.segments.back().filter(|s| s.base_offset == segment);
        let unwritten = self
            .tail
            .batches_from(self.flushed_end)
            .filter(|(s, _)| *s == segment)
            .map(|(_, b)| b.len as u64);
        written.map_or(0, |s| s.file_bytes) + unwritten.sum::<u64>()
    }

    /// Drops everything from `to` on, also what segments hold. `to` is where a segment begins, or a
    /// batch that no segment holds, or the end. Returns the segments that are gone.
    pub(crate) fn discard(&mut self, to: Offset) -> Vec<Segment> {
        self.generation += 1;
        self.damage = None;
        self.compactable = true;
        self.high_watermark = self.high_watermark.min(to);
        if to >= self.flushed_end {
            self.truncate(to);
            return Vec::new();
        }
        let keep = self.segments.partition_point(|s| s.base_offset < to);
        let gone: Vec<Segment> = self.segments.drain(keep..).collect();
        self.segment_bytes -= gone.iter().map(|s| s.file_bytes).sum::<u64>();
        self.log_end = to;
        self.durable_end = self.durable_end.min(to);
        self.flushed_end = to;
        self.cleaned_end = self.cleaned_end.min(to);
        self.checkpointed_end = self.checkpointed_end.min(to);
        self.dirty_bytes = 0;
        self.epochs.truncate(to);
        self.producers.truncate(to);
        self.transactions.truncate(to);
        self.active = Active::begins_at(to, 0);
        self.tail = Tail::new(to, to);
        gone
    }

    /// A segment by its name.
    pub(crate) fn segment(&self, key: SegmentKey) -> Option<&Segment> {
        self.find(key.base_offset, key.rewrites)
    }

    fn find(&self, base_offset: Offset, rewrites: u32) -> Option<&Segment> {
        let segments = &self.segments;
        let at = segments.binary_search_by_key(&base_offset, |s| s.base_offset);
        let segment = segments.get(at.ok()?)?;
        (segment.rewrites == rewrites).then_some(segment)
    }

    /// Drops everything and starts anew at `at`, with what is known of producers. Returns the segments that are gone.
    pub(crate) fn reset(
        &mut self,
        at: Offset,
        producers: Producers,
        transactions: Transactions,
    ) -> Vec<Segment> {
        self.generation += 1;
        self.damage = None;
        self.compactable = true;
        self.log_start = at;
        self.log_end = at;
        self.durable_end = at;
        self.high_watermark = at;
        self.flushed_end = at;
        self.cleaned_end = at;
        self.checkpointed_end = at;
        self.dirty_bytes = 0;
        self.segment_bytes = 0;
        self.epochs.clear();
        self.producers = producers;
        self.transactions = transactions;
        self.active = Active::begins_at(at, 0);
        self.tail = Tail::new(at, at);
        std::mem::take(&mut self.segments).into()
    }

    /// Drops whole segments below `offset` and hides the rest. Returns the segments that are gone.
    pub(crate) fn set_log_start(&mut self, offset: Offset) -> Vec<Segment> {
        self.log_start = offset;
        // Only what is committed is deleted. A start is durable by itself, the high watermark with the next batch:
        // after a power loss without one the start would be beyond it, and a follower keep another start for ever.
        self.raise_high_watermark(offset);
        self.epochs.trim(offset);
        self.transactions.trim(offset);
        let mut gone = Vec::new();
        while self
            .segments
            .front()
            .is_some_and(|s| s.next_offset <= offset && self.is_complete(s))
        {
            gone.extend(self.segments.pop_front());
        }
        self.segment_bytes -= gone.iter().map(|s: &Segment| s.file_bytes).sum::<u64>();
        let first = self.segments.front().map(|s| s.base_offset);
        // What was damaged is no longer part of the log.
        self.damage
            .take_if(|at| first.is_none_or(|first| first > *at));
        gone
    }

    /// Whether nothing more will be written to a segment: it is not the active one, nor one of which
    /// a part is still in memory only.
    pub(crate) fn is_complete(&self, segment: &Segment) -> bool {
        segment.base_offset != self.active.base_offset
            && (self.flushed_end >= self.active.base_offset
                || segment.next_offset < self.flushed_end)
    }

    /// Whether all these segments (base offset and rewrites) are there.
    pub(crate) fn has_segments(&self, wanted: &[(Offset, u32)]) -> bool {
        let is_there = |(base, rewrites): &(Offset, u32)| self.find(*base, *rewrites).is_some();
        wanted.iter().all(is_there)
    }

    /// One segment takes the place of several neighbours. Returns the segments that are gone.
    pub(crate) fn compacted(
        &mut self,
        sources: &[(Offset, u32)],
        segment: &Segment,
        cleaned_end: Offset,
    ) -> Vec<Segment> {
        let is_source = |s: &Segment| sources.contains(&(s.base_offset, s.rewrites));
        let Some(at) = self.segments.iter().position(is_source) else {
            return Vec::new();
        };
        let count = self.segments.iter().filter(|s| is_source(s)).count();
        let gone: Vec<Segment> = self.segments.drain(at..at + count).collect();
        self.segments.insert(at, segment.clone());
        self.segment_bytes += segment.file_bytes;
        self.segment_bytes -= gone.iter().map(|s| s.file_bytes).sum::<u64>();
        self.cleaned_end = self.cleaned_end.max(cleaned_end);
        gone
    }

    /// Batches up to `end` are written to `segment`.
    pub(crate) fn flushed(&mut self, segment: Offset, created_ms: i64, batches: &[TailBatch]) {
        if self
            .segments
            .back()
            .is_none_or(|s| s.base_offset != segment)
        {
            self.segments.push_back(Segment::new(segment, created_ms));
        }
        let target = self
            .segments
            .back_mut()
            .expect("a segment was just ensured");
        for batch in batches {
            target.written(&batch.span());
            self.flushed_end = batch.next_offset;
            self.dirty_bytes -= batch.len as u64;
            self.segment_bytes += batch.len as u64;
        }
    }

    /// What may be written to segments: committed and durable, so that segments are never cut.
    pub(crate) fn flush_limit(&self) -> Offset {
        self.durable_end.min(self.high_watermark)
    }
}

fn note(
    header: &BatchHeader,
    now_ms: i64,
    log_end: &mut Offset,
    active: &mut Active,
    dirty_bytes: &mut u64,
    epochs: &mut Epochs,
) {
    if active.bytes == 0 {
        active.created_ms = now_ms;
    }
    if active.first_timestamp_ms < 0 {
        active.first_timestamp_ms = header.max_timestamp_ms;
    }
    active.bytes += header.total_bytes as u64;
    *dirty_bytes += header.total_bytes as u64;
    *log_end = header.next_offset();
    epochs.appended(header.leader_epoch, header.base_offset);
}
