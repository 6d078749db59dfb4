//! The number of a commit group in the journal.
//! It says nothing about where the group lies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Log sequence number: the number of a commit group, rising by one from group to group for the
/// whole life of a data directory. Everything put into a group becomes durable with it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Lsn(pub u64);

impl Lsn {
    /// What is put into no group, because the log has stopped: never durable.
    pub const NEVER: Lsn = Lsn(u64::MAX);

    /// The number of the group after this one.
    #[must_use]
    pub fn next(self) -> Lsn {
        Lsn(self.0 + 1)
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
