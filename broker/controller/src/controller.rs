//! Joins the metadata quorum, the image and the decisions into one engine.
//! It decides nothing itself.

use bytes::Bytes;
use kring_io::{BrokerId, Now};
use thiserror::Error;

use crate::config::{ControllerConfig, Registration};
use crate::event::{ControllerEvent, ControllerOut};
use crate::image::ClusterImage;

/// Why the stored metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    /// A stored value cannot be decoded: it is damaged or of a newer version.
    #[error(
        "metadata value {key} cannot be decoded; restore the data directory or use the version that wrote it"
    )]
    Undecodable {
        /// Its key.
        key: String,
    },
    /// An entry is missing between others.
    #[error(
        "metadata entry {index} is missing; empty this broker's data directory so that it copies the others' metadata"
    )]
    MissingEntry {
        /// Its index.
        index: u64,
    },
}

/// The engine: runs on every broker, as a voter or as an observer of the quorum.
pub struct Controller {
    config: ControllerConfig,
    registration: Registration,
    image: ClusterImage,
}

impl Controller {
    /// From what [`ControllerOut::persist`] stored in earlier runs: every pair whose key begins with `m/`.
    /// The image is that of the last snapshot; later entries come as changes once they are known to be committed.
    ///
    /// # Errors
    /// When a stored value is damaged or missing.
    pub fn new<'a>(
        config: ControllerConfig,
        registration: Registration,
        _seed: u64,
        _persisted: impl Iterator<Item = (&'a [u8], &'a Bytes)>,
        _now: Now,
    ) -> Result<Controller, StartError> {
        Ok(Controller {
            config,
            registration,
            image: ClusterImage::default(),
        })
    }

    /// Advances by one event. Call it with [`ControllerEvent::Wake`] once at the start.
    pub fn step(&mut self, _now: Now, _event: ControllerEvent, _out: &mut ControllerOut) {}

    /// The cluster as far as this broker knows it to be committed.
    #[must_use]
    pub fn image(&self) -> &ClusterImage {
        &self.image
    }

    /// The active controller, if one is known.
    #[must_use]
    pub fn active(&self) -> Option<BrokerId> {
        None
    }

    /// Whether this broker is the active controller.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active() == Some(self.config.id)
    }

    /// Whether this run of the broker is registered and unfenced, as far as the image tells.
    #[must_use]
    pub fn registered(&self) -> bool {
        let broker = self.image.brokers.get(&self.config.id);
        broker.is_some_and(|b| b.incarnation == self.registration.incarnation && !b.fenced)
    }
}
