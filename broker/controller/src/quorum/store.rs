//! How the quorum's durable state lies in small values, and how it is read back.
//! It stores nothing itself. Writes reach the disk in order, so every prefix of them must make sense.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use kring_io::BrokerId;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::encoding::{self, encode};

use super::log::{Log, Snapshot};
use super::message::{Entry, Epoch, Index, LogEnd};

/// Largest part of a snapshot, stored or sent, in bytes.
pub(super) const SNAPSHOT_PART_BYTES: usize = 256 * 1024;

/// First bytes of every key.
pub const KEY_PREFIX: &[u8] = b"m/";
/// A value under this key says that what was stored here may lack votes or entries that counted:
/// the log's recovery puts it there when it had to leave something out.
pub const FORGOT_KEY: &[u8] = b"m/r";
const VOTE: &[u8] = b"m/v";
const SNAPSHOT: &[u8] = b"m/h";
const PARTS: &[u8] = b"m/s/";
const ENTRIES: &[u8] = b"m/e/";

/// A value to store, or a key to delete.
pub(super) type Write = (Vec<u8>, Option<Bytes>);

/// Why the stored metadata cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StartError {
    /// A stored value cannot be decoded: it is damaged or of a newer version.
    #[error(
        "metadata value {key} cannot be decoded; use the version that wrote it, or empty this broker's data directory so that it copies the others' metadata"
    )]
    Undecodable {
        /// Its key.
        key: String,
    },
    /// An entry or a part of a snapshot is missing between others.
    #[error(
        "metadata value {key} is missing; empty this broker's data directory so that it copies the others' metadata"
    )]
    Missing {
        /// Its key.
        key: String,
    },
}

/// What a member must not forget beside its log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Ballot {
    /// The newest epoch it knows.
    pub(super) epoch: Epoch,
    /// Whom it voted for in that epoch.
    pub(super) voted: Option<BrokerId>,
    /// Whether it knows all that it ever promised. A voter without this may have lost its disk, or is
    /// new, and does not decide anything (QUORUM-6).
    pub(super) joined: bool,
}

#[derive(Serialize, Deserialize)]
struct SnapshotHead {
    end: LogEnd,
    parts: u32,
}

/// The ballot of a voter that knows again what it promised. Its own write comes first: a crash in
/// between leaves a voter that asks once more.
pub(super) fn write_joined(ballot: &Ballot) -> [Write; 2] {
    [write_ballot(ballot), (FORGOT_KEY.to_vec(), None)]
}

/// What was stored, and what of it is left over from a crash and can go.
pub(super) struct Restored {
    pub(super) ballot: Ballot,
    pub(super) log: Log,
    pub(super) garbage: Vec<Vec<u8>>,
}

pub(super) fn write_ballot(ballot: &Ballot) -> Write {
    (VOTE.to_vec(), Some(encode(ballot)))
}

pub(super) fn write_entry(index: Index, entry: &Entry) -> Write {
    (entry_key(index), Some(encode(entry)))
}

/// Deletes the entries `first..=last`, the last first: what a crash leaves has no gap.
pub(super) fn delete_entries(first: Index, last: Index) -> impl Iterator<Item = Write> {
    (first..=last).rev().map(|index| (entry_key(index), None))
}

/// The parts come before the head that makes them count; the old parts go afterwards.
pub(super) fn write_snapshot(snapshot: &Snapshot, old: Option<&Snapshot>) -> Vec<Write> {
    let index = snapshot.end.index;
    let parts = part_count(&snapshot.data);
    let mut writes: Vec<Write> = (0..parts)
        .map(|part| (part_key(index, part), Some(part_of(&snapshot.data, part))))
        .collect();
    let end = snapshot.end;
    writes.push((
        SNAPSHOT.to_vec(),
        Some(encode(&SnapshotHead { end, parts })),
    ));
    if let Some(old) = old {
        let stale = 0..part_count(&old.data);
        writes.extend(stale.map(|part| (part_key(old.end.index, part), None)));
    }
    writes
}

/// How many parts a snapshot of this content has; an empty one has one.
pub(super) fn part_count(data: &Bytes) -> u32 {
    let parts = data.len().div_ceil(SNAPSHOT_PART_BYTES).max(1);
    u32::try_from(parts).expect("a snapshot fits into memory")
}

/// Part `part` of a snapshot.
pub(super) fn part_of(data: &Bytes, part: u32) -> Bytes {
    let start = part as usize * SNAPSHOT_PART_BYTES;
    data.slice(start..data.len().min(start + SNAPSHOT_PART_BYTES))
}

/// Reads back what the writes of earlier runs made.
pub(super) fn restore<'a>(
    stored: impl Iterator<Item = (&'a [u8], &'a Bytes)>,
) -> Result<Restored, StartError> {
    let stored: BTreeMap<&[u8], &Bytes> = stored.collect();
    let mut ballot = match stored.get(VOTE) {
        Some(value) => decode(VOTE, value)?,
        None => Ballot::default(),
    };
    ballot.joined &= !stored.contains_key(FORGOT_KEY);
    let mut used: Vec<&[u8]> = vec![VOTE, SNAPSHOT, FORGOT_KEY];
    let snapshot = restore_snapshot(&stored, &mut used)?;
    let end = snapshot.as_ref().map_or(LogEnd::default(), |s| s.end);
    let mut entries = VecDeque::new();
    for (key, value) in stored.range(ENTRIES..) {
        let Some(index) = key.strip_prefix(ENTRIES).and_then(be_u64) else {
            continue;
        };
        let next = end.index + 1 + entries.len() as u64;
        if index < next {
            continue;
        }
        let entry: Entry = decode(key, value)?;
        // Entries older than a snapshot that was installed over them: the crash came before their deletion.
        if entry.epoch < end.epoch {
            continue;
        }
        if index > next {
            let key = readable(&entry_key(next));
            return Err(StartError::Missing { key });
        }
        entries.push_back(entry);
        used.push(key);
    }
    let garbage = stored.keys().filter(|key| !used.contains(key));
    Ok(Restored {
        ballot,
        garbage: garbage.map(|key| key.to_vec()).collect(),
        log: Log::restored(snapshot, entries),
    })
}

fn restore_snapshot<'a>(
    stored: &BTreeMap<&'a [u8], &Bytes>,
    used: &mut Vec<&'a [u8]>,
) -> Result<Option<Snapshot>, StartError> {
    let Some(head) = stored.get(SNAPSHOT) else {
        return Ok(None);
    };
    let head: SnapshotHead = decode(SNAPSHOT, head)?;
    let mut data = Vec::new();
    for part in 0..head.parts {
        let key = part_key(head.end.index, part);
        let Some((key, value)) = stored.get_key_value(key.as_slice()) else {
            let key = readable(&key);
            return Err(StartError::Missing { key });
        };
        data.extend_from_slice(value);
        used.push(key);
    }
    let data = Bytes::from(data);
    let end = head.end;
    Ok(Some(Snapshot { end, data }))
}

/// What a disk says of one entry: whether it has it, or a snapshot that covers it.
#[cfg(test)]
pub(super) fn holds(stored: &BTreeMap<Vec<u8>, Bytes>, index: Index, epoch: Epoch) -> bool {
    let head = stored.get(SNAPSHOT);
    let head = head.map(|value| decode::<SnapshotHead>(SNAPSHOT, value).unwrap());
    let entry = stored.get(&entry_key(index));
    let entry = entry.map(|value| decode::<Entry>(ENTRIES, value).unwrap());
    head.is_some_and(|head| head.end.index >= index) || entry.is_some_and(|e| e.epoch == epoch)
}

/// Whether a disk says that nothing is forgotten.
#[cfg(test)]
pub(super) fn knows_all(stored: &BTreeMap<Vec<u8>, Bytes>) -> bool {
    ballot(stored).joined && !stored.contains_key(FORGOT_KEY)
}

/// The ballot of a disk.
#[cfg(test)]
pub(super) fn ballot(stored: &BTreeMap<Vec<u8>, Bytes>) -> Ballot {
    let value = stored.get(VOTE);
    value.map_or(Ballot::default(), |value| decode(VOTE, value).unwrap())
}

/// Takes epoch and vote from a disk.
#[cfg(test)]
pub(super) fn forget_vote(stored: &mut BTreeMap<Vec<u8>, Bytes>) {
    let Ballot { joined, .. } = ballot(stored);
    let forgotten = Ballot {
        joined,
        ..Ballot::default()
    };
    stored.insert(VOTE.to_vec(), encode(&forgotten));
}

/// Takes the last entry from a disk.
#[cfg(test)]
pub(super) fn forget_last_entry(stored: &mut BTreeMap<Vec<u8>, Bytes>) {
    let entries = stored.range(ENTRIES.to_vec()..);
    let last = entries.map(|(key, _)| key).find_map(|key| {
        let next = stored.range(key.clone()..).nth(1);
        let is_last = next.is_none_or(|(next, _)| !next.starts_with(ENTRIES));
        (key.starts_with(ENTRIES) && is_last).then(|| key.clone())
    });
    if let Some(last) = last {
        stored.remove(&last);
    }
}

fn entry_key(index: Index) -> Vec<u8> {
    [ENTRIES, &index.to_be_bytes()].concat()
}

fn part_key(index: Index, part: u32) -> Vec<u8> {
    [PARTS, &index.to_be_bytes(), &part.to_be_bytes()].concat()
}

fn be_u64(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().map(u64::from_be_bytes).ok()
}

fn decode<T: for<'de> Deserialize<'de>>(key: &[u8], value: &Bytes) -> Result<T, StartError> {
    encoding::decode(value).ok_or_else(|| StartError::Undecodable { key: readable(key) })
}

fn readable(key: &[u8]) -> String {
    key.escape_ascii().to_string()
}
