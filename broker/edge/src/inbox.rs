//! What the network brings to the engine, and where it puts it.
//! The queue itself, and the thread behind it, belong to `kring-node`.

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, RequestId};

use crate::Permit;

/// Something that arrived. A permit is to be dropped when the engine has taken the bytes in: until
/// then they count against a budget, and past the budget no more is read.
#[derive(Debug)]
pub enum Arrival {
    /// A client connected.
    Opened {
        /// The new connection.
        conn: ConnId,
        /// Its address without the port.
        host: String,
    },
    /// A client sent a frame.
    Request {
        /// The connection and the number of the request on it.
        id: RequestId,
        /// The frame without its length.
        frame: Bytes,
        /// Its share of the budget.
        permit: Permit,
    },
    /// A client took all of an answer that had [`kring_io::Reply::tell_taken`]; it comes before what that
    /// client sends next.
    Taken(RequestId),
    /// A client is gone.
    Closed(ConnId),
    /// A link to or from a broker is up.
    PeerConnected(BrokerId),
    /// A broker that shares the secret belongs to another cluster; there is no link to it.
    OtherCluster {
        /// Who.
        from: BrokerId,
        /// Its cluster.
        cluster_id: String,
    },
    /// A broker sent a message.
    Peer {
        /// The authenticated sender.
        from: BrokerId,
        /// The message without its length.
        message: Bytes,
        /// Its share of the budget.
        permit: Permit,
    },
}

/// The engine's end of the queue. Delivering must not block.
pub trait Inbox: Send + Sync + 'static {
    /// Puts an arrival into the queue, in the order of the calls of one thread.
    fn deliver(&self, arrival: Arrival);
}
