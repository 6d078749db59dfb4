//! Counts what took effect: on machines, disks and links.
//! It judges no count.

use super::World;
use crate::faults::kind::{Counts, Kind};

impl World {
    /// How often each kind of fault took effect.
    #[must_use]
    pub fn tally(&self) -> Counts {
        let mut counts = self.counts.clone();
        let network = self.network.counts();
        counts.add(Kind::BrokenLinks, network.broken);
        counts.add(Kind::StaleMessages, network.stale);
        counts.add(Kind::StalledMessages, network.stalled);
        for machine in self.machines.values() {
            let disk = machine.disk_stats();
            let [open, read, write, sync, names] = disk.io_errors;
            counts.add(Kind::LostSectors, disk.lost_sectors);
            counts.add(Kind::TornWrites, disk.torn_writes);
            counts.add(Kind::ReorderedWrites, disk.reordered);
            counts.add(Kind::LostNames, disk.lost_names);
            counts.add(Kind::RecycledBlocks, disk.recycled_blocks);
            counts.add(Kind::CutShort, disk.cut_short);
            counts.add(Kind::LostWrite, disk.lost_writes);
            counts.add(Kind::MisdirectedWrite, disk.misdirected_writes);
            counts.add(Kind::ErrorOnOpen, open);
            counts.add(Kind::ErrorOnRead, read);
            counts.add(Kind::ErrorOnWrite, write);
            counts.add(Kind::ErrorOnSync, sync);
            counts.add(Kind::ErrorOnNames, names);
            counts.add(Kind::DiskFull, disk.refused_full);
            counts.add(Kind::SlowDisk, disk.slowed);
            counts.add(Kind::SlowSyncs, disk.slow_syncs);
            counts.add(Kind::HungDisk, disk.hung);
        }
        counts
    }

    /// Faults that the budget did not allow.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}
