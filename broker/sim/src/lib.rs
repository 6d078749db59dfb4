//! A cluster of the real engines on simulated disk, network and clock, with workloads and checks.
//! It never touches tokio, sockets or the real disk.

#![forbid(unsafe_code)]
