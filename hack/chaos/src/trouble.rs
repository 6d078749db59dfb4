//! `trouble`: the disk of one broker fails its nth read, write or flush, or hangs for seconds, under load.
//! The others must go on without it, and it must be well again after a restart on a good disk.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kring_io::Random;

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
use crate::disk::cache::{Operation, Trouble};
use crate::disk::mount::Mounted;
use crate::load::{Load, Size, Verdict, keep_histories};
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network, power};

/// Time within which a trouble must bite: the disk is written all the time, but read seldom.
const BITE_WITHIN: Duration = Duration::from_secs(4);
/// Time within which every partition must serve, with the troubled broker or without.
const SERVE_WITHIN: Duration = Duration::from_secs(30);
/// Rounds between two final reads.
const EPISODE_ROUNDS: u64 = 5;
/// Time between looks.
const TICK: Duration = Duration::from_millis(5);

/// What `trouble` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How often a disk gets into trouble.
    #[arg(long, default_value_t = 10)]
    rounds: u64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 8_000)]
    rate: u64,
}

/// What the rounds came to.
#[derive(Debug, Default)]
struct Tally {
    /// Rounds of each kind in which the trouble bit.
    bitten: BTreeMap<&'static str, u64>,
    /// Brokers that ended because of it.
    ended: u64,
    /// Longest time from the trouble until every partition served again.
    outage_max: Duration,
}

/// Makes trouble and verifies.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    network::make(BROKERS)?;
    let disks = power::disks(run)?;
    let mut cluster = power::start(run, &disks)?;
    let mut random = Random::new(run.seed);
    let mut verdict = Verdict::default();
    let mut tally = Tally::default();
    let (mut rounds, mut episode) = (0, 0);
    while rounds < asked.rounds && verdict.violations.is_empty() {
        let size = Size {
            partitions: 6,
            rate: asked.rate,
            key_bytes: 0,
            seed: run.seed ^ episode,
        };
        let topic = format!("trouble-{episode}");
        let load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
        for _ in 0..(asked.rounds - rounds).min(EPISODE_ROUNDS) {
            sleep(Duration::from_millis(300 + random.below(700)));
            rounds += 1;
            if let Some(violation) = round(&mut cluster, &disks, &mut random, &load, &mut tally)? {
                verdict.violations.push(violation);
                break;
            }
        }
        let (more, histories) = load.end();
        keep_histories(run, episode, &more, &histories)?;
        verdict.add(more);
        episode += 1;
    }
    Ok(close(rounds, episode, &tally, verdict))
}

fn draw(random: &mut Random) -> (&'static str, Trouble) {
    let good = random.below(40);
    let failing = |operation| Trouble::Failing { operation, good };
    match random.below(5) {
        0 => ("read", failing(Operation::Read)),
        1 | 2 => ("write", failing(Operation::Write)),
        3 => ("flush", failing(Operation::Flush)),
        _ => {
            let until = Instant::now() + Duration::from_millis(1_000 + random.below(7_000));
            ("hang", Trouble::Hanging { until })
        }
    }
}

/// One trouble of one disk; gives what must not have happened.
fn round(
    cluster: &mut Cluster,
    disks: &[Mounted],
    random: &mut Random,
    load: &Load,
    tally: &mut Tally,
) -> Result<Option<String>, String> {
    let victim = usize::try_from(random.below(BROKERS as u64)).expect("few brokers");
    let (name, trouble) = draw(random);
    let before = disks[victim].disk().counts().troubled;
    let (begun, struck) = (Instant::now(), load.now());
    disks[victim].disk().set_trouble(trouble);
    let bitten = || disks[victim].disk().counts().troubled > before;
    while !bitten() && begun.elapsed() < BITE_WITHIN {
        sleep(TICK);
    }
    if bitten() {
        *tally.bitten.entry(name).or_default() += 1;
    }
    // Everything is served while the disk is bad: by the others.
    let since = if bitten() { load.now() } else { struck };
    if let Some(violation) = wait_until_served(load, since, name, tally)? {
        return Ok(Some(violation));
    }
    if matches!(trouble, Trouble::Hanging { .. }) {
        disks[victim].disk().set_trouble(Trouble::None);
    }
    let broker = &mut cluster.brokers[victim];
    if let Some(status) = broker.ended() {
        tally.ended += 1;
        println!("{name} fails: broker {victim} ended ({status})");
    } else if matches!(trouble, Trouble::Hanging { .. }) {
        return Ok(None);
    }
    broker.kill();
    disks[victim].disk().set_trouble(Trouble::None);
    disks[victim].restore()?;
    broker.start()?;
    let restarted = Patience::new(SERVE_WITHIN);
    while !broker.is_ready() {
        interrupt::check()?;
        if broker.ended().is_some() || restarted.is_over() {
            return Ok(Some(format!(
                "liveness: broker {victim} does not come back on a good disk after {name} failed: {}",
                broker.last_words()
            )));
        }
        sleep(TICK);
    }
    Ok(None)
}

fn wait_until_served(
    load: &Load,
    since: Duration,
    name: &str,
    tally: &mut Tally,
) -> Result<Option<String>, String> {
    let begun = Patience::new(SERVE_WITHIN);
    while !begun.is_over() {
        interrupt::check()?;
        if load.unserved_since(since).is_empty() {
            tally.outage_max = tally.outage_max.max(begun.elapsed());
            return Ok(None);
        }
        sleep(TICK);
    }
    Ok(Some(format!(
        "liveness: partitions {:?} do not serve {} s after one disk of three got into trouble ({name})",
        load.unserved_since(since),
        begun.elapsed().as_secs()
    )))
}

fn close(rounds: u64, episodes: u64, tally: &Tally, verdict: Verdict) -> Closing {
    let mut closing = Closing::new("chaos-trouble");
    for (name, count) in &tally.bitten {
        println!("trouble {name}: {count}");
    }
    let bitten: u64 = tally.bitten.values().sum();
    closing.require(bitten > 0, || "no trouble bit".to_owned());
    closing.figure("seeds", episodes);
    closing.figure("faults", rounds);
    closing.figure("bitten", bitten);
    closing.figure("ended", tally.ended);
    let outage_max_ms = u64::try_from(tally.outage_max.as_millis()).unwrap_or(0);
    closing.figure("outage_max_ms", outage_max_ms);
    closing.figure("acked", verdict.acknowledged);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing.violations.extend(verdict.violations);
    closing
}
