//! Connections from many addresses, because one has too few ports for thousands that come and go.
//! It sends nothing.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

/// Addresses that connections come from.
pub(crate) const ADDRESSES: u8 = 16;
/// Time for connecting, and for every read and write.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Connects from the `number`th of `sources`, counted around.
///
/// # Errors
/// When the broker does not accept, or there is no port left.
pub(crate) fn connect(
    to: SocketAddr,
    sources: &[Ipv4Addr],
    number: usize,
) -> io::Result<TcpStream> {
    let from = SocketAddr::from((sources[number % sources.len()], 0));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&from.into())?;
    socket.connect_timeout(&to.into(), PATIENCE)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// Closes without a farewell, so that the port is free at once.
pub(crate) fn break_off(stream: TcpStream) {
    // Closing in the usual way is as good, only slower.
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    drop(stream);
}
