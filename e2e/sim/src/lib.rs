//! The operator's real reconcile, the real broker engines and a toy Kubernetes in one deterministic
//! thread, with load and checks. It opens no socket, and its only clock is the simulated one.

#![forbid(unsafe_code)]

mod admin_http;
mod api_server;
mod cloud;
mod final_state;
mod kubelet;
mod operator;
mod port;
mod promises;
pub mod run;
pub mod scenario;
pub mod suite;
mod truth;

#[cfg(test)]
mod tests;
