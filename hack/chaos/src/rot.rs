//! `rot`: bits flip, sectors are zeroed or stand in the wrong place, in every class of file of one broker of three.
//! What is damaged must be noticed, never served, and come back from the other brokers.

mod damage;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use kring_io::Random;

use crate::closing::Closing;
use crate::cluster::{BROKERS, Cluster, empty_folder};
use crate::load::{Load, Size, Verdict, keep_histories};
use crate::patience::Patience;
use crate::run::Run;
use crate::{interrupt, network};
use damage::{Class, Damage};

/// Time within which a broker starts, ends or serves.
const WITHIN: Duration = Duration::from_secs(30);
/// Time within which a broker must have fetched again what it lost.
const REPAIR_WITHIN: Duration = Duration::from_secs(60);
/// Time between looks.
const TICK: Duration = Duration::from_millis(10);
/// Rounds between two final reads; the damage of these rounds is all on one broker.
const EPISODE_ROUNDS: u64 = 10;
/// Bytes of a record beside its identity, so that segments fill.
const KEY_BYTES: usize = 300;

/// What `rot` is asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Asked {
    /// How many places are damaged.
    #[arg(long, default_value_t = 50)]
    flips: u64,
    /// Places of one round, in files of one class.
    #[arg(long, default_value_t = 5)]
    flips_each: u64,
    /// Records per second of all producers together.
    #[arg(long, default_value_t = 3_000)]
    rate: u64,
    /// The run fails when a broker needed a person: its folder emptied or its identity restored.
    #[arg(long)]
    alone: bool,
}

/// How a round ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Everything was read right and nothing was said: the damage was in bytes that mean nothing.
    Harmless,
    /// The broker noticed, and served everything right again without a person.
    Repaired,
    /// The broker noticed and refused to go on; a person emptied its folder.
    Refused,
    /// The file that says whose data this is was refused; a person restored it.
    Restored,
}

#[derive(Debug, Default)]
struct Tally {
    flips: u64,
    outcomes: BTreeMap<(Class, Outcome), u64>,
}

impl Tally {
    fn rounds(&self, wanted: Outcome) -> u64 {
        let of = self.outcomes.iter().filter(|((_, o), _)| *o == wanted);
        of.map(|(_, count)| count).sum()
    }
}

/// Damages and verifies.
///
/// # Errors
/// When the system refuses something, or the run is interrupted.
pub(crate) fn run(run: &Run, asked: Asked) -> Result<Closing, String> {
    network::make(BROKERS)?;
    let mut cluster = Cluster::new(&run.broker, &run.folder, |id| data(run, id))?;
    cluster.set("KRING_JOURNAL_FILE_BYTES", &(8_u64 << 20).to_string());
    cluster.start_all()?;
    cluster.wait_until_ready(WITHIN)?;
    let mut random = Random::new(run.seed);
    let mut verdict = Verdict::default();
    let mut tally = Tally::default();
    let mut episode = 0;
    while tally.flips < asked.flips && verdict.violations.is_empty() {
        let size = Size {
            partitions: 6,
            rate: asked.rate,
            key_bytes: KEY_BYTES,
            seed: run.seed ^ episode,
        };
        let topic = format!("rot-{episode}");
        let mut load = Load::begin(&topic, Cluster::addresses(), size, &[])?;
        let victim = usize::try_from(random.below(BROKERS as u64)).expect("few brokers");
        for _ in 0..EPISODE_ROUNDS {
            if tally.flips >= asked.flips {
                break;
            }
            let folder = data(run, victim);
            let mut round = Round {
                cluster: &mut cluster,
                load: &mut load,
                random: &mut random,
                victim,
                folder: &folder,
            };
            let (class, flips, outcome) = round.play(asked.flips_each)?;
            tally.flips += flips;
            match outcome {
                Ok(outcome) => *tally.outcomes.entry((class, outcome)).or_default() += 1,
                Err(violation) => {
                    verdict.violations.push(format!("{class:?}: {violation}"));
                    break;
                }
            }
        }
        let (more, histories) = load.end();
        keep_histories(run, episode, &more, &histories)?;
        verdict.add(more);
        episode += 1;
    }
    Ok(close(asked, episode, &tally, verdict))
}

fn data(run: &Run, broker: usize) -> std::path::PathBuf {
    run.folder.join(format!("broker-{broker}/data"))
}

struct Round<'a> {
    cluster: &'a mut Cluster,
    load: &'a mut Load,
    random: &'a mut Random,
    victim: usize,
    folder: &'a Path,
}

impl Round<'_> {
    /// Damages files of one class and looks what becomes of it. The inner error is a violation.
    fn play(&mut self, flips: u64) -> Result<(Class, u64, Result<Outcome, String>), String> {
        sleep(Duration::from_millis(500 + self.random.below(1_000)));
        let running = self.random.below(2) == 0;
        if !running {
            self.stop();
        }
        let class = Class::draw(self.random);
        let damage = Damage::inflict(self.folder, class, flips, self.random)?;
        if running {
            // What is in memory hides what is on the disk: only a start reads it all.
            sleep(Duration::from_millis(self.random.below(1_000)));
            self.stop();
        }
        let said = self.cluster.brokers[self.victim].log_bytes();
        self.cluster.brokers[self.victim].start()?;
        let read = self.wait_and_read(REPAIR_WITHIN)?;
        let broker = &self.cluster.brokers[self.victim];
        let noticed = broker.logged_since(said, damage::SIGNS);
        let outcome = match read {
            Ok(()) if noticed => Ok(Outcome::Repaired),
            Ok(()) => Ok(Outcome::Harmless),
            Err(reason) => {
                println!("{class:?} of broker {}: {reason}", self.victim);
                self.call_a_person(class, &damage)?
            }
        };
        Ok((class, damage.flips, outcome))
    }

    /// SIGTERM or SIGKILL: after the first, everything is in segments; after the second, in the journal.
    fn stop(&mut self) {
        let broker = &mut self.cluster.brokers[self.victim];
        if self.random.below(2) == 0 {
            broker.terminate();
            let _ = broker.wait_for_end(WITHIN);
        }
        broker.kill();
    }

    /// Waits until the broker is ready and reads everything from it; the inner error says why not.
    fn wait_and_read(&mut self, within: Duration) -> Result<Result<(), String>, String> {
        let begun = Patience::new(within);
        while !self.cluster.brokers[self.victim].is_ready() {
            interrupt::check()?;
            let broker = &mut self.cluster.brokers[self.victim];
            if let Some(status) = broker.ended() {
                return Ok(Err(format!("ended ({status}): {}", broker.last_line())));
            }
            if begun.is_over() {
                return Ok(Err(format!("not ready: {}", broker.last_line())));
            }
            sleep(TICK);
        }
        // The first read finds the damage; later ones show that it is repaired.
        loop {
            let read = self.load.read_from(self.victim, Duration::from_secs(5));
            interrupt::check()?;
            let broker = &mut self.cluster.brokers[self.victim];
            if let Some(status) = broker.ended() {
                return Ok(Err(format!("ended ({status}): {}", broker.last_line())));
            }
            if read.is_ok() || begun.is_over() {
                return Ok(read);
            }
        }
    }

    /// What the documentation tells a person to do. Then it must be well.
    fn call_a_person(
        &mut self,
        class: Class,
        damage: &Damage,
    ) -> Result<Result<Outcome, String>, String> {
        let broker = &mut self.cluster.brokers[self.victim];
        broker.kill();
        let outcome = if class == Class::Identity {
            damage.restore()?;
            Outcome::Restored
        } else {
            empty_folder(self.folder)?;
            Outcome::Refused
        };
        broker.start()?;
        Ok(self
            .wait_and_read(REPAIR_WITHIN)?
            .map(|()| outcome)
            .map_err(|reason| format!("not even a person helps ({outcome:?}): {reason}")))
    }
}

fn close(asked: Asked, episodes: u64, tally: &Tally, verdict: Verdict) -> Closing {
    let mut closing = Closing::new("chaos-rot");
    for ((class, outcome), rounds) in &tally.outcomes {
        println!("rot {class:?} {outcome:?}: {rounds} rounds");
    }
    let by_person = tally.rounds(Outcome::Refused) + tally.rounds(Outcome::Restored);
    let noticed = by_person + tally.rounds(Outcome::Repaired);
    closing.require(noticed > 0, || "no damage was noticed".to_owned());
    closing.require(!asked.alone || by_person == 0, || {
        format!("{by_person} rounds needed a person")
    });
    closing.figure("seeds", episodes);
    closing.figure("faults", tally.flips);
    closing.figure("flips", tally.flips);
    closing.figure("rounds_noticed", noticed);
    closing.figure("rounds_repaired", tally.rounds(Outcome::Repaired));
    closing.figure("rounds_by_person", by_person);
    closing.figure("rounds_harmless", tally.rounds(Outcome::Harmless));
    closing.figure("acked", verdict.acknowledged);
    closing.figure("ops", verdict.operations);
    closing.figure("lost", verdict.lost);
    closing.violations.extend(verdict.violations);
    closing
}
