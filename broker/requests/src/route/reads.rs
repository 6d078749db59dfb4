//! Who waits for which read of the log.
//! Reads of the replicas are not here: what nobody here waits for is theirs.

use std::collections::BTreeMap;

use kring_log::ReadId;

use super::coordinators::Place;

/// Who asked the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reader {
    /// A partition of a waiting Fetch.
    Fetch {
        /// Its number among the waiting.
        fetch: u64,
        /// Which of its partitions.
        slot: usize,
    },
    /// A partition of a waiting ListOffsets.
    ListOffsets {
        /// Its number among the waiting.
        request: u64,
        /// Which of its partitions.
        slot: usize,
    },
    /// The replay of a coordinator's partition.
    Coordinator(Place),
}

/// Reads under way; the log caps their number.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    open: BTreeMap<ReadId, Reader>,
}

impl Reads {
    /// Remembers who asked.
    pub(crate) fn add(&mut self, id: ReadId, reader: Reader) {
        self.open.insert(id, reader);
    }

    /// Who asked, once.
    pub(crate) fn take(&mut self, id: ReadId) -> Option<Reader> {
        self.open.remove(&id)
    }
}
