//! Faults as lines of text: what a plan file holds and what a failure prints.
//! A line that was printed is read back as the same fault.

use std::fmt;
use std::str::{FromStr, SplitWhitespace};

use kring_io::{BrokerId, Instant};
use kring_io_sim::OpClass;

use super::{ClientCut, Damage, Fault, FileClass, For, Stray};

/// The faults of a run with their times.
pub type Plan = Vec<(Instant, Fault)>;

/// Words of an enum, in both directions.
trait Word: Sized + Copy + PartialEq + 'static {
    const WORDS: &'static [(Self, &'static str)];

    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(value, _)| *value == self);
        found
            .map(|(_, word)| *word)
            .expect("every value has a word")
    }

    fn of(word: &str) -> Result<Self, String> {
        let found = Self::WORDS.iter().find(|(_, w)| *w == word);
        let all: Vec<&str> = Self::WORDS.iter().map(|(_, w)| *w).collect();
        found
            .map(|(value, _)| *value)
            .ok_or_else(|| format!("`{word}` is none of {}", all.join(", ")))
    }
}

impl Word for FileClass {
    const WORDS: &'static [(FileClass, &'static str)] = &[
        (FileClass::Journal, "journal"),
        (FileClass::Checkpoint, "checkpoint"),
        (FileClass::Segment, "segment"),
        (FileClass::Meta, "meta"),
    ];
}

impl Word for Damage {
    const WORDS: &'static [(Damage, &'static str)] = &[
        (Damage::Bit, "bit"),
        (Damage::Zeros, "zeros"),
        (Damage::Noise, "noise"),
    ];
}

impl Word for Stray {
    const WORDS: &'static [(Stray, &'static str)] =
        &[(Stray::Lost, "lost"), (Stray::Misdirected, "misdirected")];
}

impl Word for ClientCut {
    const WORDS: &'static [(ClientCut, &'static str)] = &[
        (ClientCut::Lost, "lost"),
        (ClientCut::Late, "late"),
        (ClientCut::Deaf, "deaf"),
    ];
}

impl Word for OpClass {
    const WORDS: &'static [(OpClass, &'static str)] = &[
        (OpClass::Open, "open"),
        (OpClass::Read, "read"),
        (OpClass::Write, "write"),
        (OpClass::Sync, "sync"),
        (OpClass::Name, "name"),
    ];
}

impl fmt::Display for For {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.broker, self.ms)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |of: &[For]| {
            let words: Vec<String> = of.iter().map(For::to_string).collect();
            words.join(" ")
        };
        match self {
            Fault::PowerLoss(of) => write!(f, "power-loss {}", list(of)),
            Fault::Kill(of) => write!(f, "kill {}", list(of)),
            Fault::Restart(of) => write!(f, "restart {of}"),
            Fault::Roll { upgrade: false } => write!(f, "roll"),
            Fault::Roll { upgrade: true } => write!(f, "upgrade"),
            Fault::Storm {
                broker,
                times,
                every_ms,
            } => write!(f, "storm {broker} {times} {every_ms}"),
            Fault::Pause(of) => write!(f, "pause {of}"),
            Fault::Rot {
                broker,
                class,
                damage,
                pick,
            } => write!(f, "rot {broker} {} {} {pick}", class.word(), damage.word()),
            Fault::RotTail {
                broker,
                damage,
                down,
            } => write!(f, "rot-tail {broker} {} {}", damage.word(), list(down)),
            Fault::Stray { broker, class, how } => {
                write!(f, "stray {broker} {} {}", class.word(), how.word())
            }
            Fault::DiskError {
                broker,
                op,
                class,
                times,
            } => write!(
                f,
                "disk-error {broker} {} {} {times}",
                op.word(),
                class.word()
            ),
            Fault::DiskFull(of) => write!(f, "disk-full {of}"),
            Fault::SlowDisk(of) => write!(f, "slow-disk {of}"),
            Fault::SlowSyncs(of) => write!(f, "slow-syncs {of}"),
            Fault::HungDisk(of) => write!(f, "hung-disk {of}"),
            Fault::ReplaceDisk(of) => write!(f, "replace-disk {of}"),
            Fault::DelaySpike { ms, factor } => write!(f, "delay-spike {ms} {factor}"),
            Fault::SlowLink { from, to, ms } => write!(f, "slow-link {from} {to} {ms}"),
            Fault::BreakLinks(broker) => write!(f, "break-links {broker}"),
            Fault::Isolate(broker) => write!(f, "isolate {broker}"),
            Fault::Deafen { from, to } => write!(f, "deafen {from} {to}"),
            Fault::Bridge { one, other } => write!(f, "bridge {one} {other}"),
            Fault::SplitAll => write!(f, "split-all"),
            Fault::Stall(broker) => write!(f, "stall {broker}"),
            Fault::Heal => write!(f, "heal"),
            Fault::ClientCut { third, broker, cut } => {
                write!(f, "client-cut {third} {broker} {}", cut.word())
            }
            Fault::ClientReset(broker) => write!(f, "client-reset {broker}"),
            Fault::NewerMessage { from, to, pick } => {
                write!(f, "newer-message {from} {to} {pick}")
            }
            Fault::ClockJump { broker, ahead_ms } => write!(f, "clock-jump {broker} {ahead_ms}"),
        }
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(line: &str) -> Result<Fault, String> {
        let mut words = line.split_whitespace();
        let name = words.next().unwrap_or_default();
        let fault = parse(name, &mut words).map_err(|why| format!("fault `{line}`: {why}"))?;
        match words.next() {
            None => Ok(fault),
            Some(more) => Err(format!("fault `{line}`: `{more}` is too much")),
        }
    }
}

fn parse(name: &str, words: &mut SplitWhitespace<'_>) -> Result<Fault, String> {
    Ok(match name {
        "power-loss" => Fault::PowerLoss(list(words)?),
        "kill" => Fault::Kill(list(words)?),
        "restart" => Fault::Restart(one(words)?),
        "roll" => Fault::Roll { upgrade: false },
        "upgrade" => Fault::Roll { upgrade: true },
        "storm" => Fault::Storm {
            broker: broker(words)?,
            times: number(words)?,
            every_ms: number(words)?,
        },
        "pause" => Fault::Pause(one(words)?),
        "rot" => Fault::Rot {
            broker: broker(words)?,
            class: word(words)?,
            damage: word(words)?,
            pick: number(words)?,
        },
        "rot-tail" => Fault::RotTail {
            broker: broker(words)?,
            damage: word(words)?,
            down: list(words)?,
        },
        "stray" => Fault::Stray {
            broker: broker(words)?,
            class: word(words)?,
            how: word(words)?,
        },
        "disk-error" => Fault::DiskError {
            broker: broker(words)?,
            op: word(words)?,
            class: word(words)?,
            times: number(words)?,
        },
        "disk-full" => Fault::DiskFull(one(words)?),
        "slow-disk" | "slow-syncs" | "hung-disk" => slow(name, one(words)?),
        "replace-disk" => Fault::ReplaceDisk(one(words)?),
        "delay-spike" => Fault::DelaySpike {
            ms: number(words)?,
            factor: number(words)?,
        },
        "slow-link" => Fault::SlowLink {
            from: broker(words)?,
            to: broker(words)?,
            ms: number(words)?,
        },
        "break-links" => Fault::BreakLinks(broker(words)?),
        "isolate" => Fault::Isolate(broker(words)?),
        "deafen" => Fault::Deafen {
            from: broker(words)?,
            to: broker(words)?,
        },
        "bridge" => Fault::Bridge {
            one: broker(words)?,
            other: broker(words)?,
        },
        "split-all" => Fault::SplitAll,
        "stall" => Fault::Stall(broker(words)?),
        "heal" => Fault::Heal,
        "client-cut" => Fault::ClientCut {
            third: number(words)?,
            broker: broker(words)?,
            cut: word(words)?,
        },
        "client-reset" => Fault::ClientReset(broker(words)?),
        "newer-message" => Fault::NewerMessage {
            from: broker(words)?,
            to: broker(words)?,
            pick: number(words)?,
        },
        "clock-jump" => Fault::ClockJump {
            broker: broker(words)?,
            ahead_ms: number(words)?,
        },
        other => return Err(format!("there is no fault `{other}`")),
    })
}

fn slow(name: &str, of: For) -> Fault {
    match name {
        "slow-disk" => Fault::SlowDisk(of),
        "slow-syncs" => Fault::SlowSyncs(of),
        _ => Fault::HungDisk(of),
    }
}

fn number<N: FromStr>(words: &mut SplitWhitespace<'_>) -> Result<N, String> {
    let word = words.next().ok_or("a number is missing")?;
    word.parse().map_err(|_| format!("`{word}` is no number"))
}

fn broker(words: &mut SplitWhitespace<'_>) -> Result<BrokerId, String> {
    number(words).map(BrokerId)
}

fn word<W: Word>(words: &mut SplitWhitespace<'_>) -> Result<W, String> {
    W::of(words.next().ok_or("a word is missing")?)
}

fn one(words: &mut SplitWhitespace<'_>) -> Result<For, String> {
    let word = words.next().ok_or("`broker:milliseconds` is missing")?;
    let parsed = word.split_once(':').and_then(|(broker, ms)| {
        Some(For {
            broker: BrokerId(broker.parse().ok()?),
            ms: ms.parse().ok()?,
        })
    });
    parsed.ok_or_else(|| format!("`{word}` is not `broker:milliseconds`"))
}

fn list(words: &mut SplitWhitespace<'_>) -> Result<Vec<For>, String> {
    let mut list = vec![one(words)?];
    while words.clone().next().is_some() {
        list.push(one(words)?);
    }
    Ok(list)
}

/// A plan as text: a line per fault, its time in simulated microseconds first.
#[must_use]
pub fn print(plan: &Plan) -> String {
    plan.iter()
        .map(|(at, fault)| format!("{} {fault}\n", at.0 / 1_000))
        .collect()
}

/// Reads a plan. Empty lines and lines that begin with `#` say nothing.
///
/// # Errors
/// The first line that is none.
pub fn read(text: &str) -> Result<Plan, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (at, fault) = line
                .split_once(' ')
                .ok_or_else(|| format!("`{line}` is not a time and a fault"))?;
            let at: u64 = at
                .parse()
                .map_err(|_| format!("`{at}` is no time in microseconds"))?;
            Ok((Instant(at * 1_000), fault.parse()?))
        })
        .collect()
}

#[cfg(test)]
mod tests;
