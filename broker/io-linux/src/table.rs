//! The open files of a driver: who may be operated on, and who waits to be closed.
//! It calls nothing of the kernel.

use std::collections::BTreeMap;
use std::sync::Arc;

use kring_io::{Buffer, DiskDone, DiskError, DiskOp, FileId, FileKind, OpId};

use crate::file::OpenFile;
use crate::job::{Act, Finished, Job, Work};

/// What becomes of a submitted operation.
pub(crate) enum Admitted {
    /// It is to be carried out.
    Run(Job),
    /// It is refused.
    Refused(DiskDone),
    /// A close that waits for operations under way.
    Waits,
}

/// All open files by their names.
#[derive(Default)]
pub(crate) struct FileTable {
    files: BTreeMap<FileId, Open>,
}

struct Open {
    file: Arc<OpenFile>,
    under_way: usize,
    closing: Option<OpId>,
}

impl FileTable {
    /// Checks an operation and turns names into files.
    pub(crate) fn admit(&mut self, id: OpId, op: DiskOp) -> Admitted {
        let work = match op {
            DiskOp::Open {
                file,
                path,
                kind,
                create,
            } => Work::Open {
                file,
                path,
                kind,
                create,
            },
            DiskOp::Close { file } => return self.close(id, file),
            DiskOp::Read {
                file,
                offset,
                buffer,
            } => return self.on_file(id, file, Act::Read { offset, buffer }),
            DiskOp::Write {
                file,
                offset,
                buffer,
                durable,
            } => {
                let act = Act::Write {
                    offset,
                    buffer,
                    durable,
                };
                return self.on_file(id, file, act);
            }
            DiskOp::WriteGather {
                file,
                offset,
                parts,
            } => return self.on_file(id, file, Act::Gather { offset, parts }),
            DiskOp::Sync { file } => return self.on_file(id, file, Act::Sync),
            DiskOp::SetLen { file, len } => return self.on_file(id, file, Act::SetLen(len)),
            DiskOp::Remove { path } => Work::Remove { path },
            DiskOp::Rename { from, to } => Work::Rename { from, to },
            DiskOp::CreateDir { path } => Work::CreateDir { path },
            DiskOp::SyncDir { path } => Work::SyncDir { path },
            DiskOp::List { path } => Work::List { path },
        };
        Admitted::Run(Job { id, work })
    }

    /// Takes note that a job is done. Gives the close that waited for it, if it was the last.
    pub(crate) fn finish(&mut self, finished: Finished, done: &mut Vec<DiskDone>) -> Option<Job> {
        if let Some((id, file)) = finished.opened {
            let open = Open {
                file: Arc::new(file),
                under_way: 0,
                closing: None,
            };
            self.files.insert(id, open);
        }
        done.push(DiskDone {
            id: finished.id,
            result: finished.result,
            buffer: finished.buffer,
        });
        let file = finished.on?;
        let open = self.files.get_mut(&file)?;
        open.under_way -= 1;
        match open.closing {
            Some(id) if open.under_way == 0 => self.take_for_closing(id, file),
            _ => None,
        }
    }

    fn close(&mut self, id: OpId, file: FileId) -> Admitted {
        match self.files.get_mut(&file) {
            Some(open) if open.closing.is_none() => {
                open.closing = Some(id);
                if open.under_way > 0 {
                    return Admitted::Waits;
                }
                self.take_for_closing(id, file)
                    .map_or(Admitted::Waits, Admitted::Run)
            }
            _ => refused(id, DiskError::NotOpen(file), None),
        }
    }

    fn take_for_closing(&mut self, id: OpId, file: FileId) -> Option<Job> {
        let open = self.files.remove(&file)?.file;
        let work = Work::Close { open };
        Some(Job { id, work })
    }

    fn on_file(&mut self, id: OpId, file: FileId, act: Act) -> Admitted {
        let Some(open) = self.files.get_mut(&file) else {
            return refused(id, DiskError::NotOpen(file), act.into_buffer());
        };
        if open.closing.is_some() {
            return refused(id, DiskError::NotOpen(file), act.into_buffer());
        }
        if let Err(error) = check(&open.file, &act) {
            return refused(id, error, act.into_buffer());
        }
        open.under_way += 1;
        let open = Arc::clone(&open.file);
        let work = Work::OnFile { file, open, act };
        Admitted::Run(Job { id, work })
    }
}

fn check(file: &OpenFile, act: &Act) -> Result<(), DiskError> {
    match act {
        Act::Read { offset, buffer } | Act::Write { offset, buffer, .. } => {
            file.check_alignment(*offset, buffer.len())
        }
        Act::Gather { offset, parts } if file.kind == FileKind::Journal => {
            let len = parts.iter().map(|part| part.len()).sum();
            // The parts' memory is not aligned, so no gathering write of a journal can be.
            Err(DiskError::Misaligned {
                path: file.path.clone(),
                offset: *offset,
                len,
            })
        }
        Act::Gather { .. } | Act::Sync | Act::SetLen(_) => Ok(()),
    }
}

fn refused(id: OpId, error: DiskError, buffer: Option<Buffer>) -> Admitted {
    Admitted::Refused(DiskDone {
        id,
        result: Err(error),
        buffer,
    })
}

impl Act {
    fn into_buffer(self) -> Option<Buffer> {
        match self {
            Act::Read { buffer, .. } | Act::Write { buffer, .. } => Some(buffer),
            Act::Gather { .. } | Act::Sync | Act::SetLen(_) => None,
        }
    }
}
