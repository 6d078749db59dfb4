//! What an engine asks of the world in one step, as data.
//! It carries nothing out.

use bytes::Bytes;

use crate::{BrokerId, ConnId, DiskOp, Instant, OpId, RequestId};

/// The answer to a client's request: the parts are written one after the other, without a copy.
/// The first part begins with the four bytes of the frame's length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Which request.
    pub request: RequestId,
    /// The frame. Empty for a request that has no answer (acks=0).
    pub parts: Vec<Bytes>,
    /// The engine wants to hear when the client has taken all of it, or is gone.
    pub tell_taken: bool,
}

/// A message to another broker. It arrives once and in the order of sending, or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerSend {
    /// To whom.
    pub to: BrokerId,
    /// The message, without its length.
    pub parts: Vec<Bytes>,
}

/// Everything a step asks for. The driver takes the vectors and leaves them empty.
#[derive(Debug, Default)]
pub struct Effects {
    /// Operations for the disk driver.
    pub disk: Vec<(OpId, DiskOp)>,
    /// Answers to clients.
    pub replies: Vec<Reply>,
    /// Connections to close, after the replies before have been written.
    pub close: Vec<ConnId>,
    /// Messages to other brokers.
    pub sends: Vec<PeerSend>,
    /// Where brokers are: `host:port` of their peer listeners. The last entry of a broker holds.
    pub peers: Vec<(BrokerId, String)>,
    /// When the engine must be stepped at the latest, if nothing else happens. It is the earliest
    /// of all wishes since the driver last took it; a step without a wish leaves older ones valid.
    pub wake_at: Option<Instant>,
}

impl Effects {
    /// Wishes a step at `at`, or earlier.
    pub fn wake_at(&mut self, at: Instant) {
        self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
    }
}
