//! Looks for records by timestamp, in memory and in segments (ListOffsets).
//! The earliest and the latest offset need no look-up: they are part of the partition's state.

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_io::{Effects, Now};
use kring_wire::compress::decompressed_records;
use kring_wire::ids::{Offset, TopicPartition};
use kring_wire::{BatchHeader, TimestampType};

use crate::Log;
use crate::cold_read::Goal;
use crate::config::DECOMPRESSED_BYTES_MAX;
use crate::event::{Lookup, OffsetAndTimestamp, TimestampQuery};
use crate::partition::Partition;

/// What a search goes on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sought {
    /// Records before are of no interest.
    pub(crate) from: Offset,
    /// Records from here on neither.
    pub(crate) upto: Offset,
    /// The record's timestamp is at least this.
    pub(crate) timestamp_ms: i64,
}

impl Log {
    /// Looks for a record by its timestamp below `upto`.
    pub fn lookup_timestamp(
        &mut self,
        _now: Now,
        tp: TopicPartition,
        query: TimestampQuery,
        upto: Offset,
        out: &mut Effects,
    ) -> Lookup {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return Lookup::UnknownPartition;
        };
        let sought = match query {
            TimestampQuery::At(timestamp_ms) => Some(Sought {
                from: partition.log_start,
                upto,
                timestamp_ms,
            }),
            TimestampQuery::Max => latest(partition, upto),
        };
        match sought {
            None => Lookup::Ready(None),
            Some(sought) => self.seek(tp, sought, out),
        }
    }

    /// The first record that is sought: at once when it is in memory.
    pub(crate) fn seek(&mut self, tp: TopicPartition, sought: Sought, out: &mut Effects) -> Lookup {
        let Some(partition) = self.state.partitions.get_mut(&tp) else {
            return Lookup::UnknownPartition;
        };
        let tail_start = partition.tail.start();
        let segment = partition.segments.iter().find(|s| {
            s.next_offset > sought.from
                && s.max_timestamp_ms >= sought.timestamp_ms
                && s.base_offset < sought.upto.min(tail_start)
        });
        if let Some(segment) = segment {
            let key = segment.key(tp);
            let by_offset = segment.index.before_offset(sought.from);
            let by_time = segment.index.before_timestamp(sought.timestamp_ms);
            let goal = Goal::Lookup(sought);
            return match self.begin_cold_read(key, by_offset.max(by_time), goal, out) {
                Some(id) => Lookup::Pending(id),
                None => Lookup::Busy,
            };
        }
        Lookup::Ready(seek_in_tail(partition, sought))
    }
}

fn seek_in_tail(partition: &mut Partition, sought: Sought) -> Option<OffsetAndTimestamp> {
    let from = sought.from.max(partition.tail.start());
    let candidates: Vec<(Offset, Offset)> = partition
        .tail
        .batches_from(partition.tail.start())
        .map(|(_, b)| b)
        .filter(|b| b.next_offset > from && b.base_offset < sought.upto)
        .filter(|b| b.max_timestamp_ms >= sought.timestamp_ms)
        .map(|b| (b.base_offset, b.next_offset))
        .collect();
    candidates.into_iter().find_map(|(base, next)| {
        let bytes = partition
            .tail
            .slice(base, next, 1)
            .parts
            .into_iter()
            .next()?;
        let header = BatchHeader::parse(&bytes).ok()?;
        seek_in_batch(&header, &bytes, sought)
    })
}

/// The first record of a batch that is sought. Where the records cannot be looked at, the first
/// offset stands for all: a consumer that begins there sees the record, too.
pub(crate) fn seek_in_batch(
    header: &BatchHeader,
    bytes: &Bytes,
    sought: Sought,
) -> Option<OffsetAndTimestamp> {
    let is_sought = |(offset, timestamp_ms): &OffsetAndTimestamp| {
        *offset >= sought.from && *offset < sought.upto && *timestamp_ms >= sought.timestamp_ms
    };
    let whole = (header.base_offset.max(sought.from), header.max_timestamp_ms);
    if header.attributes.timestamp_type() == TimestampType::LogAppendTime {
        return Some(whole).filter(is_sought);
    }
    match decompressed_records(header, bytes, DECOMPRESSED_BYTES_MAX) {
        Ok(records) => records
            .map_while(Result::ok)
            .map(|r| (r.offset, r.timestamp_ms))
            .filter(is_sought)
            .nth(usize::from(canary::is_on(Canary::TimestampLookupLate))),
        Err(_) => Some(whole).filter(is_sought),
    }
}

/// Where the largest timestamp below `upto` is.
fn latest(partition: &Partition, upto: Offset) -> Option<Sought> {
    let written = partition
        .segments
        .iter()
        .filter(|s| s.base_offset < upto && s.max_timestamp_ms >= 0)
        .map(|s| (s.max_timestamp_ms, s.max_timestamp_offset));
    let in_memory = partition
        .tail
        .batches_from(partition.flushed_end)
        .map(|(_, b)| b)
        .filter(|b| b.next_offset <= upto && b.max_timestamp_ms >= 0)
        .map(|b| (b.max_timestamp_ms, b.base_offset));
    // The first of those with the largest timestamp.
    let best = written
        .chain(in_memory)
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    best.map(|(timestamp_ms, base)| Sought {
        from: base.max(partition.log_start),
        upto,
        timestamp_ms,
    })
}
