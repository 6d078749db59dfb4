//! Where the leader is, for answers to clients that asked the wrong broker (KIP-951).
//! It spares them a round of metadata; who leads is decided elsewhere.

use bytes::{BufMut, BytesMut};

use crate::encode;
use crate::ids::LeaderEpoch;

/// The leader of a partition as this broker knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurrentLeader {
    /// Its broker id, −1 when there is none.
    pub leader_id: i32,
    /// Its epoch.
    pub leader_epoch: LeaderEpoch,
}

impl CurrentLeader {
    pub(crate) fn tag(self) -> [u8; 9] {
        let mut content = [0; 9];
        content[..4].copy_from_slice(&self.leader_id.to_be_bytes());
        content[4..8].copy_from_slice(&self.leader_epoch.to_be_bytes());
        // The ninth byte: the struct's own tag section, empty.
        content
    }
}

/// Where a broker listens for clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeEndpoint {
    /// Its broker id.
    pub node_id: i32,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: i32,
    /// Its rack, if it has one.
    pub rack: Option<String>,
}

/// Appends the tag section at the end of an answer: the endpoints, if there are any.
pub(crate) fn write_endpoints_tag(buf: &mut BytesMut, endpoints: &[NodeEndpoint]) {
    if endpoints.is_empty() {
        buf.put_u8(0);
        return;
    }
    let mut content = BytesMut::new();
    encode::array(&mut content, true, Some(endpoints.len()));
    for endpoint in endpoints {
        content.put_i32(endpoint.node_id);
        encode::string(&mut content, true, Some(&endpoint.host));
        content.put_i32(endpoint.port);
        encode::string(&mut content, true, endpoint.rack.as_deref());
        content.put_u8(0);
    }
    buf.put_u8(1);
    encode::tag(buf, 0, &content);
}
