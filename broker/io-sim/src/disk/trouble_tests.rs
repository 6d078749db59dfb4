//! What a kill, a hung or slow disk and damage do to a simulated disk, and what they leave alone.
//! Crashes and single faults have tests of their own.

use std::time::Duration;

use kring_io::{Buffer, Disk, DiskOp, FileId, FileKind, OpId};

use super::fault::{Fault, FaultKind, OpClass};
use super::{SimDisk, SimDiskConfig};

const FILE: FileId = FileId(1);

fn disk(seed: u64) -> SimDisk {
    let mut disk = SimDisk::new(seed, SimDiskConfig::default());
    let open = DiskOp::Open {
        file: FILE,
        path: "a".to_owned(),
        kind: FileKind::Segment,
        create: true,
    };
    finish(&mut disk, open);
    disk
}

fn finish(disk: &mut SimDisk, op: DiskOp) {
    disk.submit(OpId(0), op);
    let mut done = Vec::new();
    while done.is_empty() {
        disk.wait(None, &mut done);
    }
    assert!(done[0].result.is_ok(), "{done:?}");
}

fn write(offset: u64, bytes: &[u8]) -> DiskOp {
    let mut buffer = Buffer::with_capacity(bytes.len());
    buffer.extend_from_slice(bytes);
    DiskOp::Write {
        file: FILE,
        offset,
        buffer,
        durable: false,
    }
}

#[test]
fn a_kill_keeps_what_was_completed_and_cuts_short_what_was_not() {
    let mut lengths = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let mut disk = disk(seed);
        finish(&mut disk, write(0, &[1; 512]));
        disk.submit(OpId(1), write(512, &[2; 3 * 4096]));
        disk.kill();
        let content = disk.content("a").expect("the file keeps its name");
        assert_eq!(&content[..512], &[1; 512]);
        assert!(content[512..].iter().all(|b| *b == 2));
        lengths.insert(content.len());
        assert_eq!(disk.next_completion(), None);
    }
    assert_eq!(
        lengths.into_iter().collect::<Vec<_>>(),
        [512, 4608, 8704, 12800]
    );
}

#[test]
fn what_a_kill_left_in_the_page_cache_is_not_safe_from_power_loss() {
    let lost = (0..40).filter(|seed| {
        let mut disk = disk(*seed);
        let top = String::new();
        finish(&mut disk, DiskOp::SyncDir { path: top });
        finish(&mut disk, write(0, &[1; 512]));
        disk.kill();
        disk.crash();
        disk.content("a").is_some_and(|content| content != [1; 512])
    });
    assert!((1..40).contains(&lost.count()));
}

#[test]
fn a_hung_disk_completes_nothing_until_it_goes_on() {
    let mut disk = disk(1);
    let until = disk.now() + Duration::from_secs(7);
    disk.submit(OpId(1), write(0, &[1; 10]));
    disk.hang(until);
    disk.submit(OpId(2), write(10, &[2; 10]));
    assert!(disk.next_completion().is_some_and(|at| at >= until));
    disk.recover();
    assert!(disk.next_completion().is_some_and(|at| at < until));
}

#[test]
fn a_slow_disk_takes_longer_and_then_does_not() {
    let mut disk = disk(1);
    let start = disk.now();
    disk.slow_down(start + Duration::from_secs(1), 1_000);
    finish(&mut disk, write(0, &[1; 10]));
    let slow = disk.now().since(start);
    disk.recover();
    let start = disk.now();
    finish(&mut disk, write(0, &[1; 10]));
    assert!(slow > 4 * disk.now().since(start));
}

#[test]
fn syncs_can_be_slow_while_durable_writes_are_not() {
    let mut disk = disk(1);
    let longer = Duration::from_secs(2);
    disk.slow_syncs(disk.now() + Duration::from_secs(9), longer);
    let start = disk.now();
    finish(&mut disk, write(0, &[1; 10]));
    assert!(disk.now().since(start) < longer);
    let start = disk.now();
    finish(&mut disk, DiskOp::Sync { file: FileId(1) });
    assert!(disk.now().since(start) >= longer);
    assert!(disk.is_troubled());
}

#[test]
fn damage_counts_until_what_is_damaged_is_written_again_or_gone() {
    let mut disk = disk(1);
    finish(&mut disk, write(0, &[1; 2048]));
    assert!(disk.flip_bit("a", 700, 3));
    assert!(disk.spoil_sector("a", 1500, &[7; 512]));
    assert_eq!(disk.damaged_sectors(), 2);
    finish(&mut disk, write(512, &[1; 100]));
    assert_eq!(
        disk.damaged_sectors(),
        2,
        "a part of a sector heals nothing"
    );
    finish(&mut disk, write(512, &[1; 512]));
    assert_eq!(disk.damaged_sectors(), 1);
    finish(
        &mut disk,
        DiskOp::SetLen {
            file: FILE,
            len: 1024,
        },
    );
    assert_eq!(disk.damaged_sectors(), 0);
}

#[test]
fn a_write_that_went_astray_damages_where_it_should_have_been_and_where_it_is() {
    for (kind, sectors) in [(FaultKind::Lost, 1), (FaultKind::Misdirected(1024), 2)] {
        let mut disk = disk(1);
        finish(&mut disk, write(0, &[1; 2048]));
        disk.inject(Fault {
            path_contains: "a".to_owned(),
            class: OpClass::Write,
            skip: 0,
            times: 1,
            kind,
        });
        finish(&mut disk, write(0, &[2; 512]));
        assert_eq!(disk.damaged_sectors(), sectors);
        assert_eq!(disk.content("a").map(|c| c[0]), Some(1));
    }
}
