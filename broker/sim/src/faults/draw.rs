//! Which faults a run has and when, drawn from its seed.
//! It decides; the world carries them out, within the budget.

mod course;
mod pace;

use std::time::Duration;

use kring_io::{BrokerId, Instant, Random};
use kring_io_sim::OpClass;

pub use pace::Pace;

use super::text::Plan;
use super::{ClientCut, Damage, Fault, FileClass, For, Stray};

/// How far a clock may be off: less than any time-out that data depends on.
const CLOCK_OFF_MAX_MS: u64 = 6 * 3_600_000;

/// What may be drawn: names of [`DISHES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Menu(Vec<&'static Dish>);

/// A choice of the drawing.
#[derive(Debug, PartialEq, Eq)]
pub struct Dish {
    /// Its name on the command line.
    pub name: &'static str,
    /// Its share among the choices.
    weight: u64,
    /// Whether runs have it unless told otherwise: what the engines do not survive yet is off, and
    /// what the others are made of already.
    pub on: bool,
}

const fn dish(name: &'static str, weight: u64, on: bool) -> Dish {
    Dish { name, weight, on }
}

/// Everything that can be drawn.
pub const DISHES: &[Dish] = &[
    dish("power-loss", 14, true),
    dish("blackout", 6, true),
    dish("kill", 6, true),
    dish("kill-all", 3, true),
    dish("restart", 5, true),
    dish("roll", 2, true),
    dish("upgrade", 2, true),
    dish("storm", 2, true),
    dish("pause", 8, true),
    dish("rot-journal", 3, true),
    dish("rot-checkpoint", 2, true),
    dish("rot-segment", 5, true),
    dish("rot-meta", 1, true),
    dish("rot-tail", 3, true),
    dish("lost-write", 3, true),
    dish("misdirected-write", 3, true),
    dish("disk-error", 7, true),
    dish("disk-full", 3, true),
    dish("slow-disk", 3, true),
    dish("hung-disk", 3, true),
    dish("replace-disk", 2, true),
    dish("delay-spike", 3, true),
    dish("slow-link", 3, true),
    dish("break-links", 4, true),
    dish("isolate", 8, true),
    dish("deafen", 6, true),
    dish("bridge", 4, true),
    dish("split-all", 2, true),
    dish("stall", 3, true),
    dish("heal", 16, true),
    dish("client-cut", 6, true),
    dish("client-reset", 4, true),
    dish("newer-message", 2, true),
    dish("clock-jump", 4, true),
    dish("slow-syncs", 3, true),
    dish("power-loss-in-checkpoint", 2, true),
    // One that comes alone seldom meets the moment in which it matters.
    dish("write-error", 4, false),
    dish("sync-error", 4, false),
    // Several that make one moment.
    dish("errors-then-blackout", 4, false),
    dish("hung-then-blackout", 4, false),
    dish("slow-leaders", 4, false),
    dish("late-joiner", 4, false),
    dish("forgotten-vote", 4, false),
    dish("forgotten-log", 4, false),
];

impl Menu {
    /// What runs have unless told otherwise.
    #[must_use]
    pub fn usual() -> Menu {
        Menu(DISHES.iter().filter(|dish| dish.on).collect())
    }

    /// Everything.
    #[must_use]
    pub fn all() -> Menu {
        Menu(DISHES.iter().collect())
    }

    /// These alone.
    ///
    /// # Errors
    /// A name that there is not.
    pub fn of(names: &[String]) -> Result<Menu, String> {
        names
            .iter()
            .map(|name| {
                let found = DISHES.iter().find(|dish| dish.name == name);
                found.ok_or_else(|| {
                    let all: Vec<&str> = DISHES.iter().map(|dish| dish.name).collect();
                    format!("`{name}` is none of {}", all.join(", "))
                })
            })
            .collect::<Result<Vec<_>, _>>()
            .map(Menu)
    }

    /// These, too.
    #[must_use]
    pub fn and(mut self, other: Menu) -> Menu {
        self.0.extend(other.0);
        self
    }

    /// The names of all choices.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.0.iter().map(|dish| dish.name).collect()
    }

    fn draw(&self, random: &mut Random) -> &'static str {
        let total: u64 = self.0.iter().map(|dish| dish.weight).sum();
        let mut left = random.below(total.max(1));
        for dish in &self.0 {
            if left < dish.weight {
                return dish.name;
            }
            left -= dish.weight;
        }
        "heal"
    }
}

/// The faults of a run from `from` to `until`, in the order of time.
#[must_use]
pub fn plan(
    seed: u64,
    brokers: &[BrokerId],
    from: Instant,
    until: Instant,
    pace: Pace,
    menu: &Menu,
) -> Plan {
    let mut chance = Chance {
        random: Random::new(seed),
        brokers,
        victim: brokers[0],
    };
    chance.victim = chance.broker();
    let mut faults = Vec::new();
    let mut at = from;
    loop {
        at = at + Duration::from_millis(pace.gap_min_ms + chance.below(pace.gap_more_ms));
        if at >= until {
            return faults;
        }
        // Whole microseconds are what a plan's text can say.
        at = Instant(at.0 / 1_000 * 1_000);
        let name = menu.draw(&mut chance.random);
        let mut rest = Vec::new();
        for (after_ms, fault) in chance.course(name) {
            let at = at + Duration::from_millis(after_ms);
            rest.push((at, fault));
        }
        let cuts = rest.iter().any(|(_, fault)| fault.cuts());
        if let Some(max_ms) = pace.cut_max_ms.filter(|_| cuts && chance.below(4) > 0) {
            let healed = at + Duration::from_millis(1_000 + chance.below(max_ms));
            rest.push((Instant(healed.0 / 1_000 * 1_000), Fault::Heal));
        }
        // Nothing else happens until a course of several faults has ended.
        at = rest.last().map_or(at, |(last, _)| *last);
        faults.extend(rest.into_iter().filter(|(at, _)| *at < until));
    }
}

struct Chance<'a> {
    random: Random,
    brokers: &'a [BrokerId],
    /// Whose disk is damaged; it changes seldom, because the budget allows one at a time.
    victim: BrokerId,
}

impl Chance<'_> {
    fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    fn broker(&mut self) -> BrokerId {
        let index = self.random.below(self.brokers.len() as u64);
        self.brokers[index as usize]
    }

    fn two(&mut self) -> (BrokerId, BrokerId) {
        let first = self.random.below(self.brokers.len() as u64);
        let step = 1 + self.random.below(self.brokers.len() as u64 - 1);
        let second = (first + step) % self.brokers.len() as u64;
        (self.brokers[first as usize], self.brokers[second as usize])
    }

    fn victim(&mut self) -> BrokerId {
        if self.below(8) == 0 {
            self.victim = self.broker();
        }
        self.victim
    }

    fn one(&mut self, min_ms: u64, more_ms: u64) -> For {
        For {
            broker: self.broker(),
            ms: min_ms + self.below(more_ms),
        }
    }

    fn all(&mut self) -> Vec<For> {
        let brokers = self.brokers.to_vec();
        let down = |broker| For {
            broker,
            ms: 100 + self.random.below(6_000),
        };
        brokers.into_iter().map(down).collect()
    }

    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.random.below(among.len() as u64) as usize]
    }

    fn rot(&mut self, class: FileClass) -> Fault {
        Fault::Rot {
            broker: self.victim(),
            class,
            damage: self.pick(&[Damage::Bit, Damage::Zeros, Damage::Noise]),
            pick: self.below(1 << 32),
        }
    }

    fn stray(&mut self, how: Stray) -> Fault {
        use FileClass::{Checkpoint, Journal, Segment};
        Fault::Stray {
            broker: self.victim(),
            class: self.pick(&[Journal, Segment, Segment, Checkpoint]),
            how,
        }
    }

    fn fault(&mut self, name: &str) -> Fault {
        match name {
            "power-loss" => Fault::PowerLoss(vec![self.one(100, 6_000)]),
            "blackout" => Fault::PowerLoss(self.all()),
            "kill" => Fault::Kill(vec![self.one(50, 3_000)]),
            "kill-all" => Fault::Kill(self.all()),
            "restart" => Fault::Restart(self.one(50, 3_000)),
            "roll" => Fault::Roll { upgrade: false },
            "upgrade" => Fault::Roll { upgrade: true },
            "storm" => Fault::Storm {
                broker: self.broker(),
                times: 2 + self.below(6),
                every_ms: 5 + self.below(400),
            },
            "pause" => Fault::Pause(self.one(50, 6_000)),
            "rot-journal" => self.rot(FileClass::Journal),
            "rot-checkpoint" => self.rot(FileClass::Checkpoint),
            "rot-segment" => self.rot(FileClass::Segment),
            "rot-meta" => self.rot(FileClass::Meta),
            "rot-tail" => Fault::RotTail {
                broker: self.victim(),
                damage: self.pick(&[Damage::Bit, Damage::Zeros, Damage::Noise]),
                down: self.all(),
            },
            "lost-write" => self.stray(Stray::Lost),
            "misdirected-write" => self.stray(Stray::Misdirected),
            "disk-error" => self.disk_error(),
            "write-error" => self.error_on(OpClass::Write, FileClass::Journal),
            "sync-error" => {
                let class = self.pick(&[FileClass::Segment, FileClass::Checkpoint]);
                self.error_on(OpClass::Sync, class)
            }
            "disk-full" => Fault::DiskFull(self.one(500, 10_000)),
            "slow-disk" => Fault::SlowDisk(self.one(500, 8_000)),
            "slow-syncs" => Fault::SlowSyncs(self.one(2_000, 8_000)),
            "hung-disk" => Fault::HungDisk(self.one(500, 20_000)),
            "replace-disk" => Fault::ReplaceDisk(For {
                broker: self.victim(),
                ms: 100 + self.below(6_000),
            }),
            name => self.network_or_clock(name),
        }
    }

    fn error_on(&mut self, op: OpClass, class: FileClass) -> Fault {
        Fault::DiskError {
            broker: self.broker(),
            op,
            class,
            times: 1 + self.below(3),
        }
    }

    fn disk_error(&mut self) -> Fault {
        use FileClass::{Checkpoint, Journal, Meta, Segment};
        Fault::DiskError {
            broker: self.broker(),
            op: self.pick(&[
                OpClass::Open,
                OpClass::Read,
                OpClass::Read,
                OpClass::Write,
                OpClass::Sync,
                OpClass::Name,
            ]),
            class: self.pick(&[Journal, Segment, Segment, Checkpoint, Meta]),
            times: 1 + self.below(3),
        }
    }

    fn network_or_clock(&mut self, name: &str) -> Fault {
        match name {
            "delay-spike" => Fault::DelaySpike {
                ms: 500 + self.below(8_000),
                factor: 10 + self.below(400),
            },
            "slow-link" => {
                let (from, to) = self.two();
                let ms = 1_000 + self.below(8_000);
                Fault::SlowLink { from, to, ms }
            }
            "break-links" => Fault::BreakLinks(self.broker()),
            "isolate" => Fault::Isolate(self.broker()),
            "deafen" => {
                let (from, to) = self.two();
                Fault::Deafen { from, to }
            }
            "bridge" => {
                let (one, other) = self.two();
                Fault::Bridge { one, other }
            }
            "split-all" => Fault::SplitAll,
            "stall" => Fault::Stall(self.broker()),
            "client-cut" => Fault::ClientCut {
                third: self.below(3),
                broker: self.broker(),
                cut: self.pick(&[ClientCut::Lost, ClientCut::Late, ClientCut::Deaf]),
            },
            "client-reset" => Fault::ClientReset(self.broker()),
            "newer-message" => {
                let (from, to) = self.two();
                let pick = self.below(1 << 32);
                Fault::NewerMessage { from, to, pick }
            }
            "clock-jump" => {
                let off = self.below(2 * CLOCK_OFF_MAX_MS).cast_signed();
                Fault::ClockJump {
                    broker: self.broker(),
                    ahead_ms: off - CLOCK_OFF_MAX_MS.cast_signed(),
                }
            }
            _ => Fault::Heal,
        }
    }
}
