//! The groups of a partition where it is led, of both protocols.
//! No id is in both; what moves a group from one to the other is in `requests`.

use std::collections::BTreeMap;

use crate::classic::ClassicGroup;
use crate::consumer::ConsumerGroup;
use crate::owner::Owner;

/// Groups by id.
#[derive(Clone, Debug, Default)]
pub(super) struct LiveGroups {
    pub(super) classic: BTreeMap<String, ClassicGroup>,
    pub(super) consumer: BTreeMap<String, ConsumerGroup>,
}

impl LiveGroups {
    pub(super) fn contains(&self, id: &str) -> bool {
        self.classic.contains_key(id) || self.consumer.contains_key(id)
    }

    pub(super) fn len(&self) -> usize {
        self.classic.len() + self.consumer.len()
    }

    /// The group as the owner of offsets.
    pub(super) fn owner(&self, id: &str) -> Option<Owner<'_>> {
        let classic = self.classic.get(id).map(Owner::Classic);
        classic.or_else(|| self.consumer.get(id).map(Owner::Consumer))
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.classic.remove(id);
        self.consumer.remove(id);
    }

    /// All ids, of one protocol after the other.
    pub(super) fn ids(&self) -> impl Iterator<Item = &String> {
        self.classic.keys().chain(self.consumer.keys())
    }
}
