//! The life of processes: starts, ends in order and otherwise, and rolls through all brokers.
//! What ends by itself is started again after a while, as Kubernetes does.

use std::collections::VecDeque;
use std::time::Duration;

use kring_io::{BrokerId, Instant};
use kring_requests::Event;

use super::{Due, World};
use crate::faults::kind::Kind;
use crate::machine::{End, Machine};

/// Time between two looks at a roll.
const ROLL_LOOK: Duration = Duration::from_millis(200);
/// Time after which a roll goes on although the cluster is not whole.
const ROLL_PATIENCE: Duration = Duration::from_secs(30);
/// How long a broker is down in a roll, in milliseconds.
const ROLL_DOWN_MS: u64 = 500;
/// How long a process that could not go on is down: at least, and up to so much more.
const FATAL_DOWN_MS: (u64, u64) = (500, 3_000);

/// A rolling restart under way.
pub(super) struct Roll {
    /// Those that wait for their turn.
    left: VecDeque<BrokerId>,
    /// Whose turn it is, and its life before.
    current: Option<(BrokerId, u64)>,
    /// What is installed on the way.
    version: Option<String>,
    /// When patience with the current one ends.
    deadline: Instant,
}

impl World {
    pub(super) fn start(&mut self, broker: BrokerId) {
        let Some(machine) = self.machines.get(&broker).filter(|m| !m.is_up()) else {
            return;
        };
        let version = machine.version().to_owned();
        if machine.ahead_ms() != 0 {
            self.counts.hit(Kind::ClockSkew);
        }
        self.trace.add(self.now, 4, i64::from(broker.0), &[]);
        let others: Vec<&Machine> = self.machines.values().filter(|m| m.is_up()).collect();
        if others.iter().any(|m| m.version() != version) {
            self.counts.hit(Kind::Upgrade);
        }
        let others: Vec<BrokerId> = others.into_iter().map(Machine::id).collect();
        self.network.start(self.now, broker, &others);
        self.with(broker, Machine::start);
    }

    /// The process is gone, for whatever reason.
    pub(super) fn process_gone(&mut self, broker: BrokerId) {
        self.network.stop(broker);
        self.disconnect_all(broker);
    }

    /// The process ended by itself.
    pub(super) fn process_ended(&mut self, broker: BrokerId, end: End) {
        self.process_gone(broker);
        let down_ms = match end {
            End::Stopped => {
                self.counts.hit(Kind::Restart);
                self.restarts.remove(&broker).unwrap_or_default()
            }
            End::Fatal { reason, excuse } => {
                tracing::info!(%broker, reason, ?excuse, "the process ended");
                match excuse {
                    None => self
                        .complaints
                        .push(format!("broker {broker} ended: {reason}")),
                    Some(_) if wants_empty_directory(&reason) => self.empty_disk(broker),
                    Some(_) => {}
                }
                FATAL_DOWN_MS.0 + self.random.below(FATAL_DOWN_MS.1)
            }
        };
        if !self.supervised {
            self.start_at(self.now + Duration::from_millis(down_ms), broker);
        }
    }

    /// Does what a broker asks for that cannot use its damaged directory, as a person would.
    fn empty_disk(&mut self, broker: BrokerId) {
        if let Some(machine) = self.machines.get_mut(&broker) {
            machine.replace_disk();
            self.counts.hit(Kind::ReplacedDisk);
        }
    }

    /// Asks a process to end; it is down for `down_ms` then.
    pub(super) fn ask_to_end(&mut self, broker: BrokerId, down_ms: u64) {
        if self.machines.get(&broker).is_some_and(Machine::is_up) {
            self.restarts.insert(broker, down_ms);
            self.with(broker, |machine, at, out| {
                machine.take(at, Event::Shutdown, out)
            });
        }
    }

    pub(super) fn begin_roll(&mut self, upgrade: bool) {
        if self.roll.is_some() {
            return;
        }
        let version = upgrade.then(|| {
            self.versions += 1;
            format!("sim-{}", self.versions)
        });
        self.roll = Some(Roll {
            left: self.machines.keys().copied().collect(),
            current: None,
            version,
            deadline: self.now,
        });
        self.later(self.now, Due::Roll);
    }

    pub(super) fn go_on_rolling(&mut self) {
        let Some(roll) = &self.roll else {
            return;
        };
        let restarted = roll.current.is_none_or(|(broker, life)| {
            let machine = self.machines.get(&broker);
            machine.is_none_or(|m| m.is_up() && m.life() > life)
        });
        if !(restarted && self.is_whole() || self.now >= roll.deadline) {
            return self.later(self.now + ROLL_LOOK, Due::Roll);
        }
        let Some(roll) = &mut self.roll else {
            return;
        };
        let Some(next) = roll.left.pop_front() else {
            self.roll = None;
            self.counts.hit(Kind::Roll);
            return;
        };
        roll.deadline = self.now + ROLL_PATIENCE;
        if let Some(machine) = self.machines.get_mut(&next) {
            roll.current = Some((next, machine.life()));
            if let Some(version) = &roll.version {
                machine.install(version.clone());
            }
        }
        self.ask_to_end(next, ROLL_DOWN_MS);
        self.later(self.now + ROLL_LOOK, Due::Roll);
    }
}

/// Whether a process ended because its directory is damaged beyond what it can repair itself.
fn wants_empty_directory(reason: &str) -> bool {
    [
        "empty the data directory",
        "empty it and let the broker copy",
    ]
    .iter()
    .any(|words| reason.contains(words))
}
