//! Power loss at any moment of random workloads: what recovery gives must be exactly the state
//! after some commit group, and none that was reported durable may be missing.

#![allow(
    clippy::unwrap_used,
    reason = "steps of a workload are test code outside of a test function"
)]

mod rig;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kring_io::Random;
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_log::{AppendError, LogConfig, Lsn, TopicLogConfig};
use kring_wire::{TopicId, TopicPartition};
use rig::{Rig, batch, small, value_of, values};

/// What a log must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    partitions: BTreeMap<TopicPartition, ModelPartition>,
    values: BTreeMap<Vec<u8>, Bytes>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct ModelPartition {
    log_start: i64,
    log_end: i64,
    records: BTreeMap<i64, Vec<u8>>,
}

struct Run {
    rig: Rig,
    random: Random,
    model: Model,
    /// The model after every change, with the group of the change.
    history: Vec<(Lsn, Model)>,
    next_value: u64,
    next_topic: u8,
}

fn config() -> LogConfig {
    LogConfig {
        journal_file_bytes: 96 << 10,
        journal_files: 3,
        journal_zeroed_at_start_bytes: 32 << 10,
        commit_group_bytes_max: 8 << 10,
        checkpoint_bytes: 24 << 10,
        segment_flush_bytes: 4 << 10,
        segment_flush_interval_ms: 50,
        checkpoint_interval_ms: 300,
        retention_check_interval_ms: 200,
        tail_cache_bytes: 64 << 10,
        state_value_bytes_max: 16 << 10,
        open_segments_max: 3,
        ..LogConfig::default()
    }
}

impl Run {
    fn new(seed: u64) -> Run {
        let mut rig = Rig::new(seed, config());
        let disk = SimDiskConfig {
            latency_ns: (10_000, 2_000_000),
            flush_latency_ns: (100_000, 4_000_000),
            slow_one_in: 20,
            ..SimDiskConfig::default()
        };
        rig.disk = SimDisk::new(seed, disk);
        Run {
            rig,
            random: Random::new(seed ^ 0xc0ffee),
            model: Model::default(),
            history: vec![(Lsn(0), Model::default())],
            next_value: 0,
            next_topic: 1,
        }
    }

    fn note(&mut self) {
        let lsn = self.rig.log.appended_lsn();
        self.history.push((lsn, self.model.clone()));
    }

    fn pick(&mut self) -> Option<TopicPartition> {
        let count = self.model.partitions.len() as u64;
        let at = (count > 0).then(|| self.random.below(count))?;
        self.model.partitions.keys().nth(at as usize).copied()
    }

    fn act(&mut self) {
        match self.random.below(100) {
            0..3 => self.create(),
            3..4 => self.delete(),
            4..60 => self.append(),
            60..65 => self.truncate(),
            65..66 => self.reset(),
            66..70 => self.delete_records(),
            70..76 => self.put_state(),
            76..90 => self.commit(),
            _ => {
                let ms = self.random.below(60);
                self.rig.pass(Duration::from_millis(ms));
            }
        }
        // What retention did by itself shows only in the start.
        let starts: Vec<(TopicPartition, i64)> = self
            .model
            .partitions
            .keys()
            .map(|tp| (*tp, self.rig.log.state(*tp).unwrap().log_start))
            .collect();
        let mut moved = false;
        for (tp, start) in starts {
            let partition = self.model.partitions.get_mut(&tp).unwrap();
            moved |= partition.log_start != start;
            partition.trim(start);
        }
        if moved {
            self.note();
        }
        for _ in 0..self.random.below(4) {
            self.rig.step();
        }
        assert_eq!(self.rig.failure(), None);
    }

    fn create(&mut self) {
        if self.model.partitions.len() < 4 {
            // Half of the names come again under another id.
            let name = format!("t{}", self.next_topic % 3);
            let id = TopicId([self.next_topic; 16]);
            let taken = self
                .model
                .partitions
                .keys()
                .any(|tp| tp.topic.0[0] % 3 == self.next_topic % 3);
            self.next_topic = self.next_topic.checked_add(1).unwrap_or(1);
            if taken {
                return;
            }
            let tp = TopicPartition::new(id, 0);
            let config = TopicLogConfig {
                segment_bytes: 4_000,
                retention_bytes: if self.random.below(2) == 0 {
                    20_000
                } else {
                    -1
                },
                ..TopicLogConfig::default()
            };
            self.rig.log.create(tp, &name, config);
            self.model.partitions.insert(tp, ModelPartition::default());
            self.note();
        }
    }

    fn delete(&mut self) {
        if let Some(tp) = self.pick() {
            self.rig.log.delete(tp);
            self.model.partitions.remove(&tp);
            self.note();
        }
    }

    fn append(&mut self) {
        let Some(tp) = self.pick() else { return };
        let values: Vec<Vec<u8>> = (0..=self.random.below(3))
            .map(|_| {
                self.next_value += 1;
                let mut value = self.next_value.to_be_bytes().to_vec();
                let more = match self.random.below(40) {
                    0 => 5_000,
                    _ => self.random.below(400),
                };
                value.resize(8 + more as usize, 0xaa);
                value
            })
            .collect();
        let slices: Vec<&[u8]> = values.iter().map(Vec::as_slice).collect();
        let now = self.rig.now();
        match self.rig.log.append(now, tp, 0, batch(&slices)) {
            Ok(appended) => {
                let partition = self.model.partitions.get_mut(&tp).unwrap();
                assert_eq!(appended.base_offset, partition.log_end);
                for value in values {
                    partition.records.insert(partition.log_end, value);
                    partition.log_end += 1;
                }
                self.note();
            }
            Err(AppendError::Overloaded { .. }) => self.commit(),
            Err(error) => panic!("{error}"),
        }
    }

    fn truncate(&mut self) {
        let Some(tp) = self.pick() else { return };
        let state = self.rig.log.state(tp).unwrap();
        let span = (state.log_end - state.high_watermark) as u64;
        let to = state.high_watermark + self.random.below(span + 1) as i64;
        let now = self.rig.now();
        self.rig.log.truncate(now, tp, to).unwrap();
        // A cut inside of a batch takes the batch.
        let end = self.rig.log.state(tp).unwrap().log_end;
        assert!(end <= to);
        let partition = self.model.partitions.get_mut(&tp).unwrap();
        partition.records.split_off(&end);
        partition.log_end = end;
        self.note();
    }

    fn reset(&mut self) {
        let Some(tp) = self.pick() else { return };
        let at = self.rig.log.state(tp).unwrap().log_end + self.random.below(50) as i64;
        let producers = self.rig.log.producers_below(tp, at);
        self.rig.log.reset(tp, at, &producers);
        let fresh = ModelPartition {
            log_start: at,
            log_end: at,
            records: BTreeMap::new(),
        };
        self.model.partitions.insert(tp, fresh);
        self.note();
    }

    fn delete_records(&mut self) {
        let Some(tp) = self.pick() else { return };
        let state = self.rig.log.state(tp).unwrap();
        let span = (state.high_watermark - state.log_start).max(0) as u64;
        let to = state.log_start + self.random.below(span + 1) as i64;
        let now = self.rig.now();
        self.rig.log.set_log_start(now, tp, to);
        self.model.partitions.get_mut(&tp).unwrap().trim(to);
        self.note();
    }

    fn put_state(&mut self) {
        let key = vec![self.random.below(6) as u8];
        let value = (self.random.below(4) > 0).then(|| {
            let byte = self.random.below(256) as u8;
            Bytes::from(vec![byte; self.random.below(3000) as usize])
        });
        self.rig.log.put_state(key.clone(), value.clone());
        match value {
            Some(value) => self.model.values.insert(key, value),
            None => self.model.values.remove(&key),
        };
        self.note();
    }

    fn commit(&mut self) {
        let all: Vec<TopicPartition> = self.rig.log.partitions().collect();
        for tp in all {
            let durable = self.rig.log.state(tp).unwrap().durable_end;
            self.rig.log.set_high_watermark(tp, durable);
        }
        for _ in 0..20 {
            self.rig.step();
        }
    }

    /// Power loss; the state that comes back must be one of the history.
    fn crash(&mut self) {
        let durable = self.rig.log.durable_lsn();
        let appended = self.rig.log.appended_lsn();
        let starts: BTreeMap<TopicPartition, i64> = self
            .rig
            .log
            .partitions()
            .map(|tp| (tp, self.rig.log.state(tp).unwrap().log_start))
            .collect();
        self.rig.crash().unwrap();
        // The last group is the start of the new run.
        let found = Lsn(self.rig.log.durable_lsn().0 - 1);
        assert!(found >= durable, "{found} is behind {durable}");
        assert!(found <= appended, "{found} is beyond {appended}");
        let at = self.history.iter().rposition(|(lsn, _)| *lsn <= found);
        self.model = self.history[at.unwrap()].1.clone();
        self.admit_retention(&starts);
        self.verify();
        self.history = vec![(self.rig.log.durable_lsn(), self.model.clone())];
    }

    /// Retention moves starts by itself, in a group that the model does not know exactly.
    fn admit_retention(&mut self, latest: &BTreeMap<TopicPartition, i64>) {
        for (tp, partition) in &mut self.model.partitions {
            let start = self.rig.log.state(*tp).unwrap().log_start;
            if latest.get(tp).is_none_or(|latest| start <= *latest) {
                partition.trim(start);
            }
        }
    }

    fn verify(&mut self) {
        let known: Vec<TopicPartition> = self.rig.log.partitions().collect();
        let wanted: Vec<TopicPartition> = self.model.partitions.keys().copied().collect();
        assert_eq!(known, wanted);
        for tp in known {
            let state = self.rig.log.state(tp).unwrap();
            let records: BTreeMap<i64, Vec<u8>> = self.read(tp).into_iter().collect();
            let partition = ModelPartition {
                log_start: state.log_start,
                log_end: state.log_end,
                records: records
                    .range(state.log_start..)
                    .map(|(o, v)| (*o, v.clone()))
                    .collect(),
            };
            let model = &self.model.partitions[&tp];
            let known = (model.log_start, model.log_end);
            assert!(partition == *model, "{tp}: {state:?}, wanted {known:?}");
            assert_eq!(state.durable_end, state.log_end);
            assert!(state.high_watermark <= state.log_end);
        }
        let values: BTreeMap<Vec<u8>, Bytes> = self
            .rig
            .log
            .state_range(b"")
            .map(|(k, v)| (k.to_vec(), v.clone()))
            .collect();
        assert_eq!(values, self.model.values);
    }

    fn read(&mut self, tp: TopicPartition) -> Vec<(i64, Vec<u8>)> {
        let state = self.rig.log.state(tp).unwrap();
        let mut from = state.log_start;
        let mut all = Vec::new();
        while from < state.log_end {
            let found = values(&self.rig.read(tp, from, 3_000).unwrap());
            assert!(!found.is_empty(), "nothing at {from} of {tp} {state:?}");
            from = found.last().unwrap().0 + 1;
            all.extend(found);
        }
        all
    }
}

impl ModelPartition {
    fn trim(&mut self, start: i64) {
        if start > self.log_start {
            self.records = self.records.split_off(&start);
            self.log_start = start;
        }
    }
}

/// What a workload went through, so that a test can see that its faults bit.
#[derive(Default)]
struct Tally {
    torn: u64,
    lost: u64,
    checkpoints: u64,
    recycled_bytes: u64,
}

fn live(seed: u64, actions: u64) -> Tally {
    let mut run = Run::new(seed);
    run.rig.start().unwrap();
    run.history = vec![(run.rig.log.durable_lsn(), Model::default())];
    let mut tally = Tally::default();
    for _ in 0..actions {
        run.act();
        if run.random.below(40) == 0 {
            tally.checkpoints += run.rig.log.stats().checkpoints;
            tally.recycled_bytes += run.rig.log.stats().journal_written_bytes;
            run.crash();
        }
    }
    run.crash();
    let stats = run.rig.disk.stats();
    tally.torn = stats.torn_writes;
    tally.lost = stats.lost_sectors;
    tally
}

#[test]
fn power_loss_at_any_moment_loses_nothing_durable_and_invents_nothing() {
    let mut total = Tally::default();
    let seeds = std::env::var("KRING_LOG_SEEDS").map_or(30, |n| n.parse().unwrap());
    for seed in 0..seeds {
        let tally = live(seed, 400);
        total.torn += tally.torn;
        total.lost += tally.lost;
        total.checkpoints += tally.checkpoints;
        total.recycled_bytes += tally.recycled_bytes;
    }
    assert!(total.torn > seeds, "writes were torn: {}", total.torn);
    assert!(total.lost > seeds, "sectors were lost: {}", total.lost);
    assert!(
        total.checkpoints > seeds,
        "checkpoints: {}",
        total.checkpoints
    );
    assert!(
        total.recycled_bytes > seeds * 3 * (96 << 10),
        "the journal went round: {}",
        total.recycled_bytes
    );
}

#[test]
fn power_loss_while_a_new_directory_is_made_leaves_one_that_starts() {
    for steps in 0..60 {
        let mut rig = Rig::new(steps, config());
        rig.log.start(rig.now(), &mut rig.out);
        for _ in 0..steps {
            rig.step();
        }
        rig.crash().unwrap();
        let tp = rig.create(0);
        rig.append(tp, &[b"a"]);
        rig.settle();
        rig.crash().unwrap();
        assert_eq!(rig.read_all(tp), [(0, b"a".to_vec())]);
    }
}

#[test]
fn what_was_under_way_for_a_partition_that_was_deleted_does_not_touch_its_successor() {
    for steps in 0..40 {
        let mut rig = Rig::started(300 + steps, small());
        let tp = rig.create(0);
        rig.fill(tp, 30_000);
        for _ in 0..steps {
            rig.step();
        }
        rig.log.delete(tp);
        assert_eq!(rig.create(0), tp);
        for offset in 0..3 {
            rig.append(tp, &[&value_of(tp, offset)]);
        }
        rig.commit();
        rig.pass(Duration::from_secs(5));
        for _ in 0..2 {
            assert_eq!(rig.log.state(tp).unwrap().log_end, 3, "{steps}");
            let expected: Vec<_> = (0..3).map(|at| (at, value_of(tp, at))).collect();
            assert_eq!(rig.read_all(tp), expected, "{steps}");
            rig.crash().unwrap();
        }
    }
}

#[test]
fn what_a_killed_process_wrote_and_the_next_one_read_survives_power_loss() {
    for seed in 0..200 {
        let mut rig = Rig::started(seed, small());
        let tp = rig.create(0);
        rig.append(tp, &[b"durable"]);
        rig.settle();
        // Under way when the process is killed: it may be in the disk's cache alone.
        rig.append(tp, &[&[b'v'; 20_000]]);
        rig.submit();
        rig.disk.kill();
        rig.restart().unwrap();
        let end = rig.log.state(tp).unwrap().durable_end;
        let recovered = rig.crash();
        let recovered = recovered.unwrap_or_else(|failure| panic!("{seed}: {failure}"));
        assert!(!recovered.salvaged, "{seed}");
        assert!(rig.log.state(tp).unwrap().log_end >= end, "{seed}");
    }
}
