//! What controllers of different brokers say to each other, and its encoding.
//! Who may say what is decided where a message is handled.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::config::Registration;
use crate::encoding;
use crate::error::ControllerError;
use crate::quorum::{self, Index};
use crate::request::{ControllerRequest, ControllerResponse};

/// A message between controllers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum PeerMessage {
    /// Of the metadata quorum.
    Quorum(quorum::Message),
    /// A broker wants to be registered.
    Register(Registration),
    /// It may not.
    Refused(ControllerError),
    /// A registered broker is alive.
    Heartbeat(Heartbeat),
    /// A request that another broker was asked.
    Request { id: u64, request: ControllerRequest },
    /// The answer, to be given once the asker has applied the metadata up to `index`.
    Response {
        id: u64,
        index: Index,
        result: Result<ControllerResponse, ControllerError>,
    },
    /// Follows a heartbeat of the registration `epoch`: "tell me when you have it".
    Probe { epoch: i64, number: u64 },
    /// The answer: from when the probe was sent on, the session of its sender had its full time.
    Counted { number: u64 },
}

/// A sign of life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Heartbeat {
    /// Epoch of the sender's registration, which it has applied.
    pub(super) epoch: i64,
    /// Its log has recovered, its partitions are open, and its disk answers.
    pub(super) caught_up: bool,
}

impl PeerMessage {
    pub(super) fn encode(&self) -> Bytes {
        encoding::encode(self)
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<PeerMessage> {
        encoding::decode(bytes)
    }
}
