//! Carries operations out at the moment of their completion.
//! When that is, and what a crash leaves, is the disk's to say.

use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::disk::Entry;
use kring_io::{Buffer, DiskDone, DiskError, DiskOk, DiskOp, FileId, FileKind};

use super::fault::{FaultKind, OpClass};
use super::file::SimFile;
use super::tree::{self, DirId, Node};
use super::{InFlight, OpenFile, SimDisk};

/// `EIO`: also what a name operation of the wrong kind gives.
const EIO: i32 = 5;

impl SimDisk {
    pub(super) fn complete(&mut self, under_way: InFlight) -> DiskDone {
        self.seq += 1;
        let InFlight { id, op, seq } = under_way;
        let class = OpClass::of(&op);
        let fault = if self.faults.is_empty() {
            None
        } else {
            let path = self.path_of(&op);
            self.faults.hit(class, &path)
        };
        self.note(fault, class);
        let (result, buffer) = match op {
            DiskOp::Read {
                file,
                offset,
                buffer,
            } => self.read(file, offset, buffer, fault),
            DiskOp::Write {
                file,
                offset,
                buffer,
                durable,
            } => {
                let result = self.write(file, offset, &buffer, durable, fault);
                (result, Some(buffer))
            }
            DiskOp::WriteGather {
                file,
                offset,
                parts,
            } => (
                self.write(file, offset, &parts.concat(), false, fault),
                None,
            ),
            DiskOp::Sync { file } => (self.sync(file, seq, fault), None),
            op => {
                let path = self.path_of(&op);
                (self.name_op(op, seq, path, fault), None)
            }
        };
        if matches!(result, Err(DiskError::NoSpace { .. })) {
            self.stats.refused_full += 1;
        }
        DiskDone { id, result, buffer }
    }

    fn note(&mut self, fault: Option<FaultKind>, class: OpClass) {
        match fault {
            None => return,
            Some(FaultKind::Io(_)) => self.stats.io_errors[class as usize] += 1,
            Some(FaultKind::Lost) => self.stats.lost_writes += 1,
            Some(FaultKind::Misdirected(_)) => self.stats.misdirected_writes += 1,
            Some(FaultKind::NoSpace) => {}
        }
        self.stats.faults += 1;
    }

    fn path_of(&self, op: &DiskOp) -> String {
        match op {
            DiskOp::Open { path, .. }
            | DiskOp::Remove { path }
            | DiskOp::CreateDir { path }
            | DiskOp::SyncDir { path }
            | DiskOp::List { path } => path.clone(),
            DiskOp::Rename { from, .. } => from.clone(),
            DiskOp::Close { file }
            | DiskOp::Read { file, .. }
            | DiskOp::Write { file, .. }
            | DiskOp::WriteGather { file, .. }
            | DiskOp::Sync { file }
            | DiskOp::SetLen { file, .. } => self
                .open
                .get(file)
                .map(|o| o.path.clone())
                .unwrap_or_default(),
        }
    }

    fn content_of(&mut self, file: FileId) -> Result<(&OpenFile, &mut SimFile), DiskError> {
        let open = self.open.get(&file).ok_or(DiskError::NotOpen(file))?;
        let content = self
            .files
            .get_mut(&open.file)
            .expect("an open file keeps its content");
        Ok((open, content))
    }

    fn read(
        &mut self,
        file: FileId,
        offset: u64,
        mut buffer: Buffer,
        fault: Option<FaultKind>,
    ) -> (Result<DiskOk, DiskError>, Option<Buffer>) {
        let result = self.content_of(file).and_then(|(open, content)| {
            check_aligned(open, offset, &buffer)?;
            fail(fault, &open.path)?;
            let len = content.read(offset as usize, &mut buffer);
            Ok(DiskOk::Read { len })
        });
        (result, Some(buffer))
    }

    fn write(
        &mut self,
        file: FileId,
        mut offset: u64,
        bytes: &[u8],
        durable: bool,
        fault: Option<FaultKind>,
    ) -> Result<DiskOk, DiskError> {
        let seq = self.seq;
        let room = match self.config.capacity_bytes {
            u64::MAX => u64::MAX,
            bytes => bytes.saturating_sub(self.used_bytes()),
        };
        let mut random = self.random.clone();
        let (open, content) = self.content_of(file)?;
        check_aligned(open, offset, bytes)?;
        let path = open.path.clone();
        match fault {
            Some(FaultKind::Lost) => {
                content.note_damage(offset as usize..offset as usize + bytes.len());
                return Ok(DiskOk::Done);
            }
            Some(FaultKind::Misdirected(by)) => {
                content.note_damage(offset as usize..offset as usize + bytes.len());
                offset += by;
            }
            Some(FaultKind::Io(_)) => {
                content.write_torn(offset as usize, bytes, &mut random);
                self.random = random;
            }
            _ => {}
        }
        fail(fault, &path)?;
        let (open, content) = self.content_of(file)?;
        let recycles = open.kind == FileKind::Journal
            && content
                .visible()
                .get(offset as usize)
                .is_some_and(|b| *b != 0);
        let end = offset + bytes.len() as u64;
        if end.saturating_sub(content.len() as u64) > room {
            return Err(DiskError::NoSpace { path });
        }
        content.write(offset as usize, bytes, durable, seq);
        if matches!(fault, Some(FaultKind::Misdirected(_))) {
            content.note_damage(offset as usize..end as usize);
        }
        self.stats.recycled_blocks += u64::from(recycles);
        Ok(DiskOk::Done)
    }

    fn sync(
        &mut self,
        file: FileId,
        seq: u64,
        fault: Option<FaultKind>,
    ) -> Result<DiskOk, DiskError> {
        let mut random = self.random.clone();
        let (open, content) = self.content_of(file)?;
        let path = open.path.clone();
        if fault.is_some() {
            content.sync_failed(&mut random);
        } else {
            content.sync(seq + 1);
        }
        self.random = random;
        fail(fault, &path)?;
        Ok(DiskOk::Done)
    }

    fn name_op(
        &mut self,
        op: DiskOp,
        synced_seq: u64,
        path: String,
        fault: Option<FaultKind>,
    ) -> Result<DiskOk, DiskError> {
        fail(fault, &path)?;
        let seq = self.seq;
        match op {
            DiskOp::Open {
                file,
                path,
                kind,
                create,
            } => return self.open(file, path, kind, create),
            DiskOp::Close { file } => {
                self.open.remove(&file).ok_or(DiskError::NotOpen(file))?;
                self.drop_nameless();
            }
            DiskOp::SetLen { file, len } => self.content_of(file)?.1.set_len(len as usize),
            DiskOp::Remove { path } => {
                if self.tree.get(&path).is_some() {
                    self.loses_name(&path);
                    self.tree.unlink(&path, seq);
                }
            }
            DiskOp::Rename { from, to } => {
                if self.tree.get(&from).is_none() {
                    return Err(DiskError::NotFound { path: from });
                }
                self.loses_name(&from);
                self.loses_name(&to);
                self.tree.rename(&from, &to, seq);
            }
            DiskOp::CreateDir { path } => self.create_dir(&path)?,
            DiskOp::SyncDir { path } => {
                let dir = self.need_dir(&path)?;
                self.tree.sync(dir, synced_seq + 1);
                self.drop_nameless();
            }
            DiskOp::List { path } => {
                let dir = self.need_dir(&path)?;
                return Ok(DiskOk::Listed(self.list(dir)));
            }
            _ => unreachable!("reads, writes and syncs have their own functions"),
        }
        Ok(DiskOk::Done)
    }

    fn open(
        &mut self,
        id: FileId,
        path: String,
        kind: FileKind,
        create: bool,
    ) -> Result<DiskOk, DiskError> {
        let file = match self.tree.get(&path) {
            Some(Node::File(file)) => file,
            Some(Node::Dir(_)) => return Err(DiskError::Io { path, errno: EIO }),
            None if create && self.tree.dir(tree::parent(&path)).is_some() => {
                let file = self.next_file;
                self.next_file += 1;
                self.files.insert(file, SimFile::default());
                self.tree.link_file(&path, file, self.seq);
                file
            }
            None => return Err(DiskError::NotFound { path }),
        };
        let len = self.files.get(&file).map_or(0, |f| f.len() as u64);
        self.open.insert(id, OpenFile { path, kind, file });
        Ok(DiskOk::Opened { len })
    }

    fn create_dir(&mut self, path: &str) -> Result<(), DiskError> {
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends.chain([path.len()]) {
            let dir = &path[..end];
            match self.tree.get(dir) {
                Some(Node::File(_)) => {
                    return Err(DiskError::Io {
                        path: dir.to_owned(),
                        errno: EIO,
                    });
                }
                Some(Node::Dir(_)) => {}
                None => self.tree.make_dir(dir, self.seq),
            }
        }
        Ok(())
    }

    fn need_dir(&self, path: &str) -> Result<DirId, DiskError> {
        self.tree.dir(path).ok_or_else(|| DiskError::NotFound {
            path: path.to_owned(),
        })
    }

    fn list(&self, dir: DirId) -> Vec<Entry> {
        let entry = |(name, node)| match node {
            Node::Dir(_) => Entry {
                name,
                len: 0,
                is_dir: true,
            },
            Node::File(file) => Entry {
                name,
                len: self.files.get(&file).map_or(0, |f| f.len() as u64),
                is_dir: false,
            },
        };
        self.tree.list(dir).into_iter().map(entry).collect()
    }
}

fn check_aligned(open: &OpenFile, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
    let aligned = offset.is_multiple_of(ALIGNMENT_BYTES as u64)
        && bytes.len().is_multiple_of(ALIGNMENT_BYTES)
        && bytes.as_ptr().align_offset(ALIGNMENT_BYTES) == 0;
    if open.kind == FileKind::Journal && !aligned {
        return Err(DiskError::Misaligned {
            path: open.path.clone(),
            offset,
            len: bytes.len(),
        });
    }
    Ok(())
}

fn fail(fault: Option<FaultKind>, path: &str) -> Result<(), DiskError> {
    let path = path.to_owned();
    match fault {
        Some(FaultKind::Io(errno)) => Err(DiskError::Io { path, errno }),
        Some(FaultKind::NoSpace) => Err(DiskError::NoSpace { path }),
        _ => Ok(()),
    }
}
