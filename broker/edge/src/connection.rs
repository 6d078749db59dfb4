//! One client connection: requests in as far as the budget goes, answers out in order.
//! It holds no session state; the engine keeps that by the connection's number.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, Bytes};
use kring_io::{ConnId, RequestId};
use thiserror::Error;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::unconstrained;
use tokio::time::{Instant, timeout, timeout_at};

use crate::arriving::{Arriving, Share};
use crate::budget::{Budget, Permit};
use crate::replies::Replies;
use crate::write::write_parts;
use crate::{Arrival, ClientLimits, FrameAssembler, FrameError, Inbox};

/// Requests of one connection that may be with the engine or have an answer not yet written. Kafka
/// has 1; clients pipeline 5 (Java) or more (librdkafka), and group commit profits from it.
const REQUESTS_IN_FLIGHT_MAX: usize = 32;
/// A frame under way must grow in each such window: by [`PROGRESS_BYTES_MIN`], and by its
/// [`PROGRESS_PART`]th part.
const PROGRESS_WINDOW: Duration = Duration::from_secs(10);
/// 1 KiB/s: slower than any client that means it.
const PROGRESS_BYTES_MIN: usize = 10 * 1024;
/// Who has sent much must go on sending much, or its memory would be held for nothing. A frame that
/// arrives evenly within the 30 s that clients wait for an answer grows by more.
const PROGRESS_PART: usize = 4;
/// How long a frame under way waits for memory. Whoever keeps others waiting by holding what it
/// does not use must send all of it again this often.
const MEMORY_WAIT_MAX: Duration = Duration::from_secs(10);
/// Frames that are cut from what was read before the first of them is delivered. Many small ones
/// take far more memory than their bytes.
const FRAMES_AT_ONCE: usize = 32;

/// What the engine sends to a connection.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// The answer to request `seq`.
    Reply {
        seq: u64,
        parts: Vec<Bytes>,
        tell_taken: bool,
    },
    /// No answer follows: close when what was ready is written.
    Close,
}

/// What every connection of a shard shares.
pub(crate) struct Surroundings {
    pub(crate) inbox: Arc<dyn Inbox>,
    pub(crate) budget: Budget,
    pub(crate) arriving: Arriving,
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
    #[error("a frame came in slower than 1 KiB/s, or grew by less than a quarter in 10 s")]
    Stalled,
    #[error(
        "requests under way left no memory for another within {} s (queued.max.request.bytes)",
        MEMORY_WAIT_MAX.as_secs()
    )]
    Crowded,
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
    let writer = write_answers(write_half, outgoing, &in_flight, around, conn);
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
            let mut rest = self.read_some(&mut frames)?;
            loop {
                for frame in frames.drain(..) {
                    self.take_place().await;
                    let permit = self.around.budget.take(frame.len()).await;
                    self.deliver(frame, permit);
                }
                if rest.is_empty() {
                    break;
                }
                let mut bytes = &rest[..];
                self.cut(&mut bytes, &mut frames)?;
                let cut = rest.len() - bytes.len();
                rest.advance(cut);
            }
            if self.assembler.claimed() > 0 {
                self.read_rest().await?;
            }
        }
    }

    /// Reads the rest of a frame into its own memory, which counts as far as its bytes have arrived.
    async fn read_rest(&mut self) -> Result<(), End> {
        // Before it takes memory from others: a client that takes no answers gives no place back.
        self.take_place().await;
        let mut share = Share::default();
        loop {
            if let Some(frame) = self.assembler.take_whole() {
                let permit = self.around.budget.take(frame.len()).await;
                drop(share);
                self.deliver(frame, permit);
                return Ok(());
            }
            self.wait_for_bytes().await?;
            let holds = self.assembler.holds();
            if !share.covers(holds) {
                let grown = self.around.arriving.grow(&mut share, holds);
                timeout(MEMORY_WAIT_MAX, grown)
                    .await
                    .map_err(|_| End::Crowded)?;
                // What others took is no fault of this client's.
                self.window = None;
            }
            let mut room = self.assembler.room();
            match at_once(self.stream.read_buf(&mut room)) {
                Some(Ok(0)) => return Err(End::ByClient),
                Some(got) => drop(got?),
                None => {}
            }
        }
    }

    /// Reads what is there and cuts the first frames from it; gives what follows them.
    fn read_some(&mut self, frames: &mut Vec<Bytes>) -> Result<Bytes, End> {
        let scratch = &mut *self.around.scratch.borrow_mut();
        let got = match at_once(self.stream.read(scratch)) {
            Some(Ok(0)) => return Err(End::ByClient),
            Some(got) => got?,
            None => return Ok(Bytes::new()),
        };
        let mut bytes = &scratch[..got];
        self.cut(&mut bytes, frames)?;
        Ok(Bytes::copy_from_slice(bytes))
    }

    fn cut(&mut self, bytes: &mut &[u8], frames: &mut Vec<Bytes>) -> Result<(), End> {
        while frames.len() < FRAMES_AT_ONCE
            && let Some(frame) = self.assembler.feed(bytes)?
        {
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
                enough: received + PROGRESS_BYTES_MIN.max(received / PROGRESS_PART),
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

/// What a read gives without waiting. Unlike `try_read`, one that did not fill its buffer counts as the last until the
/// socket tells of more (tokio then forgets that it was readable), which saves the one that would find nothing.
/// It is unconstrained: a read that gave nothing for the sake of other tasks would look like an empty socket, which is
/// readable all the same, and this task would never yield.
fn at_once<T>(reading: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(unconstrained(reading)).poll(&mut context) {
        Poll::Ready(got) => Some(got),
        Poll::Pending => None,
    }
}

async fn write_answers(
    mut stream: OwnedWriteHalf,
    mut outgoing: mpsc::UnboundedReceiver<Outgoing>,
    in_flight: &Semaphore,
    around: &Surroundings,
    conn: ConnId,
) -> Result<Never, End> {
    let mut replies = Replies::default();
    let mut tell = BTreeSet::new();
    let mut ready = VecDeque::new();
    let mut close = false;
    loop {
        let mut next = outgoing.recv().await;
        let mut answered = 0;
        // What else is there goes into the same system call.
        loop {
            match next {
                Some(Outgoing::Reply {
                    seq,
                    parts,
                    tell_taken,
                }) => {
                    if tell_taken {
                        tell.insert(seq);
                    }
                    answered += replies.take(seq, parts, &mut ready);
                }
                Some(Outgoing::Close) | None => close = true,
            }
            match outgoing.try_recv() {
                Ok(more) if !close => next = Some(more),
                _ => break,
            }
        }
        timeout(around.limits.idle, write_parts(&mut stream, &mut ready))
            .await
            .map_err(|_| End::Idle)??;
        in_flight.add_permits(answered);
        while let Some(seq) = tell.first().copied().filter(|seq| *seq < replies.given()) {
            tell.remove(&seq);
            let taken = Arrival::Taken(RequestId { conn, seq });
            around.inbox.deliver(taken);
        }
        if close {
            return Err(End::ByEngine);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;
    use tokio::task::consume_budget;

    use super::*;

    #[tokio::test]
    async fn what_is_there_is_read_by_a_task_that_has_done_much_already() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut client = TcpStream::connect(address).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        client.write_all(b"abc").await.unwrap();
        server.readable().await.unwrap();
        let (mut stream, _write) = server.into_split();
        let mut context = Context::from_waker(Waker::noop());
        while pin!(consume_budget()).poll(&mut context).is_ready() {}
        let mut got = [0; 8];
        assert_eq!(at_once(stream.read(&mut got)).unwrap().unwrap(), 3);
        assert!(at_once(stream.read(&mut got)).is_none());
    }
}
