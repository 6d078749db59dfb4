//! Leader and follower roles of partitions: fetch, ISR, epochs, high watermark, truncation.
//! It elects nobody; the controller does.

#![forbid(unsafe_code)]

pub mod config;
mod context;
pub mod event;
mod follower;
mod leader;
mod message;
mod replication;
pub mod role;
pub mod view;

// The log below: the model in `tests` runs the same code on one that is small enough to search.
#[cfg(not(test))]
use kring_log as log;
#[cfg(test)]
use tests::model::thin_log as log;

#[cfg(test)]
mod tests;

pub use config::ReplicationConfig;
pub use event::{AlterIsr, IsrRejection, ReplicaEvent, ReplicaOut};
pub use replication::Replication;
pub use role::PartitionRole;
pub use view::{FollowerView, FollowingView, LeaderView};
