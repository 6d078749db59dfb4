//! What clients did and saw, in the order of time: the only thing the checks read.
//! It judges nothing and knows no broker, so that histories of real processes can use it too.

use kring_io::{BrokerId, Instant};

/// A record's identity, readable from its bytes alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Which producer wrote it.
    pub producer: u32,
    /// Its number among that producer's records of one partition, from 0.
    pub sequence: u64,
}

impl RecordId {
    /// The record's value: sixteen bytes.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(b"krng");
        bytes[4..8].copy_from_slice(&self.producer.to_be_bytes());
        bytes[8..].copy_from_slice(&self.sequence.to_be_bytes());
        bytes
    }

    /// Reads a value back; none if it is not one of ours.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<RecordId> {
        let (magic, rest) = bytes.split_first_chunk::<4>()?;
        let (producer, sequence) = rest.split_first_chunk::<4>()?;
        let sequence: [u8; 8] = sequence.try_into().ok()?;
        (magic == b"krng").then_some(RecordId {
            producer: u32::from_be_bytes(*producer),
            sequence: u64::from_be_bytes(sequence),
        })
    }
}

/// One thing that a client did or saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// A producer began to send a record (the first try; tries after it are the same invocation).
    Invoked {
        /// The record.
        record: RecordId,
        /// Its partition.
        partition: i32,
    },
    /// The record was acknowledged with acks=all.
    Acknowledged {
        /// The record.
        record: RecordId,
        /// Its partition.
        partition: i32,
        /// Where it is, as the broker said.
        offset: i64,
    },
    /// A consumer was given the record while the faults were on.
    Polled {
        /// The record.
        record: RecordId,
        /// Its partition.
        partition: i32,
        /// Where it is.
        offset: i64,
        /// Which broker gave it.
        from: BrokerId,
    },
    /// After the faults: the record is in this replica's log below the high watermark.
    Kept {
        /// The record.
        record: RecordId,
        /// Its partition.
        partition: i32,
        /// Where it is.
        offset: i64,
        /// Whose replica.
        replica: BrokerId,
    },
    /// After the faults: a replica has been read from its start to its high watermark.
    Swept {
        /// The partition.
        partition: i32,
        /// Whose replica.
        replica: BrokerId,
        /// The high watermark up to which it was read.
        high_watermark: i64,
    },
}

/// Everything that happened, oldest first.
#[derive(Clone, Debug, Default)]
pub struct History {
    events: Vec<(Instant, Happened)>,
}

impl History {
    /// Adds what happened at `at`, which must not be before the last event.
    pub fn push(&mut self, at: Instant, happened: Happened) {
        assert!(
            self.events.last().is_none_or(|(last, _)| *last <= at),
            "time runs forwards"
        );
        self.events.push((at, happened));
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = (Instant, &Happened)> {
        self.events.iter().map(|(at, happened)| (*at, happened))
    }

    /// How many acknowledgements are in it.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.events
            .iter()
            .filter(|(_, h)| matches!(h, Happened::Acknowledged { .. }))
            .count()
    }
}
