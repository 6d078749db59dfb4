//! What the model promises: flushed is kept, un-flushed may be lost in any part, trouble is trouble.

use kring_io::Random;

use super::cache::{Counts, Disk, Failed, Operation, SECTOR_BYTES, Trouble};

const BYTES: usize = 1 << 20;

fn disk() -> Disk {
    Disk::new(BYTES)
}

#[test]
fn what_was_flushed_survives_every_cut() {
    for seed in 0..200 {
        let mut disk = disk();
        disk.write(4096, &[1; 8192]).unwrap();
        disk.flush().unwrap();
        disk.write(4096, &[2; 4096]).unwrap();
        disk.cut(&mut Random::new(seed));
        assert_eq!(disk.read(4096, 1), Err(Failed));
        disk.set_trouble(Trouble::None);
        assert_eq!(disk.read(8192, 4096), Ok(vec![1; 4096]));
        // Each sector is the old or the new one, whole.
        for sector in disk.read(4096, 4096).unwrap().chunks(SECTOR_BYTES) {
            assert!(sector == [1; SECTOR_BYTES] || sector == [2; SECTOR_BYTES]);
        }
    }
}

#[test]
fn cuts_lose_tear_and_reorder() {
    let mut all = Counts::default();
    for seed in 0..50 {
        let mut disk = disk();
        for number in 0..4_usize {
            disk.write(number * 4096, &[9; 4096]).unwrap();
        }
        disk.cut(&mut Random::new(seed));
        let counts = disk.counts();
        all.lost_sectors += counts.lost_sectors;
        all.torn_writes += counts.torn_writes;
        all.reordered_writes += counts.reordered_writes;
    }
    assert!(
        all.lost_sectors > 0 && all.torn_writes > 0 && all.reordered_writes > 0,
        "{all:?}"
    );
}

#[test]
fn the_nth_operation_of_a_kind_fails_and_the_others_do_not() {
    let mut disk = disk();
    let operation = Operation::Flush;
    disk.set_trouble(Trouble::Failing { operation, good: 1 });
    disk.write(0, &[1; 512]).unwrap();
    assert_eq!(disk.flush(), Ok(()));
    disk.write(0, &[2; 512]).unwrap();
    assert_eq!(disk.flush(), Err(Failed));
    assert_eq!(disk.read(0, 512), Ok(vec![2; 512]));
    assert_eq!(disk.counts().troubled, 1);
}

#[test]
fn the_end_of_the_disk_is_respected() {
    let mut disk = disk();
    assert_eq!(disk.write(BYTES - 512, &[1; 1024]), Ok(512));
    assert_eq!(disk.read(BYTES - 512, 1024), Ok(vec![1; 512]));
    assert_eq!(disk.read(BYTES + 5, 10), Ok(Vec::new()));
}

#[test]
fn a_disk_that_lies_loses_what_was_flushed_since() {
    let mut disk = disk();
    disk.write(0, &[1; 512]).unwrap();
    disk.flush().unwrap();
    disk.lie();
    disk.write(0, &[2; 512]).unwrap();
    disk.flush().unwrap();
    disk.cut(&mut Random::new(1));
    disk.set_trouble(Trouble::None);
    assert_eq!(disk.read(0, 512), Ok(vec![1; 512]));
}

#[test]
fn a_doomed_disk_loses_power_at_the_flush_that_was_meant_and_not_before() {
    let mut lost = 0;
    for seed in 0..20 {
        let mut disk = disk();
        disk.doom(Operation::Flush, 1, Random::new(seed));
        disk.write(0, &[1; 512]).unwrap();
        disk.flush().unwrap();
        disk.write(0, &[2; 512]).unwrap();
        assert!(!disk.is_off());
        assert_eq!(disk.flush(), Err(Failed));
        assert!(disk.is_off());
        disk.set_trouble(Trouble::None);
        let found = disk.read(0, 512).unwrap();
        assert!(found == [1; 512] || found == [2; 512]);
        lost += disk.counts().lost_sectors;
    }
    assert!(lost > 0);
}
