//! The log as its owner sees it: what it holds, where it stands, and which module takes which
//! completion. What the verbs do is in the modules named after them.

use kring_io::canary::{self, Canary};
use kring_io::disk::Entry;
use kring_io::{DiskDone, DiskError, DiskOp, Effects, Instant, Now, Random};
use kring_wire::BatchHeader;
use kring_wire::ids::{Offset, TopicPartition};

use crate::checkpoint::Checkpointer;
use crate::cold_read::ColdReads;
use crate::compaction::Compactor;
use crate::config::LogConfig;
use crate::error::AppendError;
use crate::event::{LogEvent, LogFailure, Recovered};
use crate::flush::Flusher;
use crate::journal::record::Change;
use crate::journal::{Journal, JournalFull};
use crate::lsn::Lsn;
use crate::ops::{Ops, Pending};
use crate::recovery::Recovery;
use crate::removal::Removals;
use crate::room::{Need, Room};
use crate::scrub::Scrubber;
use crate::segment::files::Files;
use crate::shutdown::Stopping;
use crate::state::State;
use crate::stats::LogStats;
use crate::wake::Timers;

/// Where a log is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    New,
    Recovering,
    /// The first block of this run is on its way.
    Starting,
    /// The journal is almost full, so a checkpoint comes before anybody writes.
    MakingRoom,
    Running,
    Stopping,
    Stopped,
    Failed,
}

/// The log of one broker: all its partitions and the small durable state of the other engines.
///
/// The owner calls [`Log::start`], passes every completion to [`Log::on_disk`], calls
/// [`Log::on_wake`] when the wished time has come and [`Log::submit`] at the end of each step.
#[derive(Debug)]
pub struct Log {
    pub(crate) config: LogConfig,
    pub(crate) random: Random,
    pub(crate) phase: Phase,
    pub(crate) state: State,
    /// There from the end of recovery on.
    pub(crate) journal: Option<Journal>,
    pub(crate) ops: Ops,
    pub(crate) files: Files,
    pub(crate) flush: Flusher,
    pub(crate) room: Room,
    pub(crate) reads: ColdReads,
    pub(crate) removals: Removals,
    pub(crate) checkpoint: Checkpointer,
    pub(crate) compactor: Compactor,
    pub(crate) scrubber: Scrubber,
    /// What to mark when recovery must leave something out; `None`: it then fails.
    pub(crate) salvage_keys: Option<Vec<Vec<u8>>>,
    /// Directories that a salvage did not find in what it kept.
    pub(crate) untrusted: Vec<Entry>,
    pub(crate) recovery: Option<Recovery>,
    pub(crate) recovered: Recovered,
    pub(crate) timers: Timers,
    pub(crate) stopping: Stopping,
    /// Events of calls that cannot give any.
    pub(crate) events: Vec<LogEvent>,
    pub(crate) stats: LogStats,
}

impl Log {
    /// A log that has touched nothing yet. `seed` makes its identifiers.
    #[must_use]
    pub fn new(config: LogConfig, seed: u64) -> Log {
        Log {
            config,
            random: Random::new(seed),
            phase: Phase::New,
            state: State::default(),
            journal: None,
            ops: Ops::default(),
            files: Files::default(),
            flush: Flusher::default(),
            room: Room::default(),
            reads: ColdReads::default(),
            removals: Removals::default(),
            checkpoint: Checkpointer::default(),
            compactor: Compactor::default(),
            scrubber: Scrubber::default(),
            salvage_keys: None,
            untrusted: Vec::new(),
            recovery: None,
            recovered: Recovered::default(),
            timers: Timers::default(),
            stopping: Stopping::default(),
            events: Vec::new(),
            stats: LogStats::default(),
        }
    }

    /// Takes a completion.
    pub fn on_disk(
        &mut self,
        now: Now,
        done: DiskDone,
        out: &mut Effects,
        events: &mut Vec<LogEvent>,
    ) {
        if let Some(pending) = self.ops.take(done.id)
            && self.phase != Phase::Failed
        {
            match pending {
                Pending::Journal(lsn) => self.journal_written(now, lsn, done, out),
                Pending::Zero => self.zeroed(&done),
                Pending::Nothing => {}
                Pending::Recovery(step) => self.recovery_done(now, step, done, out),
                Pending::OpenSegment(key) => self.segment_opened(now, key, done, out),
                Pending::SyncExcess(key, written) => self.excess_synced(key, written, &done, out),
                Pending::Flush(tp, step) => self.flush_done(now, tp, step, done, out),
                Pending::ColdRead(id) => self.cold_read_done(now, id, done, out),
                Pending::Checkpoint(step) => self.checkpoint_done(now, step, done, out),
                Pending::Compaction(step) => self.compaction_done(now, step, done, out),
                Pending::Scrub(step) => self.scrub_done(now, step, done, out),
                Pending::Removal(number) => self.removal_done(number, &done, out),
            }
            self.pump(now, out);
        }
        events.append(&mut self.events);
    }

    /// Starts whatever may start now.
    pub(crate) fn pump(&mut self, now: Now, out: &mut Effects) {
        if matches!(
            self.phase,
            Phase::MakingRoom | Phase::Running | Phase::Stopping
        ) {
            self.start_removals(out);
            self.start_flushes(now, out);
            self.advance_checkpoint(now, out);
            self.close_excess_files(out);
            self.advance_shutdown(now, out);
            self.run_if_room_was_made(now, out);
        }
    }

    /// Submits the open commit group as far as the number in flight allows. To be called at the end
    /// of each step; without it appends wait.
    pub fn submit(&mut self, now: Now, out: &mut Effects) {
        if !matches!(
            self.phase,
            Phase::Starting | Phase::MakingRoom | Phase::Running | Phase::Stopping
        ) {
            self.wake_for_events(now, out);
            return;
        }
        self.begin_checkpoint_if_due(now);
        self.write_refused_blocks(now, out);
        while let Some(journal) = self.journal.as_mut() {
            match journal.next_write(now.mono) {
                Ok(Some((lsn, write))) => self.ops.submit(out, write, Pending::Journal(lsn)),
                Ok(None) => break,
                Err(JournalFull) => {
                    self.journal_full();
                    break;
                }
            }
        }
        self.pump(now, out);
        self.wish_wake(now, out);
        self.wake_for_events(now, out);
    }

    fn wake_for_events(&self, now: Now, out: &mut Effects) {
        if !self.events.is_empty() {
            out.wake_at(now.mono);
        }
    }

    fn journal_written(&mut self, now: Now, lsn: Lsn, done: DiskDone, out: &mut Effects) {
        let Some(journal) = self.journal.as_mut() else {
            return;
        };
        match (done.result, done.buffer.is_some()) {
            (Ok(_), _) => {}
            (Err(DiskError::NoSpace { path }), true) => {
                if let Some(buffer) = done.buffer {
                    journal.no_room(lsn, buffer);
                }
                return self.disk_full(now, Need::Journal, path);
            }
            (Err(_), _) if canary::is_on(Canary::WriteErrorIgnored) => {}
            (Err(error), _) => return self.fail_write(&error),
        }
        let bytes = done.buffer.as_ref().map_or(0, |b| b.len() as u64);
        let (took, advanced) = journal.written(now.mono, lsn, done.buffer);
        let durable = journal.durable();
        self.stats.journal_used_bytes = journal.ring.used_bytes();
        if !journal.lacks_room() {
            self.disk_has_room(Need::Journal);
        }
        self.note_flush(took, bytes, advanced.groups);
        if advanced.groups == 0 {
            return;
        }
        let mut moved: Vec<(TopicPartition, Offset)> = Vec::new();
        let mut touched = advanced.touched;
        touched.sort_unstable();
        for (tp, end) in touched {
            if let Some(partition) = self.state.partitions.get_mut(&tp) {
                partition.durable_end = partition.durable_end.max(end);
                let durable_end = partition.durable_end;
                match moved.last_mut() {
                    Some((last, known)) if *last == tp => *known = durable_end,
                    _ => moved.push((tp, durable_end)),
                }
            }
        }
        if self.phase == Phase::Starting {
            self.started(now, out);
        }
        self.events.push(LogEvent::Durable {
            lsn: durable,
            partitions: moved,
        });
    }

    fn note_flush(&mut self, took: std::time::Duration, bytes: u64, groups: u64) {
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.stats.flush_last_us = took_us;
        self.stats.flush_max_us = self.stats.flush_max_us.max(took_us);
        self.stats.flush_total_us += took_us;
        self.stats.journal_written_bytes += bytes;
        self.stats.groups += groups;
    }

    fn zeroed(&mut self, done: &DiskDone) {
        let Some(journal) = self.journal.as_mut() else {
            return;
        };
        match &done.result {
            Ok(_) => journal.zeroing.done(),
            Err(DiskError::NoSpace { .. }) => journal.zeroing.stop(),
            Err(error) => self.fail_write(&error.clone()),
        }
    }

    /// Refuses changes before recovery and after the end.
    pub(crate) fn check_running(&self) -> Result<(), AppendError> {
        let reason = match self.phase {
            Phase::Running => return Ok(()),
            Phase::New | Phase::Recovering | Phase::Starting | Phase::MakingRoom => {
                "recovery is under way"
            }
            Phase::Stopping | Phase::Stopped => "the broker shuts down",
            Phase::Failed => "a write failed",
        };
        Err(AppendError::Stopped { reason })
    }

    /// Applies and journals a change. After the end it never becomes durable.
    pub(crate) fn change(&mut self, change: &Change) -> Lsn {
        if self.check_running().is_err() {
            return Lsn::NEVER;
        }
        let Some(journal) = self.journal.as_mut() else {
            return Lsn::NEVER;
        };
        let Ok(lsn) = journal.push_change(change) else {
            self.journal_full();
            return Lsn::NEVER;
        };
        let left = self.state.apply(change);
        self.remove_leftovers(change, left, lsn);
        lsn
    }

    pub(crate) fn or_full(&mut self, pushed: Result<Lsn, JournalFull>) -> Result<Lsn, AppendError> {
        pushed.map_err(|JournalFull| {
            self.journal_full();
            AppendError::Stopped {
                reason: "the journal is full",
            }
        })
    }

    pub(crate) fn roll_if_due(
        &mut self,
        now: Now,
        tp: TopicPartition,
        first: &BatchHeader,
        bytes: usize,
    ) -> Result<(), AppendError> {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return Ok(());
        };
        if partition.must_roll(first, bytes, now.wall_ms) {
            let base_offset = partition.log_end;
            let lsn = self.change(&Change::Roll {
                tp,
                base_offset,
                created_ms: now.wall_ms,
            });
            if lsn == Lsn::NEVER {
                self.check_running()?;
            }
        }
        Ok(())
    }

    pub(crate) fn note_appended(&mut self, tp: TopicPartition, batches: usize, bytes: usize) {
        self.stats.appended_batches += batches as u64;
        self.stats.appended_bytes += bytes as u64;
        self.stats.tail_bytes += bytes as u64;
        self.stats.tail_dirty_bytes += bytes as u64;
        self.flush.dirty.insert(tp);
        let partition = &self.state.partitions[&tp];
        if partition.dirty_bytes >= self.config.segment_flush_bytes as u64 {
            self.flush.due.insert(tp);
        }
    }

    pub(crate) fn journal_full(&mut self) {
        let reason = match self.room.lacking() {
            Some(path) => format!("no space left for {path}"),
            None => "the disk is slower than what is appended".to_owned(),
        };
        self.fail(LogFailure::JournalFull { reason });
    }

    pub(crate) fn fail_write(&mut self, error: &DiskError) {
        let (path, reason) = describe(error);
        self.fail(LogFailure::Write { path, reason });
    }

    /// The end (LOG-6): nothing is acknowledged any more, and nothing is tried again.
    pub(crate) fn fail(&mut self, failure: LogFailure) {
        if self.phase != Phase::Failed {
            tracing::error!(%failure, "the log stops");
            self.phase = Phase::Failed;
            self.events.push(LogEvent::Failed(failure));
        }
    }

    /// Submits an operation of a module.
    pub(crate) fn op(&mut self, out: &mut Effects, op: DiskOp, pending: Pending) {
        self.ops.submit(out, op, pending);
    }
}

/// Path and words of a driver's error.
pub(crate) fn describe(error: &DiskError) -> (String, String) {
    let path = match error {
        DiskError::NotFound { path }
        | DiskError::NoSpace { path }
        | DiskError::Denied { path }
        | DiskError::Io { path, .. }
        | DiskError::Misaligned { path, .. } => path.clone(),
        DiskError::NotOpen(file) => format!("file {}", file.0),
    };
    (path, error.to_string())
}

/// Microseconds between two instants.
pub(crate) fn micros(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.since(from).as_micros()).unwrap_or(u64::MAX)
}
