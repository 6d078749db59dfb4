//! What a member does with its leader's entries and snapshots.
//! It acknowledges only what is durable, in an epoch that is durable.

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Now};

use super::log::Snapshot;
use super::message::{Entry, Epoch, Index, LogEnd, Message};
use super::{Quorum, QuorumOut, Role, store};

/// Most parts of a snapshot that a follower accepts: 256 MiB.
const SNAPSHOT_PARTS_MAX: u32 = 1_024;

/// A snapshot that is arriving.
#[derive(Clone, Debug, Hash)]
pub(super) struct Incoming {
    end: LogEnd,
    data: Vec<u8>,
    next: u32,
}

impl Quorum {
    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn on_append(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        previous: LogEnd,
        entries: Vec<Entry>,
        commit: Index,
        out: &mut QuorumOut,
    ) {
        if !self.follow(now, from, epoch, out) {
            let epoch = self.ballot.epoch;
            let (previous, hint) = (previous.index, 0);
            let rejected = Message::Rejected {
                epoch,
                previous,
                hint,
            };
            out.sends.push((from, rejected));
            return;
        }
        let last = previous.index + entries.len() as u64;
        // Entries up to the commit index equal the leader's (QUORUM-3), whatever memory still has of them.
        let known = previous.index <= self.commit
            || self.log.epoch_at(previous.index) == Some(previous.epoch);
        if !known {
            self.reject(from, previous.index, out);
            return;
        }
        let wrote = self.take_entries(previous.index, entries, out);
        self.verified = self.verified.max(last);
        self.commit = self.commit.max(commit.min(last));
        self.consider_rejoining(from, last, commit, out);
        // With entries under way the acknowledgement follows when they are durable.
        if !wrote {
            self.acknowledge(out);
        }
    }

    /// Appends what is new and cuts what conflicts. Whether anything was written.
    fn take_entries(&mut self, previous: Index, entries: Vec<Entry>, out: &mut QuorumOut) -> bool {
        let mut wrote = false;
        for (index, entry) in (previous + 1..).zip(entries) {
            let own = self.log.epoch_at(index);
            assert!(
                index > self.commit || own.is_none_or(|epoch| epoch == entry.epoch),
                "QUORUM-3: what is committed never changes"
            );
            if index <= self.commit || own == Some(entry.epoch) {
                continue;
            }
            let end = self.log.end().index;
            if index <= end {
                self.log.truncate(index - 1);
                out.writes.extend(store::delete_entries(index, end));
            }
            self.append(entry, out);
            wrote = true;
        }
        wrote
    }

    fn reject(&self, to: BrokerId, previous: Index, out: &mut QuorumOut) {
        let end = self.log.end().index;
        let hint = if previous > end {
            end
        } else {
            self.log.before_epoch_of(previous)
        };
        let rejected = Message::Rejected {
            epoch: self.ballot.epoch,
            previous,
            hint: hint.max(self.commit),
        };
        out.sends.push((to, rejected));
    }

    /// Tells the leader how much of its log is durable here.
    pub(super) fn acknowledge(&self, out: &mut QuorumOut) {
        let Some(leader) = self.leader else {
            return;
        };
        if self.verified > 0
            && self.may_acknowledge()
            && self.ballot_is_durable()
            && leader != self.config.id
        {
            let epoch = self.ballot.epoch;
            let durable = if canary::is_on(Canary::EntryNotDurable) {
                self.log.end().index
            } else {
                self.log.durable
            };
            let index = self.verified.min(durable);
            out.sends.push((leader, Message::Matched { epoch, index }));
        }
    }

    /// Follows the leader of `epoch`; not if this member knows a newer one.
    fn follow(&mut self, now: Now, from: BrokerId, epoch: Epoch, out: &mut QuorumOut) -> bool {
        if epoch < self.ballot.epoch {
            return false;
        }
        if epoch > self.ballot.epoch {
            self.adopt_epoch(now, Some(epoch), out);
        }
        assert!(
            !self.is_leader() && self.leader.is_none_or(|leader| leader == from),
            "QUORUM-1: at most one leader per epoch"
        );
        self.role = Role::Follower;
        self.leader = Some(from);
        self.heard_at = Some(now.mono);
        self.be_patient(now);
        self.ask_past_again(out);
        true
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message")]
    pub(super) fn on_snapshot(
        &mut self,
        now: Now,
        from: BrokerId,
        epoch: Epoch,
        end: LogEnd,
        (part, parts): (u32, u32),
        data: &Bytes,
        out: &mut QuorumOut,
    ) {
        if !self.follow(now, from, epoch, out) || parts > SNAPSHOT_PARTS_MAX {
            return;
        }
        if end.index <= self.commit {
            self.incoming = None;
            self.verified = self.verified.max(end.index);
            self.acknowledge(out);
            return;
        }
        let known = self.incoming.take().filter(|i| i.end == end);
        let mut incoming = known.unwrap_or(Incoming {
            end,
            data: Vec::new(),
            next: 0,
        });
        if part == incoming.next {
            incoming.data.extend_from_slice(data);
            incoming.next += 1;
        }
        if incoming.next < parts {
            let reply = Message::SnapshotReply {
                epoch: self.ballot.epoch,
                index: end.index,
                part: incoming.next,
            };
            out.sends.push((from, reply));
            self.incoming = Some(incoming);
            return;
        }
        let data = Bytes::from(incoming.data);
        self.install(Snapshot { end, data }, out);
    }

    fn install(&mut self, snapshot: Snapshot, out: &mut QuorumOut) {
        let first = self.log.snapshot_index() + 1;
        let last = self.log.end().index;
        let old = self.log.snapshot.as_ref();
        // The entries go after the snapshot is there: until then they may be what a majority counts on.
        out.writes.extend(store::write_snapshot(&snapshot, old));
        out.writes.extend(store::delete_entries(first, last));
        let index = snapshot.end.index;
        self.log.install(snapshot, self.commit, self.issued + 1);
        self.commit = index;
        self.verified = self.verified.max(index);
    }
}
