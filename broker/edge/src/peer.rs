//! Links between brokers: dialled by the sender, authenticated both ways with a shared secret.
//! It does not look into messages; `kring-requests` routes them to the engines.

mod accept;
mod dial;
mod handshake;
mod link;
mod peers;
mod secret;

pub use handshake::HandshakeError;
pub use peers::{PeerConfig, Peers};
pub use secret::PeerSecret;
