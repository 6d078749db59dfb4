//! How two brokers prove to each other who they are before the first message.
//! It neither dials nor accepts, and after it nothing is encrypted: that is TLS's work.
//!
//! ```text
//! dialler  → hello {magic, version, from, to, cluster id, nonce}
//! acceptor → hello {magic, version, from, to, cluster id, nonce}, proof over both hellos
//! dialler  → proof over both hellos
//! acceptor → one byte: 0 welcome
//! ```
//! The nonces make each proof good for one connection; the roles keep a proof from being sent back.

use std::io;
use std::time::Duration;

use kring_io::BrokerId;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::secret::{NONCE_BYTES, PROOF_BYTES, PeerSecret};

const MAGIC: [u8; 8] = *b"KRINGPR\0";
const VERSION: u16 = 1;
/// Kafka's textual ids have 22 bytes.
const CLUSTER_ID_BYTES: usize = 32;
const HELLO_BYTES: usize = MAGIC.len() + 2 + 4 + 4 + CLUSTER_ID_BYTES + NONCE_BYTES;
const DIALLER: &[u8] = b"kring peer dialler";
const ACCEPTOR: &[u8] = b"kring peer acceptor";
const WELCOME: u8 = 0;
/// A handshake takes milliseconds; a stranger gets no more than this.
const HANDSHAKE_MAX: Duration = Duration::from_secs(5);

/// Why a link was not made.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The other side ended the connection or the network failed.
    #[error("the connection failed: {0}")]
    Socket(#[from] io::Error),
    /// The other side was silent for too long.
    #[error("no answer within {} s", HANDSHAKE_MAX.as_secs())]
    TimedOut,
    /// Not a broker of ours, or one of a version to come.
    #[error("the other side does not speak the peer protocol (version {VERSION})")]
    NotAPeer,
    /// The answer came from another broker than was dialled, or a dialler wanted another.
    #[error(
        "broker {claimed} answered where broker {expected} was expected; check controller.quorum.voters and kring.peer.advertised"
    )]
    WrongBroker {
        /// Who answered or was wanted.
        claimed: i32,
        /// Who should have.
        expected: i32,
    },
    /// The other side belongs to another cluster.
    #[error("broker {from} belongs to cluster {theirs}, this broker to {ours}")]
    WrongCluster {
        /// Who it is.
        from: i32,
        /// Their cluster id.
        theirs: String,
        /// Our cluster id.
        ours: String,
    },
    /// The proof is wrong: the secrets differ.
    #[error("the peer secrets differ (kring.peer.secret.file)")]
    WrongSecret,
}

/// Who this broker is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own<'a> {
    pub(super) id: BrokerId,
    /// None until the broker has learned it.
    pub(super) cluster_id: Option<&'a str>,
    pub(super) secret: &'a PeerSecret,
}

struct Hello {
    from: i32,
    to: i32,
    cluster_id: String,
}

/// The dialler's side.
pub(super) async fn dial<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    own: Own<'_>,
    to: BrokerId,
) -> Result<(), HandshakeError> {
    within(async {
        let ours = write_hello(own, to.0)?;
        stream.write_all(&ours).await?;
        let theirs = read_hello(stream).await?;
        let hello = parse_hello(&theirs)?;
        let proof = read_proof(stream).await?;
        if !own.secret.verify(ACCEPTOR, &[&ours, &theirs], &proof) {
            return Err(HandshakeError::WrongSecret);
        }
        check(own, &hello, hello.from, to.0)?;
        let proof = own.secret.prove(DIALLER, &[&ours, &theirs]);
        stream.write_all(&proof).await?;
        match stream.read_u8().await? {
            WELCOME => Ok(()),
            _ => Err(HandshakeError::NotAPeer),
        }
    })
    .await
}

/// The acceptor's side; gives the broker that dialled.
pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    own: Own<'_>,
) -> Result<BrokerId, HandshakeError> {
    within(async {
        let theirs = read_hello(stream).await?;
        let hello = parse_hello(&theirs)?;
        let ours = write_hello(own, hello.from)?;
        let proof = own.secret.prove(ACCEPTOR, &[&theirs, &ours]);
        stream.write_all(&ours).await?;
        stream.write_all(&proof).await?;
        let proof = read_proof(stream).await?;
        if !own.secret.verify(DIALLER, &[&theirs, &ours], &proof) {
            return Err(HandshakeError::WrongSecret);
        }
        check(own, &hello, own.id.0, hello.to)?;
        stream.write_u8(WELCOME).await?;
        Ok(BrokerId(hello.from))
    })
    .await
}

async fn within<T>(
    steps: impl Future<Output = Result<T, HandshakeError>>,
) -> Result<T, HandshakeError> {
    tokio::time::timeout(HANDSHAKE_MAX, steps)
        .await
        .unwrap_or(Err(HandshakeError::TimedOut))
}

/// What the other side says of itself counts only after its proof.
fn check(own: Own<'_>, hello: &Hello, claimed: i32, expected: i32) -> Result<(), HandshakeError> {
    if claimed != expected || hello.to != own.id.0 || hello.from == own.id.0 {
        return Err(HandshakeError::WrongBroker { claimed, expected });
    }
    match own.cluster_id {
        Some(ours) if !hello.cluster_id.is_empty() && hello.cluster_id != ours => {
            Err(HandshakeError::WrongCluster {
                from: hello.from,
                theirs: hello.cluster_id.clone(),
                ours: ours.to_owned(),
            })
        }
        _ => Ok(()),
    }
}

fn write_hello(own: Own<'_>, to: i32) -> io::Result<[u8; HELLO_BYTES]> {
    let mut cluster_id = [0; CLUSTER_ID_BYTES];
    let known = own.cluster_id.unwrap_or_default().as_bytes();
    cluster_id
        .get_mut(..known.len())
        .ok_or_else(|| io::Error::other("the cluster id is longer than a peer hello holds"))?
        .copy_from_slice(known);
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| io::Error::other("the system gives no randomness"))?;

    let mut hello = [0; HELLO_BYTES];
    let mut rest = hello.as_mut_slice();
    let parts: [&[u8]; 6] = [
        &MAGIC,
        &VERSION.to_be_bytes(),
        &own.id.0.to_be_bytes(),
        &to.to_be_bytes(),
        &cluster_id,
        &nonce,
    ];
    for part in parts {
        let (place, after) = rest.split_at_mut(part.len());
        place.copy_from_slice(part);
        rest = after;
    }
    Ok(hello)
}

fn parse_hello(hello: &[u8; HELLO_BYTES]) -> Result<Hello, HandshakeError> {
    let (magic, rest) = hello.split_at(MAGIC.len());
    let (version, rest) = rest.split_at(2);
    let (from, rest) = rest.split_at(4);
    let (to, rest) = rest.split_at(4);
    let number = |bytes: &[u8]| bytes.iter().fold(0_u32, |n, b| n << 8 | u32::from(*b));
    if magic != MAGIC || number(version) != u32::from(VERSION) {
        return Err(HandshakeError::NotAPeer);
    }
    let cluster_id = &rest[..CLUSTER_ID_BYTES];
    let end = cluster_id.iter().position(|b| *b == 0);
    let cluster_id = &cluster_id[..end.unwrap_or(CLUSTER_ID_BYTES)];
    Ok(Hello {
        from: number(from).cast_signed(),
        to: number(to).cast_signed(),
        cluster_id: String::from_utf8_lossy(cluster_id).into_owned(),
    })
}

async fn read_hello<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<[u8; HELLO_BYTES]> {
    let mut hello = [0; HELLO_BYTES];
    stream.read_exact(&mut hello).await?;
    Ok(hello)
}

async fn read_proof<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<[u8; PROOF_BYTES]> {
    let mut proof = [0; PROOF_BYTES];
    stream.read_exact(&mut proof).await?;
    Ok(proof)
}

#[cfg(test)]
mod tests;
