//! The reconciles against a toy API server, toy kubelet and brokers in memory.
//! A new `Context` for each round is an operator that is killed between any two.

mod clusters;
mod frozen;
mod refusals;
mod scaling;
mod stale;
mod topics;
mod toy;
