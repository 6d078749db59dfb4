//! One decision of the active controller at a time, for models of what brokers do with them.
//! It has no quorum: what is decided counts at once.

use kring_io::{BrokerId, Random};

use crate::config::{ControllerConfig, Registration};
use crate::decide::Draft;
use crate::error::ControllerError;
use crate::image::ClusterImage;
use crate::request::{ControllerRequest, ControllerResponse};

/// What the active controller decides about.
#[derive(Clone, Debug)]
pub enum Decision {
    /// A run of a broker registers; it is fenced then.
    Register(Registration),
    /// A broker is silent.
    Fence(BrokerId),
    /// A broker is heard again.
    Unfence(BrokerId),
    /// A broker asks.
    Request(BrokerId, ControllerRequest),
}

/// Decides, and applies what was decided to `image`.
///
/// # Errors
/// What the asker is told; `image` is unchanged then.
pub fn decide(
    config: &ControllerConfig,
    image: &mut ClusterImage,
    decision: Decision,
) -> Result<Option<ControllerResponse>, ControllerError> {
    let mut random = Random::new(0);
    let mut draft = Draft::new(image, config, &mut random);
    match decision {
        Decision::Register(registration) => draft.register(registration).map(|()| None),
        Decision::Fence(broker) => {
            draft.fence(broker);
            Ok(None)
        }
        Decision::Unfence(broker) => {
            draft.unfence(broker);
            Ok(None)
        }
        Decision::Request(asker, request) => draft.decide(asker, request).map(Some),
    }
}
