//! When a leader last heard its majority.
//! It changes nothing; who gives up for it is in `lead.rs`.

use kring_io::{Instant, Now};

use super::{Quorum, Role};

impl Quorum {
    /// The latest moment since which this leader has heard a majority of the voters, itself included; none on others.
    #[must_use]
    pub fn majority_heard_at(&self, now: Now) -> Option<Instant> {
        let Role::Leader(leading) = &self.role else {
            return None;
        };
        let voters = self.config.voters.iter();
        let heard_at = voters.map(|voter| leading.heard_at(*voter).unwrap_or(now.mono));
        let mut heard_at: Vec<Instant> = heard_at.collect();
        heard_at.sort_unstable();
        // A majority was heard at this moment or later.
        heard_at.get((heard_at.len() - 1) / 2).copied()
    }
}
