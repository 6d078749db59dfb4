//! Reads by offset: from memory at once, from a segment through `cold_read`.
//! It waits for nothing and knows no high watermark: how far to read is the caller's to say.

use kring_io::{Effects, Now};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::cold_read::Goal;
use crate::event::Read;

impl Log {
    /// Whole batches from the one that holds `from`, ending at or before `upto`: as many as
    /// `max_bytes` allows, and at least one when there is one.
    pub fn read(
        &mut self,
        _now: Now,
        tp: TopicPartition,
        from: Offset,
        upto: Offset,
        max_bytes: usize,
        out: &mut Effects,
    ) -> Read {
        let Some(partition) = self.state.partitions.get_mut(&tp) else {
            return Read::UnknownPartition;
        };
        let (log_start, log_end) = (partition.log_start, partition.log_end);
        if from < log_start || from > log_end {
            return Read::OutOfRange { log_start, log_end };
        }
        if from >= upto.min(log_end) {
            return Read::Ready(Vec::new());
        }
        let in_memory = from >= partition.tail.start();
        let written = partition
            .segments
            .partition_point(|s| s.next_offset <= from);
        match partition.segments.get(written).filter(|_| !in_memory) {
            None => Read::Ready(partition.tail.read(from, upto, max_bytes)),
            Some(segment) => {
                let key = segment.key(tp);
                let position = partition
                    .cursors
                    .take(from, key)
                    .unwrap_or_else(|| segment.index.before_offset(from));
                let goal = Goal::Fetch {
                    from,
                    upto,
                    max_bytes,
                };
                match self.begin_cold_read(key, position, goal, out) {
                    Some(id) => Read::Pending(id),
                    None => Read::Busy,
                }
            }
        }
    }
}
