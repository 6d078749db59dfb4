//! Identifiers of the network side: brokers, connections, requests.
//! It opens no socket and knows no address.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `node.id` of a broker.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BrokerId(pub i32);

impl fmt::Display for BrokerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A client connection, unique within one run of a broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// One request of a connection. The edge numbers requests from 0 and sends the answers in that
/// order, whatever the order in which the engine gives them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId {
    /// The connection it came on.
    pub conn: ConnId,
    /// Its number on that connection.
    pub seq: u64,
}
