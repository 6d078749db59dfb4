//! Connections that bring nothing: idle ones, and ones that bring a byte now and then of a frame that claims much.
//! The broker may end those that trickle; they come again.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::source::{break_off, connect};
use crate::interrupt;

/// Of so many connections one trickles.
const TRICKLES_EACH: usize = 3;
/// Time between two bytes of one that trickles.
const BYTE_EACH: Duration = Duration::from_secs(2);
/// What one that trickles claims.
const CLAIMED_BYTES: u32 = 90 << 20;

/// Connections that are held.
pub(crate) struct Crowd<'a> {
    to: SocketAddr,
    sources: &'a [Ipv4Addr],
    idle: Vec<TcpStream>,
    trickling: Vec<TcpStream>,
    left: Left,
}

/// What there was of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Left {
    /// The fewest that were open at a time once they were gathered, and idle ones among them.
    pub(crate) held: u64,
    /// Trickling ones that the broker had ended, and that came again.
    pub(crate) reopened: u64,
    pub(crate) complaints: Vec<String>,
}

impl Crowd<'_> {
    /// Opens them all.
    ///
    /// # Errors
    /// When the broker does not take one.
    pub(crate) fn gather(
        to: SocketAddr,
        sources: &[Ipv4Addr],
        connections: usize,
    ) -> Result<Crowd<'_>, String> {
        let mut crowd = Crowd {
            to,
            sources,
            idle: Vec::new(),
            trickling: Vec::new(),
            left: Left {
                held: connections as u64,
                ..Left::default()
            },
        };
        for number in 0..connections {
            interrupt::check()?;
            let opened = connect(to, sources, number).and_then(|mut stream| {
                if number % TRICKLES_EACH == 0 {
                    stream.write_all(&CLAIMED_BYTES.to_be_bytes())?;
                }
                stream.set_nonblocking(true)?;
                Ok(stream)
            });
            let stream = opened.map_err(|e| format!("connection {number} was not taken: {e}"))?;
            match number % TRICKLES_EACH {
                0 => crowd.trickling.push(stream),
                _ => crowd.idle.push(stream),
            }
        }
        Ok(crowd)
    }

    /// Lets them trickle for a time.
    ///
    /// # Errors
    /// When the run is interrupted.
    pub(crate) fn hold(&mut self, time: Duration) -> Result<(), String> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            interrupt::check()?;
            self.trickle();
        }
        Ok(())
    }

    /// A byte on each that trickles, spread over the time between two bytes, and another connection
    /// for each that is gone.
    fn trickle(&mut self) {
        let begun = Instant::now();
        let all = self.trickling.len().max(1);
        for (number, stream) in self.trickling.iter_mut().enumerate() {
            let due =
                BYTE_EACH * u32::try_from(number).unwrap_or(0) / u32::try_from(all).unwrap_or(1);
            sleep(due.saturating_sub(begun.elapsed()));
            if is_open(stream) && stream.write(b"x").is_ok() {
                continue;
            }
            self.left.reopened += 1;
            let again = connect(self.to, self.sources, number).and_then(|mut again| {
                again.write_all(&CLAIMED_BYTES.to_be_bytes())?;
                again.set_nonblocking(true)?;
                Ok(again)
            });
            match again {
                Ok(again) => *stream = again,
                Err(error) => self
                    .left
                    .complaints
                    .push(format!("a connection was not taken again: {error}")),
            }
        }
        sleep(BYTE_EACH.saturating_sub(begun.elapsed()));
    }

    /// Closes them all, and says what there was. One that was idle must still be open.
    pub(crate) fn leave(mut self) -> Left {
        let gone = self
            .idle
            .iter_mut()
            .filter_map(|stream| (!is_open(stream)).then_some(()));
        let gone = gone.count() as u64;
        self.left.held -= gone;
        if gone > 0 {
            self.left
                .complaints
                .push(format!("the broker ended {gone} idle connections"));
        }
        self.left.complaints.truncate(5);
        self.idle
            .into_iter()
            .chain(self.trickling)
            .for_each(break_off);
        self.left
    }
}

fn is_open(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(0) => false,
        Ok(_) => true,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}
