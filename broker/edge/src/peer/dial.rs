//! One outgoing link: dial, prove, send messages, and dial again when it breaks.
//! It receives nothing; the other broker's messages come on the link that it dials itself.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kring_io::BrokerId;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::{sleep, timeout};

use super::handshake::{self, HandshakeError};
use super::link::{LinkFeed, Outgoing};
use super::peers::PeerContext;
use crate::Arrival;
use crate::sockets::set_peer_options;
use crate::write::write_parts;

/// How long name resolution and connecting may take together.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// Pause before the first new attempt; it doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A message that the other side does not take for this long breaks the link.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// Bytes that one round of writing gathers.
const ROUND_BYTES_MAX: usize = 1 << 20;

/// Keeps a link to `to` alive until the engine's end of the queue is gone.
pub(super) async fn keep_link(to: BrokerId, mut feed: LinkFeed, context: Arc<PeerContext>) {
    let mut address = None;
    let mut pause = PAUSE_MIN;
    let mut last_error = String::new();
    loop {
        let Some(target) = address.clone() else {
            match feed.next().await {
                Some(Outgoing::Address(known)) => address = Some(known),
                // Nowhere to send it to yet.
                Some(_) => {}
                None => return,
            }
            continue;
        };
        let connected = tokio::select! {
            connected = connect(&target, to, &context) => connected,
            moved = drop_messages(&mut feed, &target) => match moved {
                Some(moved) => { address = Some(moved); continue }
                None => return,
            },
        };
        let error = match connected {
            Ok(stream) => {
                pause = PAUSE_MIN;
                last_error.clear();
                tracing::info!(broker = to.0, address = target, "link to broker is up");
                match send_all(stream, &mut feed, &target, to, &context).await {
                    LinkEnd::Gone => return,
                    LinkEnd::Moved(moved) => {
                        address = Some(moved);
                        "the broker has another address".to_owned()
                    }
                    LinkEnd::Broken(why) => why,
                }
            }
            Err(error) => {
                context.tell_other_cluster(&error);
                error.to_string()
            }
        };
        // A broker that stays away is reported once, not twenty times a minute.
        if error != last_error {
            tracing::warn!(broker = to.0, address = target, error, "no link to broker");
            last_error = error;
        }
        tokio::select! {
            () = sleep(pause) => {}
            moved = drop_messages(&mut feed, &target) => match moved {
                Some(moved) => address = Some(moved),
                None => return,
            },
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Why sending ended.
enum LinkEnd {
    Broken(String),
    Moved(String),
    Gone,
}

async fn connect(
    address: &str,
    to: BrokerId,
    context: &PeerContext,
) -> Result<TcpStream, HandshakeError> {
    let mut stream = timeout(CONNECT_MAX, TcpStream::connect(address))
        .await
        .map_err(|_| HandshakeError::TimedOut)??;
    set_peer_options(&stream)?;
    handshake::dial(&mut stream, context.own(), to).await?;
    Ok(stream)
}

/// Drops what is queued while the link is down; gives a new address, or none at the end.
async fn drop_messages(feed: &mut LinkFeed, address: &str) -> Option<String> {
    loop {
        match feed.next().await? {
            Outgoing::Address(moved) if moved != address => return Some(moved),
            Outgoing::Address(_) | Outgoing::Message(_) | Outgoing::Break => {}
        }
    }
}

async fn send_all(
    stream: TcpStream,
    feed: &mut LinkFeed,
    address: &str,
    to: BrokerId,
    context: &PeerContext,
) -> LinkEnd {
    let (mut read_half, mut write_half) = stream.into_split();
    // What was queued before this moment is of the link that broke.
    while let Some(stale) = feed.try_next() {
        if let Outgoing::Address(moved) = stale
            && moved != address
        {
            return LinkEnd::Moved(moved);
        }
    }
    context.inbox.deliver(Arrival::PeerConnected(to));
    let mut parts = VecDeque::new();
    loop {
        let first = tokio::select! {
            first = feed.next() => first,
            closed = wait_for_end(&mut read_half) => return LinkEnd::Broken(closed),
        };
        if let Some(end) = gather(first, feed, address, &mut parts) {
            return end;
        }
        if let Err(why) = write(&mut write_half, &mut parts).await {
            return LinkEnd::Broken(why);
        }
    }
}

/// Puts the first message and what is queued behind it into `parts`.
fn gather(
    first: Option<Outgoing>,
    feed: &mut LinkFeed,
    address: &str,
    parts: &mut VecDeque<Bytes>,
) -> Option<LinkEnd> {
    let mut bytes = 0;
    let mut next = first;
    loop {
        match next {
            Some(Outgoing::Message(message)) => {
                let len: usize = message.iter().map(Bytes::len).sum();
                let length = u32::try_from(len).unwrap_or(u32::MAX);
                parts.push_back(Bytes::copy_from_slice(&length.to_be_bytes()));
                parts.extend(message);
                bytes += len;
            }
            Some(Outgoing::Address(moved)) if moved != address => {
                return Some(LinkEnd::Moved(moved));
            }
            Some(Outgoing::Address(_)) => {}
            Some(Outgoing::Break) => {
                return Some(LinkEnd::Broken("too much is queued for it".to_owned()));
            }
            None => return Some(LinkEnd::Gone),
        }
        if bytes >= ROUND_BYTES_MAX {
            return None;
        }
        match feed.try_next() {
            Some(more) => next = Some(more),
            None => return None,
        }
    }
}

async fn write(to: &mut OwnedWriteHalf, parts: &mut VecDeque<Bytes>) -> Result<(), String> {
    match timeout(WRITE_MAX, write_parts(to, parts)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("it takes no messages".to_owned()),
    }
}

/// The acceptor never sends on this link, so whatever comes is the end of it.
async fn wait_for_end(from: &mut OwnedReadHalf) -> String {
    match from.read_u8().await {
        Ok(_) => "it sent what it must not".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "it closed the link".to_owned()
        }
        Err(error) => error.to_string(),
    }
}
