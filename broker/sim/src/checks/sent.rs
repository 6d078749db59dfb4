//! Who sent which records and under which producer id: the part of a history that several checks look up.
//! It judges nothing.

use std::collections::BTreeMap;

use crate::history::{Partition, Records};

/// Something about each sending, found by any of its records.
#[derive(Debug)]
pub(super) struct Sent<T> {
    by_first: BTreeMap<(Partition, u32), BTreeMap<u64, (u32, T)>>,
}

impl<T> Default for Sent<T> {
    fn default() -> Sent<T> {
        Sent {
            by_first: BTreeMap::new(),
        }
    }
}

impl<T: Copy> Sent<T> {
    /// Adds a sending; the first one of the same records stays.
    pub(super) fn add(&mut self, partition: Partition, records: Records, about: T) {
        self.by_first
            .entry((partition, records.producer))
            .or_default()
            .entry(records.first)
            .or_insert((records.count, about));
    }

    /// What is known of the sending that a record was part of.
    pub(super) fn of(&self, partition: Partition, producer: u32, sequence: u64) -> Option<T> {
        let runs = self.by_first.get(&(partition, producer))?;
        let (first, (count, about)) = runs.range(..=sequence).next_back()?;
        (sequence - first < u64::from(*count)).then_some(*about)
    }
}
