//! What is tested from inside: the reachable states of a small cluster.
//! Replication with the real log is tested from outside, in `tests/replication`.

pub(crate) mod model;
