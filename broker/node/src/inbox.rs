//! The queue into the engine thread: what the network brings, admin requests, questions about its health.
//! It is emptied by `engine.rs` alone; who fills it never waits for that.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use kring_edge::{Arrival, Permit};
use kring_io::Wake;
use kring_requests::{AdminError, AdminRequest, AdminResponse, Event, Metrics};
use tokio::sync::oneshot;

/// Where the answer to an admin request goes.
pub(crate) type AdminAnswer = oneshot::Sender<Result<AdminResponse, AdminError>>;

/// One thing for the engine thread.
pub(crate) enum Item {
    /// An event, and its share of a budget until the engine has taken it in.
    Event(Event, Option<Permit>),
    /// A request of the admin API.
    Admin(AdminRequest, AdminAnswer),
    /// A question for the counters.
    Metrics(oneshot::Sender<Metrics>),
    /// A question whether the loop turns.
    Ping(oneshot::Sender<()>),
}

/// The queue. Its length is capped by those who fill it: requests in flight, budgets of bytes,
/// connections of the HTTP listeners.
pub(crate) struct Inbox {
    items: Mutex<VecDeque<Item>>,
    engine: Arc<dyn Wake>,
}

impl Inbox {
    /// An empty queue that wakes `engine`.
    pub(crate) fn new(engine: Arc<dyn Wake>) -> Inbox {
        Inbox {
            items: Mutex::default(),
            engine,
        }
    }

    /// Puts something in and wakes the engine.
    pub(crate) fn push(&self, item: Item) {
        self.items().push_back(item);
        self.engine.wake();
    }

    /// Takes up to `max` things out; says whether more are there.
    pub(crate) fn take(&self, max: usize, into: &mut Vec<Item>) -> bool {
        let mut items = self.items();
        let count = items.len().min(max);
        into.extend(items.drain(..count));
        !items.is_empty()
    }

    fn items(&self) -> std::sync::MutexGuard<'_, VecDeque<Item>> {
        // Nothing panics while the lock is held, so a poisoned queue is a whole one.
        self.items.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl kring_edge::Inbox for Inbox {
    fn deliver(&self, arrival: Arrival) {
        self.push(match arrival {
            Arrival::Opened { conn, host } => Item::Event(Event::Opened { conn, host }, None),
            Arrival::Request { id, frame, permit } => {
                Item::Event(Event::Request { id, frame }, Some(permit))
            }
            Arrival::Taken(request) => Item::Event(Event::Taken(request), None),
            Arrival::Closed(conn) => Item::Event(Event::Closed(conn), None),
            Arrival::PeerConnected(broker) => Item::Event(Event::PeerConnected(broker), None),
            Arrival::OtherCluster { from, cluster_id } => {
                Item::Event(Event::OtherCluster { from, cluster_id }, None)
            }
            Arrival::Peer {
                from,
                message,
                permit,
            } => Item::Event(Event::Peer { from, message }, Some(permit)),
        });
    }
}
