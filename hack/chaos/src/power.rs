//! `power`: the disks of all brokers lose power at once, and what was not flushed in part or whole; then everything starts again.
//! The disks are FUSE files under loop devices; what the brokers write with O_DIRECT and RWF_DSYNC goes through the real kernel.

use std::thread::sleep;
use std::time::Duration;

use kring_io::Random;

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
use crate::disk::cache::{Counts, Operation};
use crate::disk::mount::Mounted;
use crate::load::{Load, Size, Verdict, keep_histories};
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network};

/// Size of a disk.
const DISK_BYTES: usize = 384 << 20;
/// Time within which the cluster must serve.
const SERVE_WITHIN: Duration = Duration::from_secs(30);
/// Time within which a disk under load must meet its doom.
const DOOM_WITHIN: Duration = Duration::from_secs(2);
/// Cuts between two final reads.
const EPISODE_CUTS: u64 = 5;
/// Time between looks.
const TICK: Duration = Duration::from_millis(2);

/// What `power` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How often all disks lose power.
    #[arg(long, default_value_t = 10)]
    cuts: u64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 12_000)]
    rate: u64,
    /// The disks answer flushes without doing them; then the run passes only if loss is noticed.
    #[arg(long)]
    lying: bool,
}

/// Cuts and verifies.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    network::make(BROKERS)?;
    let disks = disks(run)?;
    let mut cluster = start(run, &disks)?;
    let mut random = Random::new(run.seed);
    let mut verdict = Verdict::default();
    let (mut cuts, mut episode) = (0, 0);
    let mut outage_max = Duration::ZERO;
    while cuts < asked.cuts && verdict.violations.is_empty() {
        let size = Size {
            partitions: 6,
            rate: asked.rate,
            key_bytes: 0,
            seed: run.seed ^ episode,
        };
        // A deleted topic gives its space back after a while only.
        let topic = format!("power-{episode}");
        let load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
        for _ in 0..(asked.cuts - cuts).min(EPISODE_CUTS) {
            if asked.lying {
                sleep(Duration::from_millis(1_000));
                disks.iter().for_each(|disk| disk.disk().lie());
            }
            sleep(Duration::from_millis(500 + random.below(1_500)));
            let cut = cut(&mut cluster, &disks, &mut random, &load)?;
            cuts += 1;
            match cut {
                Ok(outage) => outage_max = outage_max.max(outage),
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
    let mut closing = close(cuts, episode, outage_max, &disks, verdict);
    if asked.lying {
        closing.expect_violations("chaos-power-canary");
    }
    Ok(closing)
}

/// A new disk for each broker.
///
/// # Errors
/// When the system refuses.
pub(crate) fn disks(run: &Run) -> Result<Vec<Mounted>, String> {
    (0..BROKERS)
        .map(|id| Mounted::new(&run.folder.join(format!("broker-{id}")), DISK_BYTES))
        .collect()
}

/// Brokers that keep their data on these disks, ready.
///
/// # Errors
/// When they do not become ready.
pub(crate) fn start(run: &Run, disks: &[Mounted]) -> Result<Cluster, String> {
    let mut cluster = Cluster::new(&run.broker, &run.folder, |id| {
        disks[id].folder().join("data")
    })?;
    cluster.set("KRING_JOURNAL_FILE_BYTES", &(16_u64 << 20).to_string());
    cluster.start_all()?;
    cluster.wait_until_ready(SERVE_WITHIN)?;
    Ok(cluster)
}

/// One cut of all disks and the start after it; gives the time until every partition served, or
/// what a broker did that it must not.
fn cut(
    cluster: &mut Cluster,
    disks: &[Mounted],
    random: &mut Random,
    load: &Load,
) -> Result<Result<Duration, String>, String> {
    // Whether the processes or the disks go first: in a real cut nobody knows.
    if random.below(4) == 0 {
        cluster.kill_all();
    } else {
        wait_for_doom(disks, random);
    }
    for disk in disks {
        disk.cut(random);
    }
    cluster.kill_all();
    let killed = load.now();
    for disk in disks {
        disk.restore()?;
    }
    let started = Patience::new(SERVE_WITHIN);
    cluster.start_all()?;
    while !started.is_over() {
        interrupt::check()?;
        if load.unserved_since(killed).is_empty() {
            return Ok(Ok(started.elapsed()));
        }
        for broker in &mut cluster.brokers {
            if let Some(status) = broker.ended() {
                return Ok(Err(format!(
                    "broker {} refuses its disk after a power cut ({status}): {}",
                    broker.id,
                    broker.last_words()
                )));
            }
        }
        sleep(TICK);
    }
    Ok(Err(format!(
        "liveness: partitions {:?} do not serve {} s after a power cut",
        load.unserved_since(killed),
        started.elapsed().as_secs()
    )))
}

/// Lets the power of one disk go in the middle of a write or a flush; that of the others follows.
fn wait_for_doom(disks: &[Mounted], random: &mut Random) {
    let first = &disks[usize::try_from(random.below(disks.len() as u64)).expect("few disks")];
    let operation = match random.below(3) {
        0 => Operation::Write,
        _ => Operation::Flush,
    };
    let own = Random::new(random.next_u64());
    first.disk().doom(operation, random.below(20), own);
    let patience = Patience::new(DOOM_WITHIN);
    while !first.disk().is_off() && !patience.is_over() {
        sleep(Duration::from_micros(50));
    }
}

fn close(
    cuts: u64,
    episodes: u64,
    outage_max: Duration,
    disks: &[Mounted],
    verdict: Verdict,
) -> Closing {
    let mut all = Counts::default();
    for disk in disks {
        let counts = disk.disk().counts();
        all.flushes += counts.flushes;
        all.lost_sectors += counts.lost_sectors;
        all.torn_writes += counts.torn_writes;
        all.reordered_writes += counts.reordered_writes;
    }
    let mut closing = Closing::new("chaos-power");
    closing.require(verdict.acknowledged > 0, || {
        "nothing was acknowledged".to_owned()
    });
    closing.require(all.lost_sectors > 0, || "no cut lost a sector".to_owned());
    closing.figure("seeds", episodes);
    closing.figure("faults", cuts * BROKERS as u64);
    closing.figure("cuts", cuts);
    closing.figure("flushes", all.flushes);
    closing.figure("lost_sectors", all.lost_sectors);
    closing.figure("torn_writes", all.torn_writes);
    closing.figure("reordered_writes", all.reordered_writes);
    closing.figure(
        "outage_max_ms",
        u64::try_from(outage_max.as_millis()).unwrap_or(0),
    );
    closing.figure("acked", verdict.acknowledged);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing.violations.extend(verdict.violations);
    closing
}
