//! A cluster of the real engines on simulated disk, network and clock, with workloads and checks.
//! It never touches tokio, sockets, the real disk or the real clock.

#![forbid(unsafe_code)]

pub mod budget;
#[cfg(feature = "canary")]
pub mod canaries;
pub mod checks;
pub mod client;
pub mod faults;
pub mod history;
pub mod lag;
pub mod load;
pub mod machine;
pub mod open;
pub mod records;
pub mod run;
pub mod scenario;
pub mod setup;
pub mod shrink;
pub mod sweep;
pub mod topics;
pub mod trace;
pub mod world;
