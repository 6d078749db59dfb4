//! The fetch sessions of all clients: their ids, how many may be kept, and which goes for another.
//! It reads nothing; what a session holds is in `session`.
//!
//! A session goes for another when it was not used for two minutes, or when it is older than that and has fewer
//! partitions than the other: whole requests of many partitions are what costs most. That is Kafka's rule. Kafka's
//! cache counts sessions alone; here the memory they take is bounded, too, and one session gets a part of that at most.
//! A client without a session reads with whole requests, as it would without any of this.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_io::{Instant, Random};
use kring_wire::ErrorCode;
use kring_wire::fetch::FetchRequest;

use super::session::{Row, Session, bytes_of, next_epoch};

/// From here on requests name topics by id.
const TOPIC_ID_FROM: i16 = 13;
/// The epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;
/// The epoch of a request that uses none, and ends the one it names.
const FINAL_EPOCH: i32 = -1;
/// An answer's "no session".
pub(super) const NO_SESSION: i32 = 0;
/// How long a session stays without being used, or as a small one beside larger ones.
const KEPT: Duration = Duration::from_secs(120);
/// One session takes at most such a part of what all may take.
const SHARES: usize = 4;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Sessions (`max.incremental.fetch.session.cache.slots`).
    pub(crate) slots: usize,
    /// Memory of all sessions (`kring.fetch.session.cache.bytes`).
    pub(crate) bytes: usize,
}

/// What a request has to do with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    /// Nothing.
    Sessionless,
    /// It is whole, and may begin one.
    Full,
    /// It says what changes of one.
    Incremental {
        /// Which.
        id: i32,
        /// The epoch that the next request must name.
        epoch: i32,
    },
}

#[derive(Debug)]
struct Kept {
    session: Session,
    created: Instant,
    last_used: Instant,
    /// Its place in `by_size`, once it is old enough to go for a larger one.
    size: Option<usize>,
    bytes: usize,
}

/// All sessions.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<i32, Kept>,
    by_last_use: BTreeSet<(Instant, i32)>,
    by_size: BTreeSet<(usize, i32)>,
    bytes: usize,
    partitions: usize,
    evictions: u64,
    /// Sessions that ended or went on: a fetch of theirs that still waits need not.
    outdated: BTreeSet<i32>,
}

impl Sessions {
    /// Takes what a request says of its session.
    pub(super) fn begin(
        &mut self,
        now: Instant,
        limits: Limits,
        version: i16,
        request: &FetchRequest,
    ) -> Result<Context, ErrorCode> {
        let id = request.session_id;
        match request.session_epoch {
            INITIAL_EPOCH => {
                self.end(id);
                return Ok(Context::Full);
            }
            FINAL_EPOCH => {
                self.end(id);
                return Ok(Context::Sessionless);
            }
            _ => {}
        }
        let kept = self
            .open
            .get(&id)
            .ok_or(ErrorCode::FetchSessionIdNotFound)?;
        if kept.session.epoch != request.session_epoch {
            return Err(ErrorCode::InvalidFetchSessionEpoch);
        }
        if kept.session.by_id != (version >= TOPIC_ID_FROM) {
            return Err(ErrorCode::FetchSessionTopicIdError);
        }
        let Some(Kept {
            mut session,
            created,
            ..
        }) = self.end(id)
        else {
            return Err(ErrorCode::FetchSessionIdNotFound);
        };
        session.update(request);
        session.epoch = next_epoch(session.epoch);
        if session.len() == 0 {
            return Ok(Context::Sessionless);
        }
        let epoch = session.epoch;
        if !self.make_room(now, limits, session.len(), session.bytes()) {
            // It grew beyond what there is room for.
            self.evictions += 1;
            return Err(ErrorCode::FetchSessionIdNotFound);
        }
        self.keep(now, id, created, session);
        Ok(Context::Incremental { id, epoch })
    }

    /// Begins a session with the answer to a whole request, and gives its id.
    pub(super) fn create(
        &mut self,
        now: Instant,
        limits: Limits,
        random: &mut Random,
        version: i16,
        rows: &[Row],
    ) -> i32 {
        if !self.make_room(now, limits, rows.len(), bytes_of(rows)) {
            return NO_SESSION;
        }
        let id = self.new_id(random);
        let session = Session::new(version >= TOPIC_ID_FROM, rows);
        self.keep(now, id, now, session);
        id
    }

    /// Why a fetch of a session has no answer any more: another ended the session, or went on with it.
    pub(super) fn outdated(&self, context: Context) -> Option<ErrorCode> {
        let Context::Incremental { id, epoch } = context else {
            return None;
        };
        match self.open.get(&id) {
            None => Some(ErrorCode::FetchSessionIdNotFound),
            Some(kept) if kept.session.epoch != epoch => Some(ErrorCode::InvalidFetchSessionEpoch),
            Some(_) => None,
        }
    }

    /// Sessions whose waiting fetches are to be looked at.
    pub(super) fn take_outdated(&mut self) -> BTreeSet<i32> {
        std::mem::take(&mut self.outdated)
    }

    /// A session.
    pub(super) fn get(&self, id: i32) -> Option<&Session> {
        self.open.get(&id).map(|kept| &kept.session)
    }

    /// A session, to tell its client something. It must keep its partitions.
    pub(super) fn get_mut(&mut self, id: i32) -> Option<&mut Session> {
        self.open.get_mut(&id).map(|kept| &mut kept.session)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// How many partitions they have.
    pub(crate) fn partitions(&self) -> usize {
        self.partitions
    }

    /// How many had to go before their client ended them.
    pub(crate) fn evictions(&self) -> u64 {
        self.evictions
    }

    fn new_id(&self, random: &mut Random) -> i32 {
        loop {
            let id = i32::try_from(random.below(1 << 31)).expect("below 2^31");
            if id != NO_SESSION && !self.open.contains_key(&id) {
                return id;
            }
        }
    }

    fn keep(&mut self, now: Instant, id: i32, created: Instant, session: Session) {
        let size = (now.since(created) > KEPT).then_some(session.len());
        let bytes = session.bytes();
        self.bytes += bytes;
        self.partitions += session.len();
        self.by_last_use.insert((now, id));
        self.by_size.extend(size.map(|size| (size, id)));
        let kept = Kept {
            session,
            created,
            last_used: now,
            size,
            bytes,
        };
        self.open.insert(id, kept);
    }

    fn end(&mut self, id: i32) -> Option<Kept> {
        let kept = self.open.remove(&id)?;
        self.bytes -= kept.bytes;
        self.partitions -= kept.session.len();
        self.by_last_use.remove(&(kept.last_used, id));
        if let Some(size) = kept.size {
            self.by_size.remove(&(size, id));
        }
        self.outdated.insert(id);
        Some(kept)
    }

    /// Evicts what may go for a session of so many partitions and bytes, if that makes room for it.
    fn make_room(&mut self, now: Instant, limits: Limits, partitions: usize, bytes: usize) -> bool {
        if limits.slots == 0 || bytes > limits.bytes / SHARES {
            return false;
        }
        let stale = self.by_last_use.iter();
        let stale = stale.take_while(|(used, _)| now.since(*used) > KEPT);
        let smaller = self.by_size.iter();
        let smaller = smaller.take_while(|(size, _)| *size < partitions);
        let mut candidates = stale.map(|(_, id)| *id).chain(smaller.map(|(_, id)| *id));
        let mut evicted = BTreeSet::new();
        let (mut slots, mut used) = (self.open.len() + 1, self.bytes + bytes);
        while slots > limits.slots || used > limits.bytes {
            let Some(id) = candidates.next() else {
                return false;
            };
            if evicted.insert(id) {
                slots -= 1;
                used -= self.open[&id].bytes;
            }
        }
        for id in evicted {
            self.evictions += 1;
            self.end(id);
        }
        true
    }
}

#[cfg(test)]
mod tests;
