//! Three real brokers in one thread, with a network that delays and can be cut.
//! Faults at random are the simulator's; here each test is one story.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod delete_records;
mod full_disk;
mod group_elsewhere;
mod hand_over;
mod harness;
mod held_maintenance;
mod hung_disk;
mod isolation;
mod leader_hints;
mod lost_disk;
mod min_isr;
mod move_replicas;
mod nearby;
mod new_leader;
mod paused;
mod restarted;
mod transactions;
