//! What the simulated disk promises, and what its crashes may take.
//! The suite that every driver must pass is in `kring-io`.

use bytes::Bytes;

use super::*;
use kring_io::{Buffer, DiskError, DiskOk, FileKind};

use super::fault::{Fault, FaultKind, OpClass};

const EIO: i32 = 5;

fn open(disk: &mut SimDisk, id: u64, path: &str, kind: FileKind) -> FileId {
    let file = FileId(id);
    run(
        disk,
        DiskOp::Open {
            file,
            path: path.to_owned(),
            kind,
            create: true,
        },
    )
    .unwrap();
    file
}

fn run(disk: &mut SimDisk, op: DiskOp) -> Result<DiskOk, DiskError> {
    disk.submit(OpId(0), op);
    let mut done = Vec::new();
    while done.is_empty() {
        disk.wait(None, &mut done);
    }
    done.remove(0).result
}

fn write(disk: &mut SimDisk, file: FileId, offset: u64, bytes: &[u8], durable: bool) {
    let mut buffer = Buffer::with_capacity(bytes.len());
    buffer.extend_from_slice(bytes);
    run(
        disk,
        DiskOp::Write {
            file,
            offset,
            buffer,
            durable,
        },
    )
    .unwrap();
}

fn sync_dir(disk: &mut SimDisk) {
    run(
        disk,
        DiskOp::SyncDir {
            path: String::new(),
        },
    )
    .unwrap();
}

#[test]
fn durable_writes_survive_a_crash_and_others_lose_any_of_their_sectors() {
    let (mut all_kept, mut some_lost) = (0, 0);
    for seed in 0..50 {
        let mut disk = SimDisk::new(seed, SimDiskConfig::default());
        let file = open(&mut disk, 1, "a", FileKind::Segment);
        sync_dir(&mut disk);
        write(&mut disk, file, 0, &[1; 2048], true);
        write(&mut disk, file, 0, &[2; 1024], false);
        disk.crash();
        let content = disk.content("a").unwrap();
        assert_eq!(&content[1024..], &[1; 1024]);
        for sector in content[..1024].chunks(512) {
            assert!(sector == [1; 512] || sector == [2; 512]);
        }
        if content[..1024] == [2; 1024] {
            all_kept += 1;
        } else {
            some_lost += 1;
        }
    }
    assert!(all_kept > 0 && some_lost > 0);
}

#[test]
fn a_sync_covers_what_had_completed_when_it_was_submitted() {
    for seed in 0..50 {
        let mut disk = SimDisk::new(seed, SimDiskConfig::default());
        let file = open(&mut disk, 1, "a", FileKind::Segment);
        sync_dir(&mut disk);
        write(&mut disk, file, 0, &[1; 512], false);
        run(&mut disk, DiskOp::Sync { file }).unwrap();
        disk.crash();
        assert_eq!(disk.content("a").unwrap(), &[1; 512]);
    }
}

#[test]
fn a_name_that_was_not_synced_may_vanish() {
    let mut vanished = 0;
    for seed in 0..50 {
        let mut disk = SimDisk::new(seed, SimDiskConfig::default());
        open(&mut disk, 1, "kept", FileKind::Meta);
        sync_dir(&mut disk);
        open(&mut disk, 2, "perhaps", FileKind::Meta);
        disk.crash();
        assert!(disk.exists("kept"));
        vanished += u32::from(!disk.exists("perhaps"));
    }
    assert!((1..50).contains(&vanished));
}

#[test]
fn a_write_under_way_at_a_crash_is_torn() {
    let mut torn = 0;
    for seed in 0..20 {
        let mut disk = SimDisk::new(seed, SimDiskConfig::default());
        let file = open(&mut disk, 1, "j", FileKind::Journal);
        sync_dir(&mut disk);
        write(&mut disk, file, 0, &[1; 8192], true);
        let mut buffer = Buffer::zeroed(8192);
        buffer.fill(2);
        disk.submit(
            OpId(9),
            DiskOp::Write {
                file,
                offset: 0,
                buffer,
                durable: true,
            },
        );
        disk.crash();
        assert_eq!(disk.next_completion(), None);
        torn += disk.stats().torn_writes;
    }
    assert!(torn > 10);
}

#[test]
fn injected_faults_hit_the_operation_they_name_and_give_the_buffer_back() {
    let mut disk = SimDisk::new(1, SimDiskConfig::default());
    let file = open(&mut disk, 1, "j", FileKind::Journal);
    assert!(disk.inject(Fault {
        path_contains: "j".to_owned(),
        class: OpClass::Write,
        skip: 1,
        times: 1,
        kind: FaultKind::Io(EIO),
    }));
    write(&mut disk, file, 0, &[1; 4096], true);
    disk.submit(
        OpId(1),
        DiskOp::Write {
            file,
            offset: 4096,
            buffer: Buffer::zeroed(4096),
            durable: true,
        },
    );
    let mut done = Vec::new();
    disk.wait(None, &mut done);
    assert!(matches!(
        done[0].result,
        Err(DiskError::Io { errno: EIO, .. })
    ));
    assert!(done[0].buffer.is_some());
    write(&mut disk, file, 4096, &[3; 4096], true);
    assert_eq!(disk.stats().faults, 1);
}

#[test]
fn a_full_disk_refuses_growth_until_space_returns() {
    let mut disk = SimDisk::new(
        1,
        SimDiskConfig {
            capacity_bytes: 1000,
            ..SimDiskConfig::default()
        },
    );
    let file = open(&mut disk, 1, "a", FileKind::Segment);
    let grow = |disk: &mut SimDisk| {
        run(
            disk,
            DiskOp::WriteGather {
                file,
                offset: 0,
                parts: vec![Bytes::from_static(&[1; 900]), Bytes::from_static(&[2; 200])],
            },
        )
    };
    assert!(matches!(grow(&mut disk), Err(DiskError::NoSpace { .. })));
    disk.set_capacity(2000);
    assert_eq!(grow(&mut disk), Ok(DiskOk::Done));
    assert_eq!(disk.content("a").unwrap().len(), 1100);
}

#[test]
fn a_renamed_directory_takes_its_files_along() {
    let mut disk = SimDisk::new(1, SimDiskConfig::default());
    let make = |disk: &mut SimDisk, path: &str| {
        run(
            disk,
            DiskOp::CreateDir {
                path: path.to_owned(),
            },
        )
        .unwrap();
    };
    make(&mut disk, "t-0");
    make(&mut disk, "t-01");
    open(&mut disk, 1, "t-0/a", FileKind::Segment);
    open(&mut disk, 2, "t-01/a", FileKind::Segment);
    run(
        &mut disk,
        DiskOp::Rename {
            from: "t-0".to_owned(),
            to: "t-0-delete".to_owned(),
        },
    )
    .unwrap();
    assert_eq!(disk.paths(), ["t-0-delete/a", "t-01/a"]);
    run(
        &mut disk,
        DiskOp::Remove {
            path: "t-0-delete".to_owned(),
        },
    )
    .unwrap();
    assert_eq!(disk.paths(), ["t-01/a"]);
}

#[test]
fn the_same_seed_behaves_alike() {
    let history = |seed| {
        let mut disk = SimDisk::new(seed, SimDiskConfig::default());
        let file = open(&mut disk, 1, "a", FileKind::Segment);
        for i in 0..20 {
            write(&mut disk, file, i * 700, &[i as u8; 1500], i % 3 == 0);
        }
        disk.crash();
        (
            disk.now(),
            disk.content("a").map(<[u8]>::to_vec),
            disk.stats(),
        )
    };
    assert_eq!(history(7), history(7));
    assert_ne!(history(7), history(8));
}
