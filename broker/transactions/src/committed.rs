//! The committed layer of a partition: what its records below the high watermark say.
//! It is a function of those records alone and knows no marker, deadline or waiting client.

use std::collections::BTreeMap;

use kring_wire::Offset;

use crate::stored::Stored;

/// What the records of a partition up to `next_offset` add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Committed {
    /// The offset behind the last record that was applied.
    pub(crate) next_offset: Offset,
    /// The transactional ids.
    pub(crate) ids: BTreeMap<String, Stored>,
}

impl Committed {
    /// Applies one record. Applying is the only way in which this layer changes.
    pub(crate) fn apply(&mut self, transactional_id: &str, value: Option<Stored>) {
        match value {
            Some(stored) => match self.ids.get_mut(transactional_id) {
                Some(known) => *known = stored,
                None => {
                    self.ids.insert(transactional_id.to_owned(), stored);
                }
            },
            None => {
                self.ids.remove(transactional_id);
            }
        }
    }
}
