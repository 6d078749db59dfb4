//! The broker engine: sessions, dispatch, one module per Kafka API, and the routing between the engines.
//! It owns no socket, thread, clock or file.
//!
//! [`Broker`] has the form of every engine here: events in, effects out. A frame goes through
//! `dispatch` to its handler in `api`, `produce` or `fetch`; what a handler cannot answer at once
//! waits there, or as a continuation (`calls`) for the answer of another engine. `route` is where
//! the engines meet.

#![forbid(unsafe_code)]

pub mod admin;
pub mod config;
pub mod event;
pub mod identity;
pub mod metrics;

mod api;
mod auto_create;
mod broker;
mod call;
mod calls;
mod cluster;
mod contact;
mod disk_watch;
mod dispatch;
mod fetch;
mod gather;
mod image_wait;
mod lag;
mod leadership;
mod operations;
mod produce;
mod producer_ids;
mod resource;
mod route;
mod session;
mod settings;
mod shutdown;
mod text;
mod timers;
mod topic_config;
mod transactions;

pub use admin::{AdminError, AdminRequest, AdminResponse};
pub use broker::Broker;
pub use config::{BrokerConfig, NodeSetting};
pub use event::{Event, Output, Volume};
pub use identity::Identity;
pub use kring_transactions::TransactionState;
pub use metrics::{GroupOffsetMetrics, GroupTopicMetrics, Metrics, PartitionMetrics};
