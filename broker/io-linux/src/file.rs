//! An open file and what can be done with it: whole reads, whole writes, durable writes.
//! It blocks, so only worker threads call it; the ring uses its descriptor alone.

use std::fs::File;
use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::{DiskError, FileKind};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, ReadWriteFlags};

use crate::bounce::{Bounce, Plan, split};
use crate::errno::disk_error;

/// Parts of one gathering write; the kernel's own limit (`IOV_MAX`) is 1024.
const PARTS_PER_WRITE_MAX: usize = 1024;
/// Fewer whole pages than these are not worth a second descriptor and a write of their own.
const DIRECT_BYTES_MIN: usize = 128 << 10;

/// An open file of a driver.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: File,
    /// Relative to the data directory, for errors.
    pub(crate) path: String,
    pub(crate) kind: FileKind,
}

/// Joins a relative path to the data directory. A path that would leave it is denied.
pub(crate) fn resolve(root: &Path, path: &str) -> Result<PathBuf, DiskError> {
    let inside = Path::new(path)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if inside {
        Ok(root.join(path))
    } else {
        Err(DiskError::Denied {
            path: path.to_owned(),
        })
    }
}

impl OpenFile {
    /// Opens a file; gives it with its length. Journals bypass the page cache where the file
    /// system can (`O_DIRECT`), and go through it where it cannot: durability comes from
    /// `RWF_DSYNC` in both cases.
    pub(crate) fn open(
        root: &Path,
        path: String,
        kind: FileKind,
        create: bool,
    ) -> Result<(OpenFile, u64), DiskError> {
        let full = resolve(root, &path)?;
        let mut flags = OFlags::RDWR | OFlags::CLOEXEC;
        if create {
            flags |= OFlags::CREATE;
        }
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP;
        let direct = match kind {
            FileKind::Journal => OFlags::DIRECT,
            FileKind::Segment | FileKind::Meta => OFlags::empty(),
        };
        let opened = match rustix::fs::open(&full, flags | direct, mode) {
            Err(Errno::INVAL) if !direct.is_empty() => rustix::fs::open(&full, flags, mode),
            opened => opened,
        };
        let file = File::from(opened.map_err(|errno| disk_error(errno, &path))?);
        let stat = rustix::fs::fstat(&file).map_err(|errno| disk_error(errno, &path))?;
        let len = u64::try_from(stat.st_size).unwrap_or(0);
        Ok((OpenFile { file, path, kind }, len))
    }

    /// The descriptor, valid as long as `self`.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Whether an operation keeps the alignment that direct access asks for. It is the same rule
    /// where direct access is not to be had, so that no engine comes to rely on its absence.
    pub(crate) fn check_alignment(&self, offset: u64, len: usize) -> Result<(), DiskError> {
        let aligned =
            offset.is_multiple_of(ALIGNMENT_BYTES as u64) && len.is_multiple_of(ALIGNMENT_BYTES);
        if self.kind == FileKind::Journal && !aligned {
            return Err(DiskError::Misaligned {
                path: self.path.clone(),
                offset,
                len,
            });
        }
        Ok(())
    }

    /// Fills `into` from `offset`; gives how much there was before the end of the file.
    pub(crate) fn read_at(&self, offset: u64, into: &mut [u8]) -> Result<usize, DiskError> {
        let mut filled = 0;
        while filled < into.len() {
            match rustix::io::pread(&self.file, &mut into[filled..], offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.error(errno)),
            }
            // A direct read that stops off the alignment has met the end, and the next would be refused.
            if self.kind == FileKind::Journal && !filled.is_multiple_of(ALIGNMENT_BYTES) {
                break;
            }
        }
        Ok(filled)
    }

    /// Writes all of `bytes` at `offset`; with `durable` they are on the device at return.
    pub(crate) fn write_at(
        &self,
        offset: u64,
        bytes: &[u8],
        durable: bool,
    ) -> Result<(), DiskError> {
        let flags = if durable {
            ReadWriteFlags::DSYNC
        } else {
            ReadWriteFlags::empty()
        };
        let mut written = 0;
        while written < bytes.len() {
            let rest = [IoSlice::new(&bytes[written..])];
            match rustix::io::pwritev2(&self.file, &rest, offset + written as u64, flags) {
                Ok(0) => return Err(self.error(Errno::IO)),
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                Err(errno) => return Err(self.error(errno)),
            }
        }
        Ok(())
    }

    /// Writes parts one behind the other at `offset`. What is large and of a segment goes past the page cache, but for
    /// the pages that it only begins or ends.
    pub(crate) fn gather_at(
        &self,
        offset: u64,
        parts: Vec<Bytes>,
        bounce: &mut Bounce,
    ) -> Result<(), DiskError> {
        let plan = Plan::of(offset, parts.iter().map(Bytes::len).sum());
        if self.kind != FileKind::Segment || plan.pages_bytes < DIRECT_BYTES_MIN {
            return self.gather_cached(offset, &parts);
        }
        let Some(direct) = self.reopen_direct() else {
            return self.gather_cached(offset, &parts);
        };
        let (begun, rest) = split(parts, plan.begun_bytes);
        let (pages, ended) = split(rest, plan.pages_bytes);
        let pages_at = offset + plan.begun_bytes as u64;
        self.gather_cached(offset, &begun)?;
        bounce.each(&pages, |at, bytes| {
            self.write_direct(&direct, pages_at + at, bytes)
        })?;
        self.gather_cached(pages_at + plan.pages_bytes as u64, &ended)
    }

    /// The file once more, past the page cache; none where the file system cannot. A descriptor of its own, because the
    /// flag belongs to all who use one, and readers do not keep the alignment.
    fn reopen_direct(&self) -> Option<File> {
        let link = format!("/proc/self/fd/{}", self.file.as_raw_fd());
        let flags = OFlags::WRONLY | OFlags::DIRECT | OFlags::CLOEXEC;
        rustix::fs::open(link, flags, Mode::empty())
            .ok()
            .map(File::from)
    }

    /// Writes aligned bytes past the page cache, and through it where the disk asks for more alignment.
    fn write_direct(&self, direct: &File, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        let mut written = 0;
        while written < bytes.len() {
            let at = offset + written as u64;
            match rustix::io::pwrite(direct, &bytes[written..], at) {
                Ok(0) => return Err(self.error(Errno::IO)),
                Ok(more) => written += more,
                Err(Errno::INTR) => {}
                Err(Errno::INVAL) => return self.write_at(at, &bytes[written..], false),
                Err(errno) => return Err(self.error(errno)),
            }
        }
        Ok(())
    }

    fn gather_cached(&self, mut offset: u64, parts: &[Bytes]) -> Result<(), DiskError> {
        let mut parts = parts;
        let mut skip = 0;
        while let Some(first) = parts.first() {
            if skip == first.len() {
                parts = &parts[1..];
                skip = 0;
                continue;
            }
            let mut slices = Vec::with_capacity(parts.len().min(PARTS_PER_WRITE_MAX));
            slices.push(IoSlice::new(&first[skip..]));
            let more = parts[1..].iter().take(PARTS_PER_WRITE_MAX - 1);
            slices.extend(more.map(|part| IoSlice::new(part)));
            let mut written = match rustix::io::pwritev(&self.file, &slices, offset) {
                Ok(0) => return Err(self.error(Errno::IO)),
                Ok(written) => written,
                Err(Errno::INTR) => continue,
                Err(errno) => return Err(self.error(errno)),
            };
            offset += written as u64;
            while written > 0 {
                let step = written.min(parts[0].len() - skip);
                written -= step;
                skip += step;
                if skip == parts[0].len() {
                    parts = &parts[1..];
                    skip = 0;
                }
            }
        }
        Ok(())
    }

    /// Makes the content durable. An error is final: the kernel may have dropped what it could not write.
    pub(crate) fn sync(&self) -> Result<(), DiskError> {
        rustix::fs::fdatasync(&self.file).map_err(|errno| self.error(errno))
    }

    /// Sets the length.
    pub(crate) fn set_len(&self, len: u64) -> Result<(), DiskError> {
        rustix::fs::ftruncate(&self.file, len).map_err(|errno| self.error(errno))
    }

    /// The seam's error for this file.
    pub(crate) fn error(&self, errno: Errno) -> DiskError {
        disk_error(errno, &self.path)
    }
}
