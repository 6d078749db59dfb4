//! `mixed`: every fault of processes and network, in episodes, under producers and consumers.
//! An episode ends with a heal, the final read of all replicas and the checks.

use std::time::{Duration, Instant};

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
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
    #[arg(long, default_value_t = 24_000)]
    rate: u64,
    /// The run fails with fewer faults.
    #[arg(long, default_value_t = 0)]
    faults_min: u64,
    /// The run fails with fewer acknowledged records.
    #[arg(long, default_value_t = 0)]
    acked_min: u64,
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
    let mut episodes = 0;
    while verdict.violations.is_empty() && bites.violations.is_empty() {
        let left = ends.saturating_duration_since(Instant::now());
        let length = left.saturating_sub(EPISODE_END).min(EPISODE);
        if episodes > 0 && length < EPISODE / 4 {
            break;
        }
        let seed = run.seed.wrapping_add(episodes);
        let (more, bitten) = episode(run, &mut cluster, asked, seed, length.max(EPISODE / 4))?;
        println!(
            "episode {episodes} seed={seed} seconds={} faults={} acked={} leader_changes={} violations={}",
            length.as_secs(),
            bitten.total(),
            more.acknowledged,
            more.leader_changes,
            more.violations.len() + bitten.violations.len()
        );
        verdict.add(more);
        bites.add(bitten);
        episodes += 1;
    }
    Ok(close(asked, episodes, verdict, bites))
}

fn episode(
    run: &Run,
    cluster: &mut Cluster,
    asked: Asked,
    seed: u64,
    length: Duration,
) -> Result<(Verdict, Bites), String> {
    let size = Size {
        partitions: 6,
        rate: asked.rate,
        seed,
    };
    let topic = format!("chaos-{seed}");
    let load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
    let bites = carry_out(cluster, &nemesis::plan(seed, BROKERS, length))?;
    let (verdict, histories) = load.end();
    keep_histories(run, seed, &verdict, &histories)?;
    Ok((verdict, bites))
}

fn close(asked: Asked, episodes: u64, verdict: Verdict, bites: Bites) -> Closing {
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
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing
}
