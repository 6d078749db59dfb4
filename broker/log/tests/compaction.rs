//! Compacted logs: they stay small, keep the latest of each key, and survive power loss meanwhile.

mod rig;

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::Random;
use kring_log::{LogConfig, TopicLogConfig};
use kring_wire::{BatchBuilder, TopicPartition};
use rig::{Rig, WALL_MS, small};

fn compact() -> TopicLogConfig {
    TopicLogConfig {
        compact: true,
        delete: false,
        segment_bytes: 16_000,
        delete_retention_ms: 0,
        ..TopicLogConfig::default()
    }
}

fn config() -> LogConfig {
    LogConfig {
        retention_check_interval_ms: 500,
        checkpoint_interval_ms: 200,
        ..small()
    }
}

type Latest = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Appends random values of a few keys; returns the latest of each.
fn write(rig: &mut Rig, tp: TopicPartition, random: &mut Random, rounds: u64, latest: &mut Latest) {
    for _ in 0..rounds {
        let mut builder = BatchBuilder::new();
        for _ in 0..5 {
            let key = vec![b'k', random.below(20) as u8];
            let value = (random.below(10) > 0).then(|| {
                let mut value = random.next_u64().to_be_bytes().to_vec();
                value.resize(8 + random.below(200) as usize, 1);
                value
            });
            builder.push(WALL_MS, Some(&key), value.as_deref());
            latest.insert(key, value);
        }
        let now = rig.now();
        rig.log
            .append(now, tp, 0, builder.build())
            .expect("there is room");
        rig.commit();
    }
}

/// What a consumer that reads everything ends with.
fn consume(rig: &mut Rig, tp: TopicPartition) -> Latest {
    let state = rig.log.state(tp).expect("it was created");
    let mut from = state.log_start;
    let mut latest = Latest::new();
    while from < state.log_end {
        let batches = rig.read(tp, from, 4_000).expect("it is whole");
        for bytes in &batches {
            for batch in kring_wire::batches(bytes) {
                let (header, batch) = batch.expect("it is whole");
                for record in kring_wire::records(&header, &batch).expect("not compressed") {
                    let record = record.expect("it is whole");
                    let value = record.value.map(|v| v.to_vec());
                    latest.insert(record.key.expect("all have keys").to_vec(), value);
                }
                assert!(header.next_offset() > from);
                from = header.next_offset();
            }
        }
        if batches.is_empty() {
            break;
        }
    }
    latest
}

fn without_tombstones(latest: &Latest) -> Latest {
    let mut alive = latest.clone();
    alive.retain(|_, value| value.is_some());
    alive
}

#[test]
fn a_compacted_log_stays_small_and_keeps_the_latest_of_each_key() {
    let mut rig = Rig::started(1, config());
    let tp = rig.create_with(0, compact());
    let mut random = Random::new(1);
    let mut latest = Latest::new();
    let mut largest = 0;
    for _ in 0..20 {
        write(&mut rig, tp, &mut random, 100, &mut latest);
        rig.pass(Duration::from_secs(3));
        largest = largest.max(rig.log.state(tp).unwrap().size_bytes);
        assert_eq!(
            without_tombstones(&consume(&mut rig, tp)),
            without_tombstones(&latest)
        );
    }
    assert!(rig.log.stats().compacted_segments > 10);
    let written = rig.log.stats().appended_bytes;
    assert!(
        written > 1_000_000 && largest < 200_000,
        "{largest} of {written}"
    );
    let files = rig
        .disk
        .paths()
        .iter()
        .filter(|p| p.ends_with(".log"))
        .count();
    assert!(files < 12, "{:?}", rig.disk.paths());
    assert_eq!(
        without_tombstones(&consume(&mut rig, tp)),
        without_tombstones(&latest)
    );
    rig.crash().unwrap();
    assert_eq!(
        without_tombstones(&consume(&mut rig, tp)),
        without_tombstones(&latest)
    );
    // An offset that is gone leads to what follows it.
    let from = rig.log.state(tp).unwrap().log_start;
    assert!(!rig.read(tp, from, 1).unwrap().is_empty());
}

#[test]
fn power_loss_while_compacting_loses_no_key() {
    let mut compacted = 0;
    for seed in 0..12 {
        let mut rig = Rig::started(seed, config());
        let tp = rig.create_with(0, compact());
        let mut random = Random::new(seed);
        let mut latest = Latest::new();
        rig.settle();
        for _ in 0..12 {
            write(&mut rig, tp, &mut random, 40, &mut latest);
            rig.settle();
            let until = rig.disk.now() + Duration::from_millis(random.below(1_500));
            while rig.disk.now() < until {
                rig.step();
            }
            for _ in 0..random.below(40) {
                rig.step();
            }
            compacted += rig.log.stats().compacted_segments;
            rig.crash().unwrap();
            assert_eq!(
                without_tombstones(&consume(&mut rig, tp)),
                without_tombstones(&latest),
                "seed {seed}"
            );
        }
    }
    assert!(compacted > 50, "{compacted}");
}

#[test]
fn a_follower_copies_a_compacted_log() {
    let mut leader = Rig::started(3, config());
    let tp = leader.create_with(0, compact());
    let mut random = Random::new(3);
    let mut latest = Latest::new();
    for _ in 0..5 {
        write(&mut leader, tp, &mut random, 100, &mut latest);
        leader.pass(Duration::from_secs(3));
    }
    assert!(leader.log.stats().compacted_segments > 0);
    let mut follower = Rig::started(4, config());
    follower.create_with(0, compact());
    let end = leader.log.state(tp).unwrap().log_end;
    while follower.log.state(tp).unwrap().log_end < end {
        let from = follower.log.state(tp).unwrap().log_end;
        for part in leader.read(tp, from, 5_000).unwrap() {
            let now = follower.now();
            follower.log.append_replicated(now, tp, part).unwrap();
        }
        follower.commit();
    }
    assert_eq!(
        without_tombstones(&consume(&mut follower, tp)),
        without_tombstones(&latest)
    );
}

/// Segments that compaction rewrote.
fn compacted(rig: &Rig) -> u64 {
    rig.log.stats().compacted_segments
}

#[test]
fn records_younger_than_the_smallest_lag_stay() {
    let mut rig = Rig::started(5, config());
    let lag = TopicLogConfig {
        min_compaction_lag_ms: 60_000,
        ..compact()
    };
    let tp = rig.create_with(0, lag);
    let mut latest = Latest::new();
    write(&mut rig, tp, &mut Random::new(5), 100, &mut latest);
    rig.pass(Duration::from_secs(30));
    assert_eq!(compacted(&rig), 0);
    rig.pass(Duration::from_secs(60));
    assert!(compacted(&rig) > 0);
    assert_eq!(
        without_tombstones(&consume(&mut rig, tp)),
        without_tombstones(&latest)
    );
}

#[test]
fn records_older_than_the_largest_lag_are_compacted_however_few_they_are() {
    let mut rig = Rig::started(6, config());
    let lag = TopicLogConfig {
        // Only a log of which nothing was compacted is dirty enough.
        min_cleanable_dirty_per_mille: 1_000,
        max_compaction_lag_ms: 60_000,
        ..compact()
    };
    let tp = rig.create_with(0, lag);
    let (mut random, mut latest) = (Random::new(6), Latest::new());
    write(&mut rig, tp, &mut random, 100, &mut latest);
    rig.pass(Duration::from_secs(5));
    let first = compacted(&rig);
    assert!(first > 0);
    write(&mut rig, tp, &mut random, 40, &mut latest);
    rig.pass(Duration::from_secs(30));
    assert_eq!(compacted(&rig), first);
    rig.pass(Duration::from_secs(60));
    assert!(compacted(&rig) > first);
    assert_eq!(
        without_tombstones(&consume(&mut rig, tp)),
        without_tombstones(&latest)
    );
}
