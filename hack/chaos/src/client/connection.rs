//! A connection to a broker: frames out, frames in, every wait bounded.
//! It does not connect again; whoever holds it opens another.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::{Decodable, HeaderVersion, Request};
use kring_sim::client::codec;

/// Time for connecting.
const CONNECT_PATIENCE: Duration = Duration::from_millis(800);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    correlation: i32,
}

impl Connection {
    /// Connects; answers are waited for `patience` each.
    pub(crate) fn open(address: SocketAddr, patience: Duration) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, CONNECT_PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(Connection {
            stream,
            correlation: 0,
        })
    }

    /// Sends a request; gives its correlation id.
    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) -> io::Result<i32> {
        self.correlation += 1;
        let frame = codec::frame(self.correlation, version, request);
        let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
        // One write, so that the frame is not two packets.
        let mut bytes = Vec::with_capacity(frame.len() + 4);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&frame);
        self.stream.write_all(&bytes)?;
        Ok(self.correlation)
    }

    /// Receives the next answer, which must be the one to `correlation`.
    pub(crate) fn receive<R: Request>(
        &mut self,
        version: i16,
        correlation: i32,
    ) -> io::Result<R::Response>
    where
        R::Response: Decodable + HeaderVersion,
    {
        let mut prefix = [0; 4];
        self.stream.read_exact(&mut prefix)?;
        let length = u32::from_be_bytes(prefix) as usize;
        if length > ANSWER_BYTES_MAX {
            return Err(io::Error::other(format!("an answer of {length} bytes")));
        }
        let mut frame = vec![0; length];
        self.stream.read_exact(&mut frame)?;
        let frame = Bytes::from(frame);
        if codec::correlation(&frame) != Some(correlation) {
            return Err(io::Error::other("an answer to another request"));
        }
        codec::answer::<R>(version, &frame)
            .ok_or_else(|| io::Error::other("an answer that cannot be read"))
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn call<R: Request>(&mut self, version: i16, request: &R) -> io::Result<R::Response>
    where
        R::Response: Decodable + HeaderVersion,
    {
        let correlation = self.send(version, request)?;
        self.receive::<R>(version, correlation)
    }
}
