//! A member of a classic group.
//! It does not know the group; what its changes mean there is decided in the group's verbs.

use std::time::Duration;

use bytes::Bytes;
use kring_io::Instant;

use crate::config::NEW_MEMBER_JOIN_TIMEOUT_MS;
use crate::request::{JoinGroup, Protocol};

/// A member. It may have one JoinGroup and one SyncGroup waiting.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) member_id: String,
    pub(crate) group_instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout_ms: i32,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) protocols: Vec<Protocol>,
    pub(crate) assignment: Bytes,
    /// The JoinGroup that waits.
    pub(crate) joining: Option<u64>,
    /// The SyncGroup that waits.
    pub(crate) syncing: Option<u64>,
    /// Whether it has not yet completed its first join.
    pub(crate) is_new: bool,
    pub(crate) session_deadline: Instant,
}

impl Member {
    /// A member as its first JoinGroup describes it, waiting for the answer.
    pub(crate) fn joining(request: JoinGroup, member_id: String, id: u64, now: Instant) -> Member {
        let mut member = Member {
            member_id,
            group_instance_id: request.group_instance_id.clone(),
            client_id: String::new(),
            client_host: String::new(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: 0,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            joining: Some(id),
            syncing: None,
            is_new: true,
            // The client does not know its id yet and sends no heartbeats.
            session_deadline: now + Duration::from_millis(NEW_MEMBER_JOIN_TIMEOUT_MS),
        };
        member.describe(request);
        member
    }

    /// Takes over what a JoinGroup says about the member.
    pub(crate) fn describe(&mut self, request: JoinGroup) {
        self.client_id = request.client_id;
        self.client_host = request.client_host;
        self.session_timeout_ms = request.session_timeout_ms;
        self.rebalance_timeout_ms = if request.rebalance_timeout_ms < 0 {
            request.session_timeout_ms
        } else {
            request.rebalance_timeout_ms
        };
        self.protocols = request.protocols;
        for protocol in &mut self.protocols {
            // Copied, so that the member does not keep the request's frame alive.
            protocol.metadata = Bytes::copy_from_slice(&protocol.metadata);
        }
    }

    /// Whether it offers exactly these protocols, with the same subscriptions.
    pub(crate) fn offers(&self, protocols: &[Protocol]) -> bool {
        self.protocols == protocols
    }

    /// Whether it offers a protocol of this name.
    pub(crate) fn supports(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|p| p.name == protocol)
    }

    /// Its subscription for `protocol`, empty when it has none.
    pub(crate) fn metadata(&self, protocol: Option<&str>) -> Bytes {
        self.protocols
            .iter()
            .find(|p| Some(p.name.as_str()) == protocol)
            .map(|p| p.metadata.clone())
            .unwrap_or_default()
    }

    /// It was heard from: its session begins anew.
    pub(crate) fn touch(&mut self, now: Instant) {
        let timeout_ms = u64::try_from(self.session_timeout_ms).unwrap_or(0);
        self.session_deadline = now + Duration::from_millis(timeout_ms);
    }

    /// When it counts as gone. A member that waits for the coordinator is alive, but for one that
    /// is new: its client may be gone without knowing its id.
    pub(crate) fn expires_at(&self) -> Option<Instant> {
        let waits = self.joining.is_some() || self.syncing.is_some();
        (self.is_new || !waits).then_some(self.session_deadline)
    }
}
