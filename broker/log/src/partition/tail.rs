//! The end of a partition's log in memory: what no segment holds yet, and recently written data
//! that readers are likely to ask for. It reads no file; older data is the segments' business.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};
use kring_wire::BatchHeader;
use kring_wire::ids::Offset;

use crate::segment::BatchSpan;

/// The first chunk of a quiet partition.
const CHUNK_BYTES_MIN: usize = 4 << 10;
/// Chunks grow up to this; larger batches get a chunk of their own.
const CHUNK_BYTES_MAX: usize = 256 << 10;
/// Replicated data of at least this size is kept as it came instead of being copied.
const SHARE_BYTES_MIN: usize = 32 << 10;

/// A batch in a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TailBatch {
    pub(crate) base_offset: Offset,
    pub(crate) next_offset: Offset,
    pub(crate) max_timestamp_ms: i64,
    at: usize,
    pub(crate) len: usize,
}

impl TailBatch {
    /// What a segment needs to know of it.
    pub(crate) fn span(&self) -> BatchSpan {
        BatchSpan {
            base_offset: self.base_offset,
            next_offset: self.next_offset,
            max_timestamp_ms: self.max_timestamp_ms,
            bytes: self.len as u64,
        }
    }
}

/// Neighbouring batches of one segment in one piece of memory.
#[derive(Clone, Debug)]
struct Chunk {
    segment: Offset,
    bytes: Bytes,
    batches: VecDeque<TailBatch>,
}

/// Batches from [`Tail::start`] to the end of the log, without a gap.
#[derive(Debug)]
pub(crate) struct Tail {
    start: Offset,
    end: Offset,
    chunks: VecDeque<Chunk>,
    /// Where the next batches go.
    open: BytesMut,
    open_batches: VecDeque<TailBatch>,
    open_segment: Offset,
    bytes: usize,
    next_chunk_bytes: usize,
}

/// Some neighbouring batches of one segment.
#[derive(Debug)]
pub(crate) struct TailSlice {
    pub(crate) segment: Offset,
    pub(crate) parts: Vec<Bytes>,
    pub(crate) batches: Vec<TailBatch>,
}

impl TailSlice {
    pub(crate) fn len_bytes(&self) -> usize {
        self.parts.iter().map(Bytes::len).sum()
    }

    pub(crate) fn next_offset(&self) -> Option<Offset> {
        self.batches.last().map(|b| b.next_offset)
    }
}

impl Tail {
    /// An empty tail of a log that ends at `end`, with the active segment `segment`.
    pub(crate) fn new(end: Offset, segment: Offset) -> Tail {
        Tail {
            start: end,
            end,
            chunks: VecDeque::new(),
            open: BytesMut::new(),
            open_batches: VecDeque::new(),
            open_segment: segment,
            bytes: 0,
            next_chunk_bytes: CHUNK_BYTES_MIN,
        }
    }

    /// Offset of the first batch.
    pub(crate) fn start(&self) -> Offset {
        self.start
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What follows belongs to another segment.
    pub(crate) fn roll(&mut self, segment: Offset) {
        self.freeze();
        self.open_segment = segment;
    }

    /// Copies one batch to the end; `finish` may change the copy in place before anybody sees it.
    pub(crate) fn push(
        &mut self,
        batch: &[u8],
        finish: impl FnOnce(&mut [u8]) -> BatchHeader,
    ) -> &[u8] {
        if self.open.capacity() - self.open.len() < batch.len() {
            self.freeze();
            self.open = BytesMut::with_capacity(self.next_chunk_bytes.max(batch.len()));
            self.next_chunk_bytes = (self.next_chunk_bytes * 2).min(CHUNK_BYTES_MAX);
        }
        let at = self.open.len();
        self.open.extend_from_slice(batch);
        let header = finish(&mut self.open[at..]);
        self.open_batches.push_back(entry(&header, at));
        self.end = header.next_offset();
        self.bytes += batch.len();
        &self.open[at..]
    }

    /// Takes batches whose bytes are final.
    pub(crate) fn push_shared(&mut self, bytes: &Bytes, headers: &[BatchHeader]) {
        if bytes.len() < SHARE_BYTES_MIN {
            let mut at = 0;
            for header in headers {
                let batch = &bytes[at..at + header.total_bytes];
                at += header.total_bytes;
                self.push(batch, |_| *header);
            }
            return;
        }
        self.freeze();
        let mut at = 0;
        let mut batches = VecDeque::with_capacity(headers.len());
        for header in headers {
            batches.push_back(entry(header, at));
            at += header.total_bytes;
            self.end = header.next_offset();
        }
        self.bytes += bytes.len();
        self.chunks.push_back(Chunk {
            segment: self.open_segment,
            bytes: bytes.clone(),
            batches,
        });
    }

    /// Whole batches from the one that holds `from`, as far as `upto`: as many as `max_bytes`
    /// allows, at least one when there is one.
    pub(crate) fn read(&mut self, from: Offset, upto: Offset, max_bytes: usize) -> Vec<Bytes> {
        self.freeze();
        let mut parts = Vec::new();
        let mut left = max_bytes;
        for chunk in self.chunks.range(self.first_beyond(from)..) {
            let skip = chunk.batches.partition_point(|b| b.next_offset <= from);
            let mut take: Option<(usize, usize)> = None;
            let mut full = false;
            for batch in chunk.batches.range(skip..) {
                let first_of_all = parts.is_empty() && take.is_none();
                if batch.next_offset > upto || (batch.len > left && !first_of_all) {
                    full = true;
                    break;
                }
                left = left.saturating_sub(batch.len);
                let (start, _) = take.unwrap_or((batch.at, 0));
                take = Some((start, batch.at + batch.len));
            }
            if let Some((start, end)) = take {
                parts.push(chunk.bytes.slice(start..end));
            }
            if full {
                break;
            }
        }
        parts
    }

    /// Whole batches from exactly `from` up to `upto` that belong to one segment, at most
    /// `max_bytes` but at least one batch.
    pub(crate) fn slice(&mut self, from: Offset, upto: Offset, max_bytes: usize) -> TailSlice {
        self.freeze();
        let mut slice = TailSlice {
            segment: self.open_segment,
            parts: Vec::new(),
            batches: Vec::new(),
        };
        let mut bytes = 0;
        for chunk in self.chunks.range(self.first_beyond(from)..) {
            if !slice.batches.is_empty() && chunk.segment != slice.segment {
                break;
            }
            slice.segment = chunk.segment;
            let skip = chunk.batches.partition_point(|b| b.next_offset <= from);
            let fits = |b: &&TailBatch| {
                bytes += b.len;
                b.next_offset <= upto && (bytes <= max_bytes || bytes == b.len)
            };
            let taken: Vec<TailBatch> = chunk
                .batches
                .range(skip..)
                .take_while(fits)
                .copied()
                .collect();
            let (Some(first), Some(last)) = (taken.first(), taken.last()) else {
                break;
            };
            slice
                .parts
                .push(chunk.bytes.slice(first.at..last.at + last.len));
            let all = taken.len() == chunk.batches.len() - skip;
            slice.batches.extend(taken);
            if !all {
                break;
            }
        }
        slice
    }

    /// The batches from `from` on, with the segment each belongs to.
    pub(crate) fn batches_from(&self, from: Offset) -> impl Iterator<Item = (Offset, &TailBatch)> {
        let closed = self
            .chunks
            .range(self.first_beyond(from)..)
            .flat_map(|c| c.batches.iter().map(|b| (c.segment, b)));
        let open = self.open_batches.iter().map(|b| (self.open_segment, b));
        closed
            .chain(open)
            .filter(move |(_, b)| b.base_offset >= from)
    }

    /// Drops the batches from `to` on. `to` is the base of a batch or the end.
    pub(crate) fn truncate(&mut self, to: Offset) {
        self.freeze();
        while let Some(chunk) = self.chunks.back_mut() {
            while chunk.batches.back().is_some_and(|b| b.base_offset >= to) {
                let batch = chunk.batches.pop_back().expect("the back was looked at");
                self.bytes -= batch.len;
                chunk.bytes.truncate(batch.at);
            }
            if !chunk.batches.is_empty() {
                break;
            }
            self.chunks.pop_back();
        }
        self.end = to;
        self.start = self.start.min(to);
    }

    /// The base of the batch that holds `offset`.
    pub(crate) fn base_of(&self, offset: Offset) -> Option<Offset> {
        let closed = self.chunks.range(self.first_beyond(offset)..);
        closed
            .flat_map(|c| &c.batches)
            .chain(&self.open_batches)
            .find(|b| b.base_offset <= offset && offset < b.next_offset)
            .map(|b| b.base_offset)
    }

    /// The first chunk that ends beyond `offset`.
    fn first_beyond(&self, offset: Offset) -> usize {
        self.chunks
            .partition_point(|c| c.batches.back().is_none_or(|b| b.next_offset <= offset))
    }

    /// Drops whole chunks below `upto` until `wanted` bytes are free. Returns how many are.
    pub(crate) fn evict(&mut self, upto: Offset, wanted: usize) -> usize {
        let mut freed = 0;
        while freed < wanted {
            let Some(chunk) = self.chunks.front() else {
                break;
            };
            let Some(last) = chunk.batches.back().filter(|b| b.next_offset <= upto) else {
                break;
            };
            self.start = last.next_offset;
            freed += chunk.batches.iter().map(|b| b.len).sum::<usize>();
            self.chunks.pop_front();
        }
        if self.chunks.is_empty() && self.open_batches.is_empty() {
            self.open = BytesMut::new();
            self.next_chunk_bytes = CHUNK_BYTES_MIN;
        }
        self.bytes -= freed;
        freed
    }

    /// Makes what the open chunk holds shareable; the rest of its memory goes on to be filled.
    fn freeze(&mut self) {
        if self.open_batches.is_empty() {
            return;
        }
        self.chunks.push_back(Chunk {
            segment: self.open_segment,
            bytes: self.open.split().freeze(),
            batches: std::mem::take(&mut self.open_batches),
        });
    }
}

fn entry(header: &BatchHeader, at: usize) -> TailBatch {
    TailBatch {
        base_offset: header.base_offset,
        next_offset: header.next_offset(),
        max_timestamp_ms: header.max_timestamp_ms,
        at,
        len: header.total_bytes,
    }
}

#[cfg(test)]
mod tests;
