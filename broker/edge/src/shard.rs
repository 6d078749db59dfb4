//! A thread with a runtime of its own that serves its share of the connections.
//! It neither accepts connections nor decides what a request means.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use kring_io::{ConnId, Reply};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::arriving::Arriving;
use crate::budget::Budget;
use crate::connection::{End, Outgoing, Surroundings, serve};
use crate::limits::Place;
use crate::sockets::set_client_options;
use crate::{Arrival, ClientLimits, Inbox};

/// What one read takes at most, and all that idle connections of a shard need together. Some batches of producers fit
/// into it (`batch.size` of 64 KiB and a header are more than 64 KiB): a frame that comes in parts is copied once more.
const SCRATCH_BYTES: usize = 256 * 1024;

/// What a shard is told.
pub(crate) enum Order {
    /// Serve this connection.
    Serve {
        stream: std::net::TcpStream,
        address: SocketAddr,
        place: Place,
    },
    /// Send these answers, then close these connections.
    Send {
        replies: Vec<Reply>,
        close: Vec<ConnId>,
    },
}

/// Numbers and outboxes of the connections of a shard.
struct Connections {
    /// The next connection gets this number; they grow by the number of shards, so that the
    /// remainder names the shard.
    next: u64,
    step: u64,
    outboxes: BTreeMap<ConnId, mpsc::UnboundedSender<Outgoing>>,
}

/// What a shard is made of.
pub(crate) struct Shard {
    pub(crate) index: u64,
    pub(crate) shards: u64,
    pub(crate) limits: ClientLimits,
    pub(crate) budget: Budget,
    pub(crate) arriving: Arriving,
    pub(crate) inbox: Arc<dyn Inbox>,
}

impl Shard {
    /// Works until the senders of orders are gone. Runs in a local set, whose end closes every connection.
    pub(crate) async fn run(self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let connections = Rc::new(RefCell::new(Connections {
            next: self.index,
            step: self.shards,
            outboxes: BTreeMap::new(),
        }));
        let around = Rc::new(Surroundings {
            inbox: self.inbox,
            budget: self.budget,
            arriving: self.arriving,
            limits: self.limits,
            scratch: RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice()),
        });
        while let Some(order) = orders.recv().await {
            match order {
                Order::Serve {
                    stream,
                    address,
                    place,
                } => start(stream, address, place, &connections, &around),
                Order::Send { replies, close } => connections.borrow().send(replies, close),
            }
        }
    }
}

impl Connections {
    fn add(&mut self) -> (ConnId, mpsc::UnboundedReceiver<Outgoing>) {
        let conn = ConnId(self.next);
        self.next += self.step;
        // Unbounded, and yet capped: one entry for each request in flight.
        let (outbox, outgoing) = mpsc::unbounded_channel();
        self.outboxes.insert(conn, outbox);
        (conn, outgoing)
    }

    fn send(&self, replies: Vec<Reply>, close: Vec<ConnId>) {
        for reply in replies {
            // A connection that is gone wants no answer.
            if let Some(outbox) = self.outboxes.get(&reply.request.conn) {
                let _ = outbox.send(Outgoing::Reply {
                    seq: reply.request.seq,
                    parts: reply.parts,
                    tell_taken: reply.tell_taken,
                });
            }
        }
        for conn in close {
            if let Some(outbox) = self.outboxes.get(&conn) {
                let _ = outbox.send(Outgoing::Close);
            }
        }
    }
}

fn start(
    stream: std::net::TcpStream,
    address: SocketAddr,
    place: Place,
    connections: &Rc<RefCell<Connections>>,
    around: &Rc<Surroundings>,
) {
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => return tracing::warn!(%address, %error, "a connection could not be served"),
    };
    if let Err(error) = set_client_options(&stream) {
        return tracing::debug!(%address, %error, "a connection ended before it was served");
    }
    let (conn, outgoing) = connections.borrow_mut().add();
    let connections = Rc::clone(connections);
    let around = Rc::clone(around);
    tokio::task::spawn_local(async move {
        let host = address.ip().to_canonical().to_string();
        around.inbox.deliver(Arrival::Opened { conn, host });
        let end = serve(conn, stream, outgoing, &around).await;
        connections.borrow_mut().outboxes.remove(&conn);
        around.inbox.deliver(Arrival::Closed(conn));
        drop(place);
        match end {
            End::Frame(_) | End::Stalled | End::Crowded => {
                tracing::warn!(%address, reason = %end, "connection closed");
            }
            _ => tracing::debug!(%address, reason = %end, "connection closed"),
        }
    });
}
