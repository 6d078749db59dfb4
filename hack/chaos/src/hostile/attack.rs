//! Sends hostile frames at a rate, on connections that end with a frame that the broker refuses.
//! Every connection is waited for: the broker must answer or hang up, whatever it was sent.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use kring_io::Random;

use super::Counts;
use super::frames::{self, ANSWERED, HALF, REFUSED};
use super::source::{PATIENCE, break_off, connect};
use crate::interrupt;

/// Connections at a time.
const THREADS: u64 = 4;
/// Frames that are answered before one that is refused.
const ANSWERED_FRAMES: u64 = 15;
/// Of so many connections one goes to the listener of the brokers, and one to the admin API.
const OTHER_LISTENERS_EACH: u64 = 40;
/// Of so many connections one ends within a frame.
const HALF_EACH: u64 = 10;
/// Complaints that are kept.
const COMPLAINTS_MAX: usize = 5;

/// Where to send what.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub(crate) clients: SocketAddr,
    pub(crate) peers: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) topic: &'a str,
    /// Frames per second.
    pub(crate) rate: u64,
    pub(crate) seed: u64,
    pub(crate) sources: &'a [Ipv4Addr],
}

/// What was sent, and what came of it.
#[derive(Debug, Default)]
pub(crate) struct Attack {
    /// Frames that were written, by kind.
    pub(crate) frames: Counts,
    /// Answers to those that are answered.
    pub(crate) answered: u64,
    /// Connections that the broker ended.
    pub(crate) cut_off: u64,
    pub(crate) complaints: Vec<String>,
    /// Connections so far, by which addresses and seeds differ.
    connections: AtomicUsize,
}

impl Attack {
    /// Sends about so many frames.
    ///
    /// # Errors
    /// When the run is interrupted.
    pub(crate) fn run(&mut self, order: &Order<'_>, frames: u64) -> Result<(), String> {
        let numbers = &self.connections;
        let parts = thread::scope(|scope| {
            let threads: Vec<_> = (0..THREADS)
                .map(|_| scope.spawn(|| one_thread(order, frames / THREADS, numbers)))
                .collect();
            let parts = threads.into_iter().map(thread::ScopedJoinHandle::join);
            parts.collect::<Vec<_>>()
        });
        for part in parts {
            let part = part.map_err(|_| "a thread that sends hostile frames panicked")?;
            for (kind, count) in part.frames {
                *self.frames.entry(kind).or_default() += count;
            }
            self.answered += part.answered;
            self.cut_off += part.cut_off;
            self.complaints.extend(part.complaints);
            self.complaints.truncate(COMPLAINTS_MAX);
        }
        interrupt::check()
    }
}

fn one_thread(order: &Order<'_>, frames: u64, numbers: &AtomicUsize) -> Attack {
    let mut attack = Attack::default();
    let begun = Instant::now();
    let mut sent = 0;
    while sent < frames && interrupt::check().is_ok() {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        let mut random = Random::new(order.seed ^ ((number as u64) << 20));
        match one_connection(order, number, &mut random, &mut attack) {
            Ok(more) => sent += more,
            Err(error) => {
                if attack.complaints.len() < COMPLAINTS_MAX {
                    attack
                        .complaints
                        .push(format!("a hostile connection: {error}"));
                }
                sent += 1;
            }
        }
        let due = Duration::from_micros(1_000_000 * sent * THREADS / order.rate);
        sleep(due.saturating_sub(begun.elapsed()));
    }
    attack
}

/// Gives how many frames it sent.
fn one_connection(
    order: &Order<'_>,
    number: usize,
    random: &mut Random,
    attack: &mut Attack,
) -> io::Result<u64> {
    let (to, kind, bytes) = match random.below(OTHER_LISTENERS_EACH) {
        0 => (order.peers, frames::AT_PEERS, frames::at_peers(random)),
        1 => (order.admin, frames::AT_ADMIN, frames::at_admin(random)),
        _ => return at_clients(order, number, random, attack),
    };
    let mut stream = connect(to, order.sources, number)?;
    // The broker may hang up before it has everything.
    let _ = stream.write_all(&bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    *attack.frames.entry(kind).or_default() += 1;
    until_cut_off(&mut stream, kind)?;
    attack.cut_off += 1;
    Ok(1)
}

fn at_clients(
    order: &Order<'_>,
    number: usize,
    random: &mut Random,
    attack: &mut Attack,
) -> io::Result<u64> {
    let mut bytes = Vec::new();
    let mut kinds = Vec::new();
    let mut put = |kind: &'static str, random: &mut Random| {
        frames::put(kind, order.topic, random, &mut bytes);
        kinds.push(kind);
    };
    for _ in 0..ANSWERED_FRAMES {
        put(drawn(&ANSWERED, random), random);
    }
    let half = random.below(HALF_EACH) == 0;
    let last = if half { HALF } else { drawn(&REFUSED, random) };
    put(last, random);
    let mut stream = connect(order.clients, order.sources, number)?;
    stream.write_all(&bytes)?;
    for kind in &kinds {
        *attack.frames.entry(kind).or_default() += 1;
    }
    if half {
        break_off(stream);
    } else {
        attack.answered += answers(&until_cut_off(&mut stream, last)?);
        attack.cut_off += 1;
    }
    Ok(kinds.len() as u64)
}

fn drawn(kinds: &[&'static str], random: &mut Random) -> &'static str {
    kinds[random.below(kinds.len() as u64) as usize]
}

/// Reads until the broker hangs up.
fn until_cut_off(stream: &mut TcpStream, kind: &str) -> io::Result<Vec<u8>> {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => Ok(answer),
        // What it had not read when it closed comes back as a reset.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(answer),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            let waited = PATIENCE.as_secs();
            let fact = format!(
                "after {kind} it is open for {waited} s ({} bytes of answers)",
                answer.len()
            );
            Err(io::Error::new(io::ErrorKind::TimedOut, fact))
        }
        Err(error) => Err(error),
    }
}

/// Whole answers in what came back.
fn answers(mut bytes: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((length, rest)) = bytes.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(after) = rest.get(length..) else {
            break;
        };
        bytes = after;
        count += 1;
    }
    count
}
