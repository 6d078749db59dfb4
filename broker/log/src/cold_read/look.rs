//! Looks through bytes of a segment for what a read is after, and verifies what it finds.
//! It reads nothing; `cold_read` brings the bytes.

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_wire::BatchHeader;
use kring_wire::batch::{HEADER_BYTES, check_crc};
use kring_wire::ids::Offset;

use super::{ColdRead, Goal};
use crate::event::OffsetAndTimestamp;
use crate::lookup::seek_in_batch;
use crate::partition::epochs::Epochs;

/// What a look at the bytes that were read gave.
pub(super) enum Step {
    /// Batches found: from and to within the bytes, and the offset after them.
    Found(usize, usize, Offset),
    Record(OffsetAndTimestamp),
    /// Read so many bytes at this position.
    More(u64, usize),
    /// Nothing of interest is in the segment.
    Exhausted,
    Corrupt(u64, String),
}

enum Verdict {
    Skip,
    Take,
    End,
}

impl ColdRead {
    /// Looks through the bytes at [`ColdRead::position`].
    pub(super) fn look(&mut self, bytes: &Bytes, epochs: &Epochs) -> Step {
        let mut at = 0;
        // The batches found so far, and the offset after them.
        let mut found: Option<(usize, Offset)> = None;
        let mut known_next: Option<Offset> = None;
        loop {
            let position = self.position + at as u64;
            let done = |at: usize| found.map(|(from, next)| Step::Found(from, at, next));
            if position >= self.segment_bytes {
                return done(at).unwrap_or(Step::Exhausted);
            }
            let rest = &bytes[at.min(bytes.len())..];
            if rest.len() < HEADER_BYTES {
                return done(at).unwrap_or_else(|| self.more(position, HEADER_BYTES, rest.len()));
            }
            let corrupt = |reason: String| Step::Corrupt(position, reason);
            let header = match BatchHeader::peek(rest) {
                Ok(header) => header,
                Err(error) => return corrupt(error.to_string()),
            };
            if let Some(reason) = self.misplacement(&header, known_next, epochs) {
                return done(at).unwrap_or_else(|| corrupt(reason));
            }
            if header.total_bytes as u64 > self.segment_bytes - position {
                return corrupt("a batch reaches beyond the segment".to_owned());
            }
            known_next = Some(header.next_offset());
            let verdict = self.judge(&header, found.map(|(from, _)| at - from));
            // What was found is whole; the next read meets what ends it first.
            if let (Verdict::End, Some((from, next))) = (&verdict, found) {
                return Step::Found(from, at, next);
            }
            if rest.len() < header.total_bytes {
                return done(at)
                    .unwrap_or_else(|| self.more(position, header.total_bytes, rest.len()));
            }
            let batch = bytes.slice(at..at + header.total_bytes);
            // LOG-7: clients and followers get only what verifies; and a batch that is passed over or
            // ends the read does so by a header that verifies.
            if let Err(error) = check_crc(&batch)
                && !canary::is_on(Canary::ReadUnverified)
            {
                return done(at).unwrap_or_else(|| corrupt(error.to_string()));
            }
            match verdict {
                Verdict::Skip => {
                    self.at_least = header.next_offset();
                    at += header.total_bytes;
                    if at >= bytes.len() {
                        return self.more(self.position + at as u64, HEADER_BYTES, usize::MAX);
                    }
                }
                Verdict::End => return Step::Exhausted,
                Verdict::Take => {
                    if let Goal::Lookup(sought) = self.goal {
                        if let Some(record) = seek_in_batch(&header, &batch, sought) {
                            return Step::Record(record);
                        }
                    } else {
                        let from = found.map_or(at, |(from, _)| from);
                        found = Some((from, header.next_offset()));
                    }
                    at += header.total_bytes;
                }
            }
        }
    }

    /// What is wrong with the place of a batch, if anything: its checksum covers neither its offset
    /// nor its leader epoch.
    fn misplacement(
        &self,
        header: &BatchHeader,
        known_next: Option<Offset>,
        epochs: &Epochs,
    ) -> Option<String> {
        let (base, epoch) = (header.base_offset, header.leader_epoch);
        let due = known_next.unwrap_or(self.at_least);
        let follows = match known_next {
            Some(next) if self.dense => base == next,
            // Without gaps the first batch of a read holds the offset that is read from, or ends before it.
            None if self.dense && self.reads_from().is_some_and(|from| base > from) => false,
            _ => base >= due,
        };
        if !follows {
            return Some(format!("a batch at {base} where {due} was due"));
        }
        let agrees = epochs.agree(epoch, base);
        (!agrees).then(|| format!("a batch at {base} says that its leader epoch is {epoch}"))
    }

    /// The offset that a fetch begins at; none of a look-up.
    fn reads_from(&self) -> Option<Offset> {
        match self.goal {
            Goal::Fetch { from, .. } => Some(from),
            Goal::Lookup(_) => None,
        }
    }

    /// Asks for more bytes from a position on; `had` bytes from there were not enough.
    fn more(&self, position: u64, needed: usize, had: usize) -> Step {
        let left = self.segment_bytes.saturating_sub(position);
        let asked = self.position + self.read_bytes as u64;
        if left == 0 {
            return Step::Exhausted;
        }
        if (needed as u64) > left || (had < needed && position + (needed as u64) <= asked) {
            let reason = "the file ends before the segment does".to_owned();
            return Step::Corrupt(position, reason);
        }
        Step::More(position, needed.max(self.read_bytes))
    }

    fn judge(&self, header: &BatchHeader, taken_bytes: Option<usize>) -> Verdict {
        match self.goal {
            Goal::Fetch { from, .. } if header.next_offset() <= from => Verdict::Skip,
            Goal::Fetch { upto, .. } if header.next_offset() > upto => Verdict::End,
            Goal::Fetch { max_bytes, .. } => match taken_bytes {
                Some(taken) if taken + header.total_bytes > max_bytes => Verdict::End,
                _ => Verdict::Take,
            },
            Goal::Lookup(sought) if header.base_offset >= sought.upto => Verdict::End,
            Goal::Lookup(sought)
                if header.next_offset() <= sought.from
                    || header.max_timestamp_ms < sought.timestamp_ms =>
            {
                Verdict::Skip
            }
            Goal::Lookup(_) => Verdict::Take,
        }
    }
}
