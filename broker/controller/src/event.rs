//! What happens to a controller and what it wants done, as data.
//! It carries nothing out.

use bytes::Bytes;
use kring_io::{BrokerId, Instant};

use crate::error::ControllerError;
use crate::image::ImageChange;
use crate::request::{ControllerRequest, ControllerResponse};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum ControllerEvent {
    /// A controller message of another broker.
    Message {
        /// The sender, as the peer link authenticated it.
        from: BrokerId,
        /// What another [`ControllerOut::sends`] had.
        bytes: Bytes,
    },
    /// The link to a broker is up (again); what was sent before may be lost.
    PeerConnected(BrokerId),
    /// Everything up to and including this token's writes is durable.
    Persisted {
        /// From [`ControllerOut::persist_token`].
        token: u64,
    },
    /// A request of this broker; answered once in [`ControllerOut::responses`] under the same id.
    Request {
        /// Chosen by the caller, unique while the request is open.
        id: u64,
        /// What is asked.
        request: ControllerRequest,
    },
    /// The log has recovered and the partitions of the image are open: this broker may be unfenced.
    CaughtUp,
    /// The disk of this broker hangs (`true`) or answers again (`false`): while it hangs, this broker
    /// does not claim to be able to lead, neither partitions nor the quorum.
    DiskHangs(bool),
    /// The time asked for in [`ControllerOut::wake_at`] has come, or any other time.
    Wake,
}

/// What a step wants. The caller takes the vectors and leaves them empty.
#[derive(Debug, Default)]
pub struct ControllerOut {
    /// Small values to store (`None`: to delete), durable in this order: after a crash a prefix
    /// of all writes ever asked for must be there.
    pub persist: Vec<(Vec<u8>, Option<Bytes>)>,
    /// To be given back as [`ControllerEvent::Persisted`] once `persist` is durable. When several
    /// steps filled this struct, it is the last one's and stands for all.
    pub persist_token: Option<u64>,
    /// Messages to other brokers; may be lost, not reordered on one link.
    pub sends: Vec<(BrokerId, Bytes)>,
    /// Answers to requests of this broker.
    pub responses: Vec<(u64, Result<ControllerResponse, ControllerError>)>,
    /// What became true in [`crate::Controller::image`] during this step, in order.
    pub changes: Vec<ImageChange>,
    /// Where brokers are: `host:port` of their peer listeners. The last entry of a broker holds.
    pub peers: Vec<(BrokerId, String)>,
    /// When to wake the controller at the latest. Each step sets it anew.
    pub wake_at: Option<Instant>,
}
