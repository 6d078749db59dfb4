//! A disk in memory with a volatile cache, latencies, crashes and faults, as a [`Disk`].
//! It has no clock of its own: its owner moves the time, or sleeps in [`Disk::wait`], which does.

pub mod config;
mod crash;
mod execute;
pub mod fault;
mod file;
mod tamper;
mod tree;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kring_io::canary::{self, Canary};
use kring_io::{Disk, DiskDone, DiskOp, FileId, FileKind, Instant, OpId, Random, Wake};

use config::SimDiskConfig;
use fault::Faults;
use file::SimFile;
use tree::{Node, Tree};

/// What faults and crashes did, so that a test can see that they bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimDiskStats {
    /// Operations submitted.
    pub operations: u64,
    /// Crashes.
    pub crashes: u64,
    /// Sectors whose newest version a crash lost.
    pub lost_sectors: u64,
    /// Writes of which a crash kept some sectors and lost others.
    pub torn_writes: u64,
    /// Changes of names that a crash lost.
    pub lost_names: u64,
    /// Crashes after which a file had a later write without an earlier one.
    pub reordered: u64,
    /// Processes that were killed while the machine went on.
    pub kills: u64,
    /// Operations that a kill left undone or half done.
    pub cut_short: u64,
    /// Journal writes over blocks of an earlier life of the file.
    pub recycled_blocks: u64,
    /// Faults that hit an operation.
    pub faults: u64,
    /// Of those, I/O errors, by class: open, read, write, sync, names.
    pub io_errors: [u64; 5],
    /// Writes that succeeded and wrote nothing.
    pub lost_writes: u64,
    /// Writes that succeeded and landed elsewhere.
    pub misdirected_writes: u64,
    /// Operations refused because the disk was full.
    pub refused_full: u64,
    /// Operations that waited for a hung disk.
    pub hung: u64,
    /// Operations that a slow disk took longer for.
    pub slowed: u64,
    /// Syncs of files that took long while writes did not.
    pub slow_syncs: u64,
}

impl SimDiskStats {
    /// Adds what happened to another disk.
    pub fn merge(&mut self, other: &SimDiskStats) {
        self.operations += other.operations;
        self.crashes += other.crashes;
        self.lost_sectors += other.lost_sectors;
        self.torn_writes += other.torn_writes;
        self.lost_names += other.lost_names;
        self.reordered += other.reordered;
        self.kills += other.kills;
        self.cut_short += other.cut_short;
        self.recycled_blocks += other.recycled_blocks;
        self.faults += other.faults;
        for (sum, count) in self.io_errors.iter_mut().zip(other.io_errors) {
            *sum += count;
        }
        self.lost_writes += other.lost_writes;
        self.misdirected_writes += other.misdirected_writes;
        self.refused_full += other.refused_full;
        self.hung += other.hung;
        self.slowed += other.slowed;
        self.slow_syncs += other.slow_syncs;
    }
}

struct OpenFile {
    path: String,
    kind: FileKind,
    file: u64,
}

struct InFlight {
    id: OpId,
    op: DiskOp,
    /// What had completed when it was submitted.
    seq: u64,
}

/// A simulated disk. Two with the same seed that are used alike behave alike.
pub struct SimDisk {
    config: SimDiskConfig,
    random: Random,
    now: Instant,
    /// Rises with every completed change.
    seq: u64,
    next_file: u64,
    tree: Tree,
    files: BTreeMap<u64, SimFile>,
    open: BTreeMap<FileId, OpenFile>,
    in_flight: BTreeMap<(Instant, u64), InFlight>,
    next_submission: u64,
    faults: Faults,
    faults_left: u32,
    /// Nothing completes before.
    hung_until: Instant,
    /// Until then every operation takes so many times as long.
    slow: (Instant, u64),
    /// Until then every sync of a file takes so much longer.
    slow_syncs: (Instant, Duration),
    /// Files that may have lost their last name since nameless ones were last looked for, and those
    /// without one that are still needed.
    nameless: BTreeSet<u64>,
    stats: SimDiskStats,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64, config: SimDiskConfig) -> SimDisk {
        SimDisk {
            random: Random::new(seed),
            now: Instant::default(),
            seq: 1,
            next_file: 1,
            tree: Tree::default(),
            files: BTreeMap::new(),
            open: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_submission: 0,
            faults: Faults::default(),
            faults_left: config.fault_budget,
            hung_until: Instant::default(),
            slow: (Instant::default(), 1),
            slow_syncs: (Instant::default(), Duration::ZERO),
            nameless: BTreeSet::new(),
            stats: SimDiskStats::default(),
            woken: Arc::default(),
            config,
        }
    }

    /// The disk's time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Moves the time forward; [`Disk::poll`] then gives what has completed until then.
    pub fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// When the next operation completes, if one is under way.
    #[must_use]
    pub fn next_completion(&self) -> Option<Instant> {
        let first = self.in_flight.first_key_value();
        first.map(|((due, _), _)| *due)
    }

    /// Whether a write that is to be durable, or a sync, is under way.
    #[must_use]
    pub fn flushes(&self) -> bool {
        self.in_flight
            .values()
            .any(|under_way| is_flush(&under_way.op))
    }

    fn latency(&mut self, op: &DiskOp) -> Duration {
        let (from, to) = if is_flush(op) {
            self.config.flush_latency_ns
        } else {
            self.config.latency_ns
        };
        let mut ns = from + self.random.below(to.saturating_sub(from) + 1);
        if self.config.slow_one_in > 0 && self.random.below(self.config.slow_one_in) == 0 {
            ns *= 20;
        }
        let (until, factor) = self.slow;
        if self.now < until {
            self.stats.slowed += 1;
            ns *= factor;
        }
        let (until, longer) = self.slow_syncs;
        if self.now < until && matches!(op, DiskOp::Sync { .. }) {
            self.stats.slow_syncs += 1;
            return Duration::from_nanos(ns) + longer;
        }
        Duration::from_nanos(ns)
    }

    /// What a driver does to writes under way when the owner of their buffer fills it anew.
    fn overwrite_buffers(&mut self, with: &DiskOp) {
        let DiskOp::Write { buffer: newer, .. } = with else {
            return;
        };
        for under_way in self.in_flight.values_mut() {
            if let DiskOp::Write { buffer, .. } = &mut under_way.op {
                let len = buffer.len().min(newer.len());
                buffer[..len].copy_from_slice(&newer[..len]);
            }
        }
    }

    /// A name may be about to be taken away from what has it now.
    fn loses_name(&mut self, path: &str) {
        if let Some(Node::File(file)) = self.tree.get(path) {
            self.nameless.insert(file);
        }
    }

    fn drop_nameless(&mut self) {
        let (tree, open, files) = (&self.tree, &self.open, &mut self.files);
        self.nameless.retain(|file| {
            if tree.names_now(*file) {
                return false;
            }
            let needed = tree.names(*file) || open.values().any(|o| o.file == *file);
            if !needed {
                files.remove(file);
            }
            needed
        });
    }
}

impl Disk for SimDisk {
    fn submit(&mut self, id: OpId, op: DiskOp) {
        self.stats.operations += 1;
        let mut due = self.now + self.latency(&op);
        if due < self.hung_until {
            self.stats.hung += 1;
            due = self.hung_until;
        }
        // Closing waits for what is under way on the file.
        if let DiskOp::Close { file } = &op {
            let last = self.in_flight.iter().filter(|(_, o)| uses(&o.op, *file));
            due = last.map(|((at, _), _)| *at).fold(due, Instant::max);
        }
        self.next_submission += 1;
        if canary::is_on(Canary::BufferReusedInFlight) {
            self.overwrite_buffers(&op);
        }
        let under_way = InFlight {
            id,
            op,
            seq: self.seq,
        };
        self.in_flight
            .insert((due, self.next_submission), under_way);
    }

    fn poll(&mut self, done: &mut Vec<DiskDone>) {
        while let Some(first) = self.in_flight.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let under_way = first.remove();
            let completion = self.complete(under_way);
            done.push(completion);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, done: &mut Vec<DiskDone>) {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            let until = timeout.map(|t| self.now + t);
            match (self.next_completion(), until) {
                (Some(next), Some(until)) => self.set_now(next.min(until)),
                (Some(at), None) | (None, Some(at)) => self.set_now(at),
                (None, None) => {}
            }
        }
        self.poll(done);
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.woken.clone()
    }
}

fn is_flush(op: &DiskOp) -> bool {
    matches!(
        op,
        DiskOp::Write { durable: true, .. } | DiskOp::Sync { .. } | DiskOp::SyncDir { .. }
    )
}

fn uses(op: &DiskOp, wanted: FileId) -> bool {
    match op {
        DiskOp::Read { file, .. }
        | DiskOp::Write { file, .. }
        | DiskOp::WriteGather { file, .. }
        | DiskOp::Sync { file }
        | DiskOp::SetLen { file, .. } => *file == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod trouble_tests;
