//! Which segment files are open, who waits for one, and which hold data that no sync covers yet.
//! It decides which file to close; what is done with the files is its callers' business.

use std::collections::BTreeMap;

use kring_io::FileId;
use kring_wire::ids::TopicPartition;

use super::SegmentKey;
use crate::event::ReadId;

/// Who asked for a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waiter {
    /// The flush of a partition.
    Flush(TopicPartition),
    /// A read.
    Read(ReadId),
}

/// An open file, or one that is being opened.
#[derive(Debug)]
pub(crate) struct SegmentFile {
    pub(crate) file: FileId,
    /// Its length when it was opened; `None` until then.
    pub(crate) opened_bytes: Option<u64>,
    waiters: Vec<Waiter>,
    users: u32,
    last_used: u64,
    /// Writes that completed.
    written: u64,
    /// Writes that a completed sync covers.
    synced: u64,
    /// Close when the last user is done.
    doomed: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Files {
    open: BTreeMap<SegmentKey, SegmentFile>,
    clock: u64,
}

/// What to do about a file somebody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Acquired {
    /// It is open.
    Open(FileId),
    /// Open it under this name, then call [`Files::opened`].
    ToOpen(FileId),
    /// It is being opened; the waiter is called.
    Wait,
}

impl Files {
    /// Asks for a file; each success needs a [`Files::release`].
    pub(crate) fn acquire(
        &mut self,
        key: SegmentKey,
        waiter: Waiter,
        new_file: impl FnOnce() -> FileId,
    ) -> Acquired {
        self.clock += 1;
        let clock = self.clock;
        if let Some(known) = self.open.get_mut(&key) {
            known.users += 1;
            known.last_used = clock;
            if known.opened_bytes.is_some() {
                return Acquired::Open(known.file);
            }
            known.waiters.push(waiter);
            return Acquired::Wait;
        }
        let file = new_file();
        self.open.insert(
            key,
            SegmentFile {
                file,
                opened_bytes: None,
                waiters: vec![waiter],
                users: 1,
                last_used: clock,
                written: 0,
                synced: 0,
                doomed: false,
            },
        );
        Acquired::ToOpen(file)
    }

    /// The file is open and `bytes` long. Returns who waited.
    pub(crate) fn opened(&mut self, key: SegmentKey, bytes: u64) -> Vec<Waiter> {
        self.open.get_mut(&key).map_or(Vec::new(), |known| {
            known.opened_bytes = Some(bytes);
            std::mem::take(&mut known.waiters)
        })
    }

    /// A read that waits goes on under another name.
    pub(crate) fn rename_waiter(&mut self, key: SegmentKey, from: ReadId, to: ReadId) {
        if let Some(known) = self.open.get_mut(&key) {
            for waiter in &mut known.waiters {
                if *waiter == Waiter::Read(from) {
                    *waiter = Waiter::Read(to);
                }
            }
        }
    }

    /// The file cannot be opened: forgets it. Returns who waited.
    pub(crate) fn open_failed(&mut self, key: SegmentKey) -> Vec<Waiter> {
        self.open.remove(&key).map_or(Vec::new(), |f| f.waiters)
    }

    pub(crate) fn get_mut(&mut self, key: SegmentKey) -> Option<&mut SegmentFile> {
        self.open.get_mut(&key)
    }

    /// Whether somebody uses a file.
    pub(crate) fn in_use(&self, key: SegmentKey) -> bool {
        self.open.get(&key).is_some_and(|known| known.users > 0)
    }

    /// A user is done. Returns a file to close.
    pub(crate) fn release(&mut self, key: SegmentKey) -> Option<FileId> {
        let known = self.open.get_mut(&key)?;
        known.users = known.users.saturating_sub(1);
        if known.doomed && known.users == 0 {
            return self.open.remove(&key).map(|f| f.file);
        }
        None
    }

    /// A write completed.
    pub(crate) fn written(&mut self, key: SegmentKey) {
        if let Some(known) = self.open.get_mut(&key) {
            known.written += 1;
        }
    }

    /// All files with data that no sync covers. Each is acquired.
    pub(crate) fn acquire_unsynced(&mut self) -> Vec<(SegmentKey, FileId, u64)> {
        let mut found = Vec::new();
        for (key, known) in &mut self.open {
            if known.written > known.synced {
                known.users += 1;
                found.push((*key, known.file, known.written));
            }
        }
        found
    }

    /// A sync completed that covers the first `written` writes.
    pub(crate) fn synced(&mut self, key: SegmentKey, written: u64) {
        if let Some(known) = self.open.get_mut(&key) {
            known.synced = known.synced.max(written);
        }
    }

    /// Forgets the files of a partition whose segments are gone (`keep` says which stay). Returns
    /// those to close.
    pub(crate) fn forget(
        &mut self,
        tp: TopicPartition,
        keep: impl Fn(SegmentKey) -> bool,
    ) -> Vec<FileId> {
        let first = SegmentKey {
            tp,
            base_offset: i64::MIN,
            rewrites: 0,
        };
        let keys: Vec<SegmentKey> = self
            .open
            .range(first..)
            .map(|(key, _)| *key)
            .take_while(|key| key.tp == tp)
            .filter(|key| !keep(*key))
            .collect();
        let mut close = Vec::new();
        for key in keys {
            let known = self.open.get_mut(&key).expect("the key was just seen");
            if known.users == 0 {
                close.extend(self.open.remove(&key).map(|f| f.file));
            } else {
                known.doomed = true;
            }
        }
        close
    }

    /// Above `open_max` files: the one longest unused, to close or, if it holds data that no sync
    /// covers, to sync first.
    pub(crate) fn excess(&mut self, open_max: usize) -> Option<Excess> {
        if self.open.len() <= open_max {
            return None;
        }
        let (key, known) = self
            .open
            .iter_mut()
            .filter(|(_, f)| f.users == 0)
            .min_by_key(|(_, f)| f.last_used)?;
        let key = *key;
        if known.written > known.synced {
            known.users += 1;
            return Some(Excess::Sync(key, known.file, known.written));
        }
        self.open.remove(&key).map(|f| Excess::Close(f.file))
    }
}

/// What to do about one file too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Close it.
    Close(FileId),
    /// Sync it (it is acquired) up to this write.
    Sync(SegmentKey, FileId, u64),
}
