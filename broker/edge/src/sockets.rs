//! Options of sockets that both listeners set.
//! It opens none.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::TcpStream;

/// Silence after which the kernel asks whether the other end lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(60);
/// The same between brokers, where a dead link delays a fail-over.
const PEER_KEEPALIVE_IDLE: Duration = Duration::from_secs(2);
/// Time between two such questions.
const PEER_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(1);
/// How long sent bytes may stay unacknowledged before the link counts as dead.
const PEER_UNACKED_MAX: Duration = Duration::from_secs(5);

/// No delay for small answers; clients that vanished are noticed some day.
pub(crate) fn set_client_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE_IDLE))
}

/// No delay, and a dead link is noticed within seconds.
pub(crate) fn set_peer_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new()
        .with_time(PEER_KEEPALIVE_IDLE)
        .with_interval(PEER_KEEPALIVE_INTERVAL);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_tcp_user_timeout(Some(PEER_UNACKED_MAX))
}
