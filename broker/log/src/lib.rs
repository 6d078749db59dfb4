//! The partition log: shared journal, group commit, segments, indexes, retention, checkpoint and recovery.
//! It knows nothing of replicas, groups or connections.

#![forbid(unsafe_code)]

pub mod config;
pub mod error;
pub mod event;
mod log;
mod lsn;
mod stats;

pub use config::{LogConfig, TimestampType, TopicLogConfig};
pub use error::{AppendError, ReadError, TruncateError};
pub use event::{
    Appended, LogEvent, LogFailure, Lookup, OffsetAndTimestamp, PartitionState, Read, ReadId,
    Recovered, TimestampQuery,
};
pub use log::Log;
pub use lsn::Lsn;
pub use stats::LogStats;
