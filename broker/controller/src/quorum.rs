//! The metadata quorum: Raft with pre-vote and check-quorum, as arithmetic on messages and stored values.
//! It does not know what entries mean, and a membership change is not part of it.
//!
//! Invariants, asserted here or checked by the simulation in `tests`:
//! * QUORUM-1: at most one leader per epoch.
//! * QUORUM-2: two logs that have an entry of the same index and epoch are equal up to it.
//! * QUORUM-3: a leader's log has everything that is committed; what is committed never changes.
//! * QUORUM-4: epoch, commit index and durable index of a member never go back while it runs; epoch
//!   and vote not even over a crash.
//! * QUORUM-5: a vote or an entry counts only once it is durable.
//! * QUORUM-6: a voter that may have forgotten votes or entries neither votes nor stands, and what it
//!   stores commits nothing, until nothing that it may have said can be contradicted (`rejoin`).

mod caught_up;
mod elect;
mod follow;
mod heard;
mod lead;
mod log;
mod message;
mod progress;
mod rejoin;
mod status;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kring_io::canary::{self, Canary};
use kring_io::{BrokerId, Instant, Now, Random};

use log::Log;
use store::{Ballot, Write};

pub use log::Snapshot;
pub use message::{Entry, Epoch, Index, LogEnd, Message};
pub use status::{MemberStatus, QuorumStatus};
pub use store::{FORGOT_KEY, KEY_PREFIX, StartError};

/// Who takes part and how patient it is.
#[derive(Clone, Debug)]
pub struct QuorumConfig {
    /// This member.
    pub id: BrokerId,
    /// Members with a vote.
    pub voters: Vec<BrokerId>,
    /// `host:port` of this member's peer listener, for leaders that do not know it.
    pub address: String,
    /// Patience without a leader; each wait adds a random part of as much again.
    pub election_timeout: Duration,
}

/// What a step wants done.
#[derive(Debug, Default)]
pub struct QuorumOut {
    /// To be stored in this order.
    pub writes: Vec<Write>,
    /// To be sent.
    pub sends: Vec<(BrokerId, Message)>,
    /// Addresses of members that joined without a vote.
    pub peers: Vec<(BrokerId, String)>,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Quorum {
    config: QuorumConfig,
    random: Random,
    ballot: Ballot,
    log: Log,
    commit: Index,
    role: Role,
    leader: Option<BrokerId>,
    /// When the leader was last heard.
    heard_at: Option<Instant>,
    /// When to stand for election, or, without a vote, to ask for the log again.
    election_at: Instant,
    /// The log is known to equal the leader's up to here.
    verified: Index,
    /// A granted vote whose answer waits until it is durable.
    vote_reply: Option<BrokerId>,
    /// A snapshot that is arriving.
    incoming: Option<follow::Incoming>,
    /// What the others told, while this voter may have forgotten something.
    past: rejoin::Past,
    /// Last token given out, last token known to be durable, token of the last ballot.
    issued: u64,
    durable: u64,
    ballot_token: u64,
    garbage: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
enum Role {
    Follower,
    /// Asks whether an election would succeed.
    PreCandidate {
        granted: BTreeSet<BrokerId>,
    },
    /// Its own vote is in `granted` once it is durable.
    Candidate {
        granted: BTreeSet<BrokerId>,
        transfer: bool,
    },
    Leader(lead::Leading),
}

impl Quorum {
    /// From what earlier runs stored.
    ///
    /// # Errors
    /// When a stored value is damaged or missing.
    pub fn new<'a>(
        config: QuorumConfig,
        seed: u64,
        stored: impl Iterator<Item = (&'a [u8], &'a Bytes)>,
        now: Now,
    ) -> Result<Quorum, StartError> {
        let restored = store::restore(stored)?;
        let mut quorum = Quorum {
            random: Random::new(seed),
            ballot: restored.ballot,
            commit: restored.log.snapshot_index(),
            log: restored.log,
            role: Role::Follower,
            leader: None,
            heard_at: None,
            election_at: now.mono,
            verified: 0,
            vote_reply: None,
            incoming: None,
            past: rejoin::Past::default(),
            issued: 0,
            durable: 0,
            ballot_token: 0,
            garbage: restored.garbage,
            config,
        };
        quorum.past = rejoin::Past::new(quorum.random.next_u64());
        // Pre-votes disturb nobody, so a member that starts asks early; alone it need not wait at all.
        if quorum.config.voters != [quorum.config.id] {
            let spread = quorum.config.election_timeout / 4;
            quorum.election_at = now.mono + quorum.random_part(spread);
        }
        Ok(quorum)
    }

    /// A message of another member.
    pub fn receive(&mut self, now: Now, from: BrokerId, message: Message, out: &mut QuorumOut) {
        let voter = self.is_voter(from);
        let newer = message
            .sender_epoch()
            .is_some_and(|e| e > self.ballot.epoch);
        match message {
            Message::PreVote { epoch, end } if voter => {
                self.on_pre_vote(now, from, epoch, end, out)
            }
            Message::Vote {
                epoch,
                end,
                transfer,
            } if voter => self.on_vote(now, from, epoch, end, transfer, out),
            Message::Append {
                epoch,
                previous,
                entries,
                commit,
            } if voter => self.on_append(now, from, epoch, previous, entries, commit, out),
            Message::Snapshot {
                epoch,
                end,
                part,
                parts,
                data,
            } if voter => self.on_snapshot(now, from, epoch, end, (part, parts), &data, out),
            Message::AskPast { nonce } if voter => self.on_ask_past(from, nonce, out),
            Message::TellPast { nonce, epoch, end } if voter => {
                self.on_tell_past(now, from, nonce, (epoch, end), out);
            }
            Message::Join { address, .. } => self.on_join(now, from, address, out),
            // What is left are answers and an order to a member that is up to date.
            _ if newer && voter => self.adopt_epoch(now, message.sender_epoch(), out),
            Message::PreVoteReply { asked, granted, .. } if voter => {
                self.on_pre_vote_reply(now, from, asked, granted, out);
            }
            Message::VoteReply { epoch, granted } if voter => {
                self.on_vote_reply(now, from, epoch, granted, out);
            }
            Message::Matched { epoch, index } => self.on_matched(now, from, epoch, index, out),
            Message::Rejected {
                epoch,
                previous,
                hint,
            } => self.on_rejected(now, from, epoch, previous, hint, out),
            Message::SnapshotReply { epoch, index, part } => {
                self.on_snapshot_reply(now, from, epoch, index, part, out);
            }
            Message::TimeoutNow { epoch } if voter => self.on_timeout_now(now, from, epoch, out),
            _ => {}
        }
    }

    /// Everything up to and including the writes of `token` is durable.
    pub fn persisted(&mut self, now: Now, token: u64, out: &mut QuorumOut) {
        // CTL-2: votes are sent and entries counted from here on.
        self.durable = self.durable.max(token);
        self.log.flushed(token);
        self.on_ballot_durable(now, out);
        if matches!(self.role, Role::Leader(_)) {
            self.advance_commit();
        } else {
            self.acknowledge(out);
        }
    }

    /// The link to a member is up; what was sent before may be lost.
    pub fn connected(&mut self, now: Now, to: BrokerId, out: &mut QuorumOut) {
        self.ask_past_of(to, out);
        match &self.role {
            Role::Follower if !self.is_voter(self.config.id) && self.leader.is_none() => {
                self.send_join(to, out);
            }
            Role::Follower => {}
            Role::PreCandidate { .. } => self.send_pre_vote(to, out),
            Role::Candidate { .. } => self.send_vote(to, out),
            Role::Leader(_) => self.probe(now, to, out),
        }
    }

    /// Acts on the deadlines that have passed.
    pub fn wake(&mut self, now: Now, out: &mut QuorumOut) {
        out.writes
            .extend(self.garbage.drain(..).map(|key| (key, None)));
        match self.role {
            Role::Leader(_) => self.beat(now, out),
            _ if now.mono >= self.election_at => self.on_patience_ended(now, out),
            _ => {}
        }
    }

    /// Ends a step: sends what the leader has for its followers. The token is that of the
    /// step's writes, if it had any.
    pub fn finish(&mut self, now: Now, out: &mut QuorumOut) -> Option<u64> {
        self.send_appends(now, out);
        if out.writes.is_empty() {
            return None;
        }
        self.issued += 1;
        Some(self.issued)
    }

    /// When to call [`Quorum::wake`] at the latest. A leader without followers needs no clock.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.role {
            Role::Leader(leading) => leading.deadline(),
            _ => Some(self.election_at),
        }
    }

    /// Adds an entry, if this member leads; it is committed once [`Quorum::commit`] reaches the index.
    pub fn propose(&mut self, payload: Bytes, out: &mut QuorumOut) -> Option<Index> {
        if !self.is_leader() {
            return None;
        }
        let epoch = self.ballot.epoch;
        Some(self.append(Entry { epoch, payload }, out))
    }

    /// Replaces the entries up to `index`, which is committed, by a snapshot of the state they led to.
    pub fn compact(&mut self, index: Index, data: Bytes, out: &mut QuorumOut) {
        assert!(
            index <= self.commit && index > self.log.snapshot_index(),
            "a snapshot holds committed state and is newer than the one before"
        );
        let epoch = self.log.epoch_at(index);
        let epoch = epoch.expect("entries after the snapshot are in memory");
        let end = LogEnd { epoch, index };
        let snapshot = Snapshot { end, data };
        let first = self.log.snapshot_index() + 1;
        let old = self.log.snapshot.as_ref();
        out.writes.extend(store::write_snapshot(&snapshot, old));
        out.writes.extend(store::delete_entries(first, index));
        self.log.compact(snapshot);
    }

    /// Hands the leadership to the voter whose log is closest to this leader's.
    pub fn resign(&mut self, out: &mut QuorumOut) {
        if let Role::Leader(leading) = &self.role {
            let voters = &self.config.voters;
            if let Some(heir) = leading.most_caught_up(|b| voters.contains(&b)) {
                let epoch = self.ballot.epoch;
                out.sends.push((heir, Message::TimeoutNow { epoch }));
            }
        }
    }

    /// The leader, if one is known.
    #[must_use]
    pub fn leader(&self) -> Option<BrokerId> {
        self.leader
    }

    /// Whether this member leads.
    #[must_use]
    pub fn is_leader(&self) -> bool {
        matches!(self.role, Role::Leader(_))
    }

    /// Whether this member leads and has committed an entry of its epoch, so that it knows
    /// everything that is committed.
    #[must_use]
    pub fn is_settled_leader(&self) -> bool {
        matches!(&self.role, Role::Leader(leading) if self.commit >= leading.first)
    }

    /// The newest epoch this member knows.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.ballot.epoch
    }

    /// Everything up to here is committed.
    #[must_use]
    pub fn commit(&self) -> Index {
        self.commit
    }

    /// Where the log ends.
    #[must_use]
    pub fn end(&self) -> LogEnd {
        self.log.end()
    }

    /// An entry, unless a snapshot took its place.
    #[must_use]
    pub fn entry(&self, index: Index) -> Option<&Entry> {
        self.log.get(index)
    }

    /// The snapshot.
    #[must_use]
    pub fn snapshot(&self) -> Option<&Snapshot> {
        self.log.snapshot.as_ref()
    }

    /// Members with a vote.
    #[must_use]
    pub fn voters(&self) -> &[BrokerId] {
        &self.config.voters
    }

    fn append(&mut self, entry: Entry, out: &mut QuorumOut) -> Index {
        let index = self.log.end().index + 1;
        out.writes.push(store::write_entry(index, &entry));
        self.log.append(entry, self.issued + 1)
    }

    fn write_ballot(&mut self, out: &mut QuorumOut) {
        out.writes.push(store::write_ballot(&self.ballot));
        self.ballot_token = self.issued + 1;
    }

    fn ballot_is_durable(&self) -> bool {
        self.ballot_token <= self.durable || canary::is_on(Canary::VoteNotDurable)
    }

    fn is_voter(&self, member: BrokerId) -> bool {
        self.config.voters.contains(&member)
    }

    fn is_majority(&self, members: usize) -> bool {
        let half = self.config.voters.len() / 2;
        members > half || canary::is_on(Canary::QuorumMiscount) && members == half
    }

    fn peers(&self) -> impl Iterator<Item = BrokerId> + use<> {
        let id = self.config.id;
        let voters = self.config.voters.clone();
        voters.into_iter().filter(move |voter| *voter != id)
    }

    fn random_part(&mut self, of: Duration) -> Duration {
        let bound = u64::try_from(of.as_nanos()).unwrap_or(u64::MAX).max(1);
        Duration::from_nanos(self.random.below(bound))
    }

    fn be_patient(&mut self, now: Now) {
        let patience = self.config.election_timeout;
        self.election_at = now.mono + patience + self.random_part(patience);
    }
}

/// Progress of every follower by id; a name for a long type.
type ByMember<T> = BTreeMap<BrokerId, T>;

#[cfg(test)]
mod tests;
