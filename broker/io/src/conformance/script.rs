//! Runs operations one at a time on a driver and names them, so that the promises read as a story.
//! It asserts only that each operation completes, once, within a bound of time.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::Fixture;
use crate::disk::Entry;
use crate::{Buffer, Disk, DiskDone, DiskError, DiskOk, DiskOp, FileId, FileKind, OpId};

/// How many waits without any completion make [`Script::finish`] call an operation lost.
const EMPTY_WAITS_MAX: u32 = 100;
/// How long one of those waits is.
const WAIT: Duration = Duration::from_millis(200);

/// A driver with counters for operations and files.
pub struct Script<'a> {
    fixture: &'a mut dyn Fixture,
    next_op: u64,
    next_file: u64,
    done: BTreeMap<OpId, DiskDone>,
}

impl<'a> Script<'a> {
    /// Starts on a fixture.
    pub fn new(fixture: &'a mut dyn Fixture) -> Script<'a> {
        Script {
            fixture,
            next_op: 0,
            next_file: 0,
            done: BTreeMap::new(),
        }
    }

    /// The driver itself.
    pub fn disk(&mut self) -> &mut dyn Disk {
        self.fixture.disk()
    }

    /// Loses power; every file must be opened again.
    pub fn crash(&mut self) {
        self.done.clear();
        self.fixture.crash();
    }

    /// Submits without waiting.
    pub fn begin(&mut self, op: DiskOp) -> OpId {
        self.next_op += 1;
        let id = OpId(self.next_op);
        self.fixture.disk().submit(id, op);
        id
    }

    /// Waits for one operation and gives its completion.
    pub fn finish(&mut self, id: OpId) -> DiskDone {
        let mut found = Vec::new();
        let mut empty_waits = 0;
        while empty_waits < EMPTY_WAITS_MAX {
            if let Some(done) = self.done.remove(&id) {
                return done;
            }
            self.fixture.disk().wait(Some(WAIT), &mut found);
            empty_waits += u32::from(found.is_empty());
            for done in found.drain(..) {
                assert!(
                    done.id.0 <= self.next_op,
                    "{:?} was never submitted",
                    done.id
                );
                let twice = self.done.insert(done.id, done);
                assert!(twice.is_none(), "{twice:?} completed twice");
            }
        }
        panic!("{id:?} did not complete");
    }

    /// Whether the completion of an operation has arrived while another was waited for.
    pub fn has_completed(&self, id: OpId) -> bool {
        self.done.contains_key(&id)
    }

    /// Submits and waits.
    pub fn run(&mut self, op: DiskOp) -> DiskDone {
        let id = self.begin(op);
        self.finish(id)
    }

    /// Submits, waits and expects success.
    pub fn ok(&mut self, op: DiskOp) -> DiskOk {
        let described = format!("{op:?}");
        match self.run(op).result {
            Ok(ok) => ok,
            Err(error) => panic!("{described}: {error}"),
        }
    }

    /// Opens (and makes) a file; gives its name and length.
    pub fn open(&mut self, path: &str, kind: FileKind) -> (FileId, u64) {
        self.try_open(path, kind, true)
            .unwrap_or_else(|error| panic!("open {path}: {error}"))
    }

    /// Opens a file.
    pub fn try_open(
        &mut self,
        path: &str,
        kind: FileKind,
        create: bool,
    ) -> Result<(FileId, u64), DiskError> {
        self.next_file += 1;
        let file = FileId(self.next_file);
        let op = DiskOp::Open {
            file,
            path: path.to_owned(),
            kind,
            create,
        };
        match self.run(op).result? {
            DiskOk::Opened { len } => Ok((file, len)),
            other => panic!("open {path} gave {other:?}"),
        }
    }

    /// Writes bytes at an offset.
    pub fn write(&mut self, file: FileId, offset: u64, bytes: &[u8], durable: bool) {
        let written = self.ok(DiskOp::Write {
            file,
            offset,
            buffer: filled(bytes),
            durable,
        });
        assert_eq!(written, DiskOk::Done);
    }

    /// Writes shared parts at an offset.
    pub fn gather(&mut self, file: FileId, offset: u64, parts: &[&[u8]]) {
        let parts = parts.iter().map(|part| Bytes::copy_from_slice(part));
        let written = self.ok(DiskOp::WriteGather {
            file,
            offset,
            parts: parts.collect(),
        });
        assert_eq!(written, DiskOk::Done);
    }

    /// Reads up to `len_bytes` at an offset.
    pub fn read(&mut self, file: FileId, offset: u64, len_bytes: usize) -> Vec<u8> {
        let done = self.run(DiskOp::Read {
            file,
            offset,
            buffer: Buffer::zeroed(len_bytes),
        });
        let buffer = done.buffer.expect("a read gives its buffer back");
        match done.result {
            Ok(DiskOk::Read { len }) => buffer[..len].to_vec(),
            other => panic!("read {file:?} at {offset} gave {other:?}"),
        }
    }

    /// Makes a file durable.
    pub fn sync(&mut self, file: FileId) {
        assert_eq!(self.ok(DiskOp::Sync { file }), DiskOk::Done);
    }

    /// Makes the entries of a directory durable.
    pub fn sync_dir(&mut self, path: &str) {
        let path = path.to_owned();
        assert_eq!(self.ok(DiskOp::SyncDir { path }), DiskOk::Done);
    }

    /// Lists a directory.
    pub fn list(&mut self, path: &str) -> Vec<Entry> {
        let path = path.to_owned();
        match self.ok(DiskOp::List { path }) {
            DiskOk::Listed(entries) => entries,
            other => panic!("list gave {other:?}"),
        }
    }
}

/// A buffer with these bytes.
pub(super) fn filled(bytes: &[u8]) -> Buffer {
    let mut buffer = Buffer::with_capacity(bytes.len());
    buffer.extend_from_slice(bytes);
    buffer
}
