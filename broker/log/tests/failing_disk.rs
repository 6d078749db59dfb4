//! Every kind of operation with every error that a disk gives: the log goes on or ends and says why,
//! and what was acknowledged before is there after the next start.

#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of a test function"
)]

mod rig;

use std::time::Duration;

use kring_io::Effects;
use kring_io_sim::{Fault, FaultKind, OpClass};
use kring_log::{AppendError, Log, LogFailure, ReadError};
use rig::{Rig, small, value_of};

const EIO: i32 = 5;
/// `ETIMEDOUT`: what a device gives that was taken away.
const ETIMEDOUT: i32 = 110;

const CLASSES: [OpClass; 5] = [
    OpClass::Open,
    OpClass::Read,
    OpClass::Write,
    OpClass::Sync,
    OpClass::Name,
];

/// Appends, reads and lets time pass; stops where the log does.
fn work(rig: &mut Rig, rounds: u32) {
    let tp = rig::tp(0);
    for _ in 0..rounds {
        for _ in 0..4 {
            let now = rig.now();
            let offset = rig.log.state(tp).unwrap().log_end;
            let records = rig::batch(&[&value_of(tp, offset)]);
            match rig.log.append(now, tp, 0, records) {
                Ok(_) | Err(AppendError::StorageFull { .. }) => {}
                Err(AppendError::Stopped { .. }) if rig.failure().is_some() => return,
                Err(error) => panic!("{error}"),
            }
        }
        rig.commit();
        let start = rig.log.state(tp).unwrap().log_start;
        if rig.failure().is_some() {
            return;
        }
        match rig.read(tp, start, 2_000) {
            Ok(_) | Err(ReadError::Disk { .. } | ReadError::Corrupt { .. } | ReadError::Gone) => {}
        }
        rig.pass(Duration::from_millis(700));
    }
    rig.pass(Duration::from_secs(3));
}

#[test]
fn any_error_on_any_operation_costs_nothing_that_was_acknowledged() {
    let mut failed = 0;
    let mut hits = 0;
    let kinds = [
        FaultKind::Io(EIO),
        FaultKind::Io(ETIMEDOUT),
        FaultKind::NoSpace,
    ];
    for (seed, class) in (0_u64..).zip(CLASSES) {
        for kind in kinds {
            for (path, skip) in [
                ("journal", 0),
                ("journal", 7),
                (".log", 0),
                (".log", 3),
                ("checkpoint", 0),
                ("checkpoint", 1),
                ("partition.metadata", 0),
                ("topic-0", 0),
                ("", 11),
            ] {
                let mut rig = Rig::started(1_000 + seed, small());
                let tp = rig.create(0);
                rig.settle();
                let before = rig.disk.stats().faults;
                rig.disk.inject(Fault {
                    path_contains: path.to_owned(),
                    class,
                    skip,
                    times: 1,
                    kind,
                });
                work(&mut rig, 25);
                hits += rig.disk.stats().faults - before;
                let durable = rig.log.state(tp).unwrap().durable_end;
                let what = format!("{class:?} {kind:?} {path:?} {skip}");
                match rig.failure() {
                    Some(LogFailure::Write { reason, .. }) => {
                        failed += 1;
                        assert_ne!(
                            (class, kind),
                            (OpClass::Write, FaultKind::NoSpace),
                            "{what}: {reason}"
                        );
                    }
                    Some(other) => panic!("{what}: {other}"),
                    None => {
                        assert!(!rig.log.stats().disk_full, "{what}");
                    }
                }
                // A fault that met nothing in the run meets the start; what follows has none.
                if let Err(failure) = rig.crash() {
                    assert!(
                        matches!(failure, LogFailure::Write { .. } | LogFailure::Open { .. }),
                        "{what}: {failure}"
                    );
                    rig.crash().unwrap_or_else(|e| panic!("{what}: {e}"));
                }
                rig.disk.recover();
                let state = rig.log.state(tp).unwrap();
                assert!(state.log_end >= durable, "{what}: {state:?} {durable}");
                for (offset, value) in rig.read_all(tp) {
                    assert_eq!(value, value_of(tp, offset), "{what}");
                }
            }
        }
    }
    assert!(hits > 30 && failed > 10, "{hits} hits, {failed} failures");
}

#[test]
fn a_disk_that_is_full_before_the_journal_was_ever_written_through_recovers_alone() {
    let mut rig = Rig::started(2_000, small());
    let tp = rig.create(0);
    rig.settle();
    // The journal's files are mostly still to be written for the first time.
    let used: u64 = rig
        .disk
        .paths()
        .iter()
        .filter_map(|path| rig.disk.content(path))
        .map(|content| content.len() as u64)
        .sum();
    rig.disk.set_capacity(used + 40_000);
    let mut refused = false;
    for _ in 0..200 {
        let now = rig.now();
        let offset = rig.log.state(tp).unwrap().log_end;
        let records = rig::batch(&[&value_of(tp, offset)]);
        match rig.log.append(now, tp, 0, records) {
            Ok(_) => rig.commit(),
            Err(AppendError::StorageFull { .. }) => {
                refused = true;
                break;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(refused);
    assert_eq!(rig.failure(), None);
    let durable = rig.log.state(tp).unwrap().durable_end;
    assert!(durable > 0 && rig.log.stats().disk_full);
    assert!(!rig.read(tp, 0, 1_000).unwrap().is_empty());

    // Neither time nor a restart on the full disk ends it.
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.failure(), None);
    rig.disk.crash();
    rig.log = Log::new(rig.config.clone(), 7);
    rig.out = Effects::default();
    rig.events.clear();
    let now = rig.now();
    rig.log.start(now, &mut rig.out);
    rig.pass(Duration::from_secs(20));
    assert_eq!(rig.failure(), None);
    assert!(
        !rig.log.recovered(),
        "the first block of the run has no room"
    );

    rig.disk.set_capacity(u64::MAX);
    rig.pass(Duration::from_secs(3));
    assert!(rig.log.recovered() && !rig.log.stats().disk_full);
    assert!(rig.log.state(tp).unwrap().log_end >= durable);
    rig.fill(tp, 100_000);
    rig.crash().unwrap();
    for (offset, value) in rig.read_all(tp) {
        assert_eq!(value, value_of(tp, offset));
    }
}

#[test]
fn a_checkpoint_without_room_holds_appends_back_until_it_is_written() {
    let mut rig = Rig::started(2_001, small());
    let tp = rig.create(0);
    rig.fill(tp, 300_000);
    let checkpoints = rig.log.stats().checkpoints;
    assert!(checkpoints > 1);
    for _ in 0..3 {
        rig.disk.inject(Fault {
            path_contains: "checkpoint".to_owned(),
            class: OpClass::Write,
            skip: 0,
            times: 1,
            kind: FaultKind::NoSpace,
        });
    }
    let mut refusals = 0;
    for _ in 0..2_000 {
        let now = rig.now();
        let offset = rig.log.state(tp).unwrap().log_end;
        let records = rig::batch(&[&value_of(tp, offset)]);
        match rig.log.append(now, tp, 0, records) {
            Ok(_) => rig.commit(),
            Err(AppendError::StorageFull { path }) => {
                assert!(path.starts_with("checkpoint"), "{path}");
                refusals += 1;
                rig.pass(Duration::from_millis(300));
            }
            Err(error) => panic!("{error}"),
        }
        if rig.log.stats().checkpoints > checkpoints + 1 {
            break;
        }
    }
    assert!(refusals > 3, "{refusals}");
    assert_eq!(rig.failure(), None);
    assert!(rig.log.stats().checkpoints > checkpoints + 1);
}

#[test]
fn a_run_after_a_full_journal_makes_room_before_anybody_writes() {
    let mut rig = Rig::started(31, small());
    let tp = rig.create(0);
    rig.fill(tp, 200_000);
    rig.commit();
    let forever = rig.disk.now() + Duration::from_secs(3600);
    rig.disk.slow_syncs(forever, Duration::from_secs(20));
    let change = |rig: &mut Rig, number: u64| {
        let key = (number % 8).to_be_bytes().to_vec();
        rig.log.put_state(key, Some(vec![7; 8_000].into()));
        rig.step();
    };
    for number in 0..1_000 {
        change(&mut rig, number);
    }
    let failure = rig.failure().unwrap();
    assert!(
        matches!(failure, LogFailure::JournalFull { .. }),
        "{failure}"
    );
    // Each is killed before its checkpoint is there.
    for _ in 0..3 {
        rig.log = Log::new(rig.config.clone(), 99);
        rig.out = Effects::default();
        rig.events.clear();
        rig.disk.kill();
        rig.log.start(rig.now(), &mut rig.out);
        for _ in 0..100 {
            rig.step();
        }
        assert_eq!(rig.failure(), None);
    }
    rig.disk.kill();
    rig.restart().unwrap();
    for number in 0..20 {
        change(&mut rig, number);
    }
    assert_eq!(rig.failure(), None);
    assert_eq!(
        rig.read_all(tp).len() as i64,
        rig.log.state(tp).unwrap().log_end
    );
}
