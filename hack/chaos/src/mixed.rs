//! `mixed`: every fault of processes and network, in episodes, under producers and consumers.
//! An episode ends with a heal, the final read of all replicas and the checks.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
use crate::foreign::{Books, Foreign};
use crate::load::{Load, Size, Verdict, keep_histories};
use crate::nemesis::strike::{Bites, carry_out};
use crate::nemesis::{self, Kind};
use crate::network;
use crate::run::Run;

/// Faults of an episode last this long at most.
const EPISODE: Duration = Duration::from_secs(70);
/// What the heal, the final read and the checks of an episode take, roughly.
const EPISODE_END: Duration = Duration::from_secs(15);
/// Time within which the cluster must serve at the beginning.
const START_WITHIN: Duration = Duration::from_secs(30);

/// What `mixed` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How long it runs, in minutes.
    #[arg(long, default_value_t = 2.0)]
    minutes: f64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 40_000)]
    rate: u64,
    /// Records per second of librdkafka's producer beside them; 0 leaves it out.
    #[arg(long, default_value_t = 500)]
    foreign_rate: u64,
    /// The run fails with fewer faults.
    #[arg(long, default_value_t = 0)]
    faults_min: u64,
    /// The run fails with fewer acknowledged records.
    #[arg(long, default_value_t = 0)]
    acked_min: u64,
}

impl Asked {
    /// Whether a foreign client works beside our own.
    pub(crate) fn has_foreign(self) -> bool {
        self.foreign_rate > 0
    }
}

/// Runs episodes until the time is up.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    let ends = Instant::now() + Duration::from_secs_f64(asked.minutes * 60.0);
    network::make(BROKERS)?;
    let mut cluster = Cluster::new(&run.broker, &run.folder, |id| {
        run.folder.join(format!("broker-{id}/data"))
    })?;
    cluster.set("KRING_JOURNAL_FILE_BYTES", &(32_u64 << 20).to_string());
    cluster.start_all()?;
    cluster.wait_until_ready(START_WITHIN)?;
    let mut verdict = Verdict::default();
    let mut bites = Bites::default();
    let mut books = Books::default();
    let mut episodes = 0;
    while verdict.violations.is_empty() && bites.violations.is_empty() {
        let left = ends.saturating_duration_since(Instant::now());
        let length = left.saturating_sub(EPISODE_END).min(EPISODE);
        if episodes > 0 && length < EPISODE / 4 {
            break;
        }
        let seed = run.seed.wrapping_add(episodes);
        let length = length.max(EPISODE / 4);
        let (mut more, bitten, foreign) = episode(run, &mut cluster, asked, seed, length)?;
        more.violations.extend(foreign.violations.iter().cloned());
        println!(
            "episode {episodes} seed={seed} seconds={} faults={} acked={} foreign_acked={} leader_changes={} violations={}",
            length.as_secs(),
            bitten.total(),
            more.acknowledged,
            foreign.acknowledged,
            more.leader_changes,
            more.violations.len() + bitten.violations.len()
        );
        verdict.add(more);
        bites.add(bitten);
        books.add(foreign);
        episodes += 1;
    }
    Ok(close(asked, episodes, verdict, bites, &books))
}

fn episode(
    run: &Run,
    cluster: &mut Cluster,
    asked: Asked,
    seed: u64,
    length: Duration,
) -> Result<(Verdict, Bites, Books), String> {
    let size = Size {
        partitions: 6,
        rate: asked.rate,
        key_bytes: 0,
        seed,
    };
    let topic = format!("chaos-{seed}");
    let load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
    let foreign = match asked.foreign_rate {
        0 => None,
        rate => Some(Foreign::begin(&run.load, &run.folder, &topic, rate)?),
    };
    let bites = carry_out(cluster, &nemesis::plan(seed, BROKERS, length))?;
    let books = foreign.map(|foreign| thread::spawn(|| foreign.end()));
    let (verdict, histories) = load.end();
    keep_histories(run, seed, &verdict, &histories)?;
    let books = match books.map(JoinHandle::join) {
        Some(Ok(books)) => books,
        Some(Err(_)) => return Err("the thread that waits for librdkafka panicked".to_owned()),
        None => Books::default(),
    };
    Ok((verdict, bites, books))
}

fn close(asked: Asked, episodes: u64, verdict: Verdict, bites: Bites, books: &Books) -> Closing {
    let faults = bites.total();
    let mut closing = Closing::new("chaos-mixed");
    for (kind, count) in &bites.faults {
        let dropped = bites.dropped_packets.get(kind);
        let evidence = dropped.map_or(String::new(), |n| format!(", {n} packets dropped"));
        println!("fault {kind:?}: {count}{evidence}");
        if *kind == Kind::Loss || dropped.is_some() {
            closing.require(dropped.is_some_and(|n| *n > 0), || {
                format!("{kind:?} dropped no packet")
            });
        }
    }
    closing.violations.extend(bites.violations);
    closing.violations.extend(verdict.violations);
    closing.require(verdict.leader_changes > 0, || {
        "no leader changed: no fault bit".to_owned()
    });
    closing.require(faults >= asked.faults_min, || {
        format!("{faults} faults, fewer than {}", asked.faults_min)
    });
    closing.require(verdict.acknowledged >= asked.acked_min, || {
        format!(
            "{} records acknowledged, fewer than {}",
            verdict.acknowledged, asked.acked_min
        )
    });
    closing.figure("seeds", episodes);
    closing.figure("faults", faults);
    closing.figure("kinds", bites.faults.len() as u64);
    closing.figure("dropped_packets", bites.dropped_packets.values().sum());
    closing.figure("clean_ends", bites.clean_ends);
    closing.figure("leader_changes", verdict.leader_changes);
    closing.figure("acked", verdict.acknowledged);
    closing.figure("foreign_acked", books.acknowledged);
    closing.figure("foreign_received", books.received);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost + books.lost);
    closing
}
