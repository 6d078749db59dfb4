//! One thread's wait for many sockets: epoll, with a bound on each wait.
//! It reads and writes nothing; what a read gave is judged here.

use std::io::ErrorKind;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::event::{Timespec, epoll};

/// Longest wait for an answer once nothing more is asked for.
pub(crate) const DRAIN_MAX: Duration = Duration::from_secs(60);
/// Longest wait for any socket.
pub(crate) const WAIT_MAX: Duration = Duration::from_millis(100);

/// The sockets, by the numbers they were given.
pub(crate) struct Sockets {
    poll: OwnedFd,
    ready: Vec<epoll::Event>,
}

fn failed(error: impl std::fmt::Display) -> String {
    format!("epoll: {error}")
}

fn flags(to_write: bool) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::IN;
    flags.set(epoll::EventFlags::OUT, to_write);
    flags
}

impl Sockets {
    pub(crate) fn new() -> Result<Sockets, String> {
        Ok(Sockets {
            poll: epoll::create(epoll::CreateFlags::CLOEXEC).map_err(failed)?,
            ready: Vec::with_capacity(256),
        })
    }

    /// Wakes up for what comes in on a socket.
    pub(crate) fn add(&self, number: usize, stream: &TcpStream) -> Result<(), String> {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::add(&self.poll, stream, data, flags(false)).map_err(failed)
    }

    /// Wakes up for room to write, too, or no longer.
    pub(crate) fn watch(
        &self,
        number: usize,
        stream: &TcpStream,
        to_write: bool,
    ) -> Result<(), String> {
        let data = epoll::EventData::new_u64(number as u64);
        epoll::modify(&self.poll, stream, data, flags(to_write)).map_err(failed)
    }

    /// Waits at most so long. Gives the sockets on which something came in.
    pub(crate) fn wait(&mut self, at_most: Duration) -> Result<Vec<usize>, String> {
        self.ready.clear();
        let at_most = Timespec::try_from(at_most).map_err(|e| format!("a wait: {e:?}"))?;
        let room = rustix::buffer::spare_capacity(&mut self.ready);
        match epoll::wait(&self.poll, room, Some(&at_most)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(failed(error)),
        }
        let came_in = epoll::EventFlags::IN | epoll::EventFlags::HUP;
        let came_in = self.ready.iter().filter(|event| {
            let flags = event.flags;
            flags.intersects(came_in)
        });
        Ok(came_in
            .map(|event| usize::try_from(event.data.u64()).unwrap_or(0))
            .collect())
    }
}

/// How much came in; nothing where there is none yet.
pub(crate) fn received(read: std::io::Result<usize>) -> Result<Option<usize>, String> {
    match read {
        Ok(0) => Err("the broker closed a connection".to_owned()),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(format!("receiving an answer: {error}")),
    }
}
