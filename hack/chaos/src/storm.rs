//! `storm`: SIGKILL of all brokers at once, again and again, and the time until every partition serves.
//! A cycle ends when each partition has acknowledged something that was sent after the start.

use std::thread::sleep;
use std::time::Duration;

use kring_io::Random;

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
use crate::load::{Load, Size, Verdict, keep_histories};
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network};

/// Time within which the cluster must serve.
const SERVE_WITHIN: Duration = Duration::from_secs(30);
/// Cycles between two final reads.
const EPISODE_CYCLES: u64 = 25;
/// Time between looks.
const TICK: Duration = Duration::from_millis(2);

/// What `storm` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How often all brokers are killed.
    #[arg(long, default_value_t = 20)]
    cycles: u64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 20_000)]
    rate: u64,
}

/// Kills, starts and measures.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    network::make(BROKERS)?;
    let mut cluster = Cluster::new(&run.broker, &run.folder, |id| {
        run.folder.join(format!("broker-{id}/data"))
    })?;
    cluster.set("KRING_JOURNAL_FILE_BYTES", &(32_u64 << 20).to_string());
    cluster.start_all()?;
    cluster.wait_until_ready(SERVE_WITHIN)?;
    let mut random = Random::new(run.seed);
    let mut verdict = Verdict::default();
    let mut outages = Vec::new();
    let mut episode = 0;
    while (outages.len() as u64) < asked.cycles && verdict.violations.is_empty() {
        let topic = format!("storm-{episode}");
        let size = Size {
            partitions: 6,
            rate: asked.rate,
            key_bytes: 0,
            seed: run.seed ^ episode,
        };
        let load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
        let left = asked.cycles - outages.len() as u64;
        for _ in 0..left.min(EPISODE_CYCLES) {
            sleep(Duration::from_millis(300 + random.below(700)));
            match cycle(&mut cluster, &load)? {
                Ok(outage) => outages.push(outage),
                Err(violation) => {
                    verdict.violations.push(violation);
                    break;
                }
            }
        }
        let (more, histories) = load.end();
        keep_histories(run, episode, &more, &histories)?;
        verdict.add(more);
        episode += 1;
    }
    Ok(close(outages, episode, verdict))
}

/// Kills all, starts all; gives the time from the start until every partition has served.
fn cycle(cluster: &mut Cluster, load: &Load) -> Result<Result<Duration, String>, String> {
    cluster.kill_all();
    let killed = load.now();
    let started = Patience::new(SERVE_WITHIN);
    cluster.start_all()?;
    while !started.is_over() {
        interrupt::check()?;
        if load.unserved_since(killed).is_empty() {
            return Ok(Ok(started.elapsed()));
        }
        for broker in &mut cluster.brokers {
            if let Some(status) = broker.ended() {
                return Err(format!(
                    "broker {} ended by itself ({status}): {}",
                    broker.id,
                    broker.last_words()
                ));
            }
        }
        sleep(TICK);
    }
    Ok(Err(format!(
        "liveness: partitions {:?} do not serve {} s after all brokers were killed and started",
        load.unserved_since(killed),
        started.elapsed().as_secs()
    )))
}

fn close(mut outages: Vec<Duration>, episodes: u64, verdict: Verdict) -> Closing {
    outages.sort_unstable();
    let milliseconds = |outage: Option<&Duration>| {
        outage.map_or(0, |outage| u64::try_from(outage.as_millis()).unwrap_or(0))
    };
    let mut closing = Closing::new("chaos-storm");
    closing.require(verdict.acknowledged > 0, || {
        "nothing was acknowledged".to_owned()
    });
    closing.figure("seeds", episodes);
    closing.figure("faults", (outages.len() * BROKERS) as u64);
    closing.figure("cycles", outages.len() as u64);
    closing.figure(
        "outage_p50_ms",
        milliseconds(outages.get(outages.len() / 2)),
    );
    closing.figure("outage_max_ms", milliseconds(outages.last()));
    closing.figure("acked", verdict.acknowledged);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing.violations.extend(verdict.violations);
    closing
}
