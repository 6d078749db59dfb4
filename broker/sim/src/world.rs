//! The world of a run: machines, the network between them, clients, faults, and the order of events.
//! It draws all chance from seeds and judges nothing.

mod clients;
mod power;
mod process;
mod strike;
mod supervise;
mod tally;
mod watch;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, Instant, Random, RequestId};
use kring_io_sim::{Arrival, Network};
use kring_requests::{AdminError, AdminResponse, Event, Output};

use crate::budget::Budget;
use crate::client::{Client, ClientEvent};
use crate::faults::kind::Counts;
use crate::faults::text::Plan;
use crate::faults::{ClientCut, Fault, For};
use crate::history::History;
use crate::machine::{Machine, earlier};
use crate::trace::Trace;
use clients::Request;
use process::Roll;

/// The number of a question to the admin API, and its answer.
pub type AdminAnswer = (u64, Result<AdminResponse, AdminError>);

/// Characters of a client's state that are told.
const STATE_CHARS: usize = 1_500;

/// Something with a time.
enum Due {
    Request(Request),
    Answer {
        client: usize,
        from: BrokerId,
        conn: ConnId,
        answer: Bytes,
        tell: Option<RequestId>,
    },
    Close {
        broker: BrokerId,
        conn: ConnId,
        life: u64,
    },
    Disconnect {
        client: usize,
        from: BrokerId,
    },
    WakeClient {
        client: usize,
    },
    Start(BrokerId),
    Roll,
    Fault(Fault),
    PowerLoss(Vec<For>),
    SpaceAgain(BrokerId),
}

/// The world.
pub struct World {
    now: Instant,
    machines: BTreeMap<BrokerId, Machine>,
    network: Network,
    clients: Vec<Box<dyn Client>>,
    /// The one time at which each client is to be woken.
    wakes: Vec<Option<Instant>>,
    /// Which connection each client has to each broker, counted.
    sessions: BTreeMap<(usize, BrokerId), u64>,
    /// When the last bytes of a connection arrive, each way.
    lanes: BTreeMap<(ConnId, BrokerId, bool), Instant>,
    cuts: BTreeMap<(u64, BrokerId), ClientCut>,
    /// Requests that arrive when the network is healed.
    late: Vec<Request>,
    /// Connections on which something was lost.
    gaps: BTreeSet<(usize, BrokerId)>,
    due: BTreeMap<(Instant, u64), Due>,
    numbered: u64,
    random: Random,
    trace: Trace,
    counts: Counts,
    budget: Budget,
    skipped: u64,
    roll: Option<Roll>,
    cut: Option<power::Cut>,
    versions: u64,
    /// How long each broker is to be down after the end that it was asked for.
    restarts: BTreeMap<BrokerId, u64>,
    /// Somebody else starts processes that ended.
    supervised: bool,
    answers: Vec<AdminAnswer>,
    /// What clients did and saw.
    pub history: History,
    /// What no client should have seen.
    pub complaints: Vec<String>,
    /// What was seen in the engines that must never be.
    watch: watch::Watch,
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
            sessions: BTreeMap::new(),
            lanes: BTreeMap::new(),
            cuts: BTreeMap::new(),
            late: Vec::new(),
            gaps: BTreeSet::new(),
            due: BTreeMap::new(),
            numbered: 0,
            random: Random::new(seed),
            trace: Trace::default(),
            counts: Counts::default(),
            budget: Budget::default(),
            skipped: 0,
            roll: None,
            cut: None,
            versions: 1,
            restarts: BTreeMap::new(),
            supervised: false,
            answers: Vec::new(),
            history: History::default(),
            complaints: Vec::new(),
            watch: watch::Watch::default(),
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
    pub fn plan(&mut self, faults: Plan) {
        for (at, fault) in faults {
            self.later(at, Due::Fault(fault));
        }
    }

    /// Ends the trouble: planned faults are forgotten, the network is healed, disks work again.
    /// What is damaged stays so, clocks stay off, and processes that are down start when they would.
    pub fn calm(&mut self) {
        self.due
            .retain(|_, due| !matches!(due, Due::Fault(_) | Due::PowerLoss(_)));
        self.cut = None;
        self.roll = None;
        self.heal();
        let now = self.now;
        for machine in self.machines.values_mut() {
            machine.recover_disk(now);
        }
    }

    /// Lets clients finish what they began.
    pub fn finish(&mut self) {
        self.clients.iter_mut().for_each(|client| client.finish());
    }

    /// The state of a client that has not finished, if there is one.
    #[must_use]
    pub fn unfinished(&self) -> Option<String> {
        let client = self.clients.iter().find(|client| !client.is_idle())?;
        Some(format!("{client:?}").chars().take(STATE_CHARS).collect())
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
            self.cut_power_in_a_write();
            self.watch();
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
        let due = self.due.first_key_value().map(|((at, _), _)| *at);
        let machines = self.machines.values().map(Machine::next_at);
        machines.fold(earlier(due, self.network.next_at()), earlier)
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
            Due::Request(request) => self.request_arrives(request),
            Due::Answer {
                client,
                from,
                conn,
                answer,
                tell,
            } => self.answer_arrives((client, from, conn), answer, tell),
            Due::Close { broker, conn, life } => {
                if self.machines.get(&broker).is_some_and(|m| m.life() == life) {
                    self.with(broker, |machine, at, out| machine.close(at, conn, out));
                }
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
            Due::Roll => self.go_on_rolling(),
            Due::Fault(fault) => self.strike(&fault),
            Due::PowerLoss(of) => self.lose_power(&of),
            Due::SpaceAgain(broker) => {
                if let Some(machine) = self.machines.get_mut(&broker) {
                    machine.disk_mut(self.now).set_capacity(u64::MAX);
                }
            }
        }
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Connected { at, to } => {
                self.trace
                    .add(self.now, 5, i64::from(at.0), &to.0.to_be_bytes());
                // Whoever dials and whoever is dialled learn of it, in this order.
                self.with(to, |machine, now, out| {
                    machine.take(now, Event::PeerConnected(at), out)
                });
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
        self.answers.append(&mut out.admin);
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
            let tell = reply.tell_taken.then_some(reply.request);
            self.answer(broker, reply.request.conn, frame.slice(4..), tell);
        }
        for conn in out.effects.close.drain(..) {
            self.closed_by_broker(broker, conn);
        }
        let machine = self.machines.get_mut(&broker);
        if let Some(fact) = machine.and_then(Machine::take_wrongly_given_up) {
            self.watch.saw(watch::KEPT, fact);
        }
        if let Some(end) = self.machines.get_mut(&broker).and_then(Machine::take_end) {
            self.process_ended(broker, end);
        }
    }
}
