//! One simulated machine: the real broker engine, its disk, and the process that may die on it.
//! It decides nothing about when things happen; the world does.

mod connections;
mod kept;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kring_io::{BrokerId, ConnId, Disk, DiskDone, Effects, Instant, Now};
use kring_io_sim::{SimDisk, SimDiskConfig, SimDiskStats};
use kring_requests::{Broker, BrokerConfig, Event, Identity, Output};

use kept::Kept;

/// Wall-clock time at the simulation's origin, in milliseconds since the epoch: twelve hours after
/// the time in clients' records. However a clock jumps, they are neither of the future nor old
/// enough for retention.
const WALL_ORIGIN_MS: i64 = 1_700_000_000_000 + 12 * 3_600_000;

/// How a process ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was asked to, and did so in order.
    Stopped,
    /// It could not go on.
    Fatal {
        /// Why, in its words.
        reason: String,
        /// The injected trouble that explains it; none is a violation.
        excuse: Option<&'static str>,
    },
}

/// Steps in a row that may end with the wish for another one at once; a broker that goes on keeps a core busy.
const WISHES_AT_ONCE_MAX: u32 = 10_000;

/// A machine.
pub struct Machine {
    id: BrokerId,
    seed: u64,
    config: BrokerConfig,
    identity: Identity,
    disk_config: SimDiskConfig,
    disk: SimDisk,
    /// Of the disks that were replaced.
    past: SimDiskStats,
    disks: u64,
    broker: Option<Broker>,
    life: u64,
    /// How far the wall clock is ahead.
    ahead_ms: i64,
    paused_until: Instant,
    held: VecDeque<Event>,
    wake_at: Option<Instant>,
    wishes_at_once: u32,
    requests: BTreeMap<ConnId, u64>,
    closed: BTreeSet<ConnId>,
    end: Option<End>,
    kept: Kept,
    /// The disk was full, slow or hung during the life of the process.
    troubled: bool,
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
            disk: SimDisk::new(seed, disk.clone()),
            disk_config: disk,
            past: SimDiskStats::default(),
            disks: 1,
            broker: None,
            life: 0,
            ahead_ms: 0,
            paused_until: Instant(0),
            held: VecDeque::new(),
            wake_at: None,
            wishes_at_once: 0,
            requests: BTreeMap::new(),
            closed: BTreeSet::new(),
            end: None,
            kept: Kept::default(),
            troubled: false,
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

    /// How the process ended by itself, once.
    pub fn take_end(&mut self) -> Option<End> {
        self.end.take()
    }

    /// Drawn at the start of the process that runs or ran last.
    #[must_use]
    pub fn incarnation(&self) -> [u8; 16] {
        self.identity.incarnation
    }

    /// The disk.
    #[must_use]
    pub fn disk(&self) -> &SimDisk {
        &self.disk
    }

    /// The disk, to do something to it. What makes a process end that runs now is excused.
    pub fn disk_mut(&mut self, at: Instant) -> &mut SimDisk {
        self.disk.set_now(at);
        self.troubled = true;
        &mut self.disk
    }

    /// What happened to this machine's disks, those before included.
    #[must_use]
    pub fn disk_stats(&self) -> SimDiskStats {
        let mut stats = self.past;
        stats.merge(&self.disk.stats());
        stats
    }

    /// The engine, if the process runs.
    pub fn broker(&mut self) -> Option<&mut Broker> {
        self.broker.as_mut()
    }

    /// The engine, to look at it.
    #[must_use]
    pub fn engine(&self) -> Option<&Broker> {
        self.broker.as_ref()
    }

    /// Version of the binary that the next start runs.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.identity.version
    }

    /// Installs another version.
    pub fn install(&mut self, version: String) {
        self.identity.version = version;
    }

    /// How far the wall clock is ahead, in milliseconds.
    #[must_use]
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// Sets the wall clock.
    pub fn set_ahead_ms(&mut self, ahead_ms: i64) {
        self.ahead_ms = ahead_ms;
    }

    /// Ends trouble of the disk; damage stays.
    pub fn recover_disk(&mut self, at: Instant) {
        self.disk.set_now(at);
        self.disk.recover();
    }

    /// Starts the process.
    pub fn start(&mut self, at: Instant, out: &mut Output) {
        self.life += 1;
        self.disk.set_now(at);
        self.requests.clear();
        self.closed.clear();
        self.kept.begin(&self.disk);
        self.troubled = self.disk.is_troubled();
        let seed = self.seed.wrapping_add(self.life.wrapping_mul(0x9e37_79b9));
        // Each process draws an id of its own, as the real one does.
        self.identity.incarnation = kring_io::Random::new(seed ^ 0x5bd1_e995).id();
        let mut broker = Broker::new(self.config.clone(), self.identity.clone(), seed);
        broker.start(self.now(at), out);
        self.broker = Some(broker);
        self.carry_out(at, out);
    }

    /// Cuts the power: the process is gone, and of the disk what was not durable.
    pub fn lose_power(&mut self) {
        self.drop_process();
        self.disk.crash();
    }

    /// Ends the process at once (`kill -9`); the machine goes on.
    pub fn kill(&mut self, at: Instant) {
        self.drop_process();
        self.disk.set_now(at);
        self.disk.kill();
    }

    /// Puts an empty disk in, which somebody formats anew. The process must not run.
    pub fn replace_disk(&mut self) {
        assert!(
            self.broker.is_none(),
            "a disk is replaced while the machine is off"
        );
        self.past.merge(&self.disk.stats());
        self.disks += 1;
        let mut random = kring_io::Random::new(self.seed ^ self.disks.rotate_left(32));
        self.identity.disk_id = random.id();
        let at = self.disk.now();
        self.disk = SimDisk::new(random.next_u64(), self.disk_config.clone());
        self.disk.set_now(at);
    }

    fn drop_process(&mut self) {
        self.broker = None;
        self.wake_at = None;
        self.wishes_at_once = 0;
        self.held.clear();
        self.paused_until = Instant(0);
    }

    fn now(&self, at: Instant) -> Now {
        let mut now = now(at);
        now.wall_ms += self.ahead_ms;
        now
    }

    /// The injected trouble that explains the end of the process, if there was any.
    fn excuse(&self) -> Option<&'static str> {
        if self.kept.was_hit(&self.disk) {
            Some("an operation of the disk was made to fail")
        } else if self.disk.damaged_sectors() > 0 {
            Some("the disk is damaged")
        } else if self.troubled {
            Some("the disk was full, slow or hung")
        } else {
            None
        }
    }

    /// Changes what the next process is started with: its version and its settings.
    pub fn configure(&mut self, version: &str, change: impl FnOnce(&mut BrokerConfig)) {
        version.clone_into(&mut self.identity.version);
        change(&mut self.config);
    }

    /// Stands still until `until`; what comes in waits.
    pub fn pause(&mut self, until: Instant) {
        self.paused_until = until;
    }

    /// Whether the process stands still.
    #[must_use]
    pub fn is_paused(&self, at: Instant) -> bool {
        self.broker.is_some() && at < self.paused_until
    }

    /// When the machine has something to do by itself.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.broker.as_ref()?;
        let disk = self.disk.next_completion();
        let held = (!self.held.is_empty()).then_some(self.paused_until);
        let next = earlier(earlier(disk, self.wake_at), held)?;
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
        let now = self.now(at);
        let Some(broker) = &mut self.broker else {
            return;
        };
        for event in events {
            broker.step(now, event, out);
        }
        broker.finish(now, out);
        self.kept.look(broker, &self.disk);
        self.carry_out(at, out);
    }

    fn carry_out(&mut self, at: Instant, out: &mut Output) {
        self.disk.set_now(at);
        for (id, op) in out.effects.disk.drain(..) {
            self.disk.submit(id, op);
        }
        let wish = out.effects.wake_at.take();
        let at_once = wish.is_some_and(|wish| wish <= at);
        self.wishes_at_once = if at_once { self.wishes_at_once + 1 } else { 0 };
        if let Some(wish) = wish {
            // A wish in the past is granted at once, but never without time passing at all.
            let wish = wish.max(Instant(at.0 + 1_000));
            self.wake_at = Some(self.wake_at.map_or(wish, |known| known.min(wish)));
        }
        if let Some(reason) = out.fatal.take() {
            let excuse = self.excuse();
            self.end_process(End::Fatal { reason, excuse });
        } else if out.stopped {
            out.stopped = false;
            self.end_process(End::Stopped);
        } else if self.wishes_at_once > WISHES_AT_ONCE_MAX {
            let reason =
                format!("it wished to be woken at once {WISHES_AT_ONCE_MAX} times in a row");
            let excuse = None;
            self.end_process(End::Fatal { reason, excuse });
        }
    }

    fn end_process(&mut self, end: End) {
        self.drop_process();
        // What it had asked for without waiting is cut short as by a kill.
        self.disk.kill();
        self.end = Some(end);
    }
}

/// The earlier of two times that there may be; asked several times for each event of a run.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
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
