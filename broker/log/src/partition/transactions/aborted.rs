//! The aborted transactions of a partition, as a consumer that reads only what is committed is told of them.
//! It knows no open ones and no producers' state.

use std::collections::{BTreeMap, VecDeque};

use kring_wire::ids::{Offset, ProducerId};
use serde::{Deserialize, Serialize};

use crate::event::AbortedTransaction;

/// An aborted transaction: 32 bytes of memory, until the log starts behind it or compaction has
/// removed its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    producer_id: ProducerId,
    first_offset: Offset,
    /// That of the marker.
    last_offset: Offset,
    /// All that end later begin here or later, so that a search may end.
    others_from: Offset,
}

/// All of them, in the order of their markers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted(VecDeque<Entry>);

impl Aborted {
    /// A marker at `last_offset` aborts what its producer wrote since `first_offset`; the oldest transaction that is
    /// still open begins at `oldest_open`.
    pub(super) fn push(
        &mut self,
        producer_id: ProducerId,
        first_offset: Offset,
        last_offset: Offset,
        oldest_open: Option<Offset>,
    ) {
        let next = last_offset.saturating_add(1);
        self.0.push_back(Entry {
            producer_id,
            first_offset,
            last_offset,
            others_from: oldest_open.map_or(next, |open| open.min(next)),
        });
    }

    /// Those of which something may lie from `from` up to `upto`, by their first offsets.
    pub(super) fn between(&self, from: Offset, upto: Offset) -> Vec<AbortedTransaction> {
        let passed = self.0.partition_point(|entry| entry.last_offset < from);
        let mut found = Vec::new();
        for entry in self.0.range(passed..) {
            if entry.first_offset < upto {
                found.push(AbortedTransaction {
                    producer_id: entry.producer_id,
                    first_offset: entry.first_offset,
                });
            }
            if entry.others_from >= upto {
                break;
            }
        }
        found.sort_unstable_by_key(|a| (a.first_offset, a.producer_id));
        found
    }

    /// First and last offsets by producer, in order.
    pub(super) fn by_producer(&self) -> BTreeMap<ProducerId, Vec<(Offset, Offset)>> {
        let mut found: BTreeMap<ProducerId, Vec<(Offset, Offset)>> = BTreeMap::new();
        for entry in &self.0 {
            let span = (entry.first_offset, entry.last_offset);
            found.entry(entry.producer_id).or_default().push(span);
        }
        found
    }

    /// The log now ends at `to`. Returns what is open again, with the first offsets.
    pub(super) fn truncate(&mut self, to: Offset) -> BTreeMap<ProducerId, Offset> {
        let mut reopened = BTreeMap::new();
        while let Some(entry) = self.0.pop_back_if(|entry| entry.last_offset >= to) {
            if entry.first_offset < to {
                reopened.insert(entry.producer_id, entry.first_offset);
            }
        }
        reopened
    }

    /// Drops those that end below `from`.
    pub(super) fn trim(&mut self, from: Offset) {
        let gone = self.0.partition_point(|entry| entry.last_offset < from);
        self.0.drain(..gone);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
