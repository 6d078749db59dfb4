//! Which voters could take the leader's place at once.
//! It changes nothing.

use kring_io::{BrokerId, Now};

use super::{Quorum, Role};

impl Quorum {
    /// Voters that the leader heard recently and whose log is within `lag` entries of its own,
    /// the leader included. Empty on others.
    #[must_use]
    pub fn voters_caught_up(&self, now: Now, lag: u64) -> Vec<BrokerId> {
        let Role::Leader(leading) = &self.role else {
            return Vec::new();
        };
        let patience = self.config.election_timeout;
        let near = |b: &BrokerId| {
            *b == self.config.id
                || leading.is_near(*b, self.log.end().index.saturating_sub(lag), now, patience)
        };
        self.config.voters.iter().copied().filter(near).collect()
    }
}
