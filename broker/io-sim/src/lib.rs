//! A simulated disk with faults, driven by one seed.
//! It knows nothing of Kafka and never touches the real disk, network or clock.

#![forbid(unsafe_code)]

pub mod disk;
pub mod network;

pub use disk::config::SimDiskConfig;
pub use disk::fault::{Fault, FaultKind, OpClass};
pub use disk::{SimDisk, SimDiskStats};
pub use network::{Arrival, Network, NetworkConfig, NetworkCounts};
