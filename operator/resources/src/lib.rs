//! Pure functions from a validated cluster to the Kubernetes objects it becomes.
//! They read and write nothing.

#![forbid(unsafe_code)]

pub mod broker_config;
pub mod config_map;
pub mod config_schema;
pub mod disruption_budget;
pub mod labels;
pub mod metadata;
pub mod model;
pub mod names;
pub mod network_policy;
pub mod pod;
pub mod refusal;
pub mod restart_reasons;
pub mod secret;
pub mod service;
pub mod service_account;
pub mod settings;
pub mod stable_hash;
pub mod stateful_set;
pub mod validate;
pub mod volume_claim;

pub use model::{Options, ValidatedCluster};
pub use refusal::{Refusal, Refusals};
pub use validate::{Facts, validate};

#[cfg(test)]
mod tests;
