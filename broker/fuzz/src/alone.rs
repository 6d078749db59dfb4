//! One broker engine on a simulated disk, alone in its cluster, driven until nothing is due.
//! It has no clients and no network: what is fed in is the target's.

use std::cell::RefCell;

use bytes::Bytes;
use kring_io::{BrokerId, ConnId, Disk, Instant, Now, RequestId};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_log::LogConfig;
use kring_requests::{Broker, BrokerConfig, Event, Identity, Output};

/// Wall-clock time at the origin.
const WALL_ORIGIN_MS: i64 = 1_700_000_000_000;
/// The broker's id.
pub(crate) const ID: BrokerId = BrokerId(0);
/// Steps after one event at most: what is due again and again waits for the next event.
const STEPS_MAX: usize = 64;

/// Inputs that one broker lives for.
const INPUTS_MAX: u32 = 2_000;

/// A broker that lives for many inputs, so that they meet state, and is made anew before that grows old.
#[derive(Default)]
pub(crate) struct Reused(RefCell<Option<(u32, Alone)>>);

impl Reused {
    /// Gives the broker one input.
    pub(crate) fn feed(&self, input: impl FnOnce(&mut Alone)) {
        let mut slot = self.0.borrow_mut();
        let (inputs, broker) = slot.get_or_insert_with(|| (0, Alone::started()));
        input(broker);
        *inputs += 1;
        if *inputs == INPUTS_MAX {
            *slot = None;
        }
    }
}

/// The broker.
pub(crate) struct Alone {
    broker: Broker,
    disk: SimDisk,
    now: Instant,
    wake_at: Option<Instant>,
    requests: u64,
    /// Answers so far, each as a frame with its length.
    pub(crate) answers: Vec<Bytes>,
}

impl Alone {
    /// A broker that leads its cluster and creates topics that are asked for.
    pub(crate) fn started() -> Alone {
        let identity = Identity {
            broker: ID,
            incarnation: [1; 16],
            disk_id: [2; 16],
            version: "fuzz".to_owned(),
            listeners: Vec::new(),
            peer_address: "broker-0:9093".to_owned(),
            log_dir: "/data".to_owned(),
            io_driver: "simulated".to_owned(),
            io_driver_reason: "this is a simulation".to_owned(),
        };
        let config = BrokerConfig {
            voters: [(ID, identity.peer_address.clone())].into_iter().collect(),
            auto_create_topics_enable: true,
            default_replication_factor: 1,
            log: LogConfig {
                journal_file_bytes: 32 << 20,
                journal_files: 3,
                journal_zeroed_at_start_bytes: 64 << 10,
                ..LogConfig::default()
            },
            ..BrokerConfig::default()
        };
        let mut alone = Alone {
            broker: Broker::new(config, identity, 1),
            disk: SimDisk::new(1, SimDiskConfig::default()),
            now: Instant(0),
            wake_at: None,
            requests: 0,
            answers: Vec::new(),
        };
        let mut out = Output::default();
        alone.broker.start(alone.clock(), &mut out);
        alone.carry_out(out);
        for _ in 0..50 {
            alone.settle();
        }
        alone
    }

    /// A frame of a client, each on a connection of its own.
    pub(crate) fn request(&mut self, frame: &[u8]) {
        self.requests += 1;
        let conn = ConnId(self.requests);
        let id = RequestId { conn, seq: 0 };
        let frame = Bytes::copy_from_slice(frame);
        self.step(Event::Request { id, frame });
        self.settle();
        self.step(Event::Closed(conn));
    }

    /// A message of another broker.
    pub(crate) fn peer(&mut self, from: BrokerId, message: &[u8]) {
        let message = Bytes::copy_from_slice(message);
        self.step(Event::Peer { from, message });
        self.settle();
    }

    fn clock(&self) -> Now {
        let elapsed_ms = i64::try_from(self.now.0 / 1_000_000).unwrap_or(i64::MAX);
        Now {
            mono: self.now,
            wall_ms: WALL_ORIGIN_MS + elapsed_ms,
        }
    }

    fn step(&mut self, event: Event) {
        let mut out = Output::default();
        self.broker.step(self.clock(), event, &mut out);
        self.broker.finish(self.clock(), &mut out);
        self.carry_out(out);
    }

    fn carry_out(&mut self, mut out: Output) {
        assert_eq!(out.fatal, None, "no bytes from outside end the broker");
        self.disk.set_now(self.now);
        for (id, op) in out.effects.disk.drain(..) {
            self.disk.submit(id, op);
        }
        for reply in out.effects.replies.drain(..) {
            let frame = Bytes::from(reply.parts.concat());
            if !frame.is_empty() {
                self.answers.push(frame);
            }
        }
        if let Some(at) = out.effects.wake_at {
            self.wake_at = Some(self.wake_at.map_or(at, |known| known.min(at)));
        }
    }

    /// Lets what is due happen, a bounded number of times.
    fn settle(&mut self) {
        for _ in 0..STEPS_MAX {
            let disk = self.disk.next_completion();
            let Some(next) = disk.into_iter().chain(self.wake_at).min() else {
                return;
            };
            self.now = self.now.max(next);
            self.disk.set_now(self.now);
            let mut done = Vec::new();
            self.disk.poll(&mut done);
            let waits = done.is_empty();
            for completion in done {
                self.step(Event::Disk(completion));
            }
            if waits {
                self.wake_at = None;
                self.step(Event::Wake);
            }
        }
    }
}
