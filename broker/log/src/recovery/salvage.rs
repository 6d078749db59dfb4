//! What recovery does where something durable is lost and the owner has peers that hold it too: it
//! keeps what can be trusted, marks that this is not all, and begins the journal anew.
//! Whether that may be done, and what follows from it, is the owner's to say.

use bytes::Bytes;
use kring_io::{Effects, Now};

use crate::Log;
use crate::checkpoint::snapshot::{Segments, Snapshot};
use crate::event::LogFailure;
use crate::journal::block::Expected;
use crate::journal::record::Change;
use crate::journal::replay::Scan;
use crate::journal::ring::Position;
use crate::lsn::Lsn;

/// A salvaged journal goes on with a number so much larger than that of the block that is lost: no
/// block of before can continue it, or prove that something of it is missing.
const LSN_STEP: u64 = 1 << 40;
/// And with no smaller number than the clock in milliseconds gives, where no number is known.
const LSN_PER_MS_BITS: u32 = 20;
/// There as long as directories may hold data that nothing kept refers to.
const UNTRUSTED_KEY: &[u8] = b"l/untrusted";

impl Log {
    /// Allows recovery to go on where the journal has a hole or no checkpoint verifies. What is kept
    /// is a state that this log once had, up to before the hole, or nothing. A random value of 16
    /// bytes is then put under each of `keys`, durable before [`crate::LogEvent::Recovered`], which
    /// has [`crate::Recovered::salvaged`]. The owner must not claim to have what it once
    /// acknowledged. To be called before [`Log::start`].
    #[must_use]
    pub fn salvage(mut self, keys: Vec<Vec<u8>>) -> Log {
        self.salvage_keys = Some(keys);
        self
    }

    /// Removes what lies in the data directory and what a salvage did not find in the state it kept.
    /// To be called once it is certain that others hold it.
    pub fn drop_untrusted(&mut self) {
        if !self.is_untrusted() {
            return;
        }
        let key = Bytes::from_static(UNTRUSTED_KEY);
        let lsn = self.change(&Change::State { key, value: None });
        if lsn == Lsn::NEVER {
            return;
        }
        for entry in std::mem::take(&mut self.untrusted) {
            self.remove_dir(entry.name, None, lsn);
        }
    }

    pub(crate) fn is_untrusted(&self) -> bool {
        self.state.values.contains_key(UNTRUSTED_KEY)
    }

    pub(super) fn may_salvage(&self) -> bool {
        self.salvage_keys.is_some() && !self.recovered.salvaged
    }

    /// The chain ends in a hole: what was replayed until there is kept.
    pub(super) fn salvage_journal(&mut self, now: Now, why: &LogFailure, out: &mut Effects) {
        let scan = self.recovery.as_ref().and_then(|r| r.scan.as_ref());
        let Some((at, expected)) = scan.map(|scan| (scan.at(), scan.expected())) else {
            return;
        };
        // The damaged file is overwritten last.
        let begin = Position {
            file_seq: at.file_seq + 1,
            offset: 0,
        };
        self.begin_anew(now, why, begin, expected.lsn.0, out);
    }

    /// No checkpoint says what the directory holds: nothing is kept.
    pub(super) fn salvage_nothing(&mut self, now: Now, why: &LogFailure, out: &mut Effects) {
        if let Some(recovery) = self.recovery.as_mut() {
            recovery.number = 1;
        }
        self.begin_anew(now, why, Position::default(), 0, out);
    }

    /// Writes a checkpoint of what is kept, behind which the journal begins anew.
    fn begin_anew(
        &mut self,
        now: Now,
        why: &LogFailure,
        begin: Position,
        lost_lsn: u64,
        out: &mut Effects,
    ) {
        tracing::error!(
            %why,
            partitions = self.state.partitions.len(),
            "what this disk lost is left out: the broker goes on with another disk id and copies what it lacks from the others. If it happens again, replace the disk"
        );
        self.recovered.salvaged = true;
        for key in self.salvage_keys.clone().unwrap_or_default() {
            let halves = [self.random.next_u64(), self.random.next_u64()];
            let value: Vec<u8> = halves.iter().flat_map(|half| half.to_be_bytes()).collect();
            self.state.values.insert(key.into(), value.into());
        }
        let marked = Bytes::from_static(UNTRUSTED_KEY);
        self.state.values.insert(marked, Bytes::from_static(b"1"));
        let by_clock = now.wall_ms.max(0).unsigned_abs() << LSN_PER_MS_BITS;
        let lsn = Lsn((lost_lsn + LSN_STEP).max(by_clock));
        let crc = (self.random.next_u64() >> 32) as u32;
        let epoch = self.random.next_u64();
        let Some(recovery) = self.recovery.as_mut() else {
            return;
        };
        recovery.number += 1;
        recovery.begin = begin;
        recovery.covered = lsn;
        recovery.covered_crc = crc;
        let expected = Expected {
            epoch,
            lsn: lsn.next(),
            prev_crc: crc,
        };
        recovery.scan = Some(Scan::new(recovery.geometry, begin, expected));
        let kept = Snapshot::take(
            recovery.geometry,
            begin,
            (lsn, crc, epoch),
            false,
            Segments::AsTheyAre,
            &mut self.state,
        );
        recovery.first = kept.encode(recovery.number);
        self.write_first_checkpoint(out);
    }
}
