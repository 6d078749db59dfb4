//! One broker's life: append, durability, reads, restarts, checkpoints, shutdown.
//! Power loss at every moment is in `crashes`.

mod rig;

use std::time::Duration;

use kring_io_sim::SimDiskConfig;
use kring_log::{LogConfig, LogEvent, TimestampQuery, TopicLogConfig};
use rig::{Rig, WALL_MS, batch_at, small, tp, value_of, values};

#[test]
fn an_append_is_reported_durable_and_reads_back() {
    let mut rig = Rig::started(1, small());
    let tp = rig.create(0);
    let first = rig.append(tp, &[b"a", b"b"]);
    let second = rig.append(tp, &[b"c"]);
    assert_eq!((first.base_offset, first.last_offset), (0, 1));
    assert_eq!((second.base_offset, second.last_offset), (2, 2));
    assert_eq!(rig.log.state(tp).unwrap().durable_end, 0);
    assert!(rig.log.durable_lsn() < second.lsn);
    rig.settle();
    assert!(rig.log.durable_lsn() >= second.lsn);
    assert!(rig.events.iter().any(|e| matches!(
        e,
        LogEvent::Durable { partitions, .. } if partitions == &[(tp, 3)]
    )));
    let all = rig.read_all(tp);
    assert_eq!(
        all,
        [(0, b"a".to_vec()), (1, b"b".to_vec()), (2, b"c".to_vec())]
    );
    // From within a batch, the whole batch comes.
    assert_eq!(values(&rig.read(tp, 1, 1).unwrap()).len(), 2);
}

#[test]
fn what_was_durable_is_there_after_power_loss() {
    let mut rig = Rig::started(2, small());
    let tp = rig.create(0);
    rig.fill(tp, 20_000);
    rig.log.put_state(b"vote".to_vec(), Some("me".into()));
    rig.settle();
    let before = rig.log.state(tp).unwrap();
    let recovered = rig.crash().unwrap();
    assert!(!recovered.clean && !recovered.empty);
    let after = rig.log.state(tp).unwrap();
    assert_eq!(after.log_end, before.log_end);
    assert_eq!(after.durable_end, before.log_end);
    assert!(after.high_watermark > 0);
    assert_eq!(rig.log.state_value(b"vote").unwrap(), "me");
    for (offset, value) in rig.read_all(tp) {
        assert_eq!(value, value_of(tp, offset));
    }
}

#[test]
fn the_journal_is_recycled_behind_checkpoints() {
    let mut rig = Rig::started(3, small());
    let tps = [rig.create(0), rig.create(1), rig.create(2)];
    for _ in 0..20 {
        for tp in tps {
            rig.fill(tp, 100_000);
        }
    }
    assert!(rig.log.stats().checkpoints > 5);
    assert!(rig.log.stats().journal_written_bytes > 3 * 4 * (256 << 10));
    let ends: Vec<i64> = tps.map(|tp| rig.log.state(tp).unwrap().log_end).to_vec();
    rig.crash().unwrap();
    for (tp, end) in tps.into_iter().zip(ends) {
        let all = rig.read_all(tp);
        assert_eq!(all.len() as i64, end);
        for (i, (offset, value)) in all.into_iter().enumerate() {
            assert_eq!((offset, value), (i as i64, value_of(tp, i as i64)));
        }
    }
}

#[test]
fn a_shutdown_is_recognised_as_clean_and_needs_no_replay() {
    let mut rig = Rig::started(4, small());
    let tp = rig.create(0);
    rig.fill(tp, 50_000);
    let end = rig.log.state(tp).unwrap().log_end;
    rig.shut_down();
    let recovered = rig.restart().unwrap();
    assert!(recovered.clean);
    assert_eq!(recovered.replayed_groups, 1);
    assert_eq!(rig.log.state(tp).unwrap().log_end, end);
    assert_eq!(rig.read_all(tp).len() as i64, end);
    rig.settle();
    assert!(!rig.restart().unwrap().clean);
}

#[test]
fn segments_hold_the_batches_verbatim_in_kafkas_layout() {
    let mut rig = Rig::started(5, small());
    let config = TopicLogConfig {
        segment_bytes: 30_000,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    rig.fill(tp, 100_000);
    rig.pass(Duration::from_secs(11));
    rig.shut_down();
    let segments: Vec<String> = rig
        .disk
        .paths()
        .into_iter()
        .filter(|p| p.ends_with(".log"))
        .collect();
    assert!(segments.len() > 3, "{segments:?}");
    assert_eq!(segments[0], "topic-0/00000000000000000000.log");
    let mut next = 0;
    for path in &segments {
        let content = rig.disk.content(path).unwrap();
        assert!(content.len() <= 30_000);
        let base: i64 = path[8..28].parse().unwrap();
        assert_eq!(base, next);
        for (offset, value) in values(&[bytes::Bytes::copy_from_slice(content)]) {
            assert_eq!((offset, value), (next, value_of(tp, next)));
            next += 1;
        }
    }
    assert_eq!(next, rig.log.state(tp).unwrap().log_end);
    let metadata = rig.disk.content("topic-0/partition.metadata").unwrap();
    let text = format!("version: 0\ntopic_id: {}", tp.topic);
    assert_eq!(metadata, text.as_bytes());
}

#[test]
fn a_deleted_topic_leaves_nothing_and_its_name_can_come_again() {
    let mut rig = Rig::started(6, small());
    let old = rig.create(0);
    rig.fill(old, 50_000);
    rig.pass(Duration::from_secs(11));
    assert!(rig.disk.exists("topic-0"));
    rig.log.delete(old);
    let new = kring_wire::TopicPartition::new(kring_wire::TopicId([9; 16]), 0);
    rig.log.create(new, "topic", TopicLogConfig::default());
    rig.append(new, &[b"new"]);
    rig.commit();
    rig.pass(Duration::from_secs(11));
    let metadata = rig.disk.content("topic-0/partition.metadata").unwrap();
    assert!(metadata.ends_with(new.topic.to_string().as_bytes()));
    assert!(rig.disk.paths().iter().all(|p| !p.contains("-delete")));
    rig.crash().unwrap();
    assert!(!rig.log.contains(old));
    assert_eq!(rig.read_all(new), [(0, b"new".to_vec())]);
}

#[test]
fn records_are_found_by_timestamp_in_memory_and_in_segments() {
    let mut rig = Rig::started(7, small());
    let tp = rig.create(0);
    for i in 0..400_i64 {
        let now = rig.now();
        let records = batch_at(WALL_MS + i * 10, &[&[b'x'; 300]]);
        rig.log.append(now, tp, 0, records).unwrap();
        rig.commit();
    }
    let check = |rig: &mut Rig| {
        for (ts, found) in [(0, 0), (5, 1), (10, 1), (1995, 200), (3990, 399)] {
            let hit = rig.lookup(tp, TimestampQuery::At(WALL_MS + ts));
            assert_eq!(hit, Some((found, WALL_MS + found * 10)), "{ts}");
        }
        let late = rig.lookup(tp, TimestampQuery::At(WALL_MS + 3991));
        assert_eq!(late, None);
        let max = rig.lookup(tp, TimestampQuery::Max);
        assert_eq!(max, Some((399, WALL_MS + 3990)));
    };
    check(&mut rig);
    rig.shut_down();
    rig.restart().unwrap();
    check(&mut rig);
    assert!(rig.log.stats().cold_reads > 0);
}

#[test]
fn memory_that_is_short_is_taken_from_all_partitions_alike() {
    const NEWEST_RECORDS: i64 = 40;
    let mut rig = Rig::started(9, small());
    let partitions = [0, 1, 2].map(|index| rig.create(index));
    // Three times what the tails may hold together.
    for _ in 0..32 {
        for tp in partitions {
            rig.fill(tp, 8_000);
        }
    }
    rig.settle();
    for tp in partitions {
        let end = rig.log.state(tp).unwrap().log_end;
        let oldest = values(&rig.read(tp, 0, 1).unwrap());
        assert_eq!(oldest[0].0, 0);
        let from_disk = rig.log.stats().cold_reads;
        let newest = values(&rig.read(tp, end - NEWEST_RECORDS, 1 << 20).unwrap());
        assert_eq!(newest.last().unwrap().0, end - 1);
        assert_eq!(rig.log.stats().cold_reads, from_disk, "{tp}");
    }
    assert!(
        rig.log.stats().cold_reads >= 3,
        "the oldest are on the disk"
    );
}

#[test]
fn retention_removes_whole_segments_and_says_so() {
    let mut rig = Rig::started(8, small());
    let config = TopicLogConfig {
        segment_bytes: 20_000,
        retention_bytes: 50_000,
        ..TopicLogConfig::default()
    };
    let tp = rig.create_with(0, config);
    rig.fill(tp, 200_000);
    rig.pass(Duration::from_secs(130));
    let state = rig.log.state(tp).unwrap();
    assert!(state.log_start > 0);
    assert!((50_000..90_000).contains(&state.size_bytes), "{state:?}");
    assert!(rig.events.iter().any(|e| matches!(
        e,
        LogEvent::LogStartMoved { log_start, .. } if *log_start == state.log_start
    )));
    let files = rig
        .disk
        .paths()
        .iter()
        .filter(|p| p.ends_with(".log"))
        .count();
    assert!(files <= 5);
    rig.crash().unwrap();
    assert_eq!(rig.log.state(tp).unwrap().log_start, state.log_start);
    assert_eq!(rig.read_all(tp).first().unwrap().0, state.log_start);
}

#[test]
fn what_was_deleted_was_committed_also_after_a_power_loss() {
    let mut rig = Rig::started(13, small());
    let tp = rig.create(0);
    for _ in 0..3 {
        rig.append(tp, &[b"value"]);
    }
    rig.commit();
    let now = rig.now();
    rig.log.set_log_start(now, tp, 3);
    rig.settle();
    for _ in 0..2 {
        rig.crash().unwrap();
        let state = rig.log.state(tp).unwrap();
        assert_eq!((state.log_start, state.high_watermark), (3, 3));
    }
}

#[test]
fn a_follower_drops_what_diverged_and_can_start_anew() {
    let mut rig = Rig::started(9, small());
    let tp = rig.create(0);
    for epoch in 0..5 {
        let now = rig.now();
        rig.log
            .append(now, tp, epoch, rig::batch(&[b"a", b"b"]))
            .unwrap();
    }
    rig.settle();
    rig.log.set_high_watermark(tp, 4);
    assert_eq!(rig.log.epoch_end(tp, 2), Some((2, 6)));
    assert!(rig.log.truncate(rig.now(), tp, 2).is_err());
    rig.log.truncate(rig.now(), tp, 6).unwrap();
    assert_eq!(rig.log.state(tp).unwrap().last_epoch, 2);
    let now = rig.now();
    rig.log.append(now, tp, 7, rig::batch(&[b"new"])).unwrap();
    rig.settle();
    rig.crash().unwrap();
    let state = rig.log.state(tp).unwrap();
    assert_eq!((state.log_end, state.last_epoch), (7, 7));
    assert_eq!(rig.read_all(tp)[6], (6, b"new".to_vec()));
    rig.log.reset(tp, 1000, &[]);
    rig.append(tp, &[b"later"]);
    rig.commit();
    rig.crash().unwrap();
    assert_eq!(rig.read_all(tp), [(1000, b"later".to_vec())]);
}

#[test]
fn replicated_batches_keep_their_offsets_and_must_follow() {
    let mut leader = Rig::started(10, small());
    let mut follower = Rig::started(11, small());
    let tp = leader.create(0);
    follower.create(0);
    leader.fill(tp, 50_000);
    let end = leader.log.state(tp).unwrap().log_end;
    while follower.log.state(tp).unwrap().log_end < end {
        let from = follower.log.state(tp).unwrap().log_end;
        for part in leader.read(tp, from, 5_000).unwrap() {
            let now = follower.now();
            let again = part.clone();
            follower.log.append_replicated(now, tp, part).unwrap();
            let refused = follower.log.append_replicated(now, tp, again);
            assert!(refused.is_err(), "the same batches do not follow");
        }
        follower.commit();
    }
    assert_eq!(leader.read_all(tp), follower.read_all(tp));
}

#[test]
fn a_replica_that_was_behind_lets_go_of_old_records_as_the_others_do() {
    let config = TopicLogConfig {
        segment_ms: 4_000,
        retention_ms: 12_000,
        ..TopicLogConfig::default()
    };
    let often = || LogConfig {
        segment_flush_interval_ms: 100,
        retention_check_interval_ms: 100,
        ..small()
    };
    let mut leader = Rig::started(14, often());
    let mut follower = Rig::started(15, often());
    let tp = leader.create_with(0, config.clone());
    follower.create_with(0, config);
    let wall_ms = leader.now().wall_ms;
    for age_ms in [30_000, 29_000, 20_000, 11_000, 10_000, 0] {
        let batch = batch_at(wall_ms - age_ms, &[b"value"]);
        leader.log.append(leader.now(), tp, 0, batch).unwrap();
    }
    leader.commit();
    let all = leader.read(tp, 0, 1 << 20).unwrap().concat();
    let now = follower.now();
    follower.log.append_replicated(now, tp, all.into()).unwrap();
    follower.commit();
    let start = |rig: &Rig| rig.log.state(tp).unwrap().log_start;
    assert_eq!(start(&follower), 0);
    follower.pass(Duration::from_secs(1));
    assert_eq!(start(&follower), 3, "those of 30, 29 and 20 s");
    assert_eq!(follower.log.state(tp).unwrap().log_end, 6);
    follower.crash().unwrap();
    assert_eq!(start(&follower), 3);
}

#[test]
fn a_full_disk_refuses_appends_keeps_reads_and_resumes() {
    let mut rig = Rig::new(12, small());
    rig.disk = kring_io_sim::SimDisk::new(
        12,
        SimDiskConfig {
            capacity_bytes: 1_200_000,
            ..SimDiskConfig::default()
        },
    );
    rig.start().unwrap();
    rig.pass(Duration::from_secs(2));
    let tp = rig.create(0);
    let mut refused = None;
    for i in 0..2000_i64 {
        let now = rig.now();
        let value = value_of(tp, i);
        match rig.log.append(now, tp, 0, rig::batch(&[&value])) {
            Ok(_) => rig.commit(),
            Err(error) => {
                refused = Some(error.to_string());
                break;
            }
        }
    }
    let refused = refused.unwrap();
    assert!(refused.contains("no space left"), "{refused}");
    let end = rig.log.state(tp).unwrap().log_end;
    assert_eq!(rig.read_all(tp).len() as i64, end);
    rig.disk.set_capacity(u64::MAX);
    rig.pass(Duration::from_secs(3));
    rig.append(tp, &[b"again"]);
    rig.commit();
    rig.crash().unwrap();
    assert_eq!(rig.log.state(tp).unwrap().log_end, end + 1);
    assert_eq!(rig.read_all(tp).len() as i64, end + 1);
}

#[test]
fn unknown_partitions_and_offsets_are_answered() {
    let mut rig = Rig::started(13, small());
    let now = rig.now();
    let missing = tp(5);
    assert!(rig.log.state(missing).is_none());
    assert!(matches!(
        rig.log.read(now, missing, 0, 9, 9, &mut rig.out),
        kring_log::Read::UnknownPartition
    ));
    let tp = rig.create(0);
    assert!(matches!(
        rig.log.read(now, tp, 1, 9, 9, &mut rig.out),
        kring_log::Read::OutOfRange {
            log_start: 0,
            log_end: 0
        }
    ));
}
