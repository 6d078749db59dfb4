//! Accepting client connections and dealing them out to the shards in turn.
//! It reads nothing from them.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::ClientLimits;
use crate::limits::OpenConnections;
use crate::shard::Order;

/// Pause after an accept that failed for want of descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepts until the shards are gone.
pub(crate) async fn accept(
    listener: TcpListener,
    shards: Vec<mpsc::UnboundedSender<Order>>,
    open: Arc<OpenConnections>,
    limits: ClientLimits,
) {
    for turn in 0_usize.. {
        let (stream, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "accepting a connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = match open.admit(address.ip().to_canonical(), &limits) {
            Ok(place) => place,
            Err(limit) => {
                tracing::warn!(%address, limit, "connection refused: the limit is reached");
                continue;
            }
        };
        // Out of this thread's runtime, for that of a shard.
        let stream = match stream.into_std() {
            Ok(stream) => stream,
            Err(error) => {
                tracing::debug!(%address, %error, "connection lost while it was accepted");
                continue;
            }
        };
        let order = Order::Serve {
            stream,
            address,
            place,
        };
        if shards[turn % shards.len()].send(order).is_err() {
            return;
        }
    }
}
