//! A simulated disk, network and clock with faults, driven by one seed.
//! It knows nothing of Kafka and never touches the real disk, network or clock.

#![forbid(unsafe_code)]

pub mod network;

pub use network::{Arrival, Network, NetworkConfig, NetworkCounts};
