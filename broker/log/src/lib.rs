//! The partition log: shared journal, group commit, segments, indexes, retention, checkpoint and recovery.
//! It knows nothing of replicas, groups or connections.

#![forbid(unsafe_code)]
