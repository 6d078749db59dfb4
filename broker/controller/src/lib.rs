//! The metadata quorum and what it decides: cluster image, election, placement, fencing, maintenance.
//! It stores nothing itself and never sees records.

#![forbid(unsafe_code)]

pub mod config;
pub mod config_schema;
pub mod error;
pub mod event;
pub mod image;
pub mod quorum;
pub mod request;
#[cfg(feature = "testing")]
pub mod testing;

mod controller;
mod decide;
mod encoding;

pub use config::{ClusterDefaults, ControllerConfig, Endpoint, Registration};
pub use controller::Controller;
pub use error::ControllerError;
pub use event::{ControllerEvent, ControllerOut};
pub use image::{BrokerImage, ClusterImage, ImageChange, PartitionImage, TopicImage};
pub use quorum::StartError;
pub use request::{ControllerRequest, ControllerResponse};
