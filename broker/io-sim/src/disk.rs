//! A disk in memory with a volatile cache, latencies, crashes and faults, as a [`Disk`].
//! It has no clock of its own: its owner moves the time, or sleeps in [`Disk::wait`], which does.

pub mod config;
pub mod fault;
mod file;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::disk::Entry;
use kring_io::{
    Buffer, Disk, DiskDone, DiskError, DiskOk, DiskOp, FileId, FileKind, Instant, OpId, Random,
    Wake,
};

use config::SimDiskConfig;
use fault::{Fault, FaultKind, Faults, OpClass};
use file::SimFile;
use tree::{DirId, Node, Tree};

/// `EIO`: also what a name operation of the wrong kind gives.
const EIO: i32 = 5;

/// What faults and crashes did, so that a test can see that they bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SimDiskStats {
    /// Operations submitted.
    pub operations: u64,
    /// Crashes.
    pub crashes: u64,
    /// Sectors whose newest version a crash lost.
    pub lost_sectors: u64,
    /// Writes of which a crash kept some sectors and lost others.
    pub torn_writes: u64,
    /// Changes of names that a crash lost.
    pub lost_names: u64,
    /// Faults that hit an operation.
    pub faults: u64,
}

struct OpenFile {
    path: String,
    kind: FileKind,
    file: u64,
}

struct InFlight {
    id: OpId,
    op: DiskOp,
    /// What had completed when it was submitted.
    seq: u64,
}

/// A simulated disk. Two with the same seed that are used alike behave alike.
pub struct SimDisk {
    config: SimDiskConfig,
    random: Random,
    now: Instant,
    /// Rises with every completed change.
    seq: u64,
    next_file: u64,
    tree: Tree,
    files: BTreeMap<u64, SimFile>,
    open: BTreeMap<FileId, OpenFile>,
    in_flight: BTreeMap<(Instant, u64), InFlight>,
    next_submission: u64,
    faults: Faults,
    faults_left: u32,
    stats: SimDiskStats,
    woken: Arc<Woken>,
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl SimDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64, config: SimDiskConfig) -> SimDisk {
        SimDisk {
            random: Random::new(seed),
            now: Instant::default(),
            seq: 1,
            next_file: 1,
            tree: Tree::default(),
            files: BTreeMap::new(),
            open: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            next_submission: 0,
            faults: Faults::default(),
            faults_left: config.fault_budget,
            stats: SimDiskStats::default(),
            woken: Arc::default(),
            config,
        }
    }

    /// The disk's time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Moves the time forward; [`Disk::poll`] then gives what has completed until then.
    pub fn set_now(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// When the next operation completes, if one is under way.
    #[must_use]
    pub fn next_completion(&self) -> Option<Instant> {
        self.in_flight.keys().next().map(|(due, _)| *due)
    }

    /// Power loss: operations under way are torn, never complete, and all files are closed.
    pub fn crash(&mut self) {
        self.stats.crashes += 1;
        for (_, under_way) in std::mem::take(&mut self.in_flight) {
            let (file, offset, parts) = match &under_way.op {
                DiskOp::Write {
                    file,
                    offset,
                    buffer,
                    ..
                } => (file, *offset, vec![Bytes::copy_from_slice(buffer)]),
                DiskOp::WriteGather {
                    file,
                    offset,
                    parts,
                } => (file, *offset, parts.clone()),
                _ => continue,
            };
            let Some(content) = self
                .open
                .get(file)
                .and_then(|o| self.files.get_mut(&o.file))
            else {
                continue;
            };
            let (kept, lost) =
                content.write_torn(offset as usize, &parts.concat(), &mut self.random);
            self.stats.torn_writes += u64::from(kept > 0 && lost > 0);
        }
        self.open.clear();
        for file in self.files.values_mut() {
            self.stats.lost_sectors += file.crash(&mut self.random);
        }
        self.stats.lost_names += self.tree.crash(&mut self.random);
        self.drop_nameless();
    }

    /// Adds a fault. Returns whether the budget allowed it.
    pub fn inject(&mut self, fault: Fault) -> bool {
        let allowed = self.take_fault();
        if allowed {
            self.faults.add(fault);
        }
        allowed
    }

    /// Flips a bit of a file at rest. Returns whether the budget allowed it and the byte is there.
    pub fn flip_bit(&mut self, path: &str, byte: u64, bit: u8) -> bool {
        let Some(Node::File(file)) = self.tree.get(path) else {
            return false;
        };
        self.take_fault()
            && self
                .files
                .get_mut(&file)
                .is_some_and(|f| f.flip_bit(byte as usize, bit))
    }

    /// Changes how large the disk is, as when somebody frees space.
    pub fn set_capacity(&mut self, capacity_bytes: u64) {
        self.config.capacity_bytes = capacity_bytes;
    }

    /// What a file holds, as reads see it.
    #[must_use]
    pub fn content(&self, path: &str) -> Option<&[u8]> {
        match self.tree.get(path)? {
            Node::File(file) => self.files.get(&file).map(SimFile::visible),
            Node::Dir(_) => None,
        }
    }

    /// Replaces what an existing file holds, durable, as somebody at the machine would.
    pub fn set_content(&mut self, path: &str, bytes: &[u8]) -> bool {
        let Some(Node::File(file)) = self.tree.get(path) else {
            return false;
        };
        self.files
            .get_mut(&file)
            .map(|f| f.replace(bytes))
            .is_some()
    }

    /// Removes a file, durable, as somebody at the machine would. Returns whether it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        let there = self.tree.get(path).is_some();
        if there {
            self.tree.unlink(path, 0);
            if let Some(dir) = self.tree.dir(tree::parent(path)) {
                self.tree.sync(dir, 1);
            }
            self.drop_nameless();
        }
        there
    }

    /// All paths of files, in order.
    #[must_use]
    pub fn paths(&self) -> Vec<String> {
        self.tree
            .files()
            .into_iter()
            .map(|(path, _)| path)
            .collect()
    }

    /// Whether there is a file or directory of this path.
    #[must_use]
    pub fn exists(&self, path: &str) -> bool {
        self.tree.get(path).is_some()
    }

    /// What faults and crashes did.
    #[must_use]
    pub fn stats(&self) -> SimDiskStats {
        self.stats
    }

    fn take_fault(&mut self) -> bool {
        let allowed = self.faults_left > 0;
        self.faults_left = self.faults_left.saturating_sub(1);
        allowed
    }

    fn latency(&mut self, op: &DiskOp) -> Duration {
        let flushes = matches!(
            op,
            DiskOp::Write { durable: true, .. } | DiskOp::Sync { .. } | DiskOp::SyncDir { .. }
        );
        let (from, to) = if flushes {
            self.config.flush_latency_ns
        } else {
            self.config.latency_ns
        };
        let mut ns = from + self.random.below(to.saturating_sub(from) + 1);
        if self.config.slow_one_in > 0 && self.random.below(self.config.slow_one_in) == 0 {
            ns *= 20;
        }
        Duration::from_nanos(ns)
    }

    fn complete(&mut self, under_way: InFlight) -> DiskDone {
        self.seq += 1;
        let InFlight { id, op, seq } = under_way;
        let path = self.path_of(&op);
        let fault = self.faults.hit(OpClass::of(&op), &path);
        self.stats.faults += u64::from(fault.is_some());
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
            op => (self.name_op(op, seq, path, fault), None),
        };
        DiskDone { id, result, buffer }
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
        let used: u64 = self.files.values().map(|f| f.len() as u64).sum();
        let room = self.config.capacity_bytes.saturating_sub(used);
        let mut random = self.random.clone();
        let (open, content) = self.content_of(file)?;
        check_aligned(open, offset, bytes)?;
        let path = open.path.clone();
        match fault {
            Some(FaultKind::Lost) => return Ok(DiskOk::Done),
            Some(FaultKind::Misdirected(by)) => offset += by,
            Some(FaultKind::Io(_)) => {
                content.write_torn(offset as usize, bytes, &mut random);
                self.random = random;
            }
            _ => {}
        }
        fail(fault, &path)?;
        let (_, content) = self.content_of(file)?;
        let end = offset + bytes.len() as u64;
        if end.saturating_sub(content.len() as u64) > room {
            return Err(DiskError::NoSpace { path });
        }
        content.write(offset as usize, bytes, durable, seq);
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
                    self.tree.unlink(&path, seq);
                }
            }
            DiskOp::Rename { from, to } => {
                if self.tree.get(&from).is_none() {
                    return Err(DiskError::NotFound { path: from });
                }
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

    fn drop_nameless(&mut self) {
        let (tree, open) = (&self.tree, &self.open);
        self.files
            .retain(|file, _| tree.names(*file) || open.values().any(|o| o.file == *file));
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

impl Disk for SimDisk {
    fn submit(&mut self, id: OpId, op: DiskOp) {
        self.stats.operations += 1;
        let mut due = self.now + self.latency(&op);
        // Closing waits for what is under way on the file.
        if let DiskOp::Close { file } = &op {
            let last = self.in_flight.iter().filter(|(_, o)| uses(&o.op, *file));
            due = last.map(|((at, _), _)| *at).fold(due, Instant::max);
        }
        self.next_submission += 1;
        let under_way = InFlight {
            id,
            op,
            seq: self.seq,
        };
        self.in_flight
            .insert((due, self.next_submission), under_way);
    }

    fn poll(&mut self, done: &mut Vec<DiskDone>) {
        while let Some(first) = self.in_flight.first_entry() {
            if first.key().0 > self.now {
                break;
            }
            let under_way = first.remove();
            let completion = self.complete(under_way);
            done.push(completion);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, done: &mut Vec<DiskDone>) {
        if !self.woken.0.swap(false, Ordering::SeqCst) {
            let until = timeout.map(|t| self.now + t);
            match (self.next_completion(), until) {
                (Some(next), Some(until)) => self.set_now(next.min(until)),
                (Some(at), None) | (None, Some(at)) => self.set_now(at),
                (None, None) => {}
            }
        }
        self.poll(done);
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.woken.clone()
    }
}

fn uses(op: &DiskOp, wanted: FileId) -> bool {
    match op {
        DiskOp::Read { file, .. }
        | DiskOp::Write { file, .. }
        | DiskOp::WriteGather { file, .. }
        | DiskOp::Sync { file }
        | DiskOp::SetLen { file, .. } => *file == wanted,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
