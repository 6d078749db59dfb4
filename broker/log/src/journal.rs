//! The shared journal while it runs: fills a commit group, seals it into a block, keeps a bounded
//! number of writes in flight and reports durability strictly in the order of the groups.
//! It does not know what the records mean, and replay is elsewhere.

pub(crate) mod block;
pub(crate) mod group;
pub(crate) mod parity;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod ring;
pub(crate) mod zero;

use std::collections::VecDeque;

use kring_io::buffer::ALIGNMENT_BYTES;
use kring_io::canary::{self, Canary};
use kring_io::{Buffer, DiskOp, FileId, Instant};
use kring_wire::ids::{Offset, TopicPartition};

use crate::lsn::Lsn;
use block::BlockHeader;
use group::{Group, Touched};
use record::Change;
use ring::{Position, Ring};
use zero::Zeroing;

/// Room for the first blocks of some runs to come: each takes one, and may end before its checkpoint is there.
const STARTS_BYTES: u64 = 64 << 10;

/// A sealed group: its bytes are final, its place is taken.
#[derive(Debug)]
struct Sealed {
    lsn: Lsn,
    at: Position,
    buffer: Buffer,
    touched: Touched,
}

#[derive(Debug)]
struct InFlight {
    lsn: Lsn,
    at: Position,
    touched: Touched,
    submitted: Instant,
    done: bool,
}

/// What the writing side of the journal must know of what lies in the files already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Number of the last block.
    pub(crate) lsn: Lsn,
    /// Its CRC.
    pub(crate) crc: u32,
}

/// The journal's writing side.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) ring: Ring,
    pub(crate) zeroing: Zeroing,
    files: Vec<FileId>,
    epoch: u64,
    /// The last sealed block.
    chain: Chain,
    durable: Lsn,
    open: Group,
    sealed: VecDeque<Sealed>,
    in_flight: VecDeque<InFlight>,
    /// Blocks under way for which the disk had no room, to be written again.
    refused: Vec<(Lsn, Buffer)>,
    spare: Vec<Buffer>,
    group_bytes_max: usize,
    in_flight_max: usize,
}

/// Groups that became durable.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    pub(crate) groups: u64,
    pub(crate) touched: Touched,
}

impl Journal {
    /// Continues after `chain` in files that are open. Everything up to it is durable.
    pub(crate) fn new(
        ring: Ring,
        zeroing: Zeroing,
        files: Vec<FileId>,
        epoch: u64,
        chain: Chain,
        group_bytes_max: usize,
        in_flight_max: usize,
    ) -> Journal {
        let buffer = Buffer::with_capacity(group::capacity_for(group_bytes_max, 0));
        let mut open = Group::new(buffer);
        open.first_of_run = true;
        Journal {
            ring,
            zeroing,
            files,
            epoch,
            chain,
            durable: chain.lsn,
            open,
            sealed: VecDeque::new(),
            in_flight: VecDeque::new(),
            refused: Vec::new(),
            spare: Vec::new(),
            group_bytes_max,
            in_flight_max: in_flight_max.max(1),
        }
    }

    /// The group that takes the next record, or the last one when nothing is open.
    pub(crate) fn appended(&self) -> Lsn {
        if self.open.is_empty() {
            self.chain.lsn
        } else {
            self.chain.lsn.next()
        }
    }

    pub(crate) fn durable(&self) -> Lsn {
        self.durable
    }

    pub(crate) fn chain(&self) -> Chain {
        self.chain
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The largest record a block can hold.
    pub(crate) fn record_bytes_max(&self) -> usize {
        let file_bytes = usize::try_from(self.ring.geometry.file_bytes).unwrap_or(usize::MAX);
        file_bytes - block::padded_bytes(0) + ALIGNMENT_BYTES - block::HEADER_BYTES
    }

    /// Whether records of so many bytes have room for certain, a whole file kept in reserve for
    /// changes that cannot be refused.
    pub(crate) fn admits(&self, record_bytes: usize) -> bool {
        let block_bytes =
            group::capacity_for(self.group_bytes_max, record_bytes) as u64 + self.open_bytes();
        let reserve = self.ring.geometry.file_bytes;
        self.ring.room_bytes(block_bytes) >= block_bytes + reserve
    }

    /// Bytes that wait for their turn to be written.
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.open_bytes()
            + self
                .sealed
                .iter()
                .map(|s| s.buffer.len() as u64)
                .sum::<u64>()
    }

    /// Adds batches of a partition whose log then ends at `end`. Returns the group's number.
    pub(crate) fn push_batches(
        &mut self,
        tp: TopicPartition,
        high_watermark: Offset,
        batches: &[u8],
        end: Offset,
    ) -> Result<Lsn, JournalFull> {
        let header = record::batches_header(tp, high_watermark, batches.len());
        let lsn = self.push(&[&header, batches])?;
        self.open.touch(tp, end);
        Ok(lsn)
    }

    /// Adds a change of state. Returns the group's number.
    pub(crate) fn push_change(&mut self, change: &Change) -> Result<Lsn, JournalFull> {
        self.push(&[&record::encode_change(change)])
    }

    fn push(&mut self, parts: &[&[u8]]) -> Result<Lsn, JournalFull> {
        let bytes = parts.iter().map(|p| p.len()).sum();
        if !self.open.fits(bytes) {
            if !self.open.is_empty() {
                self.seal()?;
            }
            if !self.open.fits(bytes) {
                // Larger than any group: a buffer of its own, not kept afterwards.
                let capacity = group::capacity_for(self.group_bytes_max, bytes);
                let first_of_run = self.open.first_of_run;
                self.open = Group::new(Buffer::with_capacity(capacity));
                self.open.first_of_run = first_of_run;
            }
        }
        self.open.push(parts);
        Ok(self.appended())
    }

    /// A log was cut at `to` (`None`: is gone): groups under way report no more than that.
    pub(crate) fn cap(&mut self, tp: TopicPartition, to: Option<Offset>) {
        let under_way = self.in_flight.iter_mut().map(|g| &mut g.touched);
        let sealed = self.sealed.iter_mut().map(|g| &mut g.touched);
        for touched in under_way.chain(sealed).chain([&mut self.open.touched]) {
            group::cap_touched(touched, tp, to);
        }
    }

    /// Gives the open group its number, its place and its seal.
    pub(crate) fn seal(&mut self) -> Result<(), JournalFull> {
        if self.open.is_empty() {
            return Ok(());
        }
        let payload_bytes = self.open.buffer.len() - block::HEADER_BYTES;
        let bytes = block::padded_bytes(payload_bytes) as u64;
        // LOG-10: runs to come find room for their first block, and so for the checkpoint that makes more.
        let reserve = if self.open.first_of_run {
            0
        } else {
            STARTS_BYTES.min(self.ring.geometry.file_bytes / 8)
        };
        let at = self.ring.place(bytes, reserve).ok_or(JournalFull)?;
        self.zeroing
            .written(self.ring.geometry.index(at), at.offset + bytes);
        let buffer = self
            .spare
            .pop()
            .unwrap_or_else(|| Buffer::with_capacity(group::capacity_for(self.group_bytes_max, 0)));
        let mut group = std::mem::replace(&mut self.open, Group::new(buffer));
        let lsn = self.chain.lsn.next();
        let header = BlockHeader {
            flags: if group.first_of_run {
                block::FLAG_FIRST_OF_RUN
            } else {
                0
            },
            epoch: self.epoch,
            lsn,
            durable_lsn: self.durable,
            prev_crc: self.chain.crc,
            payload_bytes,
            records: group.records,
            crc: 0,
        };
        let crc = block::seal(&mut group.buffer, &header);
        group.buffer.pad_to(ALIGNMENT_BYTES);
        let parity = parity::of(&group.buffer);
        group.buffer.extend_from_slice(&parity);
        self.chain = Chain { lsn, crc };
        self.sealed.push_back(Sealed {
            lsn,
            at,
            buffer: group.buffer,
            touched: group.touched,
        });
        Ok(())
    }

    /// The next write, when one may begin: sealed groups first, then the open one.
    pub(crate) fn next_write(
        &mut self,
        now: Instant,
    ) -> Result<Option<(Lsn, DiskOp)>, JournalFull> {
        if self.in_flight.len() >= self.in_flight_max {
            return Ok(None);
        }
        if self.sealed.is_empty() {
            self.seal()?;
        }
        let blocked = self.sealed.front().is_some_and(|next| {
            let end = next.at.offset + next.buffer.len() as u64;
            self.zeroing.blocks(self.ring.geometry.index(next.at), end)
        });
        if blocked {
            return Ok(None);
        }
        let Some(next) = self.sealed.pop_front() else {
            return Ok(None);
        };
        self.in_flight.push_back(InFlight {
            lsn: next.lsn,
            at: next.at,
            touched: next.touched,
            submitted: now,
            done: false,
        });
        Ok(Some((next.lsn, self.write(next.at, next.buffer))))
    }

    fn write(&self, at: Position, buffer: Buffer) -> DiskOp {
        DiskOp::Write {
            file: self.files[self.ring.geometry.index(at)],
            offset: at.offset,
            buffer,
            durable: !canary::is_on(Canary::AckBeforeSync),
        }
    }

    /// The disk had no room for a block, in a part of a file that was never written. Nothing was
    /// promised of it, so that the same block may be written to the same place again.
    pub(crate) fn no_room(&mut self, lsn: Lsn, buffer: Buffer) {
        self.refused.push((lsn, buffer));
    }

    /// Whether blocks wait for room on the disk.
    pub(crate) fn lacks_room(&self) -> bool {
        !self.refused.is_empty()
    }

    /// The writes of blocks for which there was no room, once more.
    pub(crate) fn write_refused(&mut self, now: Instant) -> Vec<(Lsn, DiskOp)> {
        let mut refused = std::mem::take(&mut self.refused);
        refused.sort_unstable_by_key(|(lsn, _)| *lsn);
        let mut again = Vec::with_capacity(refused.len());
        for (lsn, buffer) in refused {
            if let Some(group) = self.in_flight.iter_mut().find(|g| g.lsn == lsn) {
                group.submitted = now;
                let at = group.at;
                again.push((lsn, self.write(at, buffer)));
            }
        }
        again
    }

    /// Since when the disk has owed the answer to a write, if it owes one.
    pub(crate) fn awaited_since(&self) -> Option<Instant> {
        let refused = |lsn: Lsn| self.refused.iter().any(|(r, _)| *r == lsn);
        let awaited = self.in_flight.iter().filter(|g| !g.done && !refused(g.lsn));
        awaited.map(|g| g.submitted).min()
    }

    /// A write succeeded. Returns how long it took, and what is durable now: a group counts only
    /// when all before it are there.
    pub(crate) fn written(
        &mut self,
        now: Instant,
        lsn: Lsn,
        buffer: Option<Buffer>,
    ) -> (std::time::Duration, Advanced) {
        if let Some(buffer) = buffer
            && buffer.capacity() == group::capacity_for(self.group_bytes_max, 0)
            && self.spare.len() <= self.in_flight_max
        {
            self.spare.push(buffer);
        }
        let mut took = std::time::Duration::ZERO;
        if let Some(group) = self.in_flight.iter_mut().find(|g| g.lsn == lsn) {
            group.done = true;
            took = now.since(group.submitted);
        }
        let mut advanced = Advanced::default();
        let out_of_order = canary::is_on(Canary::GroupsCompleteOutOfOrder);
        while (self.in_flight.front()).is_some_and(|g| g.done || out_of_order && g.lsn < lsn) {
            let group = self.in_flight.pop_front().expect("the front was looked at");
            // LOG-2: a later group that is done waits for those before it.
            self.durable = group.lsn;
            advanced.groups += 1;
            advanced.touched.extend(group.touched);
        }
        (took, advanced)
    }

    pub(crate) fn file(&self, index: usize) -> FileId {
        self.files[index]
    }

    fn open_bytes(&self) -> u64 {
        if self.open.is_empty() {
            0
        } else {
            self.open.buffer.len() as u64
        }
    }
}

/// No block can be placed: recovery needs all files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct JournalFull;
