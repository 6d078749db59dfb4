//! What a cluster must survive, and the guard that keeps a run within it.
//! Everything within the budget that loses a record, or stays broken after the calm, is a violation.
//!
//! | fault | on how many of three brokers |
//! |---|---|
//! | power loss, kill, pause, restart, storm; clocks that jump | any number, at any time |
//! | partitions, broken, stalled and slow links; trouble between clients and brokers | any, at any time |
//! | an operation that fails with EIO; a full, slow or hung disk | any number: the process may end itself and is started again |
//! | rot, a lost or misdirected write, a disk replaced by an empty one | one at a time |
//!
//! Among the rot is damage of one page of the very last durable journal block of a broker in the moment
//! in which all lose power. The block is mended from its parity; else it would pass for a torn one, and
//! that broker might lead with a shorter log before a whole one is back. Not survived, and not drawn on
//! purpose, is that this last block is lost as a whole, or in more than one page: nothing on that disk
//! says then that it was ever there.
//!
//! Damage destroys what a disk has acknowledged, so that at most a minority may have it: the next
//! disk is damaged only after the first holds no damaged sector any more and the cluster is whole.
//! Damage of more than a minority at a time can destroy every copy of a record; nothing survives that.

use kring_io::BrokerId;

/// Whose disk has been damaged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    damaged: Option<BrokerId>,
}

impl Budget {
    /// Whether a broker's disk may be damaged now. `repaired` says whether the damage of the one
    /// before is gone and the cluster whole.
    pub fn allows_damage(
        &mut self,
        broker: BrokerId,
        repaired: impl FnOnce(BrokerId) -> bool,
    ) -> bool {
        let allowed = self
            .damaged
            .is_none_or(|before| before == broker || repaired(before));
        if allowed {
            self.damaged = Some(broker);
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_disk_is_damaged_only_after_the_first_is_repaired() {
        let mut budget = Budget::default();
        assert!(budget.allows_damage(BrokerId(1), |_| false));
        assert!(budget.allows_damage(BrokerId(1), |_| false));
        assert!(!budget.allows_damage(BrokerId(2), |_| false));
        assert!(budget.allows_damage(BrokerId(2), |before| before == BrokerId(1)));
        assert!(!budget.allows_damage(BrokerId(1), |_| false));
    }
}
