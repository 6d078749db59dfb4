//! Replication with real logs on simulated disks.
//! Elections are the tests' own: the controller is not here.

mod chaos;
mod cluster;
mod replicate;
mod trimmed;
