//! Fetches that wait for records, for the disk, or for their time to be over.
//! What a fetch may read is decided in `look`; how the answer looks is in `respond`.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, Instant, Now, RequestId};
use kring_log::{Log, ReadError};
use kring_wire::fetch::{AbortedTransaction, EpochEnd};
use kring_wire::{ErrorCode, TopicPartition};

use super::aborted;
use super::look::{Look, Looked, limit, look_at};
use super::plan::Plan;
use super::sessions::{Context, Sessions};
use super::untaken::Untaken;
use crate::broker::Broker;
use crate::call::Caller;
use crate::event::Output;
use crate::route::reads::Reader;

/// What is known of one partition's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    /// Records, maybe none.
    Records(Vec<Bytes>),
    /// They come from the disk.
    Reading,
    /// The client's log and this one differ from here on.
    Diverging(EpochEnd),
    /// A follower in the client's rack gives it.
    Nearby(BrokerId),
    /// Nothing can be given.
    Error(ErrorCode),
}

impl Slot {
    fn bytes(&self) -> usize {
        match self {
            Slot::Records(parts) => parts.iter().map(Bytes::len).sum(),
            _ => 0,
        }
    }

    fn ends_the_wait(&self) -> bool {
        matches!(self, Slot::Diverging(_) | Slot::Nearby(_) | Slot::Error(_))
    }
}

/// A fetch that has no answer yet.
#[derive(Debug)]
pub(super) struct Open {
    /// Who waits.
    pub(super) caller: Caller,
    /// When it is answered with what there is.
    pub(super) deadline: Instant,
    /// What is asked.
    pub(super) plan: Plan,
    /// Its session.
    pub(super) context: Context,
    /// One per ask, once it was looked at.
    pub(super) slots: Vec<Slot>,
    /// For each of them, the aborted transactions among its records.
    pub(super) aborted: Vec<Vec<AbortedTransaction>>,
    /// The log had too many reads under way; it is asked again when one ends.
    disk_busy: bool,
    /// Records came from the disk: they are given as they are, because looking again would read
    /// them again.
    from_disk: bool,
    /// How much the client may be given, for what it and others have not taken.
    room: usize,
    /// Bytes that are read from the disk, at most.
    reading: usize,
}

impl Open {
    /// A fetch that was not looked at.
    pub(super) fn new(caller: Caller, deadline: Instant, plan: Plan, context: Context) -> Open {
        Open {
            caller,
            deadline,
            plan,
            context,
            slots: Vec::new(),
            aborted: Vec::new(),
            disk_busy: false,
            from_disk: false,
            room: usize::MAX,
            reading: 0,
        }
    }

    /// Whether records are on their way from the disk.
    pub(super) fn waits_for_disk(&self) -> bool {
        self.slots.contains(&Slot::Reading)
    }

    /// Whether there is enough to answer.
    pub(super) fn is_complete(&self) -> bool {
        let bytes: usize = self.slots.iter().map(Slot::bytes).sum();
        // A client with answers to take waits for that. Another gets what it may have.
        let enough = match self.room {
            0 => self.plan.min_bytes,
            room => self.plan.min_bytes.min(room),
        };
        bytes >= enough
            || self.from_disk
            || self.plan.asks.is_empty()
            || self.slots.iter().any(Slot::ends_the_wait)
    }

    /// Looks at every partition anew.
    pub(super) fn read_all(&mut self, broker: &mut Broker, now: Now, id: u64, out: &mut Output) {
        if self.from_disk {
            return;
        }
        self.disk_busy = false;
        self.reading = 0;
        let (conn, fetch) = (self.caller.request.conn, &broker.fetch);
        let budget = broker.config.untaken_answer_bytes;
        self.room = fetch.untaken.room(conn, budget, fetch.reading);
        let max_bytes = self.plan.max_bytes.min(self.room);
        let isolation = self.plan.isolation;
        let mut used = 0;
        let mut slots = Vec::with_capacity(self.plan.asks.len());
        let mut aborted = Vec::with_capacity(self.plan.asks.len());
        for (at, ask) in self.plan.asks.iter().enumerate() {
            let room = max_bytes.saturating_sub(used);
            let look = Look {
                first: used == 0 && self.room > 0,
                room,
                isolation,
                rack: self.plan.rack.as_deref(),
            };
            let slot = match look_at(broker, now, ask, look, out) {
                Looked::Slot(slot) => slot,
                Looked::Pending(read) => {
                    let slot = at;
                    broker.reads.add(read, Reader::Fetch { fetch: id, slot });
                    used += limit(ask, room);
                    self.reading += limit(ask, room);
                    Slot::Reading
                }
                Looked::Busy => {
                    self.disk_busy = true;
                    Slot::Records(Vec::new())
                }
            };
            used += slot.bytes();
            aborted.push(match &slot {
                Slot::Records(parts) => aborted::among(&broker.log, isolation, ask, parts),
                _ => Vec::new(),
            });
            slots.push(slot);
        }
        self.slots = slots;
        self.aborted = aborted;
    }
}

/// All fetches without an answer. The edge caps requests in flight, and with them this.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    next: u64,
    open: BTreeMap<u64, Open>,
    by_partition: BTreeSet<(TopicPartition, u64)>,
    by_deadline: BTreeSet<(Instant, u64)>,
    by_conn: BTreeSet<(ConnId, u64)>,
    by_session: BTreeSet<(i32, u64)>,
    woken: BTreeSet<u64>,
    busy: BTreeSet<u64>,
    /// Fetches of clients that first have to take what they were answered.
    full: BTreeSet<(ConnId, u64)>,
    untaken: Untaken,
    pub(crate) sessions: Sessions,
    /// What is read from the disk for those that wait, in bytes at most.
    reading: usize,
}

impl Waiting {
    /// Keeps a fetch.
    pub(super) fn add(&mut self, open: Open) -> u64 {
        self.next += 1;
        let id = self.next;
        self.by_conn.insert((open.caller.request.conn, id));
        self.open.insert(id, open);
        id
    }

    /// Takes a fetch out to look at it.
    pub(super) fn take(&mut self, id: u64) -> Option<Open> {
        let open = self.open.remove(&id)?;
        self.unlink(id, &open);
        Some(open)
    }

    /// Lets a fetch wait on. One whose time is over waits for the disk only.
    pub(super) fn put_back(&mut self, id: u64, open: Open, over: bool) {
        self.by_conn.insert((open.caller.request.conn, id));
        if !over {
            self.by_deadline.insert((open.deadline, id));
        }
        if open.disk_busy {
            self.busy.insert(id);
        }
        if open.room == 0 {
            self.full.insert((open.caller.request.conn, id));
        }
        if let Context::Incremental { id: session, .. } = open.context {
            self.by_session.insert((session, id));
        }
        self.reading += open.reading;
        for ask in &open.plan.asks {
            if let Ok(tp) = ask.tp {
                self.by_partition.insert((tp, id));
            }
        }
        self.open.insert(id, open);
    }

    /// Marks the fetches that wait for a partition.
    pub(super) fn wake(&mut self, tp: TopicPartition) {
        let waiting = self.by_partition.range((tp, 0)..=(tp, u64::MAX));
        self.woken.extend(waiting.map(|(_, id)| *id));
    }

    /// Marks the fetches whose session ended or went on without them.
    pub(super) fn wake_outdated(&mut self) {
        for session in self.sessions.take_outdated() {
            let waiting = self.by_session.range((session, 0)..=(session, u64::MAX));
            self.woken.extend(waiting.map(|(_, id)| *id));
        }
    }

    /// Puts what came from the disk in its place.
    pub(super) fn read_done(
        &mut self,
        log: &Log,
        id: u64,
        slot: usize,
        result: Result<Vec<Bytes>, ReadError>,
    ) {
        let Some(open) = self.open.get_mut(&id) else {
            return;
        };
        if let Ok(parts) = &result {
            let (isolation, ask) = (open.plan.isolation, &open.plan.asks[slot]);
            open.aborted[slot] = aborted::among(log, isolation, ask, parts);
        }
        open.slots[slot] = match result {
            Ok(parts) => Slot::Records(parts),
            // Removed while it was read: the client asks again and sees the new start.
            Err(ReadError::Gone) => Slot::Records(Vec::new()),
            Err(error) => {
                tracing::error!(%error, "records cannot be served");
                Slot::Error(ErrorCode::KafkaStorageError)
            }
        };
        open.from_disk = true;
        self.woken.insert(id);
    }

    /// A read of the log ended, so that there is room for another.
    pub(crate) fn disk_freed(&mut self) {
        self.woken.append(&mut self.busy);
    }

    /// An answer goes to its client. Says whether [`Waiting::taken`] must follow.
    pub(super) fn answered(&mut self, request: RequestId, bytes: usize) -> bool {
        self.untaken.answered(request, bytes)
    }

    /// A client took an answer: what waited for that is looked at again.
    pub(crate) fn taken(&mut self, request: RequestId) {
        self.untaken.taken(request);
        let of_conn = (request.conn, 0)..=(request.conn, u64::MAX);
        let waiting = self.full.range(of_conn).map(|(_, id)| *id);
        self.woken.extend(waiting);
    }

    /// Fetches to look at again.
    pub(super) fn take_ready(&mut self, now: Instant) -> Vec<u64> {
        self.wake_outdated();
        let mut ready = std::mem::take(&mut self.woken);
        while let Some((deadline, id)) = self.by_deadline.first().copied()
            && deadline <= now
        {
            self.by_deadline.pop_first();
            ready.insert(id);
        }
        ready.into_iter().collect()
    }

    /// Forgets the fetches of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        let gone: Vec<u64> = self
            .by_conn
            .range((conn, 0)..=(conn, u64::MAX))
            .map(|(_, id)| *id)
            .collect();
        for id in gone {
            self.take(id);
        }
        self.untaken.close(conn);
    }

    /// When the next fetch's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    /// How many fetches wait.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    fn unlink(&mut self, id: u64, open: &Open) {
        self.by_conn.remove(&(open.caller.request.conn, id));
        self.by_deadline.remove(&(open.deadline, id));
        self.woken.remove(&id);
        self.busy.remove(&id);
        self.full.remove(&(open.caller.request.conn, id));
        if let Context::Incremental { id: session, .. } = open.context {
            self.by_session.remove(&(session, id));
        }
        self.reading -= open.reading;
        for ask in &open.plan.asks {
            if let Ok(tp) = ask.tp {
                self.by_partition.remove(&(tp, id));
            }
        }
    }
}
