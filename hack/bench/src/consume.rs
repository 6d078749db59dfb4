//! Consumers in one thread: each reads one partition from its start to its end, again and again, and drops what it gets.
//! Records are not looked at: their batches all have the length and the count of the one that was sent.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kring_wire::ErrorCode;
use rustix::net::RecvFlags;

use crate::batch::Batch;
use crate::statistics::Done;
use crate::wait::{DRAIN_MAX, Sockets, WAIT_MAX, received};
use crate::{call, frame, produce, statistics};

/// What to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Consuming {
    pub(crate) partitions: i32,
    /// Of each partition.
    pub(crate) consumers: usize,
    /// At most so much of an answer.
    pub(crate) fetch_bytes_max: i32,
    /// No request goes out after so many payload bytes or so long.
    pub(crate) payload_bytes_max: u64,
    pub(crate) time_max: Duration,
}

const FOLLOWED_BYTES_MAX: i32 = 1 << 20;
const DROPPED_AT_ONCE: usize = 1 << 20;

struct Consumer {
    stream: TcpStream,
    topic: String,
    partition: i32,
    end: i64,
    offset: i64,
    asked_at: Instant,
    awaits: Awaits,
}

/// What is read next of an answer.
enum Awaits {
    Nothing,
    Head(Vec<u8>),
    Records { left: usize, of: usize },
}

/// Reads for as long or as much as asked; latency is from a request to the last byte of its answer. Every partition has records.
pub(crate) fn run(
    address: SocketAddr,
    topic: &str,
    batch: &Batch,
    load: Consuming,
) -> Result<Done, String> {
    let mut admin = call::connect(address, Duration::from_secs(10))?;
    let partitions: Vec<i32> = (0..load.partitions).collect();
    let ends = call::ends(&mut admin, topic, &partitions)?;
    let mut sockets = Sockets::new()?;
    let mut consumers = Vec::new();
    for (partition, end) in (0..).zip(ends) {
        let end = end.filter(|end| *end > 0);
        let end = end.ok_or(format!("{topic}-{partition} has no records"))?;
        for _ in 0..load.consumers {
            let consumer = Consumer::open(address, topic, partition, end)?;
            sockets.add(consumers.len(), &consumer.stream)?;
            consumers.push(consumer);
        }
    }
    let mut consumed = Done::default();
    let start = Instant::now();
    for consumer in &mut consumers {
        consumer.ask(load.fetch_bytes_max)?;
    }
    let mut scratch = vec![0; DROPPED_AT_ONCE];
    let mut waiting = consumers.len();
    while waiting > 0 {
        if start.elapsed() > load.time_max + DRAIN_MAX {
            return Err(format!("{waiting} fetches were not answered"));
        }
        for number in sockets.wait(WAIT_MAX)? {
            let consumer = &mut consumers[number];
            let Some(bytes) = consumer.take(&mut scratch)? else {
                continue;
            };
            let batches = bytes / batch.bytes.len();
            consumed.requests += 1;
            consumed.payload_bytes += batches as u64 * batch.payload_bytes;
            statistics::note(&mut consumed.latency, consumer.asked_at.elapsed());
            consumer.offset += batches as i64 * batch.records;
            if consumer.offset >= consumer.end {
                consumer.offset = 0;
            }
            let ended = start.elapsed() >= load.time_max
                || consumed.payload_bytes >= load.payload_bytes_max;
            if ended {
                waiting -= 1;
            } else {
                consumer.ask(load.fetch_bytes_max)?;
            }
        }
    }
    consumed.elapsed = start.elapsed();
    Ok(consumed)
}

/// A load at a rate on one partition, from the side of its consumer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Following {
    pub(crate) begins_at: Instant,
    /// Requests in a second, a batch each.
    pub(crate) rate: f64,
    pub(crate) batches: u64,
    pub(crate) time_max: Duration,
}

/// Reads a partition while it is written, until all batches came. Latency of each is from when it was meant
/// to be sent until it is here.
pub(crate) fn follow(
    address: SocketAddr,
    topic: &str,
    batch: &Batch,
    load: Following,
) -> Result<Done, String> {
    let mut consumer = Consumer::open(address, topic, 0, i64::MAX)?;
    let mut sockets = Sockets::new()?;
    sockets.add(0, &consumer.stream)?;
    let mut done = Done::default();
    let mut scratch = vec![0; DROPPED_AT_ONCE];
    let mut came = 0;
    consumer.ask(FOLLOWED_BYTES_MAX)?;
    while came < load.batches {
        if load.begins_at.elapsed() > load.time_max + DRAIN_MAX {
            return Err(format!("{came} of {} batches came", load.batches));
        }
        for _ in sockets.wait(WAIT_MAX)? {
            let Some(bytes) = consumer.take(&mut scratch)? else {
                continue;
            };
            for _ in 0..bytes / batch.bytes.len() {
                let intended = produce::intended(load.begins_at, load.rate, came);
                statistics::note(&mut done.latency, intended.elapsed());
                came += 1;
            }
            done.requests += 1;
            consumer.offset = i64::try_from(came).unwrap_or(i64::MAX) * batch.records;
            consumer.ask(FOLLOWED_BYTES_MAX)?;
        }
    }
    done.payload_bytes = came * batch.payload_bytes;
    done.elapsed = load.begins_at.elapsed();
    Ok(done)
}

impl Consumer {
    fn open(
        address: SocketAddr,
        topic: &str,
        partition: i32,
        end: i64,
    ) -> Result<Consumer, String> {
        Ok(Consumer {
            stream: call::connect_nonblocking(address)?,
            topic: topic.to_owned(),
            partition,
            end,
            offset: 0,
            asked_at: Instant::now(),
            awaits: Awaits::Nothing,
        })
    }

    fn ask(&mut self, bytes_max: i32) -> Result<(), String> {
        let request = frame::fetch(&self.topic, self.partition, self.offset, bytes_max);
        self.asked_at = Instant::now();
        self.awaits = Awaits::Head(Vec::new());
        // One small request is under way on a connection: a socket has room for it.
        self.stream
            .write_all(&request)
            .map_err(|e| format!("sending a Fetch: {e}"))
    }

    /// Reads on. Gives the length of the records once an answer is there whole.
    fn take(&mut self, scratch: &mut [u8]) -> Result<Option<usize>, String> {
        loop {
            match &mut self.awaits {
                Awaits::Nothing => return Ok(None),
                Awaits::Head(head) => {
                    let wanted = 4 + frame::fetched_head_bytes(&self.topic);
                    let room = &mut scratch[..wanted - head.len()];
                    let Some(bytes) = received(self.stream.read(room))? else {
                        return Ok(None);
                    };
                    head.extend_from_slice(&scratch[..bytes]);
                    if head.len() == wanted {
                        let head = Bytes::from(std::mem::take(head)).slice(4..);
                        let of = self.records_bytes(head)?;
                        self.awaits = Awaits::Records { left: of, of };
                    }
                }
                Awaits::Records { left: 0, of } => {
                    let of = *of;
                    self.awaits = Awaits::Nothing;
                    return Ok(Some(of));
                }
                Awaits::Records { left, .. } => {
                    let at_once = (*left).min(scratch.len());
                    // The kernel drops the bytes without copying them (tcp(7), MSG_TRUNC).
                    let room = &mut scratch[..at_once];
                    let dropped = rustix::net::recv(&self.stream, room, RecvFlags::TRUNC);
                    let dropped = dropped.map(|(_, bytes)| bytes).map_err(Into::into);
                    let Some(bytes) = received(dropped)? else {
                        return Ok(None);
                    };
                    *left -= bytes;
                }
            }
        }
    }

    fn records_bytes(&self, head: Bytes) -> Result<usize, String> {
        match frame::fetched(head) {
            Ok((0, bytes)) => Ok(bytes),
            Ok((error, _)) => Err(format!(
                "Fetch of {}-{} at {} was answered with {:?} ({error})",
                self.topic,
                self.partition,
                self.offset,
                ErrorCode::from_code(error)
            )),
            Err(error) => Err(format!("an answer to Fetch: {error}")),
        }
    }
}
