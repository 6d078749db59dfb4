//! Produce requests whose records are appended and not yet safe enough for their acks.
//! It decides when a request is complete; it appends nothing and encodes nothing.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::{ConnId, Instant};
use kring_log::Lsn;
use kring_wire::{ErrorCode, Offset, TopicPartition};

use super::respond::Answer;
use crate::call::Caller;

/// What one partition of a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// acks=all: the high watermark reaches the offset after the last record.
    Committed {
        /// The partition.
        tp: TopicPartition,
        /// Offset after the last record.
        end: Offset,
    },
    /// acks=1: the leader's own disk holds it.
    Durable {
        /// Where the log put it.
        lsn: Lsn,
    },
}

/// A partition of the answer, by its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot(pub(super) u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct OpenId(u64);

struct Open {
    caller: Caller,
    deadline: Instant,
    answer: Answer,
    needs: BTreeMap<Slot, Need>,
}

/// A request that is complete.
pub(super) struct Complete {
    /// Who waits.
    pub(super) caller: Caller,
    /// What to answer.
    pub(super) answer: Answer,
}

/// All waiting requests. The edge caps requests and bytes in flight, and with them this.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    open: BTreeMap<OpenId, Open>,
    by_end: BTreeSet<(TopicPartition, Offset, OpenId, Slot)>,
    by_lsn: BTreeSet<(Lsn, OpenId, Slot)>,
    by_deadline: BTreeSet<(Instant, OpenId)>,
    by_conn: BTreeSet<(ConnId, OpenId)>,
}

impl Waiting {
    /// Keeps a request; `needs` is not empty.
    pub(super) fn add(
        &mut self,
        caller: Caller,
        deadline: Instant,
        answer: Answer,
        needs: BTreeMap<Slot, Need>,
    ) {
        self.next += 1;
        let id = OpenId(self.next);
        for (slot, need) in &needs {
            match *need {
                Need::Committed { tp, end } => {
                    self.by_end.insert((tp, end, id, *slot));
                }
                Need::Durable { lsn } => {
                    self.by_lsn.insert((lsn, id, *slot));
                }
            }
        }
        self.by_deadline.insert((deadline, id));
        self.by_conn.insert((caller.request.conn, id));
        let open = Open {
            caller,
            deadline,
            answer,
            needs,
        };
        self.open.insert(id, open);
    }

    /// The high watermark of a partition moved.
    pub(super) fn committed(
        &mut self,
        tp: TopicPartition,
        high_watermark: Offset,
    ) -> Vec<Complete> {
        let reached: Vec<_> = self
            .by_end
            .range(
                (tp, Offset::MIN, OpenId(0), Slot(0))
                    ..=(tp, high_watermark, OpenId(u64::MAX), Slot(u32::MAX)),
            )
            .copied()
            .collect();
        reached
            .into_iter()
            .filter_map(|(_, _, id, slot)| self.satisfy(id, slot, ErrorCode::None))
            .collect()
    }

    /// Everything up to `lsn` is on the leader's disk.
    pub(super) fn durable(&mut self, lsn: Lsn) -> Vec<Complete> {
        let mut complete = Vec::new();
        while let Some((first, id, slot)) = self.by_lsn.first().copied()
            && first <= lsn
        {
            complete.extend(self.satisfy(id, slot, ErrorCode::None));
        }
        complete
    }

    /// This broker no longer leads the partition in the epoch of the appends: whether they stay is
    /// for the next leader to know.
    pub(super) fn leadership_lost(&mut self, tp: TopicPartition) -> Vec<Complete> {
        let lost: Vec<_> = self
            .by_end
            .range(
                (tp, Offset::MIN, OpenId(0), Slot(0))
                    ..=(tp, Offset::MAX, OpenId(u64::MAX), Slot(u32::MAX)),
            )
            .copied()
            .collect();
        lost.into_iter()
            .filter_map(|(_, _, id, slot)| self.satisfy(id, slot, ErrorCode::NotLeaderOrFollower))
            .collect()
    }

    /// Requests whose time is over: what is still missing gets the error that `why` gives.
    pub(super) fn expire(
        &mut self,
        now: Instant,
        why: impl Fn(Need) -> ErrorCode,
    ) -> Vec<Complete> {
        let mut complete = Vec::new();
        while let Some((deadline, id)) = self.by_deadline.first().copied()
            && deadline <= now
        {
            let open = &self.open[&id];
            let missing: Vec<_> = open
                .needs
                .iter()
                .map(|(slot, need)| (*slot, *need))
                .collect();
            for (slot, need) in missing {
                complete.extend(self.satisfy(id, slot, why(need)));
            }
        }
        complete
    }

    /// Forgets the requests of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        let gone: Vec<_> = self
            .by_conn
            .range((conn, OpenId(0))..=(conn, OpenId(u64::MAX)))
            .map(|(_, id)| *id)
            .collect();
        for id in gone {
            if let Some(open) = self.open.remove(&id) {
                self.unlink(id, &open);
            }
        }
    }

    /// When the next request's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    /// How many requests wait.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    fn satisfy(&mut self, id: OpenId, slot: Slot, error: ErrorCode) -> Option<Complete> {
        let open = self.open.get_mut(&id)?;
        let need = open.needs.remove(&slot)?;
        match need {
            Need::Committed { tp, end } => self.by_end.remove(&(tp, end, id, slot)),
            Need::Durable { lsn } => self.by_lsn.remove(&(lsn, id, slot)),
        };
        if error != ErrorCode::None {
            open.answer.fail(slot, error);
        }
        if !open.needs.is_empty() {
            return None;
        }
        let open = self.open.remove(&id).expect("it was there above");
        self.unlink(id, &open);
        Some(Complete {
            caller: open.caller,
            answer: open.answer,
        })
    }

    fn unlink(&mut self, id: OpenId, open: &Open) {
        for (slot, need) in &open.needs {
            match *need {
                Need::Committed { tp, end } => self.by_end.remove(&(tp, end, id, *slot)),
                Need::Durable { lsn } => self.by_lsn.remove(&(lsn, id, *slot)),
            };
        }
        self.by_deadline.remove(&(open.deadline, id));
        self.by_conn.remove(&(open.caller.request.conn, id));
    }
}

#[cfg(test)]
mod tests;
