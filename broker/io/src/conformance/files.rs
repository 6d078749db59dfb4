//! Promises about the content of files: reading, writing, lengths and what a crash leaves.
//! Names of files and directories are the concern of `names.rs`.

use super::{Fixture, Script};
use crate::buffer::ALIGNMENT_BYTES;
use crate::{DiskOk, DiskOp, FileKind};

/// What a device writes whole or not at all.
const SECTOR_BYTES: usize = 512;

fn pattern(seed: u8, len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| seed.wrapping_add((at % 251) as u8))
        .collect()
}

/// Every kind of file gives back what was put in, in place and after an overwrite.
pub fn what_was_written_is_read(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    for (path, kind) in [
        ("journal", FileKind::Journal),
        ("segment", FileKind::Segment),
        ("meta", FileKind::Meta),
    ] {
        let (file, _) = script.open(path, kind);
        let first = pattern(1, 4 * ALIGNMENT_BYTES);
        script.write(file, 0, &first, false);
        assert_eq!(script.read(file, 0, first.len()), first, "{path}");
        let second = pattern(2, ALIGNMENT_BYTES);
        script.write(file, ALIGNMENT_BYTES as u64, &second, true);
        let mut expected = first;
        expected[ALIGNMENT_BYTES..2 * ALIGNMENT_BYTES].copy_from_slice(&second);
        assert_eq!(script.read(file, 0, expected.len()), expected, "{path}");
    }
    let (file, _) = script.open("any-alignment", FileKind::Segment);
    script.write(file, 3, b"unaligned", false);
    assert_eq!(script.read(file, 5, 4), b"alig");
}

/// A read over the end fills what is there; one behind the end fills nothing.
pub fn a_read_is_short_at_the_end_of_the_file(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("segment", FileKind::Segment);
    script.write(file, 0, &pattern(3, 5000), false);
    assert_eq!(script.read(file, 4990, 100), pattern(3, 5000)[4990..]);
    assert!(script.read(file, 5000, 10).is_empty());
    assert!(script.read(file, 1 << 40, 10).is_empty());

    let (file, _) = script.open("journal", FileKind::Journal);
    script.write(file, 0, &pattern(4, 2 * ALIGNMENT_BYTES), true);
    let got = script.read(file, ALIGNMENT_BYTES as u64, 4 * ALIGNMENT_BYTES);
    assert_eq!(got, pattern(4, 2 * ALIGNMENT_BYTES)[ALIGNMENT_BYTES..]);
    assert!(
        script
            .read(file, 2 * ALIGNMENT_BYTES as u64, ALIGNMENT_BYTES)
            .is_empty()
    );
}

/// The parts of a gathering write lie one behind the other, whatever their number and size.
pub fn parts_are_written_one_after_the_other(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("segment", FileKind::Segment);
    script.gather(file, 0, &[]);
    script.gather(file, 7, &[b"one", b"", b"two"]);
    assert_eq!(script.read(file, 0, 100), b"\0\0\0\0\0\0\0onetwo");

    // More parts than one system call takes (IOV_MAX is 1024).
    let parts: Vec<Vec<u8>> = (0..2500).map(|n| pattern(n as u8, 1 + n % 7)).collect();
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    script.gather(file, 100, &slices);
    let expected = parts.concat();
    assert_eq!(script.read(file, 100, expected.len() + 1), expected);
}

/// Large gathering writes continue where the one before ended, wherever in a page that is, and what was read between
/// them takes nothing from them.
pub fn large_gathering_writes_continue_within_a_page(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("segment", FileKind::Segment);
    let lens = [
        300_000,
        5,
        (1 << 20) + 3,
        64 << 10,
        ALIGNMENT_BYTES,
        700_001,
        2_097_152,
    ];
    let mut expected = Vec::new();
    for (seed, len) in lens.into_iter().enumerate() {
        let bytes = pattern(seed as u8, len);
        let parts: Vec<&[u8]> = bytes.chunks(77_777).collect();
        script.gather(file, expected.len() as u64, &parts);
        let end = expected.len() as u64;
        expected.extend_from_slice(&bytes);
        assert_eq!(script.read(file, end, len + 1), bytes, "{len} at {end}");
    }
    assert_eq!(script.read(file, 0, expected.len() + 1), expected);
    // What was refused for want of room is written again, to the same place.
    let again = pattern(99, 400_000);
    script.gather(file, 1, &[&again]);
    expected[1..=400_000].copy_from_slice(&again);
    assert_eq!(script.ok(DiskOp::Sync { file }), DiskOk::Done);
    assert_eq!(script.read(file, 0, expected.len() + 1), expected);
}

/// Growing adds zeros, also where longer content was before; shrinking cuts.
pub fn a_new_length_cuts_or_adds_zeros(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("segment", FileKind::Segment);
    script.write(file, 0, b"0123456789", false);
    for (len, expected) in [
        (4, b"0123".as_slice()),
        (6, b"0123\0\0".as_slice()),
        (0, b"".as_slice()),
    ] {
        assert_eq!(script.ok(DiskOp::SetLen { file, len }), DiskOk::Done);
        assert_eq!(script.read(file, 0, 20), expected);
    }
}

/// A new file is empty, an old one has the length it was left with.
pub fn opening_tells_the_length(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, len) = script.open("meta", FileKind::Meta);
    assert_eq!(len, 0);
    script.write(file, 0, b"content", false);
    assert_eq!(script.ok(DiskOp::Close { file }), DiskOk::Done);
    let (again, len) = script
        .try_open("meta", FileKind::Meta, false)
        .expect("the file is there");
    assert_eq!(len, 7);
    assert_eq!(script.read(again, 0, 7), b"content");
}

/// `durable` means durable, with nothing else done but syncing the new name.
pub fn a_durable_write_survives_a_crash(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("journal", FileKind::Journal);
    script.sync_dir("");
    let blocks = pattern(5, 3 * ALIGNMENT_BYTES);
    script.write(file, 0, &blocks, true);
    script.crash();
    let (file, len) = script
        .try_open("journal", FileKind::Journal, false)
        .expect("the name was synced");
    assert_eq!(len, blocks.len() as u64);
    assert_eq!(script.read(file, 0, blocks.len()), blocks);
}

/// A sync makes every write durable that completed before it.
pub fn synced_writes_survive_a_crash(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    script.ok(DiskOp::CreateDir {
        path: "topic-0".to_owned(),
    });
    script.sync_dir("");
    let (file, _) = script.open("topic-0/0.log", FileKind::Segment);
    script.sync_dir("topic-0");
    script.gather(file, 0, &[b"first ", b"second"]);
    script.write(file, 12, b" third", false);
    script.sync(file);
    script.crash();
    let (file, _) = script
        .try_open("topic-0/0.log", FileKind::Segment, false)
        .expect("the name was synced");
    assert_eq!(script.read(file, 0, 100), b"first second third");
}

/// What was overwritten without a sync is, sector by sector, the old or the new content.
pub fn an_unsynced_sector_is_old_or_new_after_a_crash(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("journal", FileKind::Journal);
    script.sync_dir("");
    let old = pattern(6, 8 * ALIGNMENT_BYTES);
    let new = pattern(7, 8 * ALIGNMENT_BYTES);
    script.write(file, 0, &old, true);
    script.write(file, 0, &new, false);
    script.crash();
    let (file, _) = script
        .try_open("journal", FileKind::Journal, false)
        .expect("the name was synced");
    let got = script.read(file, 0, old.len());
    assert_eq!(got.len(), old.len());
    for (at, sector) in got.chunks(SECTOR_BYTES).enumerate() {
        let range = at * SECTOR_BYTES..(at + 1) * SECTOR_BYTES;
        assert!(
            sector == &old[range.clone()] || sector == &new[range],
            "sector {at} is neither old nor new"
        );
    }
}
