//! Kafka clients over blocking sockets, one thread each, that write down what they did and saw.
//! They share no code with the brokers' edge; bytes are made and read by the simulated clients' codec.

pub(crate) mod admin;
pub(crate) mod connection;
pub(crate) mod consumer;
pub(crate) mod directory;
pub(crate) mod producer;
pub(crate) mod sweep;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kring_wire::ErrorCode;

use crate::recording::Clock;
use directory::Directory;

/// What the clients of one episode share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) directory: Directory,
    pub(crate) clock: Clock,
    /// Nothing new is begun.
    finishing: AtomicBool,
    /// Nothing is waited for any more.
    giving_up: AtomicBool,
    /// When each partition acknowledged something last, in nanoseconds of the clock.
    served: Vec<AtomicU64>,
    /// Answers to producers that said to try again later, by their error.
    refusals: Mutex<BTreeMap<ErrorCode, u64>>,
}

impl Shared {
    /// Clients begin.
    pub(crate) fn new(directory: Directory, clock: Clock, partitions: i32) -> Shared {
        Shared {
            directory,
            clock,
            finishing: AtomicBool::new(false),
            giving_up: AtomicBool::new(false),
            served: (0..partitions).map(|_| AtomicU64::new(0)).collect(),
            refusals: Mutex::new(BTreeMap::new()),
        }
    }

    /// Tells the clients to finish what they began.
    pub(crate) fn finish(&self) {
        self.finishing.store(true, Ordering::SeqCst);
    }

    /// Tells them to end, whatever is under way.
    pub(crate) fn give_up(&self) {
        self.finish();
        self.giving_up.store(true, Ordering::SeqCst);
    }

    fn has_served(&self, partition: i32, at: kring_io::Instant) {
        let partition = partition.unsigned_abs() as usize;
        self.served[partition].fetch_max(at.0, Ordering::SeqCst);
    }

    /// The partitions that acknowledged nothing after `at`.
    pub(crate) fn unserved_since(&self, at: Duration) -> Vec<usize> {
        let at = u64::try_from(at.as_nanos()).unwrap_or(u64::MAX);
        (0..self.served.len())
            .filter(|partition| self.served[*partition].load(Ordering::SeqCst) <= at)
            .collect()
    }

    fn was_refused(&self, code: ErrorCode) {
        let mut refusals = self.refusals.lock().expect("no client panics");
        *refusals.entry(code).or_default() += 1;
    }

    /// How often producers were answered with this error.
    pub(crate) fn refusals(&self, code: ErrorCode) -> u64 {
        let refusals = self.refusals.lock().expect("no client panics");
        refusals.get(&code).copied().unwrap_or(0)
    }

    fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::SeqCst)
    }

    fn has_given_up(&self) -> bool {
        self.giving_up.load(Ordering::SeqCst)
    }
}

/// Time until `at`, at most `most`.
fn until(at: Instant, most: Duration) -> Duration {
    at.saturating_duration_since(Instant::now()).min(most)
}
