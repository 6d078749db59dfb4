//! Damaged and failing disks: what is lost is said, what is damaged is not served, and nothing is
//! acknowledged after a failed write. Power loss is in `crashes`.

mod rig;

use std::time::Duration;

use kring_io_sim::{Fault, FaultKind, OpClass};
use kring_log::{LogConfig, LogFailure, ReadError, TimestampQuery};
use kring_wire::BatchHeader;
use kring_wire::batch::HEADER_BYTES;
use rig::{Rig, small, value_of};

/// Checkpoints only when asked for, so that everything is in the journal.
fn journal_only() -> LogConfig {
    LogConfig {
        journal_file_bytes: 4 << 20,
        checkpoint_interval_ms: 3_600_000,
        segment_flush_interval_ms: 3_600_000,
        segment_flush_bytes: 64 << 20,
        tail_cache_bytes: 64 << 20,
        checkpoint_bytes: 64 << 20,
        commit_group_bytes_max: 64 << 10,
        ..small()
    }
}

/// A log with many durable groups in the first journal file, and where they begin.
fn journaled(seed: u64) -> (Rig, Vec<usize>) {
    let mut rig = Rig::started(seed, journal_only());
    let tp = rig.create(0);
    rig.settle();
    rig.fill(tp, 40_000);
    let content = rig
        .disk
        .content("journal-0000.j")
        .expect("it was journaled");
    let blocks = (0..content.len())
        .step_by(4096)
        .filter(|at| content[*at..].starts_with(b"KRJB"))
        .collect();
    (rig, blocks)
}

/// Damages a block in its first page and in its parity, which is more than can be mended.
fn spoil(rig: &mut Rig, blocks: &[usize], nth: usize) {
    let parity = blocks[nth + 1] - 4096;
    for at in [blocks[nth] + 70, parity + 90] {
        assert!(rig.disk.flip_bit("journal-0000.j", at as u64, 3));
    }
}

#[test]
fn a_damaged_block_before_durable_ones_ends_recovery_and_names_the_place() {
    let (mut rig, blocks) = journaled(1);
    assert!(blocks.len() > 10);
    let hole = blocks[blocks.len() / 2] as u64;
    spoil(&mut rig, &blocks, blocks.len() / 2);
    let failure = rig.crash().unwrap_err();
    let LogFailure::Hole { path, position, .. } = &failure else {
        panic!("{failure}");
    };
    assert_eq!((path.as_str(), *position), ("journal-0000.j", hole));
    let message = failure.to_string();
    assert!(message.contains("is damaged at byte"), "{message}");
    assert!(
        message.contains("copy everything from its replicas"),
        "{message}"
    );
    // It fails the same way again: nothing was written over it.
    assert_eq!(rig.restart().unwrap_err(), failure);
}

#[test]
fn a_block_that_vanished_whole_is_a_hole_too() {
    let (mut rig, blocks) = journaled(2);
    let mut content = rig.disk.content("journal-0000.j").unwrap().to_vec();
    let at = blocks.len() / 2;
    content[blocks[at]..blocks[at + 3]].fill(0);
    rig.disk.set_content("journal-0000.j", &content);
    assert!(matches!(rig.crash(), Err(LogFailure::Hole { .. })));
}

#[test]
fn the_end_of_a_file_that_vanished_is_noticed_from_the_next_file() {
    let config = LogConfig {
        journal_file_bytes: 128 << 10,
        journal_files: 8,
        commit_group_bytes_max: 8 << 10,
        ..journal_only()
    };
    let mut rig = Rig::started(3, config);
    let tp = rig.create(0);
    rig.settle();
    let checkpoints = rig.log.stats().checkpoints;
    while !rig
        .disk
        .content("journal-0001.j")
        .unwrap()
        .starts_with(b"KRJB")
    {
        rig.append(tp, &[&value_of(tp, 24)]);
        rig.settle();
    }
    rig.append(tp, &[b"proof"]);
    rig.settle();
    assert_eq!(rig.log.stats().checkpoints, checkpoints);
    let mut content = rig.disk.content("journal-0000.j").unwrap().to_vec();
    let half = content.len() / 2;
    content[half..].fill(0);
    rig.disk.set_content("journal-0000.j", &content);
    assert!(matches!(rig.crash(), Err(LogFailure::Hole { .. })));
}

#[test]
fn a_damaged_page_of_any_block_is_mended_and_nothing_is_lost() {
    let (_, blocks) = journaled(5);
    let last = *blocks.last().unwrap();
    let middle = blocks[blocks.len() / 2];
    let places = [middle + 4, middle + 60, last + 4, last + 60];
    for (nth, at) in places.into_iter().enumerate() {
        for whole_sector in [false, true] {
            let (mut rig, _) = journaled(5);
            let tp = rig::tp(0);
            let before = rig.log.state(tp).unwrap();
            let at = at as u64;
            assert!(if whole_sector {
                rig.disk.spoil_sector("journal-0000.j", at, &[0; 512])
            } else {
                rig.disk.flip_bit("journal-0000.j", at, 3)
            });
            let recovered = rig.crash().unwrap();
            assert_eq!(recovered.mended_groups, 1, "{nth} {whole_sector}");
            // Again: what is damaged on the disk stays so until the place is written anew.
            rig.crash().unwrap();
            let after = rig.log.state(tp).unwrap();
            assert_eq!(after.log_end, before.log_end);
            for (offset, value) in rig.read_all(tp) {
                assert_eq!(value, value_of(tp, offset));
            }
        }
    }
}

#[test]
fn a_later_page_of_a_long_last_block_is_mended() {
    let (mut rig, blocks) = journaled(7);
    let tp = rig::tp(0);
    let last = *blocks.last().unwrap();
    rig.append(tp, &[&[b'v'; 20_000]]);
    rig.settle();
    let end = rig.log.state(tp).unwrap().durable_end;
    let content = rig.disk.content("journal-0000.j").unwrap();
    let second_page = (last + 4096..)
        .step_by(4096)
        .find(|at| content[*at..*at + 4096].iter().all(|byte| *byte == b'v'))
        .unwrap();
    let at = second_page as u64 + 100;
    assert!(rig.disk.spoil_sector("journal-0000.j", at, &[0; 512]));
    assert_eq!(rig.crash().unwrap().mended_groups, 1);
    assert_eq!(rig.log.state(tp).unwrap().log_end, end);
    let (_, value) = rig.read_all(tp).pop().unwrap();
    assert_eq!(value, [b'v'; 20_000]);
}

#[test]
fn a_journal_of_the_format_before_is_refused_by_name() {
    let (mut rig, blocks) = journaled(6);
    let mut content = rig.disk.content("journal-0000.j").unwrap().to_vec();
    for at in blocks {
        content[at + 4] = 1;
        content[at + 4096] ^= 0x55;
    }
    rig.disk.set_content("journal-0000.j", &content);
    let message = rig.crash().unwrap_err().to_string();
    assert!(message.contains("has format 1"), "{message}");
    assert!(message.contains("the version that wrote it"), "{message}");
}

#[test]
fn the_last_block_torn_is_a_tail_and_recovered_from() {
    let (mut rig, blocks) = journaled(4);
    let tp = rig::tp(0);
    let end = rig.log.state(tp).unwrap().log_end;
    // Nothing after it says that the last block was durable: it may be one that was never finished.
    let last = *blocks.last().unwrap();
    let mut content = rig.disk.content("journal-0000.j").unwrap().to_vec();
    content[last + 60] ^= 1;
    content[last + 4096 + 60] ^= 2;
    rig.disk.set_content("journal-0000.j", &content);
    assert_eq!(rig.crash().unwrap().mended_groups, 0);
    let recovered = rig.log.state(tp).unwrap().log_end;
    assert!(recovered < end && recovered >= end - 4);
    for (offset, value) in rig.read_all(tp) {
        assert_eq!(value, value_of(tp, offset));
    }
}

#[test]
fn a_failed_journal_write_ends_acknowledgement_and_keeps_what_was_durable() {
    for skip in 0..6 {
        let mut rig = Rig::started(10 + u64::from(skip), journal_only());
        let tp = rig.create(0);
        rig.settle();
        rig.disk.inject(Fault {
            path_contains: "journal".to_owned(),
            class: OpClass::Write,
            skip,
            times: 1,
            kind: FaultKind::Io(5),
        });
        let mut acknowledged = 0;
        for _ in 0..20 {
            let now = rig.now();
            let offset = rig.log.state(tp).unwrap().log_end;
            let records = rig::batch(&[&value_of(tp, offset)]);
            if rig.log.append(now, tp, 0, records).is_err() {
                break;
            }
            rig.settle();
            acknowledged = rig.log.state(tp).unwrap().durable_end;
        }
        let failure = rig.failure().unwrap();
        assert!(matches!(failure, LogFailure::Write { .. }), "{failure}");
        assert!(!rig.log.recovered());
        let now = rig.now();
        assert!(rig.log.append(now, tp, 0, rig::batch(&[b"x"])).is_err());
        assert_eq!(
            rig.log.put_state(b"k".to_vec(), None),
            kring_log::Lsn::NEVER
        );
        rig.crash().unwrap();
        assert!(rig.log.state(tp).unwrap().log_end >= acknowledged);
        for (offset, value) in rig.read_all(tp) {
            assert_eq!(value, value_of(tp, offset));
        }
    }
}

#[test]
fn a_failed_sync_of_a_segment_ends_the_log_before_the_journal_is_given_up() {
    let mut rig = Rig::started(20, small());
    let tp = rig.create(0);
    rig.disk.inject(Fault {
        path_contains: ".log".to_owned(),
        class: OpClass::Sync,
        skip: 0,
        times: 1,
        kind: FaultKind::Io(5),
    });
    for _ in 0..200 {
        let offset = rig.log.state(tp).unwrap().log_end;
        let now = rig.now();
        let records = rig::batch(&[&value_of(tp, offset)]);
        if rig.log.append(now, tp, 0, records).is_err() {
            break;
        }
        rig.commit();
    }
    let failure = rig.failure().unwrap().to_string();
    assert!(
        failure.contains("nothing is acknowledged any more"),
        "{failure}"
    );
    let durable = rig.log.state(tp).unwrap().durable_end;
    rig.crash().unwrap();
    assert!(rig.log.state(tp).unwrap().log_end >= durable);
    for (offset, value) in rig.read_all(tp) {
        assert_eq!(value, value_of(tp, offset));
    }
}

#[test]
fn damaged_segment_bytes_are_reported_and_never_served() {
    let mut rig = Rig::started(21, small());
    let tp = rig.create(0);
    rig.fill(tp, 60_000);
    rig.shut_down();
    let path = "topic-0/00000000000000000000.log";
    let length = rig.disk.content(path).unwrap().len() as u64;
    assert!(rig.disk.flip_bit(path, length / 2, 5));
    rig.restart().unwrap();
    let end = rig.log.state(tp).unwrap().log_end;
    let mut from = 0;
    let error = loop {
        match rig.read(tp, from, 5_000) {
            Ok(batches) => {
                let found = rig::values(&batches);
                for (offset, value) in &found {
                    assert_eq!(*value, value_of(tp, *offset));
                }
                from = found.last().unwrap().0 + 1;
                assert!(from < end, "the damage was not met");
            }
            Err(error) => break error,
        }
    };
    assert!(
        matches!(&error, ReadError::Corrupt { path: p, .. } if p == path),
        "{error}"
    );
    assert_eq!(rig.log.stats().corrupt_reads, 1);
}

#[test]
fn a_misdirected_segment_write_is_noticed_by_its_reader() {
    let mut rig = Rig::started(22, small());
    let tp = rig.create(0);
    rig.disk.inject(Fault {
        path_contains: ".log".to_owned(),
        class: OpClass::Write,
        skip: 1,
        times: 1,
        kind: FaultKind::Misdirected(8192),
    });
    rig.fill(tp, 60_000);
    rig.shut_down();
    rig.restart().unwrap();
    let end = rig.log.state(tp).unwrap().log_end;
    let mut from = 0;
    while from < end {
        match rig.read(tp, from, 5_000) {
            Ok(batches) => {
                let found = rig::values(&batches);
                for (offset, value) in &found {
                    assert_eq!(*value, value_of(tp, *offset));
                }
                from = found.last().unwrap().0 + 1;
            }
            Err(ReadError::Corrupt { .. }) => return,
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the damage was not met");
}

#[test]
fn one_damaged_checkpoint_never_costs_data_silently() {
    for victim in ["checkpoint-0", "checkpoint-1"] {
        let mut rig = Rig::started(23, small());
        let tp = rig.create(0);
        rig.fill(tp, 200_000);
        let durable = rig.log.state(tp).unwrap().durable_end;
        assert!(rig.disk.flip_bit(victim, 40, 1));
        match rig.crash() {
            Ok(_) => assert!(rig.log.state(tp).unwrap().log_end >= durable),
            Err(failure) => assert!(matches!(failure, LogFailure::Hole { .. }), "{failure}"),
        }
    }
}

#[test]
fn without_a_checkpoint_an_old_directory_is_refused() {
    let mut rig = Rig::started(24, small());
    let tp = rig.create(0);
    rig.fill(tp, 100_000);
    for victim in ["checkpoint-0", "checkpoint-1"] {
        assert!(rig.disk.flip_bit(victim, 40, 1));
    }
    let failure = rig.crash().unwrap_err();
    let message = failure.to_string();
    assert!(
        message.contains("no checkpoint in the data directory"),
        "{message}"
    );
    assert!(message.contains("its checksum does not match"), "{message}");
}

/// What the CRC of a checkpoint covers (`FORMAT.md`).
fn covered(checkpoint: &[u8]) -> Vec<u8> {
    let body_bytes = u64::from_le_bytes(checkpoint[16..24].try_into().expect("eight bytes"));
    let end = 32 + usize::try_from(body_bytes).expect("it is in memory");
    [&checkpoint[..24], &checkpoint[32..end]].concat()
}

#[test]
fn a_damaged_format_of_one_checkpoint_is_damage() {
    let mut rig = Rig::started(25, small());
    let tp = rig.create(0);
    rig.fill(tp, 100_000);
    let mut checkpoints = ["checkpoint-0", "checkpoint-1"].map(|path| {
        let content = rig.disk.content(path).expect("there were two by now");
        (u64::from_le_bytes(content[8..16].try_into().unwrap()), path)
    });
    checkpoints.sort_unstable();
    let (_, newest) = checkpoints[1];
    let mut damaged = rig.disk.content(newest).unwrap().to_vec();
    damaged[4] ^= 0x10;
    rig.disk.set_content(newest, &damaged);
    rig.crash().unwrap();
}

#[test]
fn another_format_is_refused_by_name() {
    for (format, advice) in [
        (9, "start the newer version again"),
        (1, "start the version that wrote it"),
    ] {
        let mut rig = Rig::started(25, small());
        rig.pass(Duration::from_secs(1));
        for path in ["checkpoint-0", "checkpoint-1"] {
            if let Some(content) = rig.disk.content(path).map(<[u8]>::to_vec) {
                let mut other = content;
                other[4] = format;
                let crc = crc_fast::crc32_iscsi(&covered(&other)).to_le_bytes();
                other[24..28].copy_from_slice(&crc);
                rig.disk.set_content(path, &other);
            }
        }
        let message = rig.crash().unwrap_err().to_string();
        assert!(message.contains(&format!("format {format}")), "{message}");
        assert!(message.contains(advice), "{message}");
    }
}

#[test]
fn a_missing_journal_is_refused_once_there_was_one() {
    let mut rig = Rig::started(26, small());
    let tp = rig.create(0);
    rig.fill(tp, 100_000);
    assert!(rig.log.stats().checkpoints > 1);
    rig.disk.crash();
    rig.disk.remove("journal-0001.j");
    let failure = rig.restart().unwrap_err();
    assert!(
        matches!(&failure, LogFailure::Open { path, .. } if path == "journal-0001.j"),
        "{failure}"
    );
}

#[test]
fn look_ups_go_on_behind_segments_without_a_match() {
    let mut rig = Rig::started(27, small());
    let tp = rig.create(0);
    rig.fill(tp, 60_000);
    rig.shut_down();
    rig.restart().unwrap();
    let now = rig.now();
    let late = rig
        .log
        .append(now, tp, 0, rig::batch_at(now.wall_ms, &[b"late"]));
    let offset = late.unwrap().base_offset;
    let found = rig.lookup(tp, TimestampQuery::At(rig::WALL_MS + 1));
    assert_eq!(found, Some((offset, now.wall_ms)));
}

#[test]
fn a_hole_is_left_out_where_others_have_what_was_in_it() {
    for seed in 0..12 {
        let (mut rig, blocks) = journaled(100 + seed);
        let tp = rig::tp(0);
        let before = rig.log.state(tp).unwrap();
        let nth = 3 + seed as usize * (blocks.len() - 6) / 12;
        spoil(&mut rig, &blocks, nth);
        rig.salvages = true;
        let recovered = rig.crash().unwrap();
        assert!(recovered.salvaged && !recovered.clean);
        let mark = rig.log.state_value(rig::MARK).cloned().unwrap();
        assert_eq!(mark.len(), 16);
        let kept = rig.log.state(tp).unwrap();
        assert!(kept.log_end > 0 && kept.log_end < before.log_end);
        for (offset, value) in rig.read_all(tp) {
            assert_eq!(value, value_of(tp, offset));
        }
        // From now on it is a log like any other: no old block speaks against the new ones.
        for round in 0..4 {
            rig.fill(tp, 3_000);
            rig.log.drop_untrusted();
            let end = rig.log.state(tp).unwrap().durable_end;
            let again = if round % 2 == 0 {
                rig.crash().unwrap()
            } else {
                rig.restart().unwrap()
            };
            assert!(!again.salvaged, "round {round}");
            assert!(rig.log.state(tp).unwrap().log_end >= end);
            assert_eq!(rig.log.state_value(rig::MARK), Some(&mark));
            for (offset, value) in rig.read_all(tp) {
                assert_eq!(value, value_of(tp, offset));
            }
        }
    }
}

#[test]
fn power_loss_while_a_hole_is_left_out_leaves_it_to_the_next_start() {
    for steps in 0..25 {
        let (mut rig, blocks) = journaled(200);
        spoil(&mut rig, &blocks, blocks.len() / 2);
        rig.disk.crash();
        rig.salvages = true;
        let log = kring_log::Log::new(rig.config.clone(), 3);
        rig.log = log.salvage(vec![rig::MARK.to_vec()]);
        rig.out = kring_io::Effects::default();
        rig.events.clear();
        let now = rig.now();
        rig.log.start(now, &mut rig.out);
        for _ in 0..steps {
            rig.step();
        }
        rig.crash().unwrap();
        assert!(rig.log.state_value(rig::MARK).is_some(), "{steps}");
        for (offset, value) in rig.read_all(rig::tp(0)) {
            assert_eq!(value, value_of(rig::tp(0), offset));
        }
    }
}

#[test]
fn without_a_checkpoint_everything_is_left_out_and_kept_aside_until_it_is_dropped() {
    let mut rig = Rig::started(210, small());
    let tp = rig.create(0);
    rig.fill(tp, 100_000);
    for victim in ["checkpoint-0", "checkpoint-1"] {
        assert!(rig.disk.flip_bit(victim, 40, 1));
    }
    let segment = "topic-0/00000000000000000000.log";
    assert!(rig.disk.exists(segment));
    rig.salvages = true;
    let recovered = rig.crash().unwrap();
    assert!(recovered.salvaged);
    assert!(rig.log.state(tp).is_none());
    assert!(rig.log.state_value(rig::MARK).is_some());
    rig.pass(Duration::from_secs(2));
    assert!(rig.disk.exists(segment), "nobody said that it may go");
    assert!(!rig.crash().unwrap().salvaged);
    assert!(rig.disk.exists(segment));

    rig.log.drop_untrusted();
    rig.create(0);
    rig.fill(tp, 150_000);
    rig.shut_down();
    assert!(!rig.restart().unwrap().salvaged);
    assert_eq!(rig.log.state(tp).unwrap().log_start, 0);
    for (offset, value) in rig.read_all(tp) {
        assert_eq!(value, value_of(tp, offset));
    }
    assert!(!rig.crash().unwrap().salvaged);
}

/// The power goes, and then so many reads of a file fail.
fn crash_and_fail_reads(rig: &mut Rig, path: &str, times: u32) {
    rig.disk.crash();
    rig.disk.inject(Fault {
        path_contains: path.to_owned(),
        class: OpClass::Read,
        skip: 0,
        times,
        kind: FaultKind::Io(5),
    });
    rig.salvages = true;
}

#[test]
fn a_checkpoint_or_a_journal_that_cannot_be_read_is_as_good_as_damaged() {
    for path in ["checkpoint-0", "checkpoint-1", "journal"] {
        let mut rig = Rig::started(220, small());
        let tp = rig.create(0);
        rig.fill(tp, 200_000);
        let durable = rig.log.state(tp).unwrap().durable_end;
        crash_and_fail_reads(&mut rig, path, u32::MAX);
        let recovered = rig.restart().unwrap();
        rig.disk.recover();
        let end = rig.log.state(tp).map_or(0, |state| state.log_end);
        assert!(recovered.salvaged || end >= durable, "{path}");
        rig.log.drop_untrusted();
        rig.create(0);
        rig.fill(tp, 50_000);
        assert!(!rig.crash().unwrap().salvaged);
        for (offset, value) in rig.read_all(tp) {
            assert_eq!(value, value_of(tp, offset));
        }
    }
}

#[test]
fn reads_that_fail_for_a_moment_cost_nothing() {
    for path in ["checkpoint-0", "checkpoint-1", "journal"] {
        for times in 1..5 {
            let mut rig = Rig::started(230, small());
            let tp = rig.create(0);
            rig.fill(tp, 200_000);
            let durable = rig.log.state(tp).unwrap().durable_end;
            crash_and_fail_reads(&mut rig, path, times);
            let recovered = rig.restart().unwrap();
            assert!(!recovered.salvaged, "{path} {times}");
            assert!(
                rig.log.state(tp).unwrap().log_end >= durable,
                "{path} {times}"
            );
            for (offset, value) in rig.read_all(tp) {
                assert_eq!(value, value_of(tp, offset));
            }
        }
    }
}

#[test]
fn a_checkpoint_whose_sync_failed_is_not_counted_on_while_the_other_is_overwritten() {
    for seed in 0..40 {
        let mut rig = Rig::started(240 + seed, small());
        let tp = rig.create(0);
        rig.fill(tp, 200_000);
        assert!(rig.log.stats().checkpoints > 1);
        rig.disk.inject(Fault {
            path_contains: "checkpoint".to_owned(),
            class: OpClass::Sync,
            skip: 0,
            times: 1,
            kind: FaultKind::Io(5),
        });
        let mut end = 0;
        while rig.failure().is_none() {
            let offset = rig.log.state(tp).unwrap().log_end;
            let now = rig.now();
            if rig
                .log
                .append(now, tp, 0, rig::batch(&[&value_of(tp, offset)]))
                .is_ok()
            {
                rig.commit();
                end = rig.log.state(tp).map_or(end, |state| state.durable_end);
            }
        }
        rig.salvages = true;
        // Reads still show the new checkpoint: nothing but the process ended.
        assert!(!rig.restart().unwrap().salvaged);
        let checkpoints = rig.log.stats().checkpoints;
        let other = |rig: &Rig| {
            let content = |path| rig.disk.content(path).map(<[u8]>::to_vec);
            [content("checkpoint-0"), content("checkpoint-1")]
        };
        let before = other(&rig);
        while other(&rig) == before {
            let offset = rig.log.state(tp).unwrap().log_end;
            rig.append(tp, &[&value_of(tp, offset)]);
            for _ in 0..20 {
                rig.step();
                if other(&rig) != before {
                    break;
                }
            }
            let durable = rig.log.state(tp).unwrap().durable_end;
            rig.log.set_high_watermark(tp, durable);
            end = end.max(durable);
        }
        assert_eq!(rig.log.stats().checkpoints, checkpoints, "{seed}");
        let recovered = rig.crash().unwrap();
        assert!(!recovered.salvaged, "{seed}");
        assert!(rig.log.state(tp).unwrap().log_end >= end, "{seed}");
    }
}

#[test]
fn no_flipped_bit_of_a_header_makes_a_read_pass_over_records() {
    let mut rig = Rig::started(23, small());
    let tp = rig.create(0);
    for _ in 0..100 {
        rig.append(tp, &[b"a", b"b", b"c"]);
        rig.commit();
    }
    rig.shut_down();
    rig.restart().unwrap();
    let path = "topic-0/00000000000000000000.log";
    let segment = rig.disk.content(path).unwrap().to_vec();
    let first = BatchHeader::peek(&segment).unwrap();
    let begins = [0, first.total_bytes];
    for begin in begins {
        let header = BatchHeader::peek(&segment[begin..]).unwrap();
        for bit in 0..HEADER_BYTES * 8 {
            let (byte, mask) = ((begin + bit / 8) as u64, (bit % 8) as u8);
            assert!(rig.disk.flip_bit(path, byte, mask));
            for from in header.base_offset..header.next_offset() {
                match rig.read(tp, from, 5_000) {
                    Ok(batches) => {
                        let found = rig::values(&batches);
                        let given = found.iter().find(|(offset, _)| *offset == from);
                        assert!(
                            given.is_some(),
                            "byte {byte} bit {mask}: {from} was passed over"
                        );
                    }
                    Err(ReadError::Corrupt { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
            }
            assert!(rig.disk.flip_bit(path, byte, mask));
        }
    }
}
