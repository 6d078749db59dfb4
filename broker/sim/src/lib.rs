//! A cluster of the real engines on simulated disk, network and clock, with workloads and checks.
//! It never touches tokio, sockets, the real disk or the real clock.

#![forbid(unsafe_code)]

pub mod checks;
pub mod history;
