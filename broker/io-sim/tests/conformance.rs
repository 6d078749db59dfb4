//! The simulated disk keeps the promises that the real drivers keep, with real loss of power.
//! What faults do to it is tested beside it.

#![allow(missing_docs, reason = "tests")]

use kring_io::Disk;
use kring_io::conformance::Fixture;
use kring_io_sim::{SimDisk, SimDiskConfig};

struct Simulated(SimDisk);

impl Simulated {
    fn new() -> Simulated {
        Simulated(SimDisk::new(7, SimDiskConfig::default()))
    }
}

impl Fixture for Simulated {
    fn disk(&mut self) -> &mut dyn Disk {
        &mut self.0
    }

    fn crash(&mut self) {
        self.0.crash();
    }
}

kring_io::conformance_tests!(Simulated::new());
