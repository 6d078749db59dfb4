//! One client connection: requests in as far as the budget goes, answers out in order.
//! It holds no session state; the engine keeps that by the connection's number.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kring_io::{ConnId, RequestId};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, timeout, timeout_at};

use crate::budget::{Budget, Permit};
use crate::replies::Replies;
use crate::write::write_parts;
use crate::{Arrival, ClientLimits, FrameAssembler, FrameError, Inbox};

/// Requests of one connection that may be with the engine or have an answer not yet written. Kafka
/// has 1; clients pipeline 5 (Java) or more (librdkafka), and group commit profits from it.
const REQUESTS_IN_FLIGHT_MAX: usize = 32;
/// A frame of at least this size counts against the budget before it is whole.
const LARGE_FRAME_BYTES: usize = 64 * 1024;
/// A frame under way must grow by [`PROGRESS_BYTES_MIN`] in each such window.
const PROGRESS_WINDOW: Duration = Duration::from_secs(10);
/// 1 KiB/s: slower than any client that means it.
const PROGRESS_BYTES_MIN: usize = 10 * 1024;

/// What the engine sends to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The answer to request `seq`.
    Reply { seq: u64, parts: Vec<Bytes> },
    /// No answer follows: close when what was ready is written.
    Close,
}

/// What every connection of a shard shares.
pub(crate) struct Surroundings {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) budget: Budget,
    pub(crate) limits: ClientLimits,
    /// Where sockets of this thread are read into, one at a time and never across an await.
    pub(crate) scratch: RefCell<Box<[u8]>>,
}

/// Why a connection ended.
#[derive(Debug, Error)]
pub(crate) enum End {
    #[error("the client closed the connection")]
    ByClient,
    #[error("the broker closed the connection")]
    ByEngine,
    #[error("no traffic for connections.max.idle.ms")]
    Idle,
    #[error("a frame came in slower than 1 KiB/s")]
    Stalled,
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error(transparent)]
    Socket(#[from] io::Error),
}

/// Serves a connection until it ends.
pub(crate) async fn serve(
    conn: ConnId,
    stream: TcpStream,
    outgoing: mpsc::UnboundedReceiver<Outgoing>,
    around: &Surroundings,
) -> End {
    let (read_half, write_half) = stream.into_split();
    let in_flight = Rc::new(Semaphore::new(REQUESTS_IN_FLIGHT_MAX));
    let reader = Reader {
        conn,
        stream: read_half,
        around,
        assembler: FrameAssembler::new(around.limits.frame_bytes_max),
        in_flight: Rc::clone(&in_flight),
        next_seq: 0,
        window: None,
    };
    let writer = write_answers(write_half, outgoing, &in_flight, around.limits.idle);
    let ended = tokio::select! {
        ended = reader.run() => ended,
        ended = writer => ended,
    };
    match ended {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

/// A loop that only an error ends.
enum Never {}

struct Reader<'a> {
    conn: ConnId,
    stream: OwnedReadHalf,
    around: &'a Surroundings,
    assembler: FrameAssembler,
    in_flight: Rc<Semaphore>,
    next_seq: u64,
    /// While a frame is under way.
    window: Option<Window>,
}

/// By when how many bytes of the frame under way must have arrived.
#[derive(Clone, Copy)]
struct Window {
    deadline: Instant,
    enough: usize,
}

impl Reader<'_> {
    async fn run(mut self) -> Result<Never, End> {
        let mut frames = Vec::new();
        loop {
            self.wait_for_bytes().await?;
            self.read_some(&mut frames)?;
            for frame in frames.drain(..) {
                self.take_place().await;
                let permit = self.around.budget.take(frame.len()).await;
                self.deliver(frame, permit);
            }
            if self.assembler.claimed() >= LARGE_FRAME_BYTES {
                self.read_large().await?;
            }
        }
    }

    /// Reads the rest of a large frame into its own memory. Its first bytes have arrived before it
    /// may take a large share of the budget.
    async fn read_large(&mut self) -> Result<(), End> {
        let permit = self.around.budget.take(self.assembler.claimed()).await;
        loop {
            if let Some(frame) = self.assembler.take_whole() {
                self.take_place().await;
                self.deliver(frame, permit);
                return Ok(());
            }
            self.wait_for_bytes().await?;
            match self.stream.try_read_buf(&mut self.assembler.room()) {
                Ok(0) => return Err(End::ByClient),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Reads what is there and cuts it into frames.
    fn read_some(&mut self, frames: &mut Vec<Bytes>) -> Result<(), End> {
        let mut scratch = self.around.scratch.borrow_mut();
        let got = match self.stream.try_read(&mut scratch) {
            Ok(0) => return Err(End::ByClient),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut bytes = &scratch[..got];
        while let Some(frame) = self.assembler.feed(&mut bytes)? {
            frames.push(frame);
        }
        Ok(())
    }

    async fn wait_for_bytes(&mut self) -> Result<(), End> {
        if self.assembler.within_frame() {
            return self.wait_within_frame().await;
        }
        self.window = None;
        loop {
            match timeout(self.around.limits.idle, self.stream.readable()).await {
                Ok(readable) => return Ok(readable?),
                // A request that waits for its answer is traffic.
                Err(_) if self.in_flight.available_permits() < REQUESTS_IN_FLIGHT_MAX => {}
                Err(_) => return Err(End::Idle),
            }
        }
    }

    /// Waits for bytes of a frame under way. A trickle that keeps a frame's memory busy ends the
    /// connection after the first window in which it brings too little.
    async fn wait_within_frame(&mut self) -> Result<(), End> {
        let received = self.assembler.received();
        let window = match self.window {
            Some(window) if received < window.enough => window,
            _ => Window {
                deadline: Instant::now() + PROGRESS_WINDOW,
                enough: received + PROGRESS_BYTES_MIN,
            },
        };
        self.window = Some(window);
        match timeout_at(window.deadline, self.stream.readable()).await {
            Ok(readable) => Ok(readable?),
            Err(_) => Err(End::Stalled),
        }
    }

    /// Waits until the connection may have one more request in flight.
    async fn take_place(&self) {
        if let Ok(place) = self.in_flight.acquire().await {
            // The writer gives it back when the answer is written.
            place.forget();
        }
    }

    fn deliver(&mut self, frame: Bytes, permit: Permit) {
        let id = RequestId {
            conn: self.conn,
            seq: self.next_seq,
        };
        self.next_seq += 1;
        let arrival = Arrival::Request { id, frame, permit };
        self.around.inbox.deliver(arrival);
    }
}

async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    in_flight: &Semaphore,
    stall_max: Duration,
) -> Result<Never, End> {
    let mut replies = Replies::default();
    let mut ready = VecDeque::new();
    let mut close = false;
    loop {
        let mut next = outgoing.recv().await;
        let mut answered = 0;
        // What else is there goes into the same system call.
        loop {
            match next {
                Some(Outgoing::Reply { seq, parts }) => {
                    answered += replies.take(seq, parts, &mut ready);
                }
                Some(Outgoing::Close) | None => close = true,
            }
            match outgoing.try_recv() {
                Ok(more) if !close => next = Some(more),
                _ => break,
            }
        }
        timeout(stall_max, write_parts(&mut stream, &mut ready))
            .await
            .map_err(|_| End::Idle)??;
        in_flight.add_permits(answered);
        if close {
            return Err(End::ByEngine);
        }
    }
}
