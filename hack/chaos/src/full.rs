//! `full`: the disks fill up under load, and are given space back.
//! Produce must be refused with a clear error, reads served, and everything serve again without a restart.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use kring_wire::ErrorCode;

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster};
use crate::disk::mount::Mounted;
use crate::load::{Load, Size, keep_histories};
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network, power};

/// Time within which a full disk must be refused, and free space be used.
const WITHIN: Duration = Duration::from_secs(60);
/// Space that is left when the load begins to fill it, in bytes.
const LEFT_BYTES: u64 = 10 << 20;
/// Bytes of a record beside its identity; the largest batch, of 1,000 records, stays below `max.message.bytes`.
const KEY_BYTES: usize = 900;
/// Time between looks.
const TICK: Duration = Duration::from_millis(20);
/// Name of the file that takes the space.
const FILLER: &str = "filler";

/// What `full` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How often the disks fill up.
    #[arg(long, default_value_t = 2)]
    rounds: u64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 6_000)]
    rate: u64,
}

/// Fills and verifies.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    network::make(BROKERS)?;
    let disks = power::disks(run)?;
    let mut cluster = power::start(run, &disks)?;
    let mut closing = Closing::new("chaos-full");
    let (mut refusals, mut rounds, mut recovery_max) = (0, 0, Duration::ZERO);
    let size = Size {
        partitions: 6,
        rate: asked.rate,
        key_bytes: KEY_BYTES,
        seed: run.seed,
    };
    let mut load = Load::begin("full", Cluster::addresses(), size, &[])?;
    for _ in 0..asked.rounds {
        rounds += 1;
        match round(&mut cluster, &disks, &mut load)? {
            Ok((refused, recovery)) => {
                refusals += refused;
                recovery_max = recovery_max.max(recovery);
            }
            Err(violation) => {
                closing.violations.push(violation);
                break;
            }
        }
    }
    cluster.heal()?;
    let (verdict, histories) = load.end();
    keep_histories(run, 0, &verdict, &histories)?;
    closing.figure("seeds", 1);
    closing.figure("faults", rounds * BROKERS as u64);
    closing.figure("refusals", refusals);
    closing.figure(
        "recovery_max_ms",
        u64::try_from(recovery_max.as_millis()).unwrap_or(0),
    );
    closing.figure("acked", verdict.acknowledged);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing.violations.extend(verdict.violations);
    Ok(closing)
}

/// Fills the disks and gives space back; gives the refused requests and the time until every
/// partition served again, or what must not have happened.
fn round(
    cluster: &mut Cluster,
    disks: &[Mounted],
    load: &mut Load,
) -> Result<Result<(u64, Duration), String>, String> {
    for disk in disks {
        fill(disk.folder()).map_err(|e| format!("{}: {e}", disk.folder().display()))?;
    }
    let before = load.refusals(ErrorCode::KafkaStorageError);
    let full = wait(cluster, || {
        load.refusals(ErrorCode::KafkaStorageError) > before + 20
    })?;
    let outcome = match full {
        Err(violation) => Err(format!("nothing was refused: {violation}")),
        Ok(_) => load
            .read_in_place()
            .map_err(|reason| format!("a broker with a full disk does not serve reads: {reason}")),
    };
    for disk in disks {
        let filler = disk.folder().join(FILLER);
        fs::remove_file(&filler).map_err(|e| format!("{}: {e}", filler.display()))?;
    }
    if let Err(violation) = outcome {
        return Ok(Err(violation));
    }
    let freed = load.now();
    let served = wait(cluster, || load.unserved_since(freed).is_empty())?;
    let refused = load.refusals(ErrorCode::KafkaStorageError) - before;
    Ok(served
        .map(|recovery| (refused, recovery))
        .map_err(|violation| format!("with space again not everything serves: {violation}")))
}

/// Waits until something holds; the inner error says that a broker ended, or that it took too long.
fn wait(
    cluster: &mut Cluster,
    holds: impl Fn() -> bool,
) -> Result<Result<Duration, String>, String> {
    let begun = Patience::new(WITHIN);
    while !holds() {
        interrupt::check()?;
        for broker in &mut cluster.brokers {
            if let Some(status) = broker.ended() {
                let said = broker.last_line();
                return Ok(Err(format!(
                    "broker {} ended ({status}): {said}",
                    broker.id
                )));
            }
        }
        if begun.is_over() {
            return Ok(Err(format!("not within {} s", begun.elapsed().as_secs())));
        }
        sleep(TICK);
    }
    Ok(Ok(begun.elapsed()))
}

/// Takes all space but a little.
fn fill(folder: &Path) -> io::Result<()> {
    let state = rustix::fs::statvfs(folder)?;
    let free = state.f_bavail * state.f_frsize;
    let mut filler = fs::File::create(folder.join(FILLER))?;
    let block = vec![0x5a; 1 << 20];
    for _ in 0..free.saturating_sub(LEFT_BYTES) / block.len() as u64 {
        match filler.write_all(&block) {
            // The brokers write, too, and may be first.
            Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
            outcome => outcome?,
        }
    }
    match filler.sync_all() {
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Ok(()),
        outcome => outcome,
    }
}
