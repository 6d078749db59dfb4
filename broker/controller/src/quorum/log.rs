//! The metadata log in memory: a snapshot, the entries after it, and how much of them is durable.
//! It writes nothing; `store` says which stored values make it up.

use std::collections::VecDeque;

use bytes::Bytes;

use super::message::{Entry, Epoch, Index, LogEnd};

/// Entries that memory keeps before the snapshot, for followers that lag a little. None in tests, so
/// that short logs meet followers that need the snapshot.
const ENTRIES_KEPT_BEHIND: usize = if cfg!(test) { 0 } else { 1_024 };

/// State that replaces all entries up to `end`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Snapshot {
    /// The last entry that it contains.
    pub end: LogEnd,
    /// What the quorum's user gave.
    pub data: Bytes,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Log {
    pub(super) snapshot: Option<Snapshot>,
    /// The entry before the first of `entries`; at or before the snapshot's end.
    base: LogEnd,
    entries: VecDeque<Entry>,
    /// Everything up to here is stored and survives a crash.
    pub(super) durable: Index,
    /// Writes under way: once the token is durable, so is the index.
    unflushed: VecDeque<(u64, Index)>,
}

impl Log {
    /// A log read back from the store: all of it is durable.
    pub(super) fn restored(snapshot: Option<Snapshot>, entries: VecDeque<Entry>) -> Log {
        let base = snapshot.as_ref().map_or(LogEnd::default(), |s| s.end);
        let durable = base.index + entries.len() as u64;
        Log {
            snapshot,
            base,
            entries,
            durable,
            unflushed: VecDeque::new(),
        }
    }

    /// The last entry.
    pub(super) fn end(&self) -> LogEnd {
        match self.entries.back() {
            Some(last) => LogEnd {
                epoch: last.epoch,
                index: self.base.index + self.entries.len() as u64,
            },
            None => self.base,
        }
    }

    /// Index of the snapshot's last entry; 0 without one.
    pub(super) fn snapshot_index(&self) -> Index {
        self.snapshot.as_ref().map_or(0, |s| s.end.index)
    }

    pub(super) fn get(&self, index: Index) -> Option<&Entry> {
        let at = index.checked_sub(self.base.index + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// Epoch of an entry, or of the one before the first that memory has.
    pub(super) fn epoch_at(&self, index: Index) -> Option<Epoch> {
        if index == self.base.index {
            return Some(self.base.epoch);
        }
        self.get(index).map(|entry| entry.epoch)
    }

    /// Index of the last entry before those of the epoch that `index` has.
    pub(super) fn before_epoch_of(&self, index: Index) -> Index {
        let epoch = self.epoch_at(index);
        let mut index = index;
        while index > self.base.index && self.epoch_at(index) == epoch {
            index -= 1;
        }
        index
    }

    pub(super) fn append(&mut self, entry: Entry, token: u64) -> Index {
        self.entries.push_back(entry);
        let index = self.end().index;
        match self.unflushed.back_mut() {
            Some((last, upto)) if *last == token => *upto = index,
            _ => self.unflushed.push_back((token, index)),
        }
        index
    }

    /// Forgets the entries after `index`.
    pub(super) fn truncate(&mut self, index: Index) {
        let keep = index.checked_sub(self.base.index);
        let keep = keep.expect("entries before the first are committed, so they are never cut");
        self.entries
            .truncate(usize::try_from(keep).expect("the entries fit into memory"));
        self.durable = self.durable.min(index);
        for (_, upto) in &mut self.unflushed {
            *upto = (*upto).min(index);
        }
    }

    /// Puts a snapshot of committed state in the place of entries that the log has.
    pub(super) fn compact(&mut self, snapshot: Snapshot) {
        let covered = usize::try_from(snapshot.end.index - self.base.index)
            .expect("the entries fit into memory");
        let drop = covered.saturating_sub(ENTRIES_KEPT_BEHIND);
        if let Some(index) = drop.checked_sub(1) {
            let epoch = self.entries[index].epoch;
            self.base = LogEnd {
                epoch,
                index: self.base.index + drop as u64,
            };
            self.entries.drain(..drop);
        }
        self.snapshot = Some(snapshot);
    }

    /// Puts a leader's snapshot in the place of everything.
    pub(super) fn install(&mut self, snapshot: Snapshot, committed: Index, token: u64) {
        self.base = snapshot.end;
        self.entries.clear();
        self.durable = self.durable.min(committed);
        self.unflushed.clear();
        self.unflushed.push_back((token, snapshot.end.index));
        self.snapshot = Some(snapshot);
    }

    /// Everything up to and including the writes of `token` is durable.
    pub(super) fn flushed(&mut self, token: u64) {
        while let Some((written, upto)) = self.unflushed.front().copied() {
            if written > token {
                break;
            }
            self.durable = self.durable.max(upto);
            self.unflushed.pop_front();
        }
    }

    /// Whether the entries in memory begin at the snapshot or before it, without a gap.
    #[cfg(test)]
    pub(super) fn meets_snapshot(&self) -> bool {
        self.base.index <= self.snapshot_index() && self.snapshot_index() <= self.end().index
    }

    /// Index of the first entry in memory, whether or not there is one.
    #[cfg(test)]
    pub(super) fn first(&self) -> Index {
        self.base.index + 1
    }

    /// Writes under way, for a model that counts tokens from the last durable one.
    #[cfg(test)]
    pub(super) fn unflushed(&self) -> impl Iterator<Item = (u64, Index)> {
        self.unflushed.iter().copied()
    }
}
