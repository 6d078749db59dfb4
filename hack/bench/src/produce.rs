//! Producers in one thread: ready frames over many connections, as fast as answers come or at a fixed rate.
//! Latency counts from the time a request was meant to go; an answer with an error ends the load.

use std::collections::VecDeque;
use std::io::{ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use kring_wire::ErrorCode;

use crate::batch::Batch;
use crate::statistics::Done;
use crate::wait::{DRAIN_MAX, Sockets, WAIT_MAX, received};
use crate::{call, frame, statistics};

/// What to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Producing {
    pub(crate) connections: usize,
    /// Requests under way on one connection.
    pub(crate) depth: usize,
    pub(crate) acks: i16,
    /// Requests in a second of all connections; none: as many as are answered.
    pub(crate) rate: Option<f64>,
    /// When the first of them is meant to go; none: at once.
    pub(crate) begins_at: Option<Instant>,
    /// No request goes out after so many payload bytes or so long.
    pub(crate) payload_bytes_max: u64,
    pub(crate) time_max: Duration,
}

/// When a request of a load at a rate is meant to go.
pub(crate) fn intended(start: Instant, rate: f64, request: u64) -> Instant {
    start + Duration::from_secs_f64(request as f64 / rate)
}

struct Connection {
    stream: TcpStream,
    /// When each request under way was meant to go.
    under_way: VecDeque<Instant>,
    heads: Vec<BytesMut>,
    next: usize,
    /// Bytes of the frame being sent that are sent.
    sent: usize,
    sending: bool,
    input: BytesMut,
    is_registered_to_write: bool,
}

/// Runs a load on these partitions to its end. There is one for each connection, at least.
pub(crate) fn run(
    address: SocketAddr,
    topic: &str,
    partitions: &[i32],
    batch: &Batch,
    load: Producing,
) -> Result<Done, String> {
    let mut sockets = Sockets::new()?;
    let mut connections = Vec::with_capacity(load.connections);
    for number in 0..load.connections {
        let connection = Connection::open(address, topic, partitions, batch, load, number)?;
        sockets.add(number, &connection.stream)?;
        connections.push(connection);
    }
    let mut turn = Turn {
        start: load.begins_at.unwrap_or_else(Instant::now),
        asked: 0,
        load,
        batch,
        done: Done::default(),
    };
    loop {
        let wait = turn.send(&mut connections)?;
        for (number, connection) in connections.iter_mut().enumerate() {
            connection.watch(&sockets, number)?;
        }
        let ended = turn.ended();
        if ended && turn.done.requests == turn.asked {
            break;
        }
        if turn.start.elapsed() > load.time_max + DRAIN_MAX {
            return Err(format!(
                "{} of {} requests were not answered within {} s",
                turn.asked - turn.done.requests,
                turn.asked,
                DRAIN_MAX.as_secs()
            ));
        }
        for number in sockets.wait(wait)? {
            turn.receive(&mut connections[number])?;
        }
    }
    turn.done.payload_bytes = turn.done.requests * batch.payload_bytes;
    turn.done.elapsed = turn.start.elapsed();
    Ok(turn.done)
}

struct Turn<'a> {
    start: Instant,
    asked: u64,
    load: Producing,
    batch: &'a Batch,
    done: Done,
}

impl Turn<'_> {
    fn ended(&self) -> bool {
        self.start.elapsed() >= self.load.time_max
            || self.asked * self.batch.payload_bytes >= self.load.payload_bytes_max
    }

    /// When the next request is meant to go.
    fn intended(&self) -> Instant {
        match self.load.rate {
            None => Instant::now(),
            Some(rate) => intended(self.start, rate, self.asked),
        }
    }

    /// Sends what is due and fits; gives how long nothing more will be due.
    fn send(&mut self, connections: &mut [Connection]) -> Result<Duration, String> {
        loop {
            let mut moved = false;
            for connection in connections.iter_mut() {
                if !connection.sending
                    && connection.under_way.len() < self.load.depth
                    && !self.ended()
                {
                    let intended = self.intended();
                    if intended <= Instant::now() {
                        connection.under_way.push_back(intended);
                        connection.begin();
                        self.asked += 1;
                    }
                }
                moved |= connection.sending && connection.push(&self.batch.bytes)?;
            }
            if !moved {
                break;
            }
        }
        // Without room the next answer ends the wait. A load that is late would else turn without rest, keep its processor
        // from the broker, and so stay late.
        let has_room = |c: &Connection| !c.sending && c.under_way.len() < self.load.depth;
        if self.load.rate.is_none() || self.ended() || !connections.iter().any(has_room) {
            return Ok(WAIT_MAX);
        }
        Ok(self
            .intended()
            .saturating_duration_since(Instant::now())
            .min(WAIT_MAX))
    }

    fn receive(&mut self, connection: &mut Connection) -> Result<(), String> {
        for answer in connection.answers()? {
            let (_, error, _) =
                frame::produce_answer(answer).map_err(|e| format!("an answer to Produce: {e}"))?;
            if error != 0 {
                return Err(format!(
                    "Produce was answered with {:?} ({error})",
                    ErrorCode::from_code(error)
                ));
            }
            let intended = connection
                .under_way
                .pop_front()
                .ok_or("an answer to no request")?;
            statistics::note(&mut self.done.latency, intended.elapsed());
            self.done.requests += 1;
        }
        Ok(())
    }
}

impl Connection {
    /// Connects. It writes to every n-th partition, n the number of connections.
    fn open(
        address: SocketAddr,
        topic: &str,
        partitions: &[i32],
        batch: &Batch,
        load: Producing,
        number: usize,
    ) -> Result<Connection, String> {
        let head = |partition: &i32| {
            let head = frame::produce_head(topic, *partition, load.acks, batch.bytes.len());
            BytesMut::from(&head[..])
        };
        let own = partitions.iter().skip(number % partitions.len().max(1));
        let heads = own.step_by(load.connections.max(1));
        Ok(Connection {
            stream: call::connect_nonblocking(address)?,
            under_way: VecDeque::new(),
            heads: heads.map(head).collect(),
            next: 0,
            sent: 0,
            sending: false,
            input: BytesMut::new(),
            is_registered_to_write: false,
        })
    }

    fn begin(&mut self) {
        self.sending = true;
        self.sent = 0;
    }

    /// Sends on. Gives whether the frame went out whole.
    fn push(&mut self, batch: &Bytes) -> Result<bool, String> {
        let head = &self.heads[self.next];
        while self.sent < head.len() + batch.len() {
            let of_head = self.sent.min(head.len());
            let parts = [
                IoSlice::new(&head[of_head..]),
                IoSlice::new(&batch[self.sent - of_head..]),
            ];
            match self.stream.write_vectored(&parts) {
                Ok(bytes) => self.sent += bytes,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(format!("sending a Produce: {error}")),
            }
        }
        self.sending = false;
        self.next = (self.next + 1) % self.heads.len();
        Ok(true)
    }

    /// The answers that are there whole.
    fn answers(&mut self) -> Result<Vec<Bytes>, String> {
        let mut chunk = [0; 16 << 10];
        let bytes = received(self.stream.read(&mut chunk))?.unwrap_or(0);
        self.input.extend_from_slice(&chunk[..bytes]);
        let mut answers = Vec::new();
        while let Some(length) = self.input.first_chunk::<4>() {
            let length = u32::from_be_bytes(*length) as usize;
            if self.input.len() < 4 + length {
                break;
            }
            answers.push(self.input.split_to(4 + length).freeze().slice(4..));
        }
        Ok(answers)
    }

    /// Wakes up for room in the socket only while a frame is half sent.
    fn watch(&mut self, sockets: &Sockets, number: usize) -> Result<(), String> {
        if self.sending == self.is_registered_to_write {
            return Ok(());
        }
        self.is_registered_to_write = self.sending;
        sockets.watch(number, &self.stream, self.sending)
    }
}
