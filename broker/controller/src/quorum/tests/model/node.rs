//! A member of the modelled quorum with its disk, and what tells two of them apart.
//! It decides nothing and checks nothing.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use kring_io::{BrokerId, Instant};

use super::{ELECTION_TIMEOUT, NOW};
use crate::quorum::store::{self, Ballot, Write};
use crate::quorum::{Epoch, Index, Message, Quorum, QuorumConfig, QuorumOut, Role};

#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) quorum: Quorum,
    pub(super) stored: BTreeMap<Vec<u8>, Bytes>,
    pub(super) flushing: VecDeque<(u64, Vec<Write>)>,
    /// Of everything but times, random numbers and absolute tokens.
    pub(super) digest: u64,
}

/// What must never go back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub(super) epoch: Epoch,
    pub(super) commit: Index,
    pub(super) ballot: Ballot,
}

impl PartialEq for Node {
    fn eq(&self, other: &Node) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Node {}

impl Node {
    pub(super) fn new(id: BrokerId, voters: i32) -> Node {
        let stored = BTreeMap::new();
        let mut node = Node {
            quorum: start(id, voters, &stored),
            stored,
            flushing: VecDeque::new(),
            digest: 0,
        };
        node.digest = node.take_digest();
        node
    }

    pub(super) fn seen(&self) -> Seen {
        Seen {
            epoch: self.quorum.epoch(),
            commit: self.quorum.commit(),
            ballot: store::ballot(&self.stored),
        }
    }

    /// One step of the member: what it sends, or with which words it panicked.
    pub(super) fn step(
        &mut self,
        act: impl FnOnce(&mut Quorum, &mut QuorumOut),
    ) -> Result<Vec<(BrokerId, Message)>, String> {
        let step = AssertUnwindSafe(|| {
            let mut out = QuorumOut::default();
            act(&mut self.quorum, &mut out);
            if let Some(token) = self.quorum.finish(NOW, &mut out) {
                self.flushing
                    .push_back((token, std::mem::take(&mut out.writes)));
            }
            forget_times(&mut self.quorum);
            self.digest = self.take_digest();
            out.sends
        });
        catch_unwind(step).map_err(|panic| {
            let words = panic.downcast_ref::<String>().cloned();
            let word = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            words.or(word).unwrap_or_default()
        })
    }

    pub(super) fn writes_under_way(&self) -> usize {
        self.flushing.iter().map(|(_, writes)| writes.len()).sum()
    }

    /// Of the writes under way only the first reach the disk.
    pub(super) fn lose_power(&mut self, kept: usize) {
        let writes = std::mem::take(&mut self.flushing);
        let kept = writes.into_iter().flat_map(|(_, writes)| writes).take(kept);
        store(&mut self.stored, kept);
    }

    pub(super) fn restart(&mut self, voters: i32) {
        self.quorum = start(self.quorum.config.id, voters, &self.stored);
        self.digest = self.take_digest();
    }

    fn take_digest(&self) -> u64 {
        let q = &self.quorum;
        let mut to = DefaultHasher::new();
        q.ballot.hash(&mut to);
        q.log.snapshot.hash(&mut to);
        q.log.first().hash(&mut to);
        for index in q.log.first()..=q.log.end().index {
            q.log.get(index).hash(&mut to);
        }
        q.log.durable.hash(&mut to);
        for (token, index) in q.log.unflushed() {
            (token - q.durable, index).hash(&mut to);
        }
        q.ballot_token.saturating_sub(q.durable).hash(&mut to);
        (q.commit, q.leader, q.heard_at.is_some()).hash(&mut to);
        (q.verified, q.vote_reply, &q.incoming, &q.garbage).hash(&mut to);
        q.past.view().hash(&mut to);
        match &q.role {
            Role::Follower => 0.hash(&mut to),
            Role::PreCandidate { granted } => (1, granted).hash(&mut to),
            Role::Candidate { granted, transfer } => (2, granted, transfer).hash(&mut to),
            Role::Leader(leading) => (3, leading.first, leading.view()).hash(&mut to),
        }
        self.stored.hash(&mut to);
        for (token, writes) in &self.flushing {
            (token - q.durable, writes).hash(&mut to);
        }
        to.finish()
    }
}

pub(super) fn store(
    stored: &mut BTreeMap<Vec<u8>, Bytes>,
    writes: impl IntoIterator<Item = Write>,
) {
    for (key, value) in writes {
        match value {
            Some(value) => stored.insert(key, value),
            None => stored.remove(&key),
        };
    }
}

fn start(id: BrokerId, voters: i32, stored: &BTreeMap<Vec<u8>, Bytes>) -> Quorum {
    let config = QuorumConfig {
        id,
        voters: (0..voters).map(BrokerId).collect(),
        address: String::new(),
        election_timeout: ELECTION_TIMEOUT,
    };
    let stored = stored.iter().map(|(k, v)| (k.as_slice(), v));
    let mut quorum = Quorum::new(config, 0, stored, NOW).expect("every prefix can be read back");
    forget_times(&mut quorum);
    quorum
}

/// Time-outs are actions of their own, so no state differs by when something was heard.
fn forget_times(quorum: &mut Quorum) {
    quorum.election_at = Instant(1);
    quorum.heard_at = quorum.heard_at.map(|_| NOW.mono);
    if let Role::Leader(leading) = &mut quorum.role {
        leading.forget_times();
    }
}
