//! What clients do to a simulated machine: they ask, they take what they were answered, they go away.
//! It delivers; when each of that arrives is the world's to say.

use kring_io::{ConnId, Instant, RequestId};
use kring_requests::{Event, Output};

use super::Machine;

impl Machine {
    /// The next request of a client's connection; the first opens it.
    pub fn request(&mut self, at: Instant, conn: ConnId, frame: bytes::Bytes, out: &mut Output) {
        if self.closed.contains(&conn) {
            return;
        }
        let opens = !self.requests.contains_key(&conn);
        let seq = self.requests.entry(conn).or_default();
        let id = RequestId { conn, seq: *seq };
        *seq += 1;
        if opens {
            let host = "198.51.100.1".to_owned();
            self.take(at, Event::Opened { conn, host }, out);
        }
        self.take(at, Event::Request { id, frame }, out);
    }

    /// A client took all of an answer that was to be told of.
    pub fn taken(&mut self, at: Instant, request: RequestId, out: &mut Output) {
        self.take(at, Event::Taken(request), out);
    }

    /// A client's connection is gone.
    pub fn close(&mut self, at: Instant, conn: ConnId, out: &mut Output) {
        self.closed.insert(conn);
        if self.requests.remove(&conn).is_some() {
            self.take(at, Event::Closed(conn), out);
        }
    }
}
