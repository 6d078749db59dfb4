//! Sockets: accept, frames in, iovecs out, back-pressure per connection, peer links.
//! It decides nothing about Kafka semantics: a frame is bytes with a length before them.
//!
//! Clients are served by shards, each a thread with a single-threaded runtime that owns its
//! connections; brokers among themselves have a thread and a port of their own, so that a flood of
//! clients cannot delay a heartbeat. Whatever arrives goes to an [`Inbox`], the engine's.

#![forbid(unsafe_code)]

mod accept;
mod arriving;
mod budget;
mod clients;
mod connection;
mod frame;
mod inbox;
mod limits;
pub mod peer;
mod replies;
mod shard;
mod sockets;
mod write;

pub use budget::Permit;
pub use clients::Clients;
pub use frame::{FrameAssembler, FrameError};
pub use inbox::{Arrival, Inbox};
pub use limits::ClientLimits;
pub use peer::{PeerConfig, PeerSecret, Peers};
