//! What a handler has at hand during one step: time, settings, randomness, and where effects go.
//! It holds no state of a group.

use bytes::Bytes;
use kring_io::{Instant, Now, Random};
use kring_wire::ProducerId;
use std::time::Duration;

use crate::GroupConfig;
use crate::consumer::Topics;
use crate::event::{Append, GroupOut, Token};
use crate::record::Record;
use crate::response::GroupResponse;
use crate::wakes::Wakes;
use crate::writes::{Then, Write, Writes};

/// The surroundings of one step in one partition that is led here.
pub(crate) struct Step<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupConfig,
    pub(crate) topics: &'a Topics,
    pub(crate) random: &'a mut Random,
    pub(crate) partition: i32,
    pub(crate) next_token: &'a mut u64,
    pub(crate) rebalances: &'a mut u64,
    pub(crate) writes: &'a mut Writes,
    pub(crate) wakes: &'a mut Wakes,
    pub(crate) out: &'a mut GroupOut,
}

impl Step<'_> {
    /// Answers request `id`, once.
    pub(crate) fn respond(&mut self, id: u64, response: GroupResponse) {
        self.out.responses.push((id, response));
    }

    /// The instant `ms` from now.
    pub(crate) fn after_ms(&self, ms: u64) -> Instant {
        self.now.mono + Duration::from_millis(ms)
    }

    /// Looks at `group` again at `at`, or earlier.
    pub(crate) fn wake(&mut self, group: &str, at: Instant) {
        self.wakes.lower(group, at);
    }

    /// Appends `records`, not empty, as one batch.
    pub(crate) fn write(&mut self, group: &str, records: Vec<Record>, then: Then) -> Token {
        self.write_in(None, group, records, then)
    }

    /// As [`Step::write`]; within the transaction of a producer, at its epoch, if one is given.
    pub(crate) fn write_in(
        &mut self,
        transaction: Option<(ProducerId, i16)>,
        group: &str,
        records: Vec<Record>,
        then: Then,
    ) -> Token {
        assert!(!records.is_empty(), "an append has at least one record");
        let token = Token {
            partition: self.partition,
            number: *self.next_token,
        };
        *self.next_token += 1;
        let encoded: Vec<(Bytes, Option<Bytes>)> = records.iter().map(Record::encode).collect();
        self.out.appends.push(Append {
            partition: self.partition,
            token,
            records: encoded,
            transaction,
        });
        let write = Write {
            group: group.to_owned(),
            records,
            transaction: transaction.map(|(producer_id, _)| producer_id),
            then,
            respond_by: self.after_ms(self.config.offsets_commit_timeout_ms),
        };
        self.writes.insert(token, write);
        token
    }

    /// An identifier in the form of a random UUID (RFC 9562, version 4).
    pub(crate) fn uuid(&mut self) -> String {
        let mut id = self.random.id();
        id[6] = (id[6] & 0x0f) | 0x40;
        id[8] = (id[8] & 0x3f) | 0x80;
        let n = u128::from_be_bytes(id);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            n >> 96,
            (n >> 80) & 0xffff,
            (n >> 64) & 0xffff,
            (n >> 48) & 0xffff,
            n & 0xffff_ffff_ffff
        )
    }
}
