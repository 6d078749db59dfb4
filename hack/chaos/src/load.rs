//! Clients at work on one topic while something happens to the brokers, then the final read and the verdict.
//! What happens to the brokers is the caller's.

use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

use kring_sim::checks;
use kring_sim::history::{Happened, History};
use kring_wire::ErrorCode;

use crate::client::directory::Directory;
use crate::client::{Shared, admin, consumer, producer, sweep};
use crate::cluster::BROKERS;
use crate::patience::Patience;
use crate::recording::{Clock, Recording, merge};
use crate::run::Run;

/// Time within which everything must be well again after the last fault.
pub(crate) const CONVERGE_WITHIN: Duration = Duration::from_secs(30);
/// Producers of a partition.
const PRODUCERS: u32 = 2;
/// Records of a batch are drawn from 1 to this.
const BATCH_RECORDS_MAX: u64 = 1_000;
/// Violations of one check that are printed.
const SHOWN_MAX: usize = 5;

/// How much load there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) partitions: i32,
    /// Records per second of all producers together.
    pub(crate) rate: u64,
    /// Bytes of each record beside its identity.
    pub(crate) key_bytes: usize,
    pub(crate) seed: u64,
}

/// Clients at work.
pub(crate) struct Load {
    topic: String,
    partitions: i32,
    brokers: Vec<SocketAddr>,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Recording>>,
    /// What was read meanwhile beside the clients.
    read: Vec<Recording>,
    /// Leader epochs at the beginning.
    epochs: i64,
}

/// What clients did and saw, judged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) acknowledged: u64,
    /// Events that were checked.
    pub(crate) operations: u64,
    /// How often a partition got another leader.
    pub(crate) leader_changes: u64,
    /// Acknowledged records that a replica lacks.
    pub(crate) lost: u64,
    pub(crate) violations: Vec<String>,
}

impl Verdict {
    /// Adds that of another episode.
    pub(crate) fn add(&mut self, other: Verdict) {
        self.acknowledged += other.acknowledged;
        self.operations += other.operations;
        self.leader_changes += other.leader_changes;
        self.lost += other.lost;
        self.violations.extend(other.violations);
    }
}

impl Load {
    /// Creates the topic and lets the clients begin.
    ///
    /// # Errors
    /// When the topic is not there and in sync within 30 s.
    pub(crate) fn begin(
        topic: &str,
        brokers: Vec<SocketAddr>,
        size: Size,
        configs: &[(&str, &str)],
    ) -> Result<Load, String> {
        let partitions = size.partitions;
        admin::create_topic(&brokers, topic, partitions, configs, CONVERGE_WITHIN)?;
        let directory = Directory::new(topic, brokers.clone());
        let seen = {
            let patience = Patience::new(CONVERGE_WITHIN);
            admin::wait_until_whole(&directory, BROKERS, partitions, patience)?
        };
        let epochs = seen.iter().map(|p| i64::from(p.leader_epoch)).sum();
        let shared = Arc::new(Shared::new(directory, Clock::start(), partitions));
        let mut threads = Vec::new();
        let producers = PRODUCERS * partitions.unsigned_abs();
        for partition in 0..partitions {
            for number in 0..PRODUCERS {
                let name = number * partitions.unsigned_abs() + partition.unsigned_abs();
                let order = producer::Order {
                    name,
                    partition,
                    batch_records_max: BATCH_RECORDS_MAX,
                    rate: size.rate / u64::from(producers),
                    key_bytes: size.key_bytes,
                    seed: size.seed ^ (u64::from(name) << 32),
                };
                let shared = Arc::clone(&shared);
                threads.push(thread::spawn(move || producer::run(order, &shared)));
            }
            let shared = Arc::clone(&shared);
            threads.push(thread::spawn(move || consumer::run(partition, &shared)));
        }
        Ok(Load {
            topic: topic.to_owned(),
            partitions,
            brokers,
            shared,
            threads,
            read: Vec::new(),
            epochs,
        })
    }

    /// Time since the clients began.
    pub(crate) fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.clock.now().0)
    }

    /// The partitions that acknowledged nothing after `at`.
    pub(crate) fn unserved_since(&self, at: Duration) -> Vec<usize> {
        self.shared.unserved_since(at)
    }

    /// How often producers were answered with this error.
    pub(crate) fn refusals(&self, code: ErrorCode) -> u64 {
        self.shared.refusals(code)
    }

    /// Reads every partition from a broker's own log, once everything is well; gives why that is
    /// not possible. What was read goes into the history as polled.
    pub(crate) fn read_from(&mut self, broker: usize, within: Duration) -> Result<(), String> {
        let mut recording = Recording::default();
        let read = sweep::look(
            &self.shared,
            BROKERS,
            broker,
            self.partitions,
            within,
            &mut recording,
        );
        self.read.push(recording);
        read
    }

    /// Reads the beginning of every partition from whoever leads it.
    pub(crate) fn read_in_place(&self) -> Result<(), String> {
        (0..self.partitions).try_for_each(|partition| sweep::glance(&self.shared, partition))
    }

    /// After the last fault: everything must become well; then every replica is read and judged.
    /// Gives the verdict and the histories it was made of.
    pub(crate) fn end(self) -> (Verdict, Vec<History>) {
        let patience = Patience::new(CONVERGE_WITHIN);
        self.shared.finish();
        while !self.threads.iter().all(JoinHandle::is_finished) && !patience.is_over() {
            sleep(Duration::from_millis(20));
        }
        self.shared.give_up();
        let mut verdict = Verdict::default();
        let mut recordings = self.read;
        for client in self.threads {
            match client.join() {
                Ok(recording) => recordings.push(recording),
                Err(_) => verdict.violations.push("a client panicked".to_owned()),
            }
        }
        let directory = &self.shared.directory;
        match admin::wait_until_whole(directory, BROKERS, self.partitions, patience) {
            Ok(seen) => {
                let epochs: i64 = seen.iter().map(|p| i64::from(p.leader_epoch)).sum();
                verdict.leader_changes = (epochs - self.epochs).max(0).unsigned_abs();
            }
            Err(reason) => verdict.violations.push(format!("liveness: {reason}")),
        }
        let ends = ends(&recordings, self.partitions);
        recordings.push(sweep::run(&self.shared, BROKERS, &ends));
        for recording in &mut recordings {
            verdict.violations.append(&mut recording.complaints);
        }
        let histories = merge(recordings, self.partitions);
        for history in &histories {
            judge(history, &mut verdict);
        }
        if verdict.violations.is_empty() {
            admin::delete_topic(&self.brokers, &self.topic);
        }
        (verdict, histories)
    }
}

/// The highest acknowledged offset plus one of each partition.
fn ends(recordings: &[Recording], partitions: i32) -> Vec<i64> {
    let mut ends = vec![0; partitions.unsigned_abs() as usize];
    for (partition, offset) in recordings.iter().flat_map(Recording::acknowledged) {
        let end = &mut ends[partition.unsigned_abs() as usize];
        *end = (*end).max(offset + 1);
    }
    ends
}

fn judge(history: &History, verdict: &mut Verdict) {
    verdict.acknowledged += history.acknowledged() as u64;
    verdict.operations += history.operations() as u64;
    let found = checks::judge(history).violations;
    let mut last = "";
    let mut shown = 0;
    for violation in found {
        verdict.lost += u64::from(violation.check == "lost write");
        shown = if violation.check == last {
            shown + 1
        } else {
            0
        };
        last = violation.check;
        if shown < SHOWN_MAX {
            let fact = format!("{}: {}", violation.check, violation.fact);
            verdict.violations.push(fact);
        }
    }
}

/// Keeps the histories of an episode that failed, an event a line.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn keep_histories(
    run: &Run,
    episode: u64,
    verdict: &Verdict,
    histories: &[History],
) -> Result<(), String> {
    if verdict.violations.is_empty() {
        return Ok(());
    }
    let path = run.folder.join(format!("history-{episode}"));
    write(&path, histories).map_err(|e| format!("{}: {e}", path.display()))
}

fn write(path: &Path, histories: &[History]) -> io::Result<()> {
    let mut whole = History::default();
    for history in histories {
        whole.merge(history.events().map(|(at, h)| (at, h.clone())));
    }
    whole.write_to(BufWriter::new(File::create(path)?))
}

impl Recording {
    /// Partition and last offset of each acknowledged batch.
    fn acknowledged(&self) -> impl Iterator<Item = (i32, i64)> {
        self.events().filter_map(|(_, happened)| match happened {
            Happened::Acknowledged {
                records,
                partition,
                offset,
            } => Some((partition.index, offset + i64::from(records.count) - 1)),
            _ => None,
        })
    }
}
