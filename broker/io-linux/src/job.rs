//! An operation that was found to be in order, and carrying it out with blocking calls.
//! It holds no thread and no queue.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use kring_io::disk::Entry;
use kring_io::{Buffer, DiskError, DiskOk, FileId, FileKind, OpId};
use rustix::io::Errno;

use crate::bounce::Bounce;
use crate::errno::{disk_error, errno_of};
use crate::file::{OpenFile, resolve};

/// An operation on its way, with the open file instead of its name.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) id: OpId,
    pub(crate) work: Work,
}

/// Which of a driver's queues an operation waits in, so that none waits behind a slower sort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Journal blocks: somebody waits for an acknowledgement.
    Journal,
    /// Reads of everything else: a consumer waits.
    Read,
    /// Lazy writes, syncs and names.
    Rest,
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Work {
    Open {
        file: FileId,
        path: String,
        kind: FileKind,
        create: bool,
    },
    Close {
        open: Arc<OpenFile>,
    },
    OnFile {
        file: FileId,
        open: Arc<OpenFile>,
        act: Act,
    },
    Remove {
        path: String,
    },
    Rename {
        from: String,
        to: String,
    },
    CreateDir {
        path: String,
    },
    SyncDir {
        path: String,
    },
    List {
        path: String,
    },
}

/// What is to be done with an open file.
#[derive(Debug)]
pub(crate) enum Act {
    Read {
        offset: u64,
        buffer: Buffer,
    },
    Write {
        offset: u64,
        buffer: Buffer,
        durable: bool,
    },
    Gather {
        offset: u64,
        parts: Vec<Bytes>,
    },
    Sync,
    SetLen(u64),
}

/// What came of a job.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) id: OpId,
    pub(crate) result: Result<DiskOk, DiskError>,
    pub(crate) buffer: Option<Buffer>,
    /// The file that had this operation under way.
    pub(crate) on: Option<FileId>,
    /// The file that was opened.
    pub(crate) opened: Option<(FileId, OpenFile)>,
}

impl Job {
    /// Where it waits.
    pub(crate) fn lane(&self) -> Lane {
        match &self.work {
            Work::OnFile { open, act, .. } => match (act, open.kind) {
                (Act::Read { .. } | Act::Write { .. }, FileKind::Journal) => Lane::Journal,
                (Act::Read { .. }, _) => Lane::Read,
                _ => Lane::Rest,
            },
            _ => Lane::Rest,
        }
    }

    /// Does it, however long that takes.
    pub(crate) fn run(self, root: &Path, bounce: &mut Bounce) -> Finished {
        let mut finished = Finished {
            id: self.id,
            result: Ok(DiskOk::Done),
            buffer: None,
            on: None,
            opened: None,
        };
        finished.result = match self.work {
            Work::OnFile { file, open, act } => {
                finished.on = Some(file);
                act.run(&open, bounce, &mut finished.buffer)
            }
            Work::Open {
                file,
                path,
                kind,
                create,
            } => OpenFile::open(root, path, kind, create).map(|(open, len)| {
                finished.opened = Some((file, open));
                DiskOk::Opened { len }
            }),
            Work::Close { open } => {
                drop(open);
                Ok(DiskOk::Done)
            }
            Work::Remove { path } => remove(root, &path).map(|()| DiskOk::Done),
            Work::Rename { from, to } => rename(root, &from, &to).map(|()| DiskOk::Done),
            Work::CreateDir { path } => resolve(root, &path)
                .and_then(|full| fs::create_dir_all(full).map_err(at(&path)))
                .map(|()| DiskOk::Done),
            Work::SyncDir { path } => resolve(root, &path)
                .and_then(|full| {
                    let dir = fs::File::open(full).map_err(at(&path))?;
                    dir.sync_all().map_err(at(&path))
                })
                .map(|()| DiskOk::Done),
            Work::List { path } => list(root, &path).map(DiskOk::Listed),
        };
        finished
    }
}

impl Act {
    fn run(
        self,
        open: &OpenFile,
        bounce: &mut Bounce,
        back: &mut Option<Buffer>,
    ) -> Result<DiskOk, DiskError> {
        match self {
            Act::Read { offset, mut buffer } => {
                let read = open.read_at(offset, &mut buffer);
                *back = Some(buffer);
                read.map(|len| DiskOk::Read { len })
            }
            Act::Write {
                offset,
                buffer,
                durable,
            } => {
                let written = open.write_at(offset, &buffer, durable);
                *back = Some(buffer);
                written.map(|()| DiskOk::Done)
            }
            Act::Gather { offset, parts } => {
                open.gather_at(offset, parts, bounce).map(|()| DiskOk::Done)
            }
            Act::Sync => open.sync().map(|()| DiskOk::Done),
            Act::SetLen(len) => open.set_len(len).map(|()| DiskOk::Done),
        }
    }
}

/// Turns an error of the standard library into one that names the path.
fn at(path: &str) -> impl Fn(io::Error) -> DiskError + '_ {
    move |error| disk_error(errno_of(&error), path)
}

fn remove(root: &Path, path: &str) -> Result<(), DiskError> {
    let full = resolve(root, path)?;
    let removed = match fs::remove_file(&full) {
        Err(error) if errno_of(&error) == Errno::ISDIR => fs::remove_dir_all(&full),
        removed => removed,
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(at(path)),
    }
}

fn rename(root: &Path, from: &str, to: &str) -> Result<(), DiskError> {
    let (full_from, full_to) = (resolve(root, from)?, resolve(root, to)?);
    fs::rename(full_from, full_to).map_err(at(from))
}

fn list(root: &Path, path: &str) -> Result<Vec<Entry>, DiskError> {
    let full = resolve(root, path)?;
    let mut entries = Vec::new();
    for entry in fs::read_dir(full).map_err(at(path))? {
        let entry = entry.map_err(at(path))?;
        let metadata = match entry.metadata() {
            Ok(metadata) => metadata,
            // Removed by an operation beside this one.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(at(path)(error)),
        };
        // The broker writes only such names; a foreign one is not its to touch.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        let is_dir = metadata.is_dir();
        let len = if is_dir { 0 } else { metadata.len() };
        entries.push(Entry { name, len, is_dir });
    }
    entries.sort();
    Ok(entries)
}
