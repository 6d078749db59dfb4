//! Damage of segments: found by whoever reads, remembered, and dropped with everything after it so
//! that another copy can take its place. Who fetches that copy is replication's business.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

mod rig;

use std::time::Duration;

use bytes::Bytes;
use kring_io_sim::{Fault, FaultKind, OpClass};
use kring_log::{LogConfig, LogEvent, ReadError, TopicLogConfig};
use kring_wire::TopicPartition;
use rig::{Rig, small, value_of};

/// A leader's log in several segments, and a follower's with the same content.
fn filled(seed: u64, config: LogConfig) -> (Rig, Rig, TopicPartition) {
    let mut leader = Rig::started(seed, config.clone());
    let mut follower = Rig::started(seed + 500, config);
    let topic = TopicLogConfig {
        segment_bytes: 20_000,
        ..TopicLogConfig::default()
    };
    let tp = leader.create_with(0, topic.clone());
    follower.create_with(0, topic);
    leader.fill(tp, 100_000);
    copy(&mut leader, &mut follower, tp);
    for rig in [&mut leader, &mut follower] {
        rig.shut_down();
        rig.restart().unwrap();
    }
    (leader, follower, tp)
}

/// Fetches what the follower lacks.
fn copy(leader: &mut Rig, follower: &mut Rig, tp: TopicPartition) {
    let end = leader.log.state(tp).unwrap().log_end;
    loop {
        let from = follower.log.state(tp).unwrap().log_end;
        if from == end {
            return;
        }
        let parts: Vec<Bytes> = leader.read(tp, from, 4_000).unwrap();
        for part in parts {
            let now = follower.now();
            follower.log.append_replicated(now, tp, part).unwrap();
        }
        follower.commit();
    }
}

fn segments(rig: &Rig) -> Vec<String> {
    let paths = rig.disk.paths().into_iter();
    paths.filter(|path| path.ends_with(".log")).collect()
}

/// Reads on until the damage is met.
fn meet(rig: &mut Rig, tp: TopicPartition) -> ReadError {
    let end = rig.log.state(tp).unwrap().log_end;
    let mut from = rig.log.state(tp).unwrap().log_start;
    while from < end {
        match rig.read(tp, from, 3_000) {
            Ok(batches) => {
                let found = rig::values(&batches);
                for (offset, value) in &found {
                    assert_eq!(*value, value_of(tp, *offset));
                }
                from = found.last().unwrap().0 + 1;
            }
            Err(error) => return error,
        }
    }
    panic!("the damage was not met");
}

fn told(rig: &Rig) -> Vec<i64> {
    let events = rig.events.iter();
    events
        .filter_map(|event| match event {
            LogEvent::Damaged { from, .. } => Some(*from),
            _ => None,
        })
        .collect()
}

#[test]
fn a_damaged_copy_is_dropped_from_the_segment_on_and_filled_again() {
    for (seed, nth) in [(1, 0), (2, 1), (3, 3)] {
        let (mut leader, mut follower, tp) = filled(seed, small());
        let before = follower.log.state(tp).unwrap();
        let paths = segments(&follower);
        assert!(paths.len() > 4, "{paths:?}");
        let path = &paths[nth];
        let length = follower.disk.content(path).unwrap().len() as u64;
        assert!(follower.disk.flip_bit(path, length / 2, 5));

        let error = meet(&mut follower, tp);
        assert!(
            matches!(&error, ReadError::Corrupt { path: p, .. } if p == path),
            "{error}"
        );
        meet(&mut follower, tp);
        let from = follower.log.damaged_from(tp).unwrap();
        assert_eq!(told(&follower), [from], "told once");
        assert!(path.contains(&format!("{from:020}")));
        let now = follower.now();
        follower.log.discard_damaged(now, tp).unwrap();
        let state = follower.log.state(tp).unwrap();
        assert_eq!((state.log_end, state.high_watermark), (from, from));
        assert_eq!(follower.log.damaged_from(tp), None);
        follower.settle();
        assert!(!follower.disk.exists(path), "the damaged file is gone");

        copy(&mut leader, &mut follower, tp);
        assert_eq!(follower.log.state(tp).unwrap().log_end, before.log_end);
        assert_eq!(follower.read_all(tp), leader.read_all(tp));
        let stats = *follower.log.stats();
        assert_eq!((stats.damage_found, stats.damage_repaired), (1, 1));
        assert_eq!(stats.damaged_partitions, 0);
        // From the disk too, however the run ends.
        follower.shut_down();
        follower.restart().unwrap();
        assert_eq!(follower.read_all(tp), leader.read_all(tp));
        follower.crash().unwrap();
        assert_eq!(follower.read_all(tp), leader.read_all(tp));
    }
}

#[test]
fn power_loss_at_any_moment_of_a_repair_leaves_a_log_that_can_be_filled_again() {
    for steps in 0..60 {
        let (mut leader, mut follower, tp) = filled(100 + steps, small());
        let paths = segments(&follower);
        let path = &paths[(steps % 3) as usize];
        assert!(follower.disk.flip_bit(path, 700, 1));
        meet(&mut follower, tp);
        let now = follower.now();
        follower.log.discard_damaged(now, tp).unwrap();
        let mut fetched = 0;
        for _ in 0..steps {
            follower.step();
            let from = follower.log.state(tp).unwrap().log_end;
            if fetched < steps / 4 && from < leader.log.state(tp).unwrap().log_end {
                fetched += 1;
                for part in leader.read(tp, from, 4_000).unwrap() {
                    let now = follower.now();
                    follower.log.append_replicated(now, tp, part).unwrap();
                }
            }
        }
        follower.crash().unwrap();
        // Where the drop was not yet durable the damage is found again.
        for _ in 0..2 {
            if follower.log.stats().damage_found == 0 {
                let end = follower.log.state(tp).unwrap().log_end;
                let start = follower.log.state(tp).unwrap().log_start;
                let mut from = start;
                while from < end {
                    match follower.read(tp, from, 3_000) {
                        Ok(batches) => from = rig::values(&batches).last().unwrap().0 + 1,
                        Err(_) => break,
                    }
                }
            }
            let now = follower.now();
            follower.log.discard_damaged(now, tp).unwrap();
            follower.settle();
        }
        copy(&mut leader, &mut follower, tp);
        assert_eq!(follower.read_all(tp), leader.read_all(tp), "{steps}");
        follower.crash().unwrap();
        assert_eq!(follower.read_all(tp), leader.read_all(tp), "{steps}");
    }
}

#[test]
fn a_scrub_finds_every_flipped_bit_of_what_is_at_rest() {
    let config = LogConfig {
        scrub_interval_ms: 5_000,
        ..small()
    };
    let mut found = 0;
    for seed in 0..40 {
        let (_, mut follower, tp) = filled(200 + seed, config.clone());
        let paths = segments(&follower);
        let path = &paths[(seed as usize * 7) % paths.len()];
        // The first bytes hold what no checksum covers: offset and leader epoch.
        let length = follower.disk.content(path).unwrap().len() as u64;
        let byte = if seed < 20 { seed } else { seed * 977 % length };
        assert!(follower.disk.flip_bit(path, byte, (seed % 8) as u8));
        follower.pass(Duration::from_secs(12));
        let from = follower.log.damaged_from(tp);
        assert!(
            from.is_some_and(|from| path.contains(&format!("{from:020}"))),
            "byte {byte} of {path}: {from:?}"
        );
        found += follower.log.stats().damage_found;
    }
    assert_eq!(found, 40);
}

#[test]
fn a_scrub_of_intact_segments_says_nothing_and_is_bounded_in_speed() {
    let config = LogConfig {
        scrub_interval_ms: 5_000,
        scrub_bytes_per_s: 50_000,
        ..small()
    };
    let (_, mut follower, tp) = filled(300, config);
    follower.pass(Duration::from_secs(5));
    let begun = follower.log.stats().scrubbed_bytes;
    follower.pass(Duration::from_secs(1));
    let scrubbed = follower.log.stats().scrubbed_bytes - begun;
    assert!(scrubbed > 0 && scrubbed < 120_000, "{scrubbed}");
    follower.pass(Duration::from_secs(20));
    let stats = *follower.log.stats();
    assert!(stats.scrub_passes >= 2, "{stats:?}");
    assert_eq!(stats.damage_found, 0);
    assert_eq!(follower.log.damaged_from(tp), None);
}

#[test]
fn a_segment_that_cannot_be_read_or_is_gone_counts_as_damaged() {
    for gone in [false, true] {
        let (mut leader, mut follower, tp) = filled(310 + u64::from(gone), small());
        let path = segments(&follower)[2].clone();
        if gone {
            assert!(follower.disk.remove(&path));
        } else {
            follower.disk.inject(Fault {
                path_contains: path.clone(),
                class: OpClass::Read,
                skip: 0,
                times: 1,
                kind: FaultKind::Io(5),
            });
        }
        let error = meet(&mut follower, tp);
        assert!(matches!(error, ReadError::Disk { .. }), "{error}");
        let now = follower.now();
        follower.log.discard_damaged(now, tp).unwrap();
        follower.settle();
        copy(&mut leader, &mut follower, tp);
        assert_eq!(follower.read_all(tp), leader.read_all(tp));
    }
}

#[test]
fn a_read_under_way_does_not_keep_the_damaged_file_in_use() {
    let (mut leader, mut follower, tp) = filled(320, small());
    let path = segments(&follower)[1].clone();
    let length = follower.disk.content(&path).unwrap().len() as u64;
    assert!(follower.disk.flip_bit(&path, length - 50, 5));
    meet(&mut follower, tp);
    let from = follower.log.damaged_from(tp).unwrap();
    // The undamaged beginning of the file is being read while the repair begins.
    let now = follower.now();
    let end = follower.log.state(tp).unwrap().log_end;
    let read = follower
        .log
        .read(now, tp, from, end, 1_000, &mut follower.out);
    assert!(matches!(read, kring_log::Read::Pending(_)));
    follower.log.discard_damaged(now, tp).unwrap();
    copy(&mut leader, &mut follower, tp);
    follower.shut_down();
    follower.restart().unwrap();
    assert_eq!(follower.read_all(tp), leader.read_all(tp));
}

#[test]
fn damage_that_compaction_meets_is_damage_of_the_partition() {
    let config = LogConfig {
        retention_check_interval_ms: 2_000,
        checkpoint_interval_ms: 1_000,
        ..small()
    };
    let mut rig = Rig::started(330, config);
    let topic = TopicLogConfig {
        segment_bytes: 20_000,
        compact: true,
        delete: false,
        min_cleanable_dirty_per_mille: 0,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, topic);
    rig.fill(tp, 60_000);
    rig.pass(Duration::from_millis(1_500));
    let path = segments(&rig)[0].clone();
    assert!(rig.disk.flip_bit(&path, 300, 2));
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.log.damaged_from(tp), Some(0));
    assert_eq!(told(&rig), [0]);
    let now = rig.now();
    rig.log.discard_damaged(now, tp).unwrap();
    let state = rig.log.state(tp).unwrap();
    assert_eq!((state.log_start, state.log_end), (0, 0));
}
