//! Incoming links: strangers are turned away, messages of brokers go to the engine.
//! It answers nothing; answers go out on the link that this broker dials.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use kring_io::BrokerId;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::handshake;
use super::peers::PeerContext;
use crate::budget::Budget;
use crate::sockets::set_peer_options;
use crate::{Arrival, FrameAssembler};

/// Largest message between brokers in bytes.
const MESSAGE_BYTES_MAX: usize = 128 << 20;
/// Bytes of one link that the engine has not yet taken in.
const INBOUND_BYTES_MAX: usize = 32 << 20;
/// Links at once, proven or not: far more than a cluster has brokers.
const LINKS_MAX: usize = 512;
/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts links for ever.
pub(super) async fn accept_links(listener: TcpListener, context: Arc<PeerContext>) {
    let places = Arc::new(Semaphore::new(LINKS_MAX));
    let mut links = JoinSet::new();
    loop {
        while links.try_join_next().is_some() {}
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a link failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(%address, links = LINKS_MAX, "link refused: too many");
            continue;
        };
        let context = Arc::clone(&context);
        links.spawn(async move {
            serve(stream, address, &context).await;
            drop(place);
        });
    }
}

async fn serve(mut stream: TcpStream, address: SocketAddr, context: &PeerContext) {
    let proven = match set_peer_options(&stream) {
        Ok(()) => handshake::accept(&mut stream, context.own()).await,
        Err(error) => Err(error.into()),
    };
    let from = match proven {
        Ok(from) => from,
        Err(error) => {
            context.tell_other_cluster(&error);
            return tracing::warn!(%address, %error, "link refused");
        }
    };
    context.inbox.deliver(Arrival::PeerConnected(from));
    let ended = receive(stream, from, context).await;
    let reason = ended.map_or_else(|error| error.to_string(), |()| "it was closed".to_owned());
    tracing::info!(broker = from.0, %address, reason, "link from broker is down");
}

async fn receive(mut stream: TcpStream, from: BrokerId, context: &PeerContext) -> io::Result<()> {
    let budget = Budget::new(INBOUND_BYTES_MAX);
    let mut assembler = FrameAssembler::new(MESSAGE_BYTES_MAX);
    loop {
        let mut length = [0; 4];
        match stream.read_exact(&mut length).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        }
        let fed = assembler.feed(&mut length.as_slice());
        fed.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        let permit = budget.take(assembler.claimed()).await;
        let message = loop {
            if let Some(message) = assembler.take_whole() {
                break message;
            }
            if stream.read_buf(&mut assembler.room()).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        };
        context.inbox.deliver(Arrival::Peer {
            from,
            message,
            permit,
        });
    }
}
