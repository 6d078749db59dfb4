//! What goes into the broker engine and what comes out of it, as data.
//! It holds no behaviour: the driver (or the simulator) makes events and carries outputs out.

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, DiskDone, Effects, RequestId};

use crate::admin::{AdminError, AdminRequest, AdminResponse};

/// Something happened.
#[derive(Debug)]
pub enum Event {
    /// A client connected. May be left out; DescribeGroups then shows no host.
    Opened {
        /// The new connection.
        conn: ConnId,
        /// The client's address without its port.
        host: String,
    },
    /// A frame of a client connection, without the four bytes of its length.
    Request {
        /// Its connection and its place there.
        id: RequestId,
        /// Request header and body.
        frame: Bytes,
    },
    /// A client took all of an answer that had [`kring_io::Reply::tell_taken`].
    Taken(RequestId),
    /// A client connection is gone; answers to it are no longer wanted.
    Closed(ConnId),
    /// A disk operation completed.
    Disk(DiskDone),
    /// A link to a broker is up, either way; what was sent before may be lost.
    PeerConnected(BrokerId),
    /// A broker that shares this one's secret has proven to belong to another cluster.
    OtherCluster {
        /// Who.
        from: BrokerId,
        /// Its cluster.
        cluster_id: String,
    },
    /// A message of another broker.
    Peer {
        /// The authenticated sender.
        from: BrokerId,
        /// The message as it was sent.
        message: Bytes,
    },
    /// A request of the admin API.
    Admin {
        /// Comes back with the answer in [`Output::admin`].
        id: u64,
        /// What is asked.
        request: AdminRequest,
    },
    /// How large the volume of the data directory is. May be left out.
    Volume(Volume),
    /// Time has passed: the driver steps at [`Effects::wake_at`] at the latest.
    Wake,
    /// Hand the leaders over, flush, and end with [`Output::stopped`].
    Shutdown,
}

/// The volume that holds the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Its size, −1 for unknown.
    pub total_bytes: i64,
    /// What this process may still write, −1 for unknown.
    pub usable_bytes: i64,
}

impl Volume {
    /// Nothing is known.
    pub const UNKNOWN: Volume = Volume {
        total_bytes: -1,
        usable_bytes: -1,
    };
}

/// What the steps since the last take ask for. The driver takes the parts and leaves them empty.
#[derive(Debug, Default)]
pub struct Output {
    /// Disk operations, answers, messages, timers.
    pub effects: Effects,
    /// Answers to [`Event::Admin`].
    pub admin: Vec<(u64, Result<AdminResponse, AdminError>)>,
    /// The log is flushed and marked clean: the process may end.
    pub stopped: bool,
    /// The engine cannot go on; the reason is for people. The process must end with an error.
    pub fatal: Option<String>,
}
