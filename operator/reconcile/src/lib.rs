//! Reconcile loops, one folder per kind: observe, validate, apply, status.
//! It is the only writer of managed objects and holds no process concerns.

#![forbid(unsafe_code)]

mod brokers;
pub mod cluster;
mod context;
mod error;
mod events;
#[cfg(any(test, feature = "testing"))]
pub mod fake_kubernetes;
mod gauges;
mod kubernetes;
pub mod topic;

pub use context::Context;
pub use error::Error;
pub use gauges::{ClusterGauges, Gauges};
pub use kring_resources::Options;

#[cfg(test)]
mod tests;
