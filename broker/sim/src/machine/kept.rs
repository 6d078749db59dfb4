//! Notices when a process gives something up as lost that its disk has kept.
//! It judges no loss that the disk is to blame for.

use kring_io_sim::SimDisk;
use kring_requests::Broker;

use super::Machine;

/// What a process gave up, against what its disk lost.
///
/// What a disk has acknowledged and holds undamaged is never given up: a process that ends at the
/// first error counts on nothing that the disk did not acknowledge.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// Faults that had hit the disk when the process started.
    faults_before: u64,
    /// The disk held damage when the process started.
    damaged_before: bool,
    /// Whether recovery left something out, and how often a partition was found damaged.
    gave_up: (bool, u64),
    wrongly: Option<String>,
}

impl Kept {
    /// A process starts.
    pub(super) fn begin(&mut self, disk: &SimDisk) {
        self.faults_before = disk.stats().faults;
        self.damaged_before = disk.damaged_sectors() > 0;
        self.gave_up = (false, 0);
    }

    /// Whether a fault has hit the disk since the process started.
    pub(super) fn was_hit(&self, disk: &SimDisk) -> bool {
        disk.stats().faults > self.faults_before
    }

    /// Looks at a process that has just done something.
    pub(super) fn look(&mut self, broker: &Broker, disk: &SimDisk) {
        let log = broker.seen_log();
        let gave_up = (log.salvaged(), log.stats().damage_found);
        if gave_up == std::mem::replace(&mut self.gave_up, gave_up) {
            return;
        }
        let lost = self.was_hit(disk) || self.damaged_before || disk.damaged_sectors() > 0;
        if !lost {
            let what = if gave_up.0 {
                "a part of its journal"
            } else {
                "a segment"
            };
            let fact = format!(
                "broker {} gave up {what} that its disk had kept",
                broker.id()
            );
            self.wrongly.get_or_insert(fact);
        }
    }
}

impl Machine {
    /// What the process gave up as lost although the disk had kept it, once.
    pub fn take_wrongly_given_up(&mut self) -> Option<String> {
        self.kept.wrongly.take()
    }
}
