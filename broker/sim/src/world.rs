//! The world of a run: machines, the network between them, clients, faults, and the order of events.
//! It draws all chance from seeds and judges nothing.

mod strike;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Random};
use kring_io_sim::{Arrival, Network, NetworkCounts};
use kring_requests::{Event, Output};

use crate::client::{Client, ClientEvent, ClientOutput};
use crate::faults::{Fault, FaultCounts};
use crate::history::History;
use crate::machine::Machine;
use crate::trace::Trace;

/// Delay between a client and a broker, each way.
const CLIENT_DELAY_NS: u64 = 200_000;

/// Something with a time.
enum Due {
    Request {
        client: usize,
        to: BrokerId,
        life: u64,
        frame: Bytes,
    },
    Answer {
        client: usize,
        answer: Bytes,
    },
    Disconnect {
        client: usize,
        from: BrokerId,
    },
    WakeClient {
        client: usize,
    },
    Start(BrokerId),
    Fault(Fault),
}

/// The world.
pub struct World {
    now: Instant,
    machines: BTreeMap<BrokerId, Machine>,
    network: Network,
    clients: Vec<Box<dyn Client>>,
    /// The one time at which each client is to be woken.
    wakes: Vec<Option<Instant>>,
    due: BTreeMap<(Instant, u64), Due>,
    numbered: u64,
    random: Random,
    trace: Trace,
    counts: FaultCounts,
    /// What clients did and saw.
    pub history: History,
    /// What no client should have seen.
    pub complaints: Vec<String>,
}

impl World {
    /// A world at time 0 in which no process runs.
    #[must_use]
    pub fn new(machines: Vec<Machine>, network: Network, seed: u64) -> World {
        World {
            now: Instant(0),
            machines: machines
                .into_iter()
                .map(|machine| (machine.id(), machine))
                .collect(),
            network,
            clients: Vec::new(),
            wakes: Vec::new(),
            due: BTreeMap::new(),
            numbered: 0,
            random: Random::new(seed),
            trace: Trace::default(),
            counts: FaultCounts::default(),
            history: History::default(),
            complaints: Vec::new(),
        }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// The hash of everything so far.
    #[must_use]
    pub fn trace(&self) -> u64 {
        self.trace.value()
    }

    /// Faults so far.
    #[must_use]
    pub fn faults(&self) -> (FaultCounts, NetworkCounts) {
        (self.counts, self.network.counts())
    }

    /// The machines.
    pub fn machines(&mut self) -> impl Iterator<Item = &mut Machine> {
        self.machines.values_mut()
    }

    /// Adds a client, which starts at once.
    pub fn add(&mut self, client: Box<dyn Client>) {
        self.clients.push(client);
        self.wakes.push(None);
        self.wake_client_at(self.now, self.clients.len() - 1);
    }

    /// Starts a broker's process at `at`.
    pub fn start_at(&mut self, at: Instant, broker: BrokerId) {
        self.later(at, Due::Start(broker));
    }

    /// Plans faults.
    pub fn plan(&mut self, faults: Vec<(Instant, Fault)>) {
        for (at, fault) in faults {
            self.later(at, Due::Fault(fault));
        }
    }

    /// Ends all partitions and lets clients finish what they began.
    pub fn calm(&mut self) {
        self.network.heal(self.now);
        self.clients.iter_mut().for_each(|client| client.finish());
    }

    /// Whether every client has finished.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.clients.iter().all(|client| client.is_idle())
    }

    /// Runs until `until`, or until `enough` says so.
    pub fn run(&mut self, until: Instant, mut enough: impl FnMut(&World) -> bool) {
        while let Some(next) = self.next_at().filter(|next| *next <= until) {
            self.now = self.now.max(next);
            self.run_due();
            if enough(self) {
                return;
            }
        }
        self.now = until;
    }

    fn later(&mut self, at: Instant, due: Due) {
        self.numbered += 1;
        self.due.insert((at, self.numbered), due);
    }

    fn next_at(&self) -> Option<Instant> {
        let due = self.due.keys().next().map(|(at, _)| *at);
        let machines = self.machines.values().filter_map(Machine::next_at).min();
        [due, machines, self.network.next_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due now, in a fixed order.
    fn run_due(&mut self) {
        while let Some(arrival) = self.network.take(self.now) {
            self.arrive(arrival);
        }
        let busy: Vec<BrokerId> = self
            .machines
            .values()
            .filter(|machine| machine.next_at().is_some_and(|at| at <= self.now))
            .map(Machine::id)
            .collect();
        for broker in busy {
            self.trace.add(self.now, 1, i64::from(broker.0), &[]);
            self.with(broker, Machine::run);
        }
        while let Some(entry) = self
            .due
            .first_entry()
            .filter(|entry| entry.key().0 <= self.now)
        {
            let due = entry.remove();
            self.happen(due);
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Request {
                client,
                to,
                life,
                frame,
            } => {
                self.trace.add(self.now, 2, i64::from(to.0), &frame);
                if self
                    .machines
                    .get(&to)
                    .is_some_and(|m| m.is_up() && m.life() == life)
                {
                    self.with(to, |machine, at, out| {
                        machine.request(at, client as u64, frame, out)
                    });
                } else {
                    self.step_client(client, ClientEvent::Disconnected(to));
                }
            }
            Due::Answer { client, answer } => {
                self.trace.add(self.now, 3, client as i64, &answer);
                self.step_client(client, ClientEvent::Answer(answer));
            }
            Due::Disconnect { client, from } => {
                self.step_client(client, ClientEvent::Disconnected(from))
            }
            Due::WakeClient { client } => {
                // An entry that a later wish has replaced does nothing.
                if self.wakes[client].is_some_and(|at| at <= self.now) {
                    self.wakes[client] = None;
                    self.step_client(client, ClientEvent::Wake);
                }
            }
            Due::Start(broker) => self.start(broker),
            Due::Fault(fault) => self.strike(fault),
        }
    }

    fn start(&mut self, broker: BrokerId) {
        if self.machines.get(&broker).is_none_or(Machine::is_up) {
            return;
        }
        self.trace.add(self.now, 4, i64::from(broker.0), &[]);
        let others: Vec<BrokerId> = self
            .machines
            .values()
            .filter(|m| m.is_up())
            .map(Machine::id)
            .collect();
        self.network.start(self.now, broker, &others);
        self.with(broker, Machine::start);
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connected { at, to } => {
                self.trace
                    .add(self.now, 5, i64::from(at.0), &to.0.to_be_bytes());
                self.with(at, |machine, now, out| {
                    machine.take(now, Event::PeerConnected(to), out)
                });
            }
            Arrival::Message { from, to, bytes } => {
                self.trace.add(self.now, 6, i64::from(to.0), &bytes);
                self.with(to, |machine, now, out| {
                    machine.take(
                        now,
                        Event::Peer {
                            from,
                            message: bytes,
                        },
                        out,
                    )
                });
            }
        }
    }

    /// Lets a machine work and carries out what it asks for.
    fn with(&mut self, broker: BrokerId, work: impl FnOnce(&mut Machine, Instant, &mut Output)) {
        let Some(machine) = self.machines.get_mut(&broker) else {
            return;
        };
        let mut out = Output::default();
        let span = tracing::info_span!("", broker = broker.0, at_ms = self.now.0 / 1_000_000);
        span.in_scope(|| work(machine, self.now, &mut out));
        for send in out.effects.sends.drain(..) {
            let bytes = Bytes::from(send.parts.concat());
            self.network.send(self.now, broker, send.to, bytes);
        }
        for reply in out.effects.replies.drain(..) {
            let frame = Bytes::from(reply.parts.concat());
            if frame.is_empty() {
                continue;
            }
            let claimed = frame
                .first_chunk::<4>()
                .map(|length| u32::from_be_bytes(*length));
            assert_eq!(
                claimed,
                u32::try_from(frame.len() - 4).ok(),
                "an answer's length is that of its bytes"
            );
            let client =
                usize::try_from(reply.request.conn.0).expect("clients are numbered from 0");
            let answer = frame.slice(4..);
            let at = self.now
                + Duration::from_nanos(CLIENT_DELAY_NS + self.random.below(CLIENT_DELAY_NS));
            self.later(at, Due::Answer { client, answer });
        }
        for conn in out.effects.close.drain(..) {
            let client = usize::try_from(conn.0).expect("clients are numbered from 0");
            self.later(
                self.now + Duration::from_millis(1),
                Due::Disconnect {
                    client,
                    from: broker,
                },
            );
        }
    }

    fn step_client(&mut self, index: usize, event: ClientEvent) {
        let mut out = ClientOutput::default();
        self.clients[index].step(self.now, event, &mut out);
        for happened in out.happened {
            self.history.push(self.now, happened);
        }
        self.complaints.extend(out.complaints);
        for (to, frame) in out.sends {
            let life = self.machines.get(&to).map_or(0, Machine::life);
            let at = self.now
                + Duration::from_nanos(CLIENT_DELAY_NS + self.random.below(CLIENT_DELAY_NS));
            self.later(
                at,
                Due::Request {
                    client: index,
                    to,
                    life,
                    frame,
                },
            );
        }
        if let Some(at) = out.wake_at {
            self.wake_client_at(at.max(Instant(self.now.0 + 1_000)), index);
        }
    }

    fn wake_client_at(&mut self, at: Instant, client: usize) {
        if self.wakes[client] != Some(at) {
            self.wakes[client] = Some(at);
            self.later(at, Due::WakeClient { client });
        }
    }
}
