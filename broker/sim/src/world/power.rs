//! Takes the power away in the middle of a write, where one comes soon: an idle moment tests little.
//! Which brokers lose it is the fault's to say.

use std::time::Duration;

use kring_io::Instant;

use super::{Due, World};
use crate::faults::For;
use crate::machine::Machine;

/// How long a power loss waits for a write.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long after the beginning of the write the power goes, at most: about as long as a flush takes.
const INTO_WRITE_NS: u64 = 300_000;

/// A power loss that waits for a write.
pub(super) struct Cut {
    of: Vec<For>,
    by: Instant,
}

impl World {
    /// Plans a power loss; one that still waits comes at once.
    pub(super) fn plan_power_loss(&mut self, of: &[For]) {
        if let Some(earlier) = self.cut.take() {
            self.lose_power(&earlier.of);
        }
        self.cut = Some(Cut {
            of: of.to_vec(),
            by: self.now + PATIENCE,
        });
    }

    /// Takes the power away soon if one of those that lose it writes now.
    pub(super) fn cut_power_in_a_write(&mut self) {
        let Some(cut) = &self.cut else {
            return;
        };
        let writes = |of: &For| {
            let machine = self.machines.get(&of.broker);
            machine.is_some_and(|m| m.is_up() && Machine::disk(m).flushes())
        };
        if cut.of.iter().any(writes) || self.now >= cut.by {
            let cut = self.cut.take().expect("it was looked at above");
            let at = Instant(self.now.0 + self.random.below(INTO_WRITE_NS));
            self.later(at, Due::PowerLoss(cut.of));
        }
    }
}
