//! Between clients and brokers: connections, delays, what is lost and what comes late.
//! It reads no frame; clients and engines do.

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, Instant, RequestId};

use super::{Due, World};
use crate::client::{ClientEvent, ClientOutput};
use crate::faults::ClientCut;
use crate::faults::kind::Kind;
use crate::machine::Machine;

/// Delay between a client and a broker, each way: at least, and up to so much more.
const DELAY_NS: u64 = 200_000;
/// Time until an end learns that the other has closed the connection: longer than any delay.
const CLOSE_AFTER: Duration = Duration::from_millis(1);

/// A request on its way.
pub(super) struct Request {
    client: usize,
    to: BrokerId,
    conn: ConnId,
    /// The life of the process that it is sent to.
    life: u64,
    frame: Bytes,
}

impl World {
    fn session(&self, client: usize, broker: BrokerId) -> u64 {
        self.sessions
            .get(&(client, broker))
            .copied()
            .unwrap_or_default()
    }

    fn conn(&self, client: usize, broker: BrokerId) -> ConnId {
        ConnId(client as u64 | self.session(client, broker) << 32)
    }

    fn cut_of(&self, client: usize, broker: BrokerId) -> Option<ClientCut> {
        self.cuts.get(&(client as u64 % 3, broker)).copied()
    }

    /// When bytes arrive that are sent now: after what was sent before on the same connection in the
    /// same direction.
    fn behind(&mut self, conn: (ConnId, BrokerId), to_broker: bool) -> Instant {
        let delay = Duration::from_nanos(DELAY_NS + self.random.below(DELAY_NS));
        let last = self.lanes.entry((conn.0, conn.1, to_broker)).or_default();
        *last = Instant(last.0 + 1).max(self.now + delay);
        *last
    }

    pub(super) fn step_client(&mut self, index: usize, event: ClientEvent) {
        let mut out = ClientOutput::default();
        self.clients[index].step(self.now, event, &mut out);
        for happened in out.happened {
            self.history.push(self.now, happened);
        }
        self.complaints.extend(out.complaints);
        for (to, frame) in out.sends {
            self.send_request(index, to, frame);
        }
        if let Some(at) = out.wake_at {
            self.wake_client_at(at.max(Instant(self.now.0 + 1_000)), index);
        }
    }

    fn send_request(&mut self, client: usize, to: BrokerId, frame: Bytes) {
        let request = Request {
            client,
            to,
            conn: self.conn(client, to),
            life: self.machines.get(&to).map_or(0, Machine::life),
            frame,
        };
        match self.cut_of(client, to) {
            Some(ClientCut::Lost) => {
                self.counts.hit(Kind::ClientCutLost);
                self.gaps.insert((client, to));
            }
            Some(ClientCut::Late) => self.late.push(request),
            Some(ClientCut::Deaf) | None => {
                let at = self.behind((request.conn, to), true);
                self.later(at, Due::Request(request));
            }
        }
    }

    /// What waited for the end of a cut arrives now, in the order of sending. A connection on which
    /// something was lost ends: nothing that follows a gap ever arrives on the same one.
    pub(super) fn deliver_late(&mut self) {
        self.cuts.clear();
        for (client, broker) in std::mem::take(&mut self.gaps) {
            self.disconnect(client, broker);
        }
        for request in std::mem::take(&mut self.late) {
            let alive = self.machines.get(&request.to);
            if alive.is_some_and(|m| m.is_up() && m.life() == request.life) {
                self.counts.hit(Kind::ClientCutLate);
                let at = self.behind((request.conn, request.to), true);
                self.later(at, Due::Request(request));
            }
        }
    }

    pub(super) fn request_arrives(&mut self, request: Request) {
        let Request {
            client,
            to,
            conn,
            life,
            frame,
        } = request;
        self.trace.add(self.now, 2, i64::from(to.0), &frame);
        let machine = self.machines.get(&to);
        if machine.is_some_and(|m| m.is_up() && m.life() == life) {
            self.with(to, |machine, at, out| machine.request(at, conn, frame, out));
        } else {
            self.step_client(client, ClientEvent::Disconnected(to));
        }
    }

    /// A broker answers.
    pub(super) fn answer(
        &mut self,
        from: BrokerId,
        conn: ConnId,
        answer: Bytes,
        tell: Option<RequestId>,
    ) {
        let client = client_of(conn);
        let at = self.behind((conn, from), false);
        self.later(
            at,
            Due::Answer {
                client,
                from,
                conn,
                answer,
                tell,
            },
        );
    }

    pub(super) fn answer_arrives(
        &mut self,
        (client, from, conn): (usize, BrokerId, ConnId),
        answer: Bytes,
        tell: Option<RequestId>,
    ) {
        self.trace.add(self.now, 3, client as i64, &answer);
        if self.conn(client, from) != conn {
            // The connection it came on is gone.
        } else if self.cut_of(client, from) == Some(ClientCut::Deaf) {
            self.counts.hit(Kind::ClientCutDeaf);
            self.gaps.insert((client, from));
        } else {
            if let Some(request) = tell {
                self.with(from, |machine, at, out| machine.taken(at, request, out));
            }
            self.step_client(client, ClientEvent::Answer(answer));
        }
    }

    pub(super) fn closed_by_broker(&mut self, broker: BrokerId, conn: ConnId) {
        let client = client_of(conn);
        if self.conn(client, broker) == conn {
            self.disconnect(client, broker);
        }
    }

    /// The client's connection to a broker ends; both ends learn of it.
    fn disconnect(&mut self, client: usize, broker: BrokerId) {
        let conn = self.conn(client, broker);
        let life = self.machines.get(&broker).map_or(0, Machine::life);
        *self.sessions.entry((client, broker)).or_default() += 1;
        self.lanes.remove(&(conn, broker, true));
        self.lanes.remove(&(conn, broker, false));
        let at = self.now + CLOSE_AFTER;
        self.later(at, Due::Close { broker, conn, life });
        self.later(
            at,
            Due::Disconnect {
                client,
                from: broker,
            },
        );
    }

    /// All connections of clients to a broker end.
    pub(super) fn disconnect_all(&mut self, broker: BrokerId) {
        for client in 0..self.clients.len() {
            self.disconnect(client, broker);
        }
    }

    pub(super) fn wake_client_at(&mut self, at: Instant, client: usize) {
        if self.wakes[client] != Some(at) {
            self.wakes[client] = Some(at);
            self.later(at, Due::WakeClient { client });
        }
    }
}

fn client_of(conn: ConnId) -> usize {
    usize::try_from(conn.0 & 0xffff_ffff).expect("clients are numbered from 0")
}
