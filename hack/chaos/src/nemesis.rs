//! The faults of an episode, drawn from a seed before it begins: what is struck, from when until when.
//! It touches nothing; `nemesis::strike` carries the plan out.

pub(crate) mod strike;
#[cfg(test)]
mod tests;

use std::time::Duration;

use kring_io::Random;

/// Time after which another subset of the faults is drawn.
const WINDOW: Duration = Duration::from_secs(12);
/// Restarts of a storm at most.
const STORM_MAX: u64 = 6;
/// The longest pause of a process, in milliseconds: well above every time-out of the cluster.
const PAUSE_MS_MAX: u64 = 60_000;
/// Pauses, of all, that may be the longest ones: one in so many.
const LONG_PAUSE_ONE_IN: u64 = 8;

/// A kind of fault, for drawing subsets and for counting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// SIGKILL of one broker, and a start a while later.
    Kill,
    /// SIGKILL of all brokers at once, and their start.
    KillAll,
    /// SIGKILL and start of one broker again and again, before it is well.
    Storm,
    /// SIGSTOP, and SIGCONT a while later.
    Pause,
    /// SIGTERM, and a start when the process has ended.
    Terminate,
    /// One broker hears and reaches neither brokers nor clients.
    Isolate,
    /// One broker hears no other broker, but is heard.
    Deaf,
    /// One broker is heard by no other broker, but hears.
    Mute,
    /// Two brokers do not reach each other; the third reaches both.
    Cut,
    /// Clients do not reach one broker; brokers do.
    Hide,
    /// A share of the packets to one broker is lost.
    Loss,
}

/// Faults of processes; at most one of them is on at a time.
const PROCESS: [Kind; 5] = [
    Kind::Kill,
    Kind::KillAll,
    Kind::Storm,
    Kind::Pause,
    Kind::Terminate,
];
/// Faults of the network; at most one of them is on at a time, beside one of a process.
const NETWORK: [Kind; 6] = [
    Kind::Isolate,
    Kind::Deaf,
    Kind::Mute,
    Kind::Cut,
    Kind::Hide,
    Kind::Loss,
];

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Strike {
    pub(crate) kind: Kind,
    /// The broker that is struck.
    pub(crate) victim: usize,
    /// The other one of a cut.
    pub(crate) other: usize,
    /// Packets lost of a hundred.
    pub(crate) percent: u64,
    /// Since the beginning of the episode.
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

/// Draws the faults of an episode of `length`. All of them have ended by then.
pub(crate) fn plan(seed: u64, brokers: usize, length: Duration) -> Vec<Strike> {
    let mut random = Random::new(seed);
    let mut strikes = Vec::new();
    for lane in [&PROCESS[..], &NETWORK[..]] {
        let mut at = Duration::ZERO;
        let mut window_ends = Duration::ZERO;
        let mut subset = Vec::new();
        while at < length {
            if at >= window_ends {
                window_ends = at + WINDOW;
                subset = draw_subset(&mut random, lane);
            }
            if subset.is_empty() {
                at = window_ends;
                continue;
            }
            let kind = subset[index(&mut random, subset.len())];
            let mut next = draw(&mut random, kind, brokers, at, &mut strikes);
            next += milliseconds(&mut random, 100, 900);
            at = next;
        }
    }
    strikes.retain(|strike| strike.until <= length);
    strikes.sort_by_key(|strike| strike.from);
    strikes
}

/// Some of the kinds; one time in four none, which is quiet.
fn draw_subset(random: &mut Random, kinds: &[Kind]) -> Vec<Kind> {
    if random.below(4) == 0 {
        return Vec::new();
    }
    let mut subset: Vec<Kind> = kinds.to_vec();
    let keep = 1 + index(random, kinds.len());
    while subset.len() > keep {
        subset.swap_remove(index(random, subset.len()));
    }
    subset
}

/// Draws a fault of a kind; gives when it has ended.
fn draw(
    random: &mut Random,
    kind: Kind,
    brokers: usize,
    from: Duration,
    strikes: &mut Vec<Strike>,
) -> Duration {
    let victim = index(random, brokers);
    let mut strike = Strike {
        kind,
        victim,
        other: (victim + 1 + index(random, brokers - 1)) % brokers,
        percent: 5 + random.below(36),
        from,
        until: from,
    };
    let (least, most) = match kind {
        Kind::Kill => (0, 3_500),
        Kind::KillAll | Kind::Terminate => (0, 1_000),
        Kind::Storm => (0, 100),
        Kind::Pause if random.below(LONG_PAUSE_ONE_IN) == 0 => (8_000, PAUSE_MS_MAX),
        Kind::Pause => (20, 6_000),
        Kind::Isolate | Kind::Deaf | Kind::Mute | Kind::Cut | Kind::Hide | Kind::Loss => {
            (300, 6_000)
        }
    };
    let times = match kind {
        Kind::Storm => 2 + random.below(STORM_MAX - 1),
        _ => 1,
    };
    for _ in 0..times {
        strike.until = strike.from + milliseconds(random, least, most);
        strikes.push(strike);
        // Only a storm goes on: up for a moment, and down again.
        strike.from = strike.until + milliseconds(random, 50, 900);
    }
    strike.until
}

fn index(random: &mut Random, bound: usize) -> usize {
    usize::try_from(random.below(bound as u64)).expect("below a length")
}

fn milliseconds(random: &mut Random, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + random.below(most - least + 1))
}
