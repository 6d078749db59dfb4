//! The harness of the end-to-end tests: a Kubernetes, an operator, a Kafka cluster, clients under load, and faults.
//! It works through `kubectl` and `helm` as a person does, and asks the brokers' admin API only to check what the operator says.

#![forbid(unsafe_code)]

pub mod admin;
pub mod cluster;
pub mod command;
pub mod events;
pub mod faults;
pub mod install;
pub mod kafka;
pub mod last_words;
pub mod load;
pub mod namespace;
pub mod stops;
pub mod waiting;

pub use cluster::Cluster;
pub use kafka::Kafka;
pub use load::Load;
pub use namespace::Namespace;
