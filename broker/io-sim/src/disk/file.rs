//! One simulated file: what is readable, what survives a crash, and the sectors in between.
//! It knows neither names nor operations.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use kring_io::Random;

/// What a disk writes as a whole or not at all.
pub(super) const SECTOR_BYTES: usize = 512;

pub(super) type Sector = [u8; SECTOR_BYTES];

/// Content of a file. Each sector that was written and not synced keeps all its versions: a crash
/// leaves any of them.
#[derive(Clone, Debug, Default)]
pub(super) struct SimFile {
    /// What reads see.
    visible: Vec<u8>,
    /// What survives whatever happens.
    durable: Vec<u8>,
    /// Versions of sectors since their last sync, oldest first.
    unsynced: BTreeMap<usize, Vec<(u64, Sector)>>,
    /// The shortest length since the last sync.
    shortest_len: usize,
    /// Whether the length changed since the last sync.
    len_changed: bool,
    /// Sectors that damage has changed and no write has replaced since.
    damaged: BTreeSet<usize>,
    /// When and where something was last written: the number of the write, its first byte, its length.
    last_write: (u64, usize, usize),
}

/// What a crash left of a file.
pub(super) struct Left {
    /// Sectors that lost their newest version.
    pub(super) lost: u64,
    /// A sector kept a write that is younger than one that another lost.
    pub(super) reordered: bool,
}

impl SimFile {
    pub(super) fn len(&self) -> usize {
        self.visible.len()
    }

    pub(super) fn visible(&self) -> &[u8] {
        &self.visible
    }

    pub(super) fn read(&self, offset: usize, into: &mut [u8]) -> usize {
        let from = offset.min(self.visible.len());
        let len = into.len().min(self.visible.len() - from);
        into[..len].copy_from_slice(&self.visible[from..from + len]);
        len
    }

    /// A completed write; `seq` orders it against syncs.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8], durable: bool, seq: u64) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len();
        if end > self.visible.len() {
            self.visible.resize(end, 0);
            self.len_changed = true;
        }
        self.visible[offset..end].copy_from_slice(bytes);
        self.last_write = self.last_write.max((seq, offset, bytes.len()));
        if !self.damaged.is_empty() {
            let whole = offset.div_ceil(SECTOR_BYTES)..end / SECTOR_BYTES;
            self.damaged.retain(|at| !whole.contains(at));
        }
        let sectors = offset / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES);
        if durable {
            self.make_durable(sectors);
            return;
        }
        for at in sectors {
            let sector = self.sector(at);
            // Most sectors have one version, and a vector that grows makes room for four.
            let versions = self.unsynced.entry(at);
            versions
                .or_insert_with(|| Vec::with_capacity(1))
                .push((seq, sector));
        }
    }

    /// What is readable of these sectors is durable, and so is the length.
    fn make_durable(&mut self, sectors: Range<usize>) {
        while let Some((at, _)) = self.unsynced.range(sectors.clone()).next() {
            let at = *at;
            self.unsynced.remove(&at);
        }
        self.settle_len();
        let from = sectors.start * SECTOR_BYTES;
        let to = (sectors.end * SECTOR_BYTES).min(self.visible.len());
        self.durable[from..to].copy_from_slice(&self.visible[from..to]);
    }

    /// A write that the crash or an error interrupted: any of its sectors are there.
    /// Returns how many are and how many are not.
    pub(super) fn write_torn(
        &mut self,
        offset: usize,
        bytes: &[u8],
        random: &mut Random,
    ) -> (u64, u64) {
        let (mut kept, mut lost) = (0, 0);
        let mut at = offset;
        while at < offset + bytes.len() {
            let next = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(offset + bytes.len());
            if random.below(2) == 0 {
                self.write(at, &bytes[at - offset..next - offset], true, 0);
                kept += 1;
            } else {
                lost += 1;
            }
            at = next;
        }
        (kept, lost)
    }

    pub(super) fn set_len(&mut self, len: usize) {
        self.visible.resize(len, 0);
        self.shortest_len = self.shortest_len.min(len);
        self.len_changed = true;
        self.unsynced.retain(|at, _| at * SECTOR_BYTES < len);
        self.damaged.retain(|at| at * SECTOR_BYTES < len);
    }

    /// Makes everything durable that was written before `seq`.
    pub(super) fn sync(&mut self, seq: u64) {
        let cut = self.shortest_len.min(self.durable.len());
        self.durable.truncate(cut);
        let mut rest = BTreeMap::new();
        for (at, versions) in std::mem::take(&mut self.unsynced) {
            let mut later = Vec::new();
            for (written, sector) in versions {
                if written < seq {
                    put(&mut self.durable, at, &sector);
                } else {
                    later.push((written, sector));
                }
            }
            if !later.is_empty() {
                rest.insert(at, later);
            }
        }
        self.unsynced = rest;
        self.settle_len();
    }

    /// A sync that failed: what it was asked for is durable or never will be, although reads go on
    /// to show it.
    pub(super) fn sync_failed(&mut self, random: &mut Random) {
        for (at, versions) in std::mem::take(&mut self.unsynced) {
            if random.below(2) == 0 {
                let (_, sector) = versions
                    .last()
                    .expect("a version was pushed with its entry");
                put(&mut self.durable, at, sector);
            }
        }
    }

    /// Power loss: each unsynced sector has any of its versions or what was durable.
    pub(super) fn crash(&mut self, random: &mut Random) -> Left {
        let mut lost = 0;
        let (mut oldest_lost, mut newest_kept) = (u64::MAX, 0);
        let new_len = self.visible.len();
        let old_len = self.durable.len();
        for (at, versions) in std::mem::take(&mut self.unsynced) {
            let choice = random.below(versions.len() as u64 + 1) as usize;
            if choice < versions.len() {
                lost += 1;
                oldest_lost = oldest_lost.min(versions[choice].0);
            }
            if choice > 0 {
                newest_kept = newest_kept.max(versions[choice - 1].0);
                put(&mut self.durable, at, &versions[choice - 1].1);
            }
        }
        let len = if self.len_changed && random.below(2) == 0 {
            new_len
        } else {
            old_len
        };
        self.durable.resize(len, 0);
        self.visible.clone_from(&self.durable);
        self.shortest_len = len;
        self.len_changed = false;
        Left {
            lost,
            reordered: oldest_lost < newest_kept,
        }
    }

    /// Changes a bit at rest. Returns whether there is such a byte.
    pub(super) fn flip_bit(&mut self, byte: usize, bit: u8) -> bool {
        for content in [&mut self.visible, &mut self.durable] {
            if let Some(b) = content.get_mut(byte) {
                *b ^= 1 << (bit % 8);
            }
        }
        self.note_damage(byte..byte + 1);
        byte < self.visible.len()
    }

    /// Replaces the sector that holds a byte, at rest. Returns whether there is such a byte.
    pub(super) fn spoil_sector(&mut self, byte: usize, content: &Sector) -> bool {
        let from = byte / SECTOR_BYTES * SECTOR_BYTES;
        for bytes in [&mut self.visible, &mut self.durable] {
            let end = (from + SECTOR_BYTES).min(bytes.len());
            if from < end {
                bytes[from..end].copy_from_slice(&content[..end - from]);
            }
        }
        self.note_damage(byte..byte + 1);
        byte < self.visible.len()
    }

    /// These bytes are not what was written, or what should have been written there is not.
    pub(super) fn note_damage(&mut self, bytes: Range<usize>) {
        self.damaged
            .extend(bytes.start / SECTOR_BYTES..bytes.end.div_ceil(SECTOR_BYTES));
    }

    /// The number, first byte and length of the last write.
    pub(super) fn last_write(&self) -> (u64, usize, usize) {
        self.last_write
    }

    /// Sectors that are still damaged.
    pub(super) fn damaged(&self) -> usize {
        self.damaged.len()
    }

    /// Replaces the content, durable.
    pub(super) fn replace(&mut self, bytes: &[u8]) {
        *self = SimFile {
            visible: bytes.to_vec(),
            durable: bytes.to_vec(),
            unsynced: BTreeMap::new(),
            shortest_len: bytes.len(),
            len_changed: false,
            damaged: BTreeSet::new(),
            last_write: (0, 0, 0),
        };
    }

    fn sector(&self, at: usize) -> Sector {
        let mut sector = [0; SECTOR_BYTES];
        let from = at * SECTOR_BYTES;
        let len = SECTOR_BYTES.min(self.visible.len() - from);
        sector[..len].copy_from_slice(&self.visible[from..from + len]);
        sector
    }

    fn settle_len(&mut self) {
        self.durable.resize(self.visible.len(), 0);
        self.shortest_len = self.visible.len();
        self.len_changed = false;
    }
}

fn put(content: &mut Vec<u8>, at: usize, sector: &Sector) {
    let from = at * SECTOR_BYTES;
    if content.len() < from + SECTOR_BYTES {
        content.resize(from + SECTOR_BYTES, 0);
    }
    content[from..from + SECTOR_BYTES].copy_from_slice(sector);
}
