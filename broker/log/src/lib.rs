//! The partition log: shared journal, group commit, segments, indexes, retention, checkpoint and recovery.
//! It knows nothing of replicas, groups or connections.
//!
//! The way of a batch: `sequencer` checks it and gives it offsets; it goes into the partition's
//! `tail` in memory and the open commit group of the `journal`; when the group is durable it may be
//! acknowledged. Later `flush` moves it to a segment file, a `checkpoint` makes that durable, and
//! the journal is overwritten. After a crash `recovery` reads the checkpoint and the journal behind
//! it. `FORMAT.md` draws every file.

#![forbid(unsafe_code)]

mod change;
mod checkpoint;
mod cold_read;
mod compaction;
pub mod config;
mod damage;
pub mod error;
pub mod event;
mod flush;
#[cfg(test)]
mod format;
mod journal;
mod log;
mod lookup;
mod lsn;
mod ops;
mod partition;
mod read;
mod recovery;
mod removal;
mod retention;
mod room;
mod scrub;
mod segment;
mod sequencer;
mod shutdown;
mod state;
mod stats;
mod view;
mod wake;

pub use config::{LogConfig, LogConfigError, TimestampType, TopicLogConfig};
pub use error::{AppendError, ReadError, TruncateError};
pub use event::{
    AbortedTransaction, Appended, LogEvent, LogFailure, Lookup, OffsetAndTimestamp,
    OngoingTransaction, PartitionState, ProducerState, Read, ReadId, Recovered, TimestampQuery,
};
pub use log::Log;
pub use lsn::Lsn;
pub use stats::LogStats;
