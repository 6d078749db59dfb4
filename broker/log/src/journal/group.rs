//! A commit group while it fills: records in a buffer that begins with room for the header.
//! It has no number and no place yet; the journal gives them when it seals the group.

use kring_io::Buffer;
use kring_wire::ids::{Offset, TopicPartition};

use super::block;

/// Partitions that a group appends to, with where their logs then end.
pub(crate) type Touched = Vec<(TopicPartition, Offset)>;

/// Records on their way into a block.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) buffer: Buffer,
    pub(crate) records: u32,
    pub(crate) touched: Touched,
    /// Whether it begins a run.
    pub(crate) first_of_run: bool,
}

impl Group {
    /// An empty group in a recycled buffer.
    pub(crate) fn new(mut buffer: Buffer) -> Group {
        buffer.clear();
        buffer.extend_from_slice(&[0; block::HEADER_BYTES]);
        Group {
            buffer,
            records: 0,
            touched: Vec::new(),
            first_of_run: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.records == 0
    }

    /// Whether a record of so many bytes still fits, with the padding and the parity after it.
    pub(crate) fn fits(&self, record_bytes: usize) -> bool {
        let payload_bytes = self.buffer.len() - block::HEADER_BYTES + record_bytes;
        block::padded_bytes(payload_bytes) <= self.buffer.capacity()
    }

    /// Adds a record that fits, given in parts.
    pub(crate) fn push(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.buffer.extend_from_slice(part);
        }
        self.records += 1;
    }

    /// Notes where a partition's log ends after this group.
    pub(crate) fn touch(&mut self, tp: TopicPartition, end: Offset) {
        match self.touched.last_mut() {
            Some((last, known)) if *last == tp => *known = end,
            _ => self.touched.push((tp, end)),
        }
    }
}

/// Lowers what groups will report of a partition, because its log was cut.
pub(crate) fn cap_touched(touched: &mut Touched, tp: TopicPartition, to: Option<Offset>) {
    match to {
        Some(to) => {
            for (_, end) in touched.iter_mut().filter(|(t, _)| *t == tp) {
                *end = (*end).min(to);
            }
        }
        None => touched.retain(|(t, _)| *t != tp),
    }
}

/// How large a buffer must be for a record of so many bytes.
pub(crate) fn capacity_for(group_bytes_max: usize, record_bytes: usize) -> usize {
    block::padded_bytes(group_bytes_max.max(record_bytes))
}
