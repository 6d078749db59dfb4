//! One simulated machine: the real broker engine, its disk, and the process that may die on it.
//! It decides nothing about when things happen; the world does.

use std::collections::{BTreeMap, VecDeque};

use kring_io::{BrokerId, ConnId, Disk, DiskDone, Effects, Instant, Now, RequestId};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_requests::{Broker, BrokerConfig, Event, Identity, Output};

/// Wall-clock time at the simulation's origin, in milliseconds since the epoch.
const WALL_ORIGIN_MS: i64 = 1_800_000_000_000;

/// A machine.
pub struct Machine {
    id: BrokerId,
    seed: u64,
    config: BrokerConfig,
    identity: Identity,
    disk: SimDisk,
    broker: Option<Broker>,
    life: u64,
    paused_until: Instant,
    held: VecDeque<Event>,
    wake_at: Option<Instant>,
    requests: BTreeMap<u64, u64>,
    fatal: Vec<String>,
    /// Completions that the final read has taken but not used yet.
    completed: VecDeque<DiskDone>,
}

impl Machine {
    /// A machine with an empty disk whose process does not run.
    #[must_use]
    pub fn new(
        config: BrokerConfig,
        identity: Identity,
        disk: SimDiskConfig,
        seed: u64,
    ) -> Machine {
        Machine {
            id: identity.broker,
            seed,
            config,
            identity,
            disk: SimDisk::new(seed, disk),
            broker: None,
            life: 0,
            paused_until: Instant(0),
            held: VecDeque::new(),
            wake_at: None,
            requests: BTreeMap::new(),
            fatal: Vec::new(),
            completed: VecDeque::new(),
        }
    }

    /// Whose machine it is.
    #[must_use]
    pub fn id(&self) -> BrokerId {
        self.id
    }

    /// Whether the process runs.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.broker.is_some()
    }

    /// Grows with each start: what was meant for an earlier life is lost.
    #[must_use]
    pub fn life(&self) -> u64 {
        self.life
    }

    /// Why processes of this machine ended by themselves.
    #[must_use]
    pub fn fatal(&self) -> &[String] {
        &self.fatal
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// The engine, if the process runs.
    pub fn broker(&mut self) -> Option<&mut Broker> {
        self.broker.as_mut()
    }

    /// Starts the process.
    pub fn start(&mut self, at: Instant, out: &mut Output) {
        self.life += 1;
        self.disk.set_now(at);
        self.requests.clear();
        let seed = self.seed.wrapping_add(self.life.wrapping_mul(0x9e37_79b9));
        // Each process draws an id of its own, as the real one does.
        self.identity.incarnation = kring_io::Random::new(seed ^ 0x5bd1_e995).id();
        let mut broker = Broker::new(self.config.clone(), self.identity.clone(), seed);
        broker.start(now(at), out);
        self.broker = Some(broker);
        self.carry_out(at, out);
    }

    /// Cuts the power: the process is gone, and of the disk what was not durable.
    pub fn lose_power(&mut self) {
        self.broker = None;
        self.wake_at = None;
        self.held.clear();
        self.paused_until = Instant(0);
        self.disk.crash();
    }

    /// Stands still until `until`; what comes in waits.
    pub fn pause(&mut self, until: Instant) {
        self.paused_until = until;
    }

    /// When the machine has something to do by itself.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.broker.as_ref()?;
        let disk = self.disk.next_completion();
        let held = (!self.held.is_empty()).then_some(self.paused_until);
        let next = [disk, self.wake_at, held].into_iter().flatten().min()?;
        Some(next.max(self.paused_until))
    }

    /// Does what is due by itself: completions, held events, the timer.
    pub fn run(&mut self, at: Instant, out: &mut Output) {
        if self.broker.is_none() || at < self.paused_until {
            return;
        }
        self.disk.set_now(at);
        let mut done: Vec<DiskDone> = Vec::new();
        self.disk.poll(&mut done);
        let mut events: Vec<Event> = self.held.drain(..).collect();
        events.extend(done.into_iter().map(Event::Disk));
        if self.wake_at.is_some_and(|wake| wake <= at) {
            self.wake_at = None;
            events.push(Event::Wake);
        }
        self.steps(at, events, out);
    }

    /// Takes an event from outside.
    pub fn take(&mut self, at: Instant, event: Event, out: &mut Output) {
        if self.broker.is_none() {
            return;
        }
        if at < self.paused_until {
            self.held.push_back(event);
        } else {
            self.steps(at, vec![event], out);
        }
    }

    /// The next request of a client's connection; the first opens it.
    pub fn request(&mut self, at: Instant, client: u64, frame: bytes::Bytes, out: &mut Output) {
        let conn = ConnId(client);
        let opens = !self.requests.contains_key(&client);
        let seq = self.requests.entry(client).or_default();
        let id = RequestId { conn, seq: *seq };
        *seq += 1;
        if opens {
            self.take(
                at,
                Event::Opened {
                    conn,
                    host: "198.51.100.1".to_owned(),
                },
                out,
            );
        }
        self.take(at, Event::Request { id, frame }, out);
    }

    /// Submits operations and waits for the disk's next completion, outside of the world's time.
    pub fn next_completion(&mut self, effects: &mut Effects) -> Option<DiskDone> {
        for (id, op) in effects.disk.drain(..) {
            self.disk.submit(id, op);
        }
        if self.completed.is_empty() {
            let at = self.disk.next_completion()?;
            self.disk.set_now(at.max(self.disk.now()));
            let mut done = Vec::new();
            self.disk.poll(&mut done);
            self.completed.extend(done);
        }
        self.completed.pop_front()
    }

    fn steps(&mut self, at: Instant, events: Vec<Event>, out: &mut Output) {
        let Some(broker) = &mut self.broker else {
            return;
        };
        for event in events {
            broker.step(now(at), event, out);
        }
        broker.finish(now(at), out);
        self.carry_out(at, out);
    }

    fn carry_out(&mut self, at: Instant, out: &mut Output) {
        self.disk.set_now(at);
        for (id, op) in out.effects.disk.drain(..) {
            self.disk.submit(id, op);
        }
        if let Some(wish) = out.effects.wake_at.take() {
            // A wish in the past is granted at once, but never without time passing at all.
            let wish = wish.max(Instant(at.0 + 1_000));
            self.wake_at = Some(self.wake_at.map_or(wish, |known| known.min(wish)));
        }
        if let Some(reason) = out.fatal.take() {
            self.fatal.push(reason);
            self.broker = None;
            self.wake_at = None;
        }
    }
}

/// Both clocks at a simulated instant.
#[must_use]
pub fn now(at: Instant) -> Now {
    let elapsed_ms = i64::try_from(at.0 / 1_000_000).expect("a run is shorter than the clock");
    Now {
        mono: at,
        wall_ms: WALL_ORIGIN_MS + elapsed_ms,
    }
}
