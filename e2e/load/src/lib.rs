//! The load generator's account of what happened, as types that the end-to-end tests read.
//! The client itself is only in the binary.

#![forbid(unsafe_code)]

mod report;

pub use report::{AckLatency, PartitionReport, REPORT_MARK, Report};
