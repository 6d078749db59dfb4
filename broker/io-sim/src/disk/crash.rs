//! How a process or the power ends while operations are under way, and what the disk holds then.
//! It completes no operation and decides nothing about when.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::{DiskOp, FileId, Instant};

use super::{InFlight, SimDisk};

impl SimDisk {
    /// Power loss: operations under way are torn, never complete, and all files are closed. Of what
    /// was not synced any sector may be lost. A hung or slow disk works again after it.
    pub fn crash(&mut self) {
        self.stats.crashes += 1;
        // Of each file, the writes under way in the order in which they were asked for.
        let mut torn: BTreeMap<u64, BTreeMap<u64, (u64, u64)>> = BTreeMap::new();
        for ((_, number), under_way) in std::mem::take(&mut self.in_flight) {
            let Some((file, offset, bytes)) = written(&under_way.op) else {
                continue;
            };
            let random = &mut self.random;
            let open = self.open.get(&file);
            let Some((file, content)) =
                open.and_then(|o| Some((o.file, self.files.get_mut(&o.file)?)))
            else {
                continue;
            };
            let (kept, lost) = content.write_torn(offset as usize, &bytes, random);
            self.stats.torn_writes += u64::from(kept > 0 && lost > 0);
            torn.entry(file).or_default().insert(number, (kept, lost));
        }
        self.stats.reordered += torn.values().filter(|writes| is_reordered(writes)).count() as u64;
        self.open.clear();
        for file in self.files.values_mut() {
            let left = file.crash(&mut self.random);
            self.stats.lost_sectors += left.lost;
            self.stats.reordered += u64::from(left.reordered);
        }
        self.stats.lost_names += self.tree.crash(&mut self.random);
        self.nameless.extend(self.files.keys());
        self.drop_nameless();
        self.hung_until = Instant::default();
        self.slow = (Instant::default(), 1);
        self.slow_syncs = (Instant::default(), std::time::Duration::ZERO);
    }

    /// `kill -9`: what was completed stays as it is, in the page cache or on the disk; of what is
    /// under way each operation happens or does not, a write perhaps up to one of its pages.
    pub fn kill(&mut self) {
        self.stats.kills += 1;
        for (_, under_way) in std::mem::take(&mut self.in_flight) {
            match self.random.below(3) {
                0 => {
                    let _ = self.complete(under_way);
                }
                1 => self.stats.cut_short += 1,
                _ => self.cut_short(&under_way),
            }
        }
        self.open.clear();
        self.drop_nameless();
    }

    fn cut_short(&mut self, under_way: &InFlight) {
        self.stats.cut_short += 1;
        let Some((file, offset, bytes)) = written(&under_way.op) else {
            return;
        };
        let pages = bytes.len().div_ceil(ALIGNMENT_BYTES) as u64;
        let kept = (self.random.below(pages + 1) as usize * ALIGNMENT_BYTES).min(bytes.len());
        self.seq += 1;
        let seq = self.seq;
        let open = self.open.get(&file);
        if let Some(content) = open.and_then(|o| self.files.get_mut(&o.file)) {
            // Whether it reached the device or only its cache, nobody was told.
            content.write(offset as usize, &bytes[..kept], false, seq);
        }
    }
}

/// Whether a write has something that one asked for before it lacks.
fn is_reordered(writes: &BTreeMap<u64, (u64, u64)>) -> bool {
    let first_lacking = writes.iter().find(|(_, (_, lost))| *lost > 0);
    first_lacking
        .is_some_and(|(number, _)| writes.range(number + 1..).any(|(_, (kept, _))| *kept > 0))
}

/// The file, place and bytes of an operation that writes.
fn written(op: &DiskOp) -> Option<(FileId, u64, Bytes)> {
    match op {
        DiskOp::Write {
            file,
            offset,
            buffer,
            ..
        } => Some((*file, *offset, Bytes::copy_from_slice(buffer))),
        DiskOp::WriteGather {
            file,
            offset,
            parts,
        } => Some((*file, *offset, Bytes::from(parts.concat()))),
        _ => None,
    }
}
