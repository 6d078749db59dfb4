//! Answers to Fetch that clients have not taken from the broker yet, in bytes: what a next answer may hold.
//! It does not know what else takes memory, and closes nothing.

use std::collections::BTreeMap;

use kring_io::{ConnId, RequestId};

/// From here on an answer is counted until its client took it.
const COUNTED_BYTES: usize = 64 << 10;
/// A client that has not taken so much gets no records, until it has.
const CONN_BYTES: usize = 1 << 20;

/// Counted answers, by request.
#[derive(Debug, Default)]
pub(super) struct Untaken {
    bytes: BTreeMap<RequestId, usize>,
    total: usize,
}

impl Untaken {
    /// An answer of so many bytes goes to its client. Says whether the end of that must be told.
    pub(super) fn answered(&mut self, request: RequestId, bytes: usize) -> bool {
        if bytes < COUNTED_BYTES {
            return false;
        }
        self.total += bytes;
        self.bytes.insert(request, bytes);
        true
    }

    /// The client took all of an answer.
    pub(super) fn taken(&mut self, request: RequestId) {
        if let Some(bytes) = self.bytes.remove(&request) {
            self.total -= bytes;
        }
    }

    /// What its client has not taken never will be.
    pub(super) fn close(&mut self, conn: ConnId) {
        let gone: Vec<RequestId> = of(&self.bytes, conn).map(|(request, _)| *request).collect();
        for request in gone {
            self.taken(request);
        }
    }

    /// How many bytes of records the next answer to a client may hold, where all answers may hold
    /// `budget` and `reserved` of that is being read. A quarter of what is left goes to one answer, so
    /// that clients that take nothing leave room for those that do; a little is always given.
    pub(super) fn room(&self, conn: ConnId, budget: usize, reserved: usize) -> usize {
        let own: usize = of(&self.bytes, conn).map(|(_, bytes)| *bytes).sum();
        if own >= CONN_BYTES {
            return 0;
        }
        let left = budget.saturating_sub(self.total + reserved);
        (left / 4).max(COUNTED_BYTES)
    }
}

fn of(
    bytes: &BTreeMap<RequestId, usize>,
    conn: ConnId,
) -> impl Iterator<Item = (&RequestId, &usize)> {
    let request = |seq| RequestId { conn, seq };
    bytes.range(request(0)..=request(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: usize = 64 << 20;

    fn request(conn: u64, seq: u64) -> RequestId {
        RequestId {
            conn: ConnId(conn),
            seq,
        }
    }

    #[test]
    fn a_client_that_takes_nothing_gets_nothing_more_until_it_does() {
        let mut untaken = Untaken::default();
        assert_eq!(untaken.room(ConnId(1), BUDGET, 0), BUDGET / 4);
        assert!(untaken.answered(request(1, 0), 2 << 20));
        assert_eq!(untaken.room(ConnId(1), BUDGET, 0), 0);
        assert!(untaken.room(ConnId(2), BUDGET, 0) > 15 << 20);
        untaken.taken(request(1, 0));
        assert_eq!(untaken.room(ConnId(1), BUDGET, 0), BUDGET / 4);
    }

    #[test]
    fn small_answers_are_not_counted() {
        let mut untaken = Untaken::default();
        assert!(!untaken.answered(request(1, 0), COUNTED_BYTES - 1));
        assert_eq!(untaken.total, 0);
    }

    #[test]
    fn however_many_take_nothing_the_rest_still_gets_a_little() {
        let mut untaken = Untaken::default();
        let mut held = 0;
        for conn in 0..1_000 {
            let room = untaken.room(ConnId(conn), BUDGET, 0);
            assert!(untaken.answered(request(conn, 0), room));
            held += room;
        }
        assert!(held < BUDGET + 1_000 * COUNTED_BYTES, "{held}");
        assert_eq!(untaken.room(ConnId(1_000), BUDGET, 0), COUNTED_BYTES);
        for conn in 0..1_000 {
            untaken.close(ConnId(conn));
        }
        assert_eq!(untaken.total, 0);
    }

    #[test]
    fn what_is_being_read_counts() {
        let untaken = Untaken::default();
        assert_eq!(untaken.room(ConnId(1), BUDGET, BUDGET / 2), BUDGET / 8);
    }
}
