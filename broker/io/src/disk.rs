//! Disk operations as data, their completions, and the trait a driver implements.
//! It touches no file: paths are relative to a data directory that only the driver knows.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use thiserror::Error;

use crate::Buffer;

/// Names an operation until its completion. The engine chooses it; it is never reused in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId(pub u64);

/// Names an open file. The engine chooses it at [`DiskOp::Open`]; it is never reused in a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u64);

/// How a file is used, so that a driver can choose how to reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileKind {
    /// Recycled, written in aligned blocks that must be durable at completion (`O_DIRECT` and
    /// `RWF_DSYNC`). Offsets, lengths and buffers are multiples of [`crate::buffer::ALIGNMENT_BYTES`].
    Journal,
    /// Large lazy writes and reads of any alignment, made durable by [`DiskOp::Sync`].
    Segment,
    /// Small files written whole, made durable by [`DiskOp::Sync`].
    Meta,
}

/// One operation. Operations may complete in any order: an engine that needs an order waits for
/// the completion of the first. Every path is relative to the data directory, with `/` between.
#[derive(Debug)]
pub enum DiskOp {
    /// Opens a file for reading and writing → [`DiskOk::Opened`].
    Open {
        /// Its name from now on.
        file: FileId,
        /// Where it is.
        path: String,
        /// How it is used.
        kind: FileKind,
        /// Whether a missing file is made (its directory must exist) or is an error.
        create: bool,
    },
    /// Closes a file; operations of it that are still under way complete first.
    Close {
        /// The file.
        file: FileId,
    },
    /// Fills `buffer` (its length says how much) from `offset` → [`DiskOk::Read`], shorter at the end of the file.
    Read {
        /// The file.
        file: FileId,
        /// Position in bytes.
        offset: u64,
        /// Memory that belongs to the operation until it completes.
        buffer: Buffer,
    },
    /// Writes `buffer` whole at `offset`. With `durable` the completion means that it survives power loss.
    Write {
        /// The file.
        file: FileId,
        /// Position in bytes.
        offset: u64,
        /// Memory that belongs to the operation until it completes.
        buffer: Buffer,
        /// Whether completion implies durability.
        durable: bool,
    },
    /// Writes all parts one after the other at `offset`, not durable until a [`DiskOp::Sync`].
    WriteGather {
        /// The file, not of kind [`FileKind::Journal`].
        file: FileId,
        /// Position in bytes of the first part.
        offset: u64,
        /// Shared memory that nobody changes.
        parts: Vec<Bytes>,
    },
    /// Makes everything durable whose write completed before this was submitted (`fdatasync`).
    Sync {
        /// The file.
        file: FileId,
    },
    /// Sets the length of a file; what is added reads as zeros.
    SetLen {
        /// The file.
        file: FileId,
        /// Length in bytes.
        len: u64,
    },
    /// Removes a file, or a directory with all that is in it. A missing one is not an error.
    Remove {
        /// Where it is.
        path: String,
    },
    /// Renames a file over another.
    Rename {
        /// Where it is.
        from: String,
        /// Where it will be.
        to: String,
    },
    /// Makes a directory and those above it. An existing one is not an error.
    CreateDir {
        /// Where it will be.
        path: String,
    },
    /// Makes creations, removals and renames in a directory durable. `""` is the data directory.
    SyncDir {
        /// Where it is.
        path: String,
    },
    /// Lists a directory → [`DiskOk::Listed`], in the order of the names.
    List {
        /// Where it is.
        path: String,
    },
}

/// What a successful operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskOk {
    /// Nothing but success.
    Done,
    /// The file is open.
    Opened {
        /// Its length in bytes.
        len: u64,
    },
    /// The first `len` bytes of the buffer are filled.
    Read {
        /// Filled bytes; fewer than asked only at the end of the file.
        len: usize,
    },
    /// The entries of a directory.
    Listed(Vec<Entry>),
}

/// A directory entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Name within the directory.
    pub name: String,
    /// Length in bytes, 0 of a directory.
    pub len: u64,
    /// Whether it is a directory.
    pub is_dir: bool,
}

/// Why an operation failed. After a failed durable write or sync nothing is known of the content.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DiskError {
    /// The path does not exist (`ENOENT`).
    #[error("no such file or directory: {path}")]
    NotFound {
        /// The path, or the file's path.
        path: String,
    },
    /// The disk or the quota is full (`ENOSPC`, `EDQUOT`).
    #[error("no space left on the device for {path}")]
    NoSpace {
        /// The file's path.
        path: String,
    },
    /// The user may not do this (`EACCES`, `EPERM`, `EROFS`).
    #[error("permission denied or read-only: {path}")]
    Denied {
        /// The path.
        path: String,
    },
    /// The device failed (`EIO`) or the kernel gave another error.
    #[error("I/O error on {path}: errno {errno}")]
    Io {
        /// The file's path.
        path: String,
        /// The kernel's number.
        errno: i32,
    },
    /// An unaligned offset, length or buffer for a [`FileKind::Journal`] file: a bug of the engine.
    #[error("unaligned operation on {path} at {offset}+{len}")]
    Misaligned {
        /// The file's path.
        path: String,
        /// Offset in bytes.
        offset: u64,
        /// Length in bytes.
        len: usize,
    },
    /// The file is not open: a bug of the engine.
    #[error("file {0:?} is not open")]
    NotOpen(FileId),
}

/// The completion of an operation.
#[derive(Debug)]
pub struct DiskDone {
    /// Which one.
    pub id: OpId,
    /// What came of it.
    pub result: Result<DiskOk, DiskError>,
    /// The buffer of a [`DiskOp::Read`] or [`DiskOp::Write`], given back also after an error.
    pub buffer: Option<Buffer>,
}

/// Wakes a thread that sleeps in [`Disk::wait`]. Cheap to call when it is awake.
pub trait Wake: Send + Sync {
    /// Makes the current or the next [`Disk::wait`] return.
    fn wake(&self);
}

/// A driver: carries operations out and brings their completions back. Every submitted operation
/// completes exactly once.
pub trait Disk {
    /// Starts an operation. May be batched until the next [`Disk::poll`] or [`Disk::wait`].
    fn submit(&mut self, id: OpId, op: DiskOp);

    /// Adds the completions that are there to `done`; does not sleep.
    fn poll(&mut self, done: &mut Vec<DiskDone>);

    /// Sleeps until a completion, a [`Wake::wake`], or the time-out (none: for ever); adds the completions to `done`.
    fn wait(&mut self, timeout: Option<Duration>, done: &mut Vec<DiskDone>);

    /// A handle that other threads use to end a [`Disk::wait`].
    fn waker(&self) -> Arc<dyn Wake>;
}
