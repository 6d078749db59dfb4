//! A log on a simulated disk, driven until nothing moves, with crashes and restarts.
//! It checks nothing by itself.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test file uses a part; a rig is test code outside of a test function"
)]

use std::time::Duration;

use bytes::Bytes;
use kring_io::{Disk, Effects, Now};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_log::{
    Appended, Log, LogConfig, LogEvent, LogFailure, Lookup, Read, ReadError, Recovered,
    TimestampQuery, TopicLogConfig,
};
use kring_wire::{BatchBuilder, TopicId, TopicPartition};

/// A wall clock that begins here.
pub(crate) const WALL_MS: i64 = 1_700_000_000_000;

pub(crate) struct Rig {
    pub(crate) disk: SimDisk,
    pub(crate) log: Log,
    pub(crate) out: Effects,
    pub(crate) events: Vec<LogEvent>,
    pub(crate) config: LogConfig,
    pub(crate) runs: u64,
    pub(crate) seed: u64,
    /// Recovery may go on where something is lost.
    pub(crate) salvages: bool,
}

/// Small files, so that everything happens early.
pub(crate) fn small() -> LogConfig {
    LogConfig {
        journal_file_bytes: 256 << 10,
        journal_files: 4,
        journal_zeroed_at_start_bytes: 64 << 10,
        commit_group_bytes_max: 16 << 10,
        checkpoint_bytes: 128 << 10,
        segment_flush_bytes: 8 << 10,
        tail_cache_bytes: 256 << 10,
        state_value_bytes_max: 32 << 10,
        ..LogConfig::default()
    }
}

pub(crate) fn tp(partition: i32) -> TopicPartition {
    TopicPartition::new(TopicId([7; 16]), partition)
}

/// A batch of one record for each value.
pub(crate) fn batch(values: &[&[u8]]) -> Bytes {
    batch_at(WALL_MS, values)
}

pub(crate) fn batch_at(timestamp_ms: i64, values: &[&[u8]]) -> Bytes {
    let mut builder = BatchBuilder::new();
    for value in values {
        builder.push(timestamp_ms, Some(b"key"), Some(value));
    }
    builder.build()
}

/// The values of all records in batches, with their offsets.
pub(crate) fn values(batches: &[Bytes]) -> Vec<(i64, Vec<u8>)> {
    let mut found = Vec::new();
    for bytes in batches {
        for batch in kring_wire::batches(bytes) {
            let (header, batch) = batch.unwrap();
            kring_wire::batch::check_crc(&batch).unwrap();
            for record in kring_wire::records(&header, &batch).unwrap() {
                let record = record.unwrap();
                found.push((record.offset, record.value.unwrap().to_vec()));
            }
        }
    }
    found
}

impl Rig {
    pub(crate) fn new(seed: u64, config: LogConfig) -> Rig {
        Rig {
            disk: SimDisk::new(seed, SimDiskConfig::default()),
            log: Log::new(config.clone(), seed),
            out: Effects::default(),
            events: Vec::new(),
            config,
            runs: 0,
            seed,
            salvages: false,
        }
    }

    /// A recovered log in a new directory.
    pub(crate) fn started(seed: u64, config: LogConfig) -> Rig {
        let mut rig = Rig::new(seed, config);
        rig.start().unwrap();
        rig
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            mono: self.disk.now(),
            wall_ms: WALL_MS + (self.disk.now().0 / 1_000_000) as i64,
        }
    }

    /// Starts and runs until recovered or failed.
    pub(crate) fn start(&mut self) -> Result<Recovered, LogFailure> {
        self.log.start(self.now(), &mut self.out);
        for _ in 0..100_000 {
            self.step();
            for event in &self.events {
                match event {
                    LogEvent::Recovered(recovered) => return Ok(*recovered),
                    LogEvent::Failed(failure) => return Err(failure.clone()),
                    _ => {}
                }
            }
        }
        panic!("recovery does not end");
    }

    /// Submits what was asked for.
    pub(crate) fn submit(&mut self) {
        self.log.submit(self.now(), &mut self.out);
        for (id, op) in self.out.disk.drain(..) {
            self.disk.submit(id, op);
        }
    }

    /// One step: the next completion or the next wish.
    pub(crate) fn step(&mut self) {
        self.submit();
        let mut done = Vec::new();
        let next = self.disk.next_completion();
        let wish = self.out.wake_at.take();
        let at = match (next, wish) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if let Some(at) = at {
            self.disk.set_now(at);
        }
        self.disk.poll(&mut done);
        let now = self.now();
        for completion in done {
            self.log
                .on_disk(now, completion, &mut self.out, &mut self.events);
        }
        if wish.is_some_and(|w| w <= now.mono) {
            self.log.on_wake(now, &mut self.out, &mut self.events);
        } else if let Some(wish) = wish {
            self.out.wake_at(wish);
        }
        self.submit();
    }

    /// Runs until no operation is under way.
    pub(crate) fn settle(&mut self) {
        self.submit();
        for _ in 0..1_000_000 {
            if self.disk.next_completion().is_none() {
                return;
            }
            self.step();
        }
        panic!("the log does not settle");
    }

    /// Lets time pass, with everything that is due in it.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.disk.now() + time;
        for _ in 0..1_000_000 {
            self.submit();
            let wish = self.out.wake_at;
            let next = [self.disk.next_completion(), wish]
                .into_iter()
                .flatten()
                .min();
            if next.is_none_or(|at| at > end) {
                self.disk.set_now(end);
                return;
            }
            self.step();
        }
        panic!("time does not pass");
    }

    pub(crate) fn create(&mut self, partition: i32) -> TopicPartition {
        self.create_with(partition, TopicLogConfig::default())
    }

    pub(crate) fn create_with(&mut self, partition: i32, config: TopicLogConfig) -> TopicPartition {
        self.log.create(tp(partition), "topic", config);
        tp(partition)
    }

    pub(crate) fn append(&mut self, tp: TopicPartition, values: &[&[u8]]) -> Appended {
        let now = self.now();
        self.log.append(now, tp, 0, batch(values)).unwrap()
    }

    /// Commits everything, as the only replica does.
    pub(crate) fn commit(&mut self) {
        self.settle();
        let all: Vec<TopicPartition> = self.log.partitions().collect();
        for tp in all {
            let durable = self.log.state(tp).unwrap().durable_end;
            self.log.set_high_watermark(tp, durable);
        }
    }

    /// Appends until `bytes` are appended, committing now and then.
    pub(crate) fn fill(&mut self, tp: TopicPartition, bytes: usize) {
        let mut appended = 0;
        while appended < bytes {
            for _ in 0..4 {
                let offset = self.log.state(tp).unwrap().log_end;
                let value = value_of(tp, offset);
                appended += value.len();
                self.append(tp, &[&value]);
            }
            self.commit();
        }
    }

    /// All batches from an offset on, in memory or not.
    pub(crate) fn read(
        &mut self,
        tp: TopicPartition,
        from: i64,
        max_bytes: usize,
    ) -> Result<Vec<Bytes>, ReadError> {
        let end = self.log.state(tp).unwrap().log_end;
        match self
            .log
            .read(self.now(), tp, from, end, max_bytes, &mut self.out)
        {
            Read::Ready(batches) => Ok(batches),
            Read::Pending(id) => {
                for _ in 0..10_000 {
                    self.step();
                    let at = self
                        .events
                        .iter()
                        .position(|e| matches!(e, LogEvent::ReadDone { id: i, .. } if *i == id));
                    if let Some(at) = at {
                        let LogEvent::ReadDone { result, .. } = self.events.remove(at) else {
                            unreachable!("it was just matched");
                        };
                        return result;
                    }
                }
                panic!("the read does not end");
            }
            other => panic!("{other:?}"),
        }
    }

    /// All records of a partition, read in small steps.
    pub(crate) fn read_all(&mut self, tp: TopicPartition) -> Vec<(i64, Vec<u8>)> {
        let state = self.log.state(tp).unwrap();
        let mut from = state.log_start;
        let mut all: Vec<(i64, Vec<u8>)> = Vec::new();
        while from < state.log_end {
            let found = values(&self.read(tp, from, 10_000).unwrap());
            assert!(!found.is_empty(), "nothing at {from} of {state:?}");
            from = found.last().unwrap().0 + 1;
            all.extend(found);
        }
        all
    }

    pub(crate) fn lookup(
        &mut self,
        tp: TopicPartition,
        query: TimestampQuery,
    ) -> Option<(i64, i64)> {
        let end = self.log.state(tp).unwrap().log_end;
        match self
            .log
            .lookup_timestamp(self.now(), tp, query, end, &mut self.out)
        {
            Lookup::Ready(found) => found,
            Lookup::Pending(id) => {
                for _ in 0..10_000 {
                    self.step();
                    for event in &self.events {
                        if let LogEvent::LookupDone { id: i, result } = event
                            && *i == id
                        {
                            return result.clone().unwrap();
                        }
                    }
                }
                panic!("the look-up does not end");
            }
            other => panic!("{other:?}"),
        }
    }

    /// Power loss, then a new run in the same directory.
    pub(crate) fn crash(&mut self) -> Result<Recovered, LogFailure> {
        self.disk.crash();
        self.restart()
    }

    /// A new run in the same directory, without power loss: as after `kill -9`.
    pub(crate) fn restart(&mut self) -> Result<Recovered, LogFailure> {
        self.runs += 1;
        self.log = Log::new(self.config.clone(), self.seed + 1000 * self.runs);
        if self.salvages {
            let log = Log::new(self.config.clone(), self.seed + 1000 * self.runs);
            self.log = log.salvage(vec![MARK.to_vec()]);
        }
        self.out = Effects::default();
        self.events.clear();
        self.start()
    }

    /// An orderly end.
    pub(crate) fn shut_down(&mut self) {
        self.log.shutdown(self.now(), &mut self.out);
        for _ in 0..100_000 {
            if self.events.contains(&LogEvent::Stopped) {
                self.settle();
                return;
            }
            self.step();
        }
        panic!("the shutdown does not end");
    }

    pub(crate) fn failure(&self) -> Option<LogFailure> {
        self.events.iter().find_map(|e| match e {
            LogEvent::Failed(failure) => Some(failure.clone()),
            _ => None,
        })
    }
}

/// What [`Rig::fill`] writes at an offset: tells where it belongs.
pub(crate) fn value_of(tp: TopicPartition, offset: i64) -> Vec<u8> {
    format!("{}:{offset}:", tp.partition)
        .into_bytes()
        .into_iter()
        .chain(std::iter::repeat_n(b'x', (offset as usize * 37) % 900))
        .collect()
}

/// The keys that a salvage marks.
pub(crate) const MARK: &[u8] = b"n/mark";
