//! Messages between brokers: the first byte says which engine speaks.
//! What follows is the engine's own and is not looked into.

use bytes::{Buf, Bytes};
use kring_io::{BrokerId, PeerSend};

use crate::event::Output;

const CONTROLLER: u8 = 1;
const REPLICATION: u8 = 2;
const TRANSACTIONS: u8 = 3;
const LAG: u8 = 4;

/// A message of another broker, by engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PeerMessage {
    /// For the metadata quorum.
    Controller(Bytes),
    /// For the replicas.
    Replication(Bytes),
    /// For transactions.
    Transactions(Bytes),
    /// For the lag of groups.
    Lag(Bytes),
}

impl PeerMessage {
    /// Reads the engine off a message; none for an engine of a newer version.
    pub(crate) fn parse(mut message: Bytes) -> Option<PeerMessage> {
        if message.is_empty() {
            return None;
        }
        match message.get_u8() {
            CONTROLLER => Some(PeerMessage::Controller(message)),
            REPLICATION => Some(PeerMessage::Replication(message)),
            TRANSACTIONS => Some(PeerMessage::Transactions(message)),
            LAG => Some(PeerMessage::Lag(message)),
            _ => None,
        }
    }
}

/// Sends a message of the metadata quorum.
pub(crate) fn send_controller(to: BrokerId, message: Bytes, out: &mut Output) {
    let parts = vec![Bytes::from_static(&[CONTROLLER]), message];
    out.effects.sends.push(PeerSend { to, parts });
}

/// Sends a message of transactions.
pub(crate) fn send_transactions(to: BrokerId, message: Bytes, out: &mut Output) {
    let parts = vec![Bytes::from_static(&[TRANSACTIONS]), message];
    out.effects.sends.push(PeerSend { to, parts });
}

/// Sends a message about the lag of groups.
pub(crate) fn send_lag(to: BrokerId, message: Bytes, out: &mut Output) {
    let parts = vec![Bytes::from_static(&[LAG]), message];
    out.effects.sends.push(PeerSend { to, parts });
}

/// Sends a message of the replicas; record parts stay as they are.
pub(crate) fn send_replication(to: BrokerId, message: Vec<Bytes>, out: &mut Output) {
    let mut parts = Vec::with_capacity(message.len() + 1);
    parts.push(Bytes::from_static(&[REPLICATION]));
    parts.extend(message);
    out.effects.sends.push(PeerSend { to, parts });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_reaches_the_engine_it_was_sent_by() {
        let mut out = Output::default();
        send_controller(BrokerId(1), Bytes::from_static(b"vote"), &mut out);
        let sent: Vec<u8> = out.effects.sends[0].parts.concat();
        let parsed = PeerMessage::parse(Bytes::from(sent));
        assert_eq!(
            parsed,
            Some(PeerMessage::Controller(Bytes::from_static(b"vote")))
        );
        assert_eq!(PeerMessage::parse(Bytes::new()), None);
        assert_eq!(PeerMessage::parse(Bytes::from_static(b"\xff")), None);
    }
}
