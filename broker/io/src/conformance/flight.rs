//! Promises about operations under way: completions, refused operations, closing, waking.
//! What the operations do to files is the concern of `files.rs` and `names.rs`.

use std::time::{Duration, Instant};

use super::script::filled;
use super::{Fixture, Script};
use crate::buffer::ALIGNMENT_BYTES;
use crate::{Buffer, DiskError, DiskOk, DiskOp, FileId, FileKind};

/// A journal takes only aligned offsets and lengths; the refused buffer comes back.
pub fn unaligned_journal_operations_are_refused(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (file, _) = script.open("journal", FileKind::Journal);
    for (offset, len) in [(1, ALIGNMENT_BYTES), (0, 100), (512, ALIGNMENT_BYTES)] {
        let refused = DiskError::Misaligned {
            path: "journal".to_owned(),
            offset,
            len,
        };
        let write = script.run(DiskOp::Write {
            file,
            offset,
            buffer: Buffer::zeroed(len),
            durable: true,
        });
        assert_eq!(write.result, Err(refused.clone()));
        assert_eq!(write.buffer.map(|buffer| buffer.len()), Some(len));
        let read = script.run(DiskOp::Read {
            file,
            offset,
            buffer: Buffer::zeroed(len),
        });
        assert_eq!(read.result, Err(refused));
        assert_eq!(read.buffer.map(|buffer| buffer.len()), Some(len));
    }
}

/// Never opened, closed, or closed at this moment: `NotOpen`, and the buffer comes back.
pub fn operations_on_files_that_are_not_open_are_refused(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    let (closed, _) = script.open("segment", FileKind::Segment);
    let close = script.begin(DiskOp::Close { file: closed });
    for file in [FileId(999_999), closed] {
        let write = script.run(DiskOp::Write {
            file,
            offset: 0,
            buffer: filled(b"lost"),
            durable: false,
        });
        assert_eq!(write.result, Err(DiskError::NotOpen(file)));
        assert_eq!(write.buffer.as_deref(), Some(b"lost".as_slice()));
        for op in [
            DiskOp::Sync { file },
            DiskOp::SetLen { file, len: 1 },
            DiskOp::Close { file },
        ] {
            assert_eq!(script.run(op).result, Err(DiskError::NotOpen(file)));
        }
    }
    assert_eq!(script.finish(close).result, Ok(DiskOk::Done));
}

/// Hundreds of operations in flight: each completes once, with its own buffer and its own effect.
pub fn many_operations_complete_exactly_once(fixture: &mut dyn Fixture) {
    const FILES: u64 = 4;
    const BLOCKS: u64 = 150;
    let mut script = Script::new(fixture);
    let mut files = Vec::new();
    for n in 0..FILES {
        let kind = if n % 2 == 0 {
            FileKind::Journal
        } else {
            FileKind::Segment
        };
        files.push(script.open(&format!("file-{n}"), kind).0);
    }
    let mut under_way = Vec::new();
    for block in 0..BLOCKS {
        for file in &files {
            let byte = (file.0 * 31 + block) as u8;
            let id = script.begin(DiskOp::Write {
                file: *file,
                offset: block * ALIGNMENT_BYTES as u64,
                buffer: filled(&[byte; ALIGNMENT_BYTES]),
                durable: false,
            });
            under_way.push((id, byte));
        }
    }
    for (id, byte) in under_way {
        let done = script.finish(id);
        assert_eq!(done.result, Ok(DiskOk::Done));
        let buffer = done.buffer.expect("a write gives its buffer back");
        assert_eq!(buffer[0], byte, "the buffer of another operation");
    }
    for file in &files {
        let mut reads = Vec::new();
        for block in 0..BLOCKS {
            reads.push(script.begin(DiskOp::Read {
                file: *file,
                offset: block * ALIGNMENT_BYTES as u64,
                buffer: Buffer::zeroed(ALIGNMENT_BYTES),
            }));
        }
        for (block, id) in reads.into_iter().enumerate() {
            let done = script.finish(id);
            let len = ALIGNMENT_BYTES;
            assert_eq!(done.result, Ok(DiskOk::Read { len }));
            let buffer = done.buffer.expect("a read gives its buffer back");
            let byte = (file.0 * 31 + block as u64) as u8;
            assert!(buffer.iter().all(|got| *got == byte), "block {block}");
        }
    }
}

/// A close submitted behind a write completes after it, and the write is whole.
pub fn closing_waits_for_operations_under_way(fixture: &mut dyn Fixture) {
    let mut script = Script::new(fixture);
    for round in 0..20_u8 {
        let path = format!("journal-{round}");
        let (file, _) = script.open(&path, FileKind::Journal);
        let write = script.begin(DiskOp::Write {
            file,
            offset: 0,
            buffer: filled(&[round; 16 * ALIGNMENT_BYTES]),
            durable: true,
        });
        let close = script.begin(DiskOp::Close { file });
        assert_eq!(script.finish(close).result, Ok(DiskOk::Done));
        assert!(
            script.has_completed(write),
            "the close completed before the write"
        );
        assert_eq!(script.finish(write).result, Ok(DiskOk::Done));
        let (again, len) = script.open(&path, FileKind::Journal);
        assert_eq!(len, 16 * ALIGNMENT_BYTES as u64);
        assert_eq!(
            script.read(again, 0, ALIGNMENT_BYTES),
            [round; ALIGNMENT_BYTES]
        );
    }
}

/// A wake while nobody sleeps ends the next wait, and one wait only.
pub fn a_wake_before_the_wait_is_not_lost(fixture: &mut dyn Fixture) {
    let disk = fixture.disk();
    let waker = disk.waker();
    let mut found = Vec::new();
    for _ in 0..3 {
        waker.wake();
        waker.wake();
        // Without a bound of its own: a lost wake hangs, and the test runner ends it.
        disk.wait(None, &mut found);
        disk.wait(Some(Duration::from_millis(1)), &mut found);
    }
    assert!(found.is_empty());
}

/// Without completion and wake, a wait returns at its time-out, empty-handed.
pub fn a_wait_ends_at_its_timeout(fixture: &mut dyn Fixture) {
    let disk = fixture.disk();
    let mut found = Vec::new();
    let started = Instant::now();
    disk.wait(Some(Duration::from_millis(20)), &mut found);
    disk.wait(Some(Duration::ZERO), &mut found);
    assert!(found.is_empty());
    assert!(started.elapsed() < Duration::from_secs(10));
}
