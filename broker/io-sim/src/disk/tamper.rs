//! What a test does to a disk besides using it: faults, damage, looking at what is there.
//! It completes no operation.

use std::time::Duration;

use kring_io::Instant;

use super::fault::Fault;
use super::file::SimFile;
use super::tree::{self, Node};
use super::{SimDisk, SimDiskStats};

impl SimDisk {
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

    /// Replaces the 512-byte sector around a byte of a file at rest. Returns whether the budget
    /// allowed it and the byte is there.
    pub fn spoil_sector(&mut self, path: &str, byte: u64, content: &[u8; 512]) -> bool {
        let Some(Node::File(file)) = self.tree.get(path) else {
            return false;
        };
        self.take_fault()
            && self
                .files
                .get_mut(&file)
                .is_some_and(|f| f.spoil_sector(byte as usize, content))
    }

    /// Sectors of all files that damage, a lost or a misdirected write has changed and no later
    /// write, cut or removal has replaced.
    #[must_use]
    pub fn damaged_sectors(&self) -> usize {
        self.files.values().map(SimFile::damaged).sum()
    }

    /// Where the last write to a file whose path contains `pattern` went: path, first byte, length.
    #[must_use]
    pub fn last_write(&self, pattern: &str) -> Option<(String, u64, u64)> {
        let files = self.tree.files().into_iter();
        let written = files
            .filter(|(path, _)| path.contains(pattern))
            .filter_map(|(path, file)| Some((self.files.get(&file)?.last_write(), path)))
            .max()?;
        let ((_, offset, len), path) = written;
        Some((path, offset as u64, len as u64))
    }

    /// Completes nothing before `until`; what is under way waits, too.
    pub fn hang(&mut self, until: Instant) {
        self.hung_until = self.hung_until.max(until);
        for ((due, number), under_way) in std::mem::take(&mut self.in_flight) {
            self.stats.hung += u64::from(due < until);
            self.in_flight.insert((due.max(until), number), under_way);
        }
    }

    /// Takes `factor` times as long for what is submitted before `until`.
    pub fn slow_down(&mut self, until: Instant, factor: u64) {
        self.slow = (until, factor);
    }

    /// Takes `longer` for each sync of a file that is submitted before `until`: a file system that has
    /// much to write back. Writes, also durable ones, take as long as ever.
    pub fn slow_syncs(&mut self, until: Instant, longer: Duration) {
        self.slow_syncs = (until, longer);
    }

    /// Ends hanging, slowness, faults that still wait for their operation, and want of space. What
    /// is damaged stays so.
    pub fn recover(&mut self) {
        self.slow = (Instant::default(), 1);
        self.slow_syncs = (Instant::default(), Duration::ZERO);
        self.faults.clear();
        self.config.capacity_bytes = u64::MAX;
        if self.hung_until > self.now {
            self.hung_until = self.now;
            for ((due, number), under_way) in std::mem::take(&mut self.in_flight) {
                self.in_flight
                    .insert((due.min(self.now), number), under_way);
            }
        }
    }

    /// Whether it hangs, is slow, is full, or has faults that wait.
    #[must_use]
    pub fn is_troubled(&self) -> bool {
        self.hung_until > self.now
            || self.slow.0 > self.now
            || self.slow_syncs.0 > self.now
            || !self.faults.is_empty()
            || self.config.capacity_bytes < u64::MAX
    }

    /// Bytes of all files together.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        self.files.values().map(|f| f.len() as u64).sum()
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
            self.loses_name(path);
            self.tree.unlink(path, 0);
            if let Some(dir) = self.tree.dir(tree::parent(path)) {
                self.tree.sync(dir, 1);
            }
            self.drop_nameless();
        }
        there
    }

    /// Puts a file there with its directories, durable, as somebody who copies a directory would.
    pub fn put_file(&mut self, path: &str, bytes: &[u8]) {
        let directories = path.match_indices('/').map(|(end, _)| &path[..end]);
        for directory in directories {
            if self.tree.get(directory).is_none() {
                self.tree.make_dir(directory, 0);
            }
        }
        let file = self.next_file;
        self.next_file += 1;
        let mut content = SimFile::default();
        content.replace(bytes);
        self.files.insert(file, content);
        self.loses_name(path);
        self.tree.link_file(path, file, 0);
        for directory in path
            .match_indices('/')
            .map(|(end, _)| &path[..end])
            .chain([""])
        {
            if let Some(dir) = self.tree.dir(directory) {
                self.tree.sync(dir, 1);
            }
        }
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
}
