//! The I/O seam: time, disk operations, buffers, effects and identifiers that cross it.
//! It performs no I/O, reads no clock and draws no randomness of its own; drivers and simulators do.
//!
//! Engines are functions of the form `step(now, event, out)`. They put [`effect::Effects`] out,
//! a driver carries them out and brings events back. Left of this crate is arithmetic, right of it
//! is Linux (or the simulator).

#![forbid(unsafe_code)]

pub mod buffer;
pub mod canary;
#[cfg(feature = "testing")]
pub mod conformance;
pub mod disk;
pub mod effect;
pub mod net;
pub mod random;
pub mod time;

pub use buffer::Buffer;
pub use disk::{Disk, DiskDone, DiskError, DiskOk, DiskOp, FileId, FileKind, OpId, Wake};
pub use effect::{Effects, PeerSend, Reply};
pub use net::{BrokerId, ConnId, RequestId};
pub use random::Random;
pub use time::{Instant, Now};
