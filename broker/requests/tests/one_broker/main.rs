//! One real broker on a simulated disk, asked through frames as clients send them.
//! It tests what a client sees; the engines have tests of their own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admin;
mod all_versions;
mod alter_configs;
mod cluster_admin;
mod cold;
mod consumer_groups;
mod describe_configs;
mod errors;
mod fetch;
mod groups;
mod harness;
mod kafkas_answers;
mod offsets;
mod produce;
mod restart;
mod sessions;
mod settings_act;
mod topics;
mod transactions;
mod versions;
