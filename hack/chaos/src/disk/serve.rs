//! Serves the one file of a disk over FUSE.
//! It decides nothing: reads, writes and flushes go to the model.

use std::ffi::OsStr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, LockOwner, OpenFlags,
    ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyWrite, Request, WriteFlags,
};

use super::cache::{Disk, Failed};

/// The name of the file.
pub(super) const FILE: &str = "disk";
const FILE_NODE: INodeNo = INodeNo(2);
/// How long the kernel may believe attributes: the file never changes its size.
const TTL: Duration = Duration::from_secs(60);

/// The file system.
pub(super) struct Served(pub(super) Arc<Mutex<Disk>>);

impl Served {
    /// The model, once it does not hang.
    fn disk(&self) -> MutexGuard<'_, Disk> {
        loop {
            let mut disk = self.0.lock().expect("no holder of the disk panics");
            let Some(until) = disk.hangs_until() else {
                return disk;
            };
            drop(disk);
            sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    fn attributes(&self, node: INodeNo) -> Option<FileAttr> {
        let bytes = self.0.lock().expect("no holder of the disk panics").bytes();
        let (kind, size, perm) = match node {
            INodeNo::ROOT => (FileType::Directory, 0, 0o700),
            FILE_NODE => (FileType::RegularFile, bytes as u64, 0o600),
            _ => return None,
        };
        Some(FileAttr {
            ino: node,
            size,
            blocks: size / 512,
            atime: SystemTime::UNIX_EPOCH,
            mtime: SystemTime::UNIX_EPOCH,
            ctime: SystemTime::UNIX_EPOCH,
            crtime: SystemTime::UNIX_EPOCH,
            kind,
            perm,
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            flags: 0,
            blksize: 4096,
        })
    }
}

fn offset(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

impl Filesystem for Served {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.attributes(FILE_NODE) {
            Some(attributes) if parent == INodeNo::ROOT && name == FILE => {
                reply.entry(&TTL, &attributes, Generation(0));
            }
            _ => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, node: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.attributes(node) {
            Some(attributes) => reply.attr(&TTL, &attributes),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn read(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        at: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.disk().read(offset(at), size as usize) {
            Ok(data) => reply.data(&data),
            Err(Failed) => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _: &Request,
        _: INodeNo,
        _: FileHandle,
        at: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        match self.disk().write(offset(at), data) {
            Ok(written) => reply.written(u32::try_from(written).unwrap_or(0)),
            Err(Failed) => reply.error(Errno::EIO),
        }
    }

    /// `close`, which is no promise.
    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    /// The loop device turns a flush of the block layer into this.
    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        match self.disk().flush() {
            Ok(()) => reply.ok(),
            Err(Failed) => reply.error(Errno::EIO),
        }
    }
}
