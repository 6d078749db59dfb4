//! Transactions in a log that restarts, loses power, is copied, cut and begun anew: whoever reads only what is
//! committed sees exactly that.

#![allow(
    clippy::unwrap_used,
    reason = "steps of a workload are test code outside of a test function"
)]

mod rig;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kring_io::Random;
use kring_log::{
    AbortedTransaction, AppendError, Appended, LogConfig, Lsn, OngoingTransaction, ProducerState,
    TopicLogConfig,
};
use kring_wire::{
    Attributes, BatchBuilder, BatchHeader, EndTxnMarker, TopicPartition, TransactionOutcome,
};
use rig::{Rig, WALL_MS, small};

use TransactionOutcome::{Abort, Commit};

fn batch_of(producer_id: i64, epoch: i16, sequence: i32, value: &str) -> Bytes {
    let mut builder = BatchBuilder::new()
        .producer(producer_id, epoch, sequence)
        .attributes(Attributes::default().with_transactional());
    builder.push(WALL_MS, Some(b"key"), Some(value.as_bytes()));
    builder.build()
}

fn marker(producer_id: i64, producer_epoch: i16, outcome: TransactionOutcome) -> EndTxnMarker {
    EndTxnMarker {
        producer_id,
        producer_epoch,
        coordinator_epoch: 1,
        outcome,
    }
}

trait Transact {
    fn send(&mut self, tp: TopicPartition, producer_id: i64, sequence: i32, value: &str) -> i64;
    fn end(&mut self, tp: TopicPartition, producer_id: i64, outcome: TransactionOutcome) -> i64;
    fn stable(&self, tp: TopicPartition) -> i64;
    fn aborted(&self, tp: TopicPartition) -> Vec<(i64, i64)>;
}

impl Transact for Rig {
    /// Appends a record of a transaction in epoch 0.
    fn send(&mut self, tp: TopicPartition, producer_id: i64, sequence: i32, value: &str) -> i64 {
        let now = self.now();
        let batch = batch_of(producer_id, 0, sequence, value);
        let appended = self.log.append(now, tp, 0, batch);
        appended.expect("there is room").base_offset
    }

    fn end(&mut self, tp: TopicPartition, producer_id: i64, outcome: TransactionOutcome) -> i64 {
        let now = self.now();
        let marker = marker(producer_id, 0, outcome);
        let appended = self.log.append_marker(now, tp, 0, &marker);
        appended.expect("there is room").base_offset
    }

    fn stable(&self, tp: TopicPartition) -> i64 {
        self.log
            .state(tp)
            .expect("it was created")
            .last_stable_offset
    }

    fn aborted(&self, tp: TopicPartition) -> Vec<(i64, i64)> {
        let aborted = self.log.aborted_transactions(tp, 0, i64::MAX).into_iter();
        aborted.map(|a| (a.producer_id, a.first_offset)).collect()
    }
}

/// What a consumer gets that reads only what is committed, as Kafka's clients filter it: value by offset.
fn consume(rig: &mut Rig, tp: TopicPartition) -> Vec<(i64, String)> {
    let (mut from, upto) = (rig.log.state(tp).unwrap().log_start, rig.stable(tp));
    let mut seen = Vec::new();
    while from < upto {
        let parts = rig.read(tp, from, 3_000).unwrap();
        let all = parts.concat().into();
        let batches: Vec<_> = kring_wire::batches(&all).map(Result::unwrap).collect();
        let Some((last, _)) = batches.last() else {
            break;
        };
        let mut aborted = rig.log.aborted_transactions(tp, from, last.next_offset());
        aborted.reverse();
        let mut dropped: Vec<i64> = Vec::new();
        for (header, batch) in batches {
            from = header.next_offset();
            if header.base_offset >= upto {
                break;
            }
            while aborted
                .last()
                .is_some_and(|a| a.first_offset <= header.base_offset)
            {
                dropped.extend(aborted.pop().map(|a| a.producer_id));
            }
            if let Some(marker) = EndTxnMarker::parse(&header, &batch).unwrap() {
                dropped.retain(|id| *id != marker.producer_id || marker.outcome == Commit);
                continue;
            }
            if header.attributes.is_transactional() && dropped.contains(&header.producer_id) {
                continue;
            }
            for record in kring_wire::records(&header, &batch).unwrap() {
                let record = record.unwrap();
                let value = record
                    .value
                    .map_or(String::new(), |v| String::from_utf8_lossy(&v).into_owned());
                seen.push((record.offset, value));
            }
        }
    }
    seen
}

fn values(seen: &[(i64, String)]) -> Vec<&str> {
    seen.iter().map(|(_, value)| value.as_str()).collect()
}

#[test]
fn records_are_stable_once_their_marker_is_committed() {
    let mut rig = Rig::started(1, small());
    let tp = rig.create(0);
    rig.append(tp, &[b"plain"]);
    rig.commit();
    assert_eq!(rig.stable(tp), 1);
    rig.send(tp, 9, 0, "a");
    rig.append(tp, &[b"behind"]);
    rig.commit();
    assert_eq!(
        (rig.log.state(tp).unwrap().high_watermark, rig.stable(tp)),
        (3, 1)
    );
    let open = OngoingTransaction {
        producer_epoch: 0,
        first_offset: 1,
    };
    assert_eq!(rig.log.transaction_of(tp, 9), Some(open));
    rig.end(tp, 9, Commit);
    assert_eq!(rig.log.transaction_of(tp, 9), None);
    assert_eq!(rig.stable(tp), 1, "the marker is not committed");
    rig.commit();
    assert_eq!(rig.stable(tp), 4);
    assert_eq!(values(&consume(&mut rig, tp)), ["plain", "a", "behind"]);
    let state = ProducerState {
        producer_id: 9,
        producer_epoch: 0,
        last_sequence: 0,
        last_timestamp_ms: rig.log.producer_states(tp)[0].last_timestamp_ms,
        coordinator_epoch: 1,
        transaction_start: -1,
    };
    assert_eq!(rig.log.producer_states(tp), [state]);
}

#[test]
fn what_coordinators_must_not_append_is_refused() {
    let mut rig = Rig::started(2, small());
    let tp = rig.create(0);
    let now = rig.now();
    let nobody = {
        let mut builder =
            BatchBuilder::new().attributes(Attributes::default().with_transactional());
        builder.push(WALL_MS, None, Some(b"v"));
        builder.build()
    };
    let refused = rig.log.append(now, tp, 0, nobody.clone());
    assert!(matches!(refused, Err(AppendError::InvalidRecord { .. })));
    let refused = rig
        .log
        .append(now, tp, 0, marker(9, 0, Commit).build(WALL_MS));
    assert!(matches!(refused, Err(AppendError::InvalidRecord { .. })));
    let mut offsets = BatchBuilder::new().transactional(9, 3);
    offsets.push(WALL_MS, Some(b"k"), Some(b"v"));
    let offsets = offsets.build();
    let refused = rig.log.append(now, tp, 0, offsets.clone());
    assert!(matches!(refused, Err(AppendError::InvalidRecord { .. })));
    for wrong in [nobody, batch_of(9, 3, 0, "v"), rig::batch(&[b"v"])] {
        let refused = rig.log.append_transactional_offsets(now, tp, 0, wrong);
        assert!(matches!(refused, Err(AppendError::InvalidRecord { .. })));
    }
    let again = |rig: &mut Rig| -> Result<Appended, AppendError> {
        rig.log
            .append_transactional_offsets(now, tp, 0, offsets.clone())
    };
    assert_eq!(again(&mut rig).unwrap().base_offset, 0);
    assert_eq!(again(&mut rig).unwrap().base_offset, 1, "never a duplicate");
    rig.log
        .append_marker(now, tp, 0, &marker(9, 4, Commit))
        .unwrap();
    assert!(matches!(
        again(&mut rig),
        Err(AppendError::InvalidProducerEpoch { current: 4, .. })
    ));
    assert!(matches!(
        rig.log.append_marker(now, tp, -1, &marker(9, 4, Commit)),
        Err(AppendError::FencedEpoch { .. })
    ));
}

#[test]
fn a_follower_knows_what_its_leader_knows_and_forgets_what_is_cut() {
    let mut leader = Rig::started(3, small());
    let tp = leader.create(0);
    leader.send(tp, 1, 0, "lost");
    leader.send(tp, 2, 0, "kept");
    leader.end(tp, 1, Abort);
    leader.end(tp, 2, Commit);
    leader.send(tp, 1, 1, "open");
    leader.commit();
    let mut follower = Rig::started(4, small());
    follower.create(0);
    // Large enough to be shared, and copied.
    for part in leader.read(tp, 0, usize::MAX).unwrap() {
        let now = follower.now();
        follower.log.append_replicated(now, tp, part).unwrap();
    }
    follower.settle();
    assert_eq!(
        follower.log.producer_states(tp),
        leader.log.producer_states(tp)
    );
    assert_eq!(follower.aborted(tp), [(1, 0)]);
    follower.log.set_high_watermark(tp, 2);
    assert_eq!(follower.stable(tp), 0);
    let now = follower.now();
    follower.log.truncate(now, tp, 2).unwrap();
    assert!(follower.aborted(tp).is_empty());
    let open = |rig: &Rig, id| rig.log.transaction_of(tp, id).map(|t| t.first_offset);
    assert_eq!([1, 2].map(|id| open(&follower, id)), [Some(0), Some(1)]);
    follower.settle();
    follower.crash().unwrap();
    assert_eq!([1, 2].map(|id| open(&follower, id)), [Some(0), Some(1)]);
    // A leader of another opinion.
    follower.end(tp, 1, Commit);
    follower.end(tp, 2, Abort);
    follower.commit();
    assert_eq!(values(&consume(&mut follower, tp)), ["lost"]);
    let mut malformed = marker(1, 0, Commit).build(1).to_vec();
    // The version of the key.
    malformed[66] = 0xff;
    kring_wire::batch::assign(&mut malformed, 4, 0);
    kring_wire::batch::seal(&mut malformed);
    let refused = follower.log.append_replicated(now, tp, malformed.into());
    assert!(matches!(refused, Err(AppendError::InvalidRecord { .. })));
}

#[test]
fn a_log_that_begins_anew_is_told_what_is_open() {
    let mut leader = Rig::started(5, small());
    let tp = leader.create(0);
    leader.send(tp, 1, 0, "gone");
    leader.send(tp, 2, 0, "gone");
    leader.end(tp, 2, Commit);
    leader.send(tp, 1, 1, "aborted");
    leader.end(tp, 1, Abort);
    leader.append(tp, &[b"plain"]);
    leader.commit();
    let now = leader.now();
    leader.log.set_log_start(now, tp, 3);
    let producers = leader.log.producers_below(tp, 3);
    let mut follower = Rig::started(6, small());
    follower.create(0);
    follower.log.reset(tp, 3, &producers);
    let before = follower.log.transaction_of(tp, 1).map(|t| t.first_offset);
    assert_eq!((before, follower.stable(tp)), (Some(0), 3));
    follower.settle();
    follower.crash().unwrap();
    assert_eq!(follower.stable(tp), 3);
    for part in leader.read(tp, 3, usize::MAX).unwrap() {
        let now = follower.now();
        follower.log.append_replicated(now, tp, part).unwrap();
    }
    follower.commit();
    assert_eq!(
        follower.log.producer_states(tp),
        leader.log.producer_states(tp)
    );
    assert_eq!(follower.aborted(tp), [(1, 0)]);
    assert_eq!(values(&consume(&mut follower, tp)), ["plain"]);
    // Of a version before, which tells of producers only.
    let mut plain = Rig::started(7, small());
    plain.create(0);
    let mut builder = BatchBuilder::new().producer(5, 0, 0);
    builder.push(WALL_MS, None, Some(b"v"));
    let now = plain.now();
    plain.log.append(now, tp, 0, builder.build()).unwrap();
    let older = plain.log.producers_below(tp, 1);
    follower.log.reset(tp, 9, &older);
    assert!(follower.log.knows_producer(tp, 5));
    assert_eq!(follower.log.producer_states(tp).len(), 1);
}

/// Everything that is asked of a partition's transactions, but for what depends on what is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Known {
    log_end: i64,
    producers: Vec<ProducerState>,
    aborted: Vec<AbortedTransaction>,
}

fn known(rig: &Rig, tp: TopicPartition) -> Known {
    Known {
        log_end: rig.log.state(tp).map_or(0, |s| s.log_end),
        producers: rig.log.producer_states(tp),
        aborted: rig.log.aborted_transactions(tp, 0, i64::MAX),
    }
}

fn often() -> LogConfig {
    LogConfig {
        checkpoint_interval_ms: 40,
        segment_flush_interval_ms: 20,
        checkpoint_bytes: 16 << 10,
        segment_flush_bytes: 2 << 10,
        ..small()
    }
}

struct Writers {
    /// Epoch and next sequence.
    next: BTreeMap<i64, (i16, i32)>,
    coordinator_epoch: i32,
}

impl Writers {
    fn act(&mut self, rig: &mut Rig, tp: TopicPartition, random: &mut Random) {
        let id = random.below(5) as i64;
        let (epoch, sequence) = *self.next.entry(id).or_default();
        let now = rig.now();
        if random.below(3) > 0 {
            let value = "x".repeat(random.below(200) as usize);
            let batch = batch_of(id, epoch, sequence, &value);
            rig.log.append(now, tp, 0, batch).unwrap();
            self.next.insert(id, (epoch, sequence + 1));
            return;
        }
        let mut marker = marker(id, epoch, if random.below(2) == 0 { Abort } else { Commit });
        self.coordinator_epoch += random.below(2) as i32;
        marker.coordinator_epoch = self.coordinator_epoch;
        if random.below(2) == 0 {
            marker.producer_epoch += 1;
            self.next.insert(id, (epoch + 1, 0));
        }
        rig.log.append_marker(now, tp, 0, &marker).unwrap();
    }
}

#[test]
fn after_power_loss_at_any_moment_the_transactions_are_those_of_what_is_left() {
    let mut checkpoints = 0;
    for seed in 0..30 {
        let mut rig = Rig::started(100 + seed, often());
        let tp = rig.create(0);
        let mut random = Random::new(seed);
        for _ in 0..6 {
            let mut writers = Writers {
                next: BTreeMap::new(),
                coordinator_epoch: 0,
            };
            for state in rig.log.producer_states(tp) {
                let next = (state.producer_epoch, state.last_sequence + 1);
                writers.next.insert(state.producer_id, next);
                writers.coordinator_epoch = writers.coordinator_epoch.max(state.coordinator_epoch);
            }
            let mut history = vec![(Lsn(0), known(&rig, tp))];
            for _ in 0..60 {
                writers.act(&mut rig, tp, &mut random);
                if random.below(12) == 0 {
                    let state = rig.log.state(tp).unwrap();
                    let span = (state.log_end - state.high_watermark) as u64;
                    let to = state.high_watermark + random.below(span + 1) as i64;
                    let now = rig.now();
                    rig.log.truncate(now, tp, to).unwrap();
                    for state in rig.log.producer_states(tp) {
                        let next = (state.producer_epoch, state.last_sequence + 1);
                        writers.next.insert(state.producer_id, next);
                    }
                    let all = rig.log.producer_states(tp);
                    let is_known = |id: &i64| all.iter().any(|s| s.producer_id == *id);
                    writers.next.retain(|id, _| is_known(id));
                }
                history.push((rig.log.appended_lsn(), known(&rig, tp)));
                match random.below(8) {
                    0 => rig.commit(),
                    1 => rig.pass(Duration::from_millis(random.below(60))),
                    _ => (0..random.below(4)).for_each(|_| rig.step()),
                }
            }
            checkpoints += rig.log.stats().checkpoints;
            let durable = rig.log.durable_lsn();
            if random.below(3) == 0 {
                rig.restart().unwrap();
            } else {
                rig.crash().unwrap();
            }
            let after = known(&rig, tp);
            let at = history.iter().rposition(|(_, known)| *known == after);
            let at = at.unwrap_or_else(|| panic!("seed {seed}: {after:?} never was"));
            let next = history.get(at + 1).map_or(Lsn::NEVER, |(lsn, _)| *lsn);
            assert!(next > durable, "seed {seed}: what was durable is lost");
        }
    }
    assert!(checkpoints > 100, "{checkpoints}");
}

#[test]
fn killed_between_records_and_marker_and_behind_each_the_outcome_is_the_markers() {
    for outcome in [Abort, Commit] {
        for checkpoint in [false, true] {
            let mut rig = Rig::started(8, often());
            let tp = rig.create(0);
            let pause = |rig: &mut Rig| {
                rig.commit();
                if checkpoint {
                    rig.pass(Duration::from_millis(200));
                }
                let recovered = rig.crash().unwrap();
                assert_eq!(recovered.replayed_groups == 0, checkpoint);
            };
            rig.send(tp, 1, 0, "a");
            pause(&mut rig);
            assert_eq!(rig.stable(tp), 0);
            rig.send(tp, 1, 1, "b");
            rig.append(tp, &[b"plain"]);
            pause(&mut rig);
            assert_eq!(rig.log.transaction_of(tp, 1).unwrap().first_offset, 0);
            rig.end(tp, 1, outcome);
            pause(&mut rig);
            // The high watermark of before the crash lay behind the marker only if a later append told of it.
            rig.commit();
            assert_eq!(rig.stable(tp), 4);
            let expected = match outcome {
                Abort => vec!["plain"],
                Commit => vec!["a", "b", "plain"],
            };
            assert_eq!(values(&consume(&mut rig, tp)), expected);
            assert_eq!(rig.aborted(tp).is_empty(), outcome == Commit);
            rig.shut_down();
            rig.restart().unwrap();
            assert_eq!(values(&consume(&mut rig, tp)), expected);
            let now = rig.now();
            rig.log.set_log_start(now, tp, 4);
            assert!(rig.aborted(tp).is_empty());
        }
    }
}

fn compacted() -> TopicLogConfig {
    TopicLogConfig {
        compact: true,
        delete: false,
        segment_bytes: 4_000,
        delete_retention_ms: 20_000,
        min_cleanable_dirty_per_mille: 1,
        ..TopicLogConfig::default()
    }
}

fn compacting() -> LogConfig {
    LogConfig {
        retention_check_interval_ms: 500,
        checkpoint_interval_ms: 200,
        // What is written leaves the memory soon.
        tail_cache_bytes: 8 << 10,
        ..small()
    }
}

/// Latest value of each key, as a consumer sees it that reads only what is committed.
fn latest(rig: &mut Rig, tp: TopicPartition) -> BTreeMap<String, String> {
    let seen = consume(rig, tp);
    let pairs = seen.into_iter().filter_map(|(_, value)| {
        let (key, value) = value.split_once('=')?;
        Some((key.to_owned(), value.to_owned()))
    });
    pairs.collect()
}

/// Markers and other batches in the log.
fn count(rig: &mut Rig, tp: TopicPartition) -> (usize, usize) {
    let state = rig.log.state(tp).unwrap();
    let (mut from, mut markers, mut others) = (state.log_start, 0, 0);
    while from < state.log_end {
        let parts = rig.read(tp, from, 10_000).unwrap();
        if parts.is_empty() {
            break;
        }
        for bytes in &parts {
            for batch in kring_wire::batches(bytes) {
                let (header, _): (BatchHeader, Bytes) = batch.unwrap();
                match header.attributes.is_control() {
                    true => markers += 1,
                    false => others += 1,
                }
                from = header.next_offset();
            }
        }
    }
    (markers, others)
}

struct Keyed {
    sequences: BTreeMap<i64, i32>,
    committed: BTreeMap<String, String>,
}

impl Keyed {
    /// A transaction of some records, with plain records between them.
    fn transact(&mut self, rig: &mut Rig, tp: TopicPartition, random: &mut Random) {
        let id = random.below(3) as i64;
        let mut written = BTreeMap::new();
        for _ in 0..=random.below(4) {
            let key = format!("k{}", random.below(12));
            let value = format!("{}{}", random.next_u64(), "y".repeat(60));
            let sequence = self.sequences.entry(id).or_default();
            let mut builder = BatchBuilder::new()
                .producer(id, 0, *sequence)
                .attributes(Attributes::default().with_transactional());
            *sequence += 1;
            let text = format!("{key}={value}");
            builder.push(WALL_MS, Some(key.as_bytes()), Some(text.as_bytes()));
            let now = rig.now();
            rig.log.append(now, tp, 0, builder.build()).unwrap();
            written.insert(key, value);
            if random.below(4) == 0 {
                let mut builder = BatchBuilder::new();
                let value = random.next_u64().to_string();
                let text = format!("plain={value}");
                builder.push(WALL_MS, Some(b"plain"), Some(text.as_bytes()));
                let now = rig.now();
                rig.log.append(now, tp, 0, builder.build()).unwrap();
                self.committed.insert("plain".to_owned(), value);
            }
        }
        let outcome = if random.below(2) == 0 { Abort } else { Commit };
        rig.end(tp, id, outcome);
        if outcome == Commit {
            self.committed.extend(written);
        }
        rig.commit();
    }
}

#[test]
fn compaction_removes_what_was_aborted_and_markers_once_nothing_needs_them() {
    let mut rig = Rig::started(9, compacting());
    let tp = rig.create_with(0, compacted());
    let mut random = Random::new(9);
    let mut keyed = Keyed {
        sequences: BTreeMap::new(),
        committed: BTreeMap::new(),
    };
    for _ in 0..60 {
        keyed.transact(&mut rig, tp, &mut random);
    }
    rig.pass(Duration::from_secs(3));
    assert!(rig.log.stats().compacted_segments > 0);
    assert_eq!(latest(&mut rig, tp), keyed.committed);
    let early = count(&mut rig, tp);
    assert!(early.0 >= 55, "markers stay at first: {early:?}");
    assert!(!rig.aborted(tp).is_empty());
    let all = rig.aborted(tp).len();
    rig.pass(Duration::from_secs(25));
    for round in 0..10 {
        for _ in 0..10 {
            keyed.transact(&mut rig, tp, &mut random);
        }
        rig.pass(Duration::from_secs(15));
        assert_eq!(latest(&mut rig, tp), keyed.committed, "round {round}");
    }
    let late = count(&mut rig, tp);
    assert!(late.0 < 130, "{late:?} of 160");
    assert!(
        rig.aborted(tp).len() < all + 40,
        "{}",
        rig.aborted(tp).len()
    );
    rig.crash().unwrap();
    rig.commit();
    assert_eq!(latest(&mut rig, tp), keyed.committed);
    // A follower that copies what is left sees the same.
    let mut follower = Rig::started(10, compacting());
    follower.create_with(0, compacted());
    let end = rig.log.state(tp).unwrap().log_end;
    while follower.log.state(tp).unwrap().log_end < end {
        let from = follower.log.state(tp).unwrap().log_end;
        for part in rig.read(tp, from, 5_000).unwrap() {
            let now = follower.now();
            follower.log.append_replicated(now, tp, part).unwrap();
        }
        follower.commit();
    }
    assert_eq!(latest(&mut follower, tp), keyed.committed);
    assert_eq!(follower.stable(tp), end);
}

#[test]
fn compaction_stops_before_a_transaction_that_is_open() {
    let mut rig = Rig::started(11, compacting());
    let tp = rig.create_with(0, compacted());
    let mut random = Random::new(11);
    let mut keyed = Keyed {
        sequences: BTreeMap::new(),
        committed: BTreeMap::new(),
    };
    rig.send(tp, 77, 0, "k0=open");
    for _ in 0..60 {
        keyed.transact(&mut rig, tp, &mut random);
    }
    rig.pass(Duration::from_secs(30));
    assert_eq!(rig.log.stats().compacted_segments, 0);
    assert_eq!((rig.stable(tp), consume(&mut rig, tp)), (0, vec![]));
    rig.end(tp, 77, Abort);
    rig.commit();
    rig.pass(Duration::from_secs(30));
    assert!(rig.log.stats().compacted_segments > 0);
    assert_eq!(latest(&mut rig, tp), keyed.committed);
}

#[test]
fn power_loss_while_compacting_shows_nothing_that_was_aborted() {
    let mut compacted_segments = 0;
    for seed in 0..8 {
        let mut rig = Rig::started(200 + seed, compacting());
        let config = TopicLogConfig {
            delete_retention_ms: 0,
            ..compacted()
        };
        let tp = rig.create_with(0, config);
        let mut random = Random::new(seed);
        let mut keyed = Keyed {
            sequences: BTreeMap::new(),
            committed: BTreeMap::new(),
        };
        for _ in 0..12 {
            for _ in 0..15 {
                keyed.transact(&mut rig, tp, &mut random);
            }
            rig.settle();
            let until = rig.disk.now() + Duration::from_millis(random.below(1_500));
            while rig.disk.now() < until {
                rig.step();
            }
            for _ in 0..random.below(40) {
                rig.step();
            }
            compacted_segments += rig.log.stats().compacted_segments;
            rig.crash().unwrap();
            rig.commit();
            assert_eq!(latest(&mut rig, tp), keyed.committed, "seed {seed}");
        }
    }
    assert!(compacted_segments > 30, "{compacted_segments}");
}
