//! The secret that brokers of a cluster share, and proofs of knowing it.
//! It is never printed and never sent.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a proof.
pub(super) const PROOF_BYTES: usize = 32;
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 32;
/// A secret shorter than this is guessable.
const SECRET_BYTES_MIN: usize = 16;

/// The shared secret of a cluster's brokers.
#[derive(Clone)]
pub struct PeerSecret(Vec<u8>);

impl PeerSecret {
    /// From the content of a file, without white space around it. None when it has fewer than 16 bytes.
    #[must_use]
    pub fn new(content: &[u8]) -> Option<PeerSecret> {
        let secret = content.trim_ascii();
        (secret.len() >= SECRET_BYTES_MIN).then(|| PeerSecret(secret.to_vec()))
    }

    /// A proof that its maker knows the secret, bound to its role and to both sides' words.
    pub(super) fn prove(&self, role: &[u8], transcript: &[&[u8]]) -> [u8; PROOF_BYTES] {
        self.mac(role, transcript).finalize().into_bytes().into()
    }

    /// Whether a proof is right, in constant time.
    pub(super) fn verify(&self, role: &[u8], transcript: &[&[u8]], proof: &[u8]) -> bool {
        self.mac(role, transcript).verify_slice(proof).is_ok()
    }

    fn mac(&self, role: &[u8], transcript: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        for part in std::iter::once(&role).chain(transcript) {
            // Lengths keep two lists of parts apart whose bytes run together the same.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

impl fmt::Debug for PeerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PeerSecret(…)")
    }
}
