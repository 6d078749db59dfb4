//! A deterministic network of quorum members with disks that lose what is not durable, and the invariants.
//! It knows nothing of the cluster image: entries are opaque numbers.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Now, Random};

use crate::quorum::{Entry, Epoch, Index, Message, Quorum, QuorumConfig, QuorumOut, store};

type Writes = Vec<(Vec<u8>, Option<Bytes>)>;

pub(super) struct NetworkConfig {
    loss_percent: u64,
    delay_us_max: u64,
    flush_us_max: u64,
}

impl Default for NetworkConfig {
    fn default() -> NetworkConfig {
        NetworkConfig {
            loss_percent: 3,
            delay_us_max: 20_000,
            flush_us_max: 10_000,
        }
    }
}

impl NetworkConfig {
    pub(super) fn calm() -> NetworkConfig {
        NetworkConfig {
            loss_percent: 0,
            delay_us_max: 1_000,
            flush_us_max: 1_000,
        }
    }
}

struct Node {
    quorum: Option<Quorum>,
    stored: BTreeMap<Vec<u8>, Bytes>,
    /// Writes under way: when they complete, their token, what they are.
    flushing: VecDeque<(Instant, u64, Writes)>,
    restart_at: Option<Instant>,
    /// What lay on the disks it lost: it did count when the others counted on it.
    lost: Vec<BTreeMap<Vec<u8>, Bytes>>,
    applied: Vec<Bytes>,
    /// What this run of the member has shown: epoch and commit index.
    seen: (Epoch, Index),
}

pub(super) struct Network {
    config: NetworkConfig,
    random: Random,
    now: Instant,
    nodes: Vec<Node>,
    voters: i32,
    /// Messages by arrival; a link's arrivals never overtake each other.
    wires: BTreeMap<(Instant, u64), (BrokerId, BrokerId, Message)>,
    last_arrival: BTreeMap<(BrokerId, BrokerId), Instant>,
    sent: u64,
    isolated: BTreeSet<BrokerId>,
    leaders: BTreeMap<Epoch, BrokerId>,
    votes: BTreeMap<(BrokerId, Epoch), BrokerId>,
    written: BTreeMap<(Index, Epoch), (Bytes, Epoch)>,
    committed: Vec<Entry>,
    proposals: u64,
    disks_lost: u64,
    /// What lay on the disks at some moment.
    past: Vec<BTreeMap<Vec<u8>, Bytes>>,
    history: DefaultHasher,
}

impl Network {
    pub(super) fn new(seed: u64, voters: i32, observers: i32, config: NetworkConfig) -> Network {
        let mut network = Network {
            config,
            random: Random::new(seed),
            now: Instant(1_000_000_000),
            nodes: Vec::new(),
            voters,
            wires: BTreeMap::new(),
            last_arrival: BTreeMap::new(),
            sent: 0,
            isolated: BTreeSet::new(),
            leaders: BTreeMap::new(),
            votes: BTreeMap::new(),
            written: BTreeMap::new(),
            committed: Vec::new(),
            proposals: 0,
            disks_lost: 0,
            past: Vec::new(),
            history: DefaultHasher::new(),
        };
        for id in 0..voters + observers {
            network.nodes.push(Node {
                quorum: None,
                stored: BTreeMap::new(),
                flushing: VecDeque::new(),
                restart_at: None,
                lost: Vec::new(),
                applied: Vec::new(),
                seen: (0, 0),
            });
            network.start(BrokerId(id));
        }
        network
    }

    pub(super) fn member(&self, id: i32) -> &Quorum {
        self.nodes[id as usize].quorum.as_ref().unwrap()
    }

    pub(super) fn committed(&self) -> usize {
        self.committed.len()
    }

    pub(super) fn hash(&self) -> u64 {
        self.history.finish()
    }

    /// The leader of the newest epoch, if it can commit.
    pub(super) fn leader(&self) -> Option<BrokerId> {
        let members = self.nodes.iter().filter_map(|node| node.quorum.as_ref());
        let reachable = members.filter(|m| !self.isolated.contains(&m.config.id));
        let leaders = reachable.filter(|m| m.is_settled_leader());
        leaders.max_by_key(|m| m.epoch()).map(|m| m.config.id)
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.advance();
        }
        self.now = end;
    }

    pub(super) fn disturb(&mut self) {
        let id = BrokerId(self.random.below(self.nodes.len() as u64) as i32);
        match self.random.below(40) {
            0 => self.crash(id),
            1 => {
                self.isolated.insert(id);
            }
            2..5 => self.heal(),
            5..7 => self.compact(id),
            7 => self.resign(id),
            _ => self.propose_somewhere(),
        }
    }

    pub(super) fn isolate(&mut self, id: BrokerId) {
        self.isolated.insert(id);
    }

    pub(super) fn reconnect(&mut self, id: BrokerId) {
        self.isolated.remove(&id);
        self.connect_all();
    }

    pub(super) fn heal(&mut self) {
        self.isolated.clear();
        self.connect_all();
    }

    fn connect_all(&mut self) {
        for from in 0..self.nodes.len() {
            for to in 0..self.nodes.len() {
                if from != to {
                    let to = BrokerId(to as i32);
                    self.step(BrokerId(from as i32), |q, now, out| {
                        q.connected(now, to, out)
                    });
                }
            }
        }
    }

    pub(super) fn resign(&mut self, id: BrokerId) {
        self.step(id, |q, _, out| q.resign(out));
    }

    pub(super) fn propose_somewhere(&mut self) {
        self.proposals += 1;
        let payload = Bytes::from(self.proposals.to_be_bytes().to_vec());
        for id in 0..self.nodes.len() {
            let payload = payload.clone();
            self.step(BrokerId(id as i32), |q, _, out| {
                q.propose(payload, out);
            });
        }
    }

    pub(super) fn compact_everywhere(&mut self) {
        for id in 0..self.nodes.len() {
            self.compact(BrokerId(id as i32));
        }
    }

    fn compact(&mut self, id: BrokerId) {
        let node = &self.nodes[id.0 as usize];
        let index = node.applied.len() as Index;
        let data = Bytes::from(node.applied.concat());
        self.step(id, |q, _, out| {
            if index > q.log.snapshot_index() {
                q.compact(index, data, out);
            }
        });
    }

    /// A crash keeps a prefix of the writes under way, cut anywhere.
    fn crash(&mut self, id: BrokerId) {
        let restart_at = self.now + Duration::from_millis(self.random.below(1_500));
        let node = &mut self.nodes[id.0 as usize];
        if node.quorum.take().is_none() {
            return;
        }
        let writes: Writes = node
            .flushing
            .drain(..)
            .flat_map(|(_, _, writes)| writes)
            .collect();
        let kept = self.random.below(writes.len() as u64 + 1) as usize;
        write(&mut node.stored, writes.into_iter().take(kept).collect());
        node.restart_at = Some(restart_at);
        self.wires
            .retain(|_, (from, to, _)| *from != id && *to != id);
    }

    pub(super) fn lose_disk(&mut self, id: BrokerId) {
        self.crash(id);
        let node = &mut self.nodes[id.0 as usize];
        let lost = std::mem::take(&mut node.stored);
        node.lost.push(lost);
        node.restart_at = Some(self.now);
    }

    /// The disk forgets its latest writes and says so, as after a hole in the journal.
    pub(super) fn forget_a_part(&mut self, id: BrokerId) {
        self.lose_disk(id);
        let node = &mut self.nodes[id.0 as usize];
        node.stored = self.past[id.0 as usize].clone();
        let forgot = (store::FORGOT_KEY.to_vec(), Some(Bytes::from_static(b"x")));
        write(&mut node.stored, vec![forgot]);
    }

    /// Notes what lies on all disks, for [`Network::forget_a_part`].
    pub(super) fn remember(&mut self) {
        self.past = self.nodes.iter().map(|node| node.stored.clone()).collect();
    }

    /// Loses a disk or a part of one, if all voters but a minority know what they promised.
    pub(super) fn lose_some_disk(&mut self) {
        let voters = &self.nodes[..self.voters as usize];
        let forgot = voters.iter().filter(|n| !store::knows_all(&n.stored));
        if forgot.count() + 1 > (self.voters as usize - 1) / 2 || self.committed.is_empty() {
            return;
        }
        let id = BrokerId(self.random.below(self.voters as u64) as i32);
        if self.past.is_empty() || self.random.below(2) == 0 {
            self.lose_disk(id);
        } else {
            self.forget_a_part(id);
        }
        self.disks_lost += 1;
    }

    pub(super) fn disks_lost(&self) -> u64 {
        self.disks_lost
    }

    fn start(&mut self, id: BrokerId) {
        let seed = self.random.next_u64();
        let now = self.clock();
        let config = QuorumConfig {
            id,
            voters: (0..self.voters).map(BrokerId).collect(),
            address: format!("broker-{id}:9093"),
            election_timeout: Duration::from_millis(600),
        };
        let node = &mut self.nodes[id.0 as usize];
        let stored = node.stored.iter().map(|(k, v)| (k.as_slice(), v));
        let quorum =
            Quorum::new(config, seed, stored, now).expect("a prefix of the writes makes sense");
        node.applied = quorum.snapshot().map_or(Vec::new(), |s| split(&s.data));
        node.seen = (0, 0);
        node.quorum = Some(quorum);
        node.restart_at = None;
        for other in 0..self.nodes.len() as i32 {
            if BrokerId(other) != id {
                self.step(BrokerId(other), |q, now, out| q.connected(now, id, out));
                self.step(id, |q, now, out| q.connected(now, BrokerId(other), out));
            }
        }
        self.step(id, |q, now, out| q.wake(now, out));
    }

    fn clock(&self) -> Now {
        Now {
            mono: self.now,
            wall_ms: 0,
        }
    }

    fn next_event(&self) -> Option<Instant> {
        let nodes = self.nodes.iter().flat_map(|node| {
            let flush = node.flushing.front().map(|(at, ..)| *at);
            let deadline = node.quorum.as_ref().and_then(Quorum::deadline);
            [flush, deadline, node.restart_at].into_iter().flatten()
        });
        let wire = self.wires.keys().next().map(|(at, _)| *at);
        nodes.chain(wire).min()
    }

    fn advance(&mut self) {
        let now = self.now;
        while let Some((key, _)) = self.wires.first_key_value().filter(|(key, _)| key.0 <= now) {
            let key = *key;
            let (from, to, message) = self.wires.remove(&key).unwrap();
            if !self.isolated.contains(&from) && !self.isolated.contains(&to) {
                (from, to, &message).hash(&mut self.history);
                self.step(to, |q, now, out| q.receive(now, from, message, out));
            }
        }
        for id in (0..self.nodes.len() as i32).map(BrokerId) {
            let node = &mut self.nodes[id.0 as usize];
            if node.restart_at.is_some_and(|at| at <= now) {
                self.start(id);
                continue;
            }
            while let Some((_, token, writes)) = self.nodes[id.0 as usize]
                .flushing
                .pop_front_if(|(at, ..)| *at <= now)
            {
                write(&mut self.nodes[id.0 as usize].stored, writes);
                self.step(id, |q, now, out| q.persisted(now, token, out));
            }
            let deadline = self.nodes[id.0 as usize]
                .quorum
                .as_ref()
                .and_then(Quorum::deadline);
            if deadline.is_some_and(|at| at <= now) {
                self.step(id, |q, now, out| q.wake(now, out));
            }
        }
    }

    fn step(&mut self, id: BrokerId, act: impl FnOnce(&mut Quorum, Now, &mut QuorumOut)) {
        let now = self.clock();
        let node = &mut self.nodes[id.0 as usize];
        let Some(quorum) = &mut node.quorum else {
            return;
        };
        let mut out = QuorumOut::default();
        act(quorum, now, &mut out);
        if let Some(token) = quorum.finish(now, &mut out) {
            let last = node.flushing.back().map_or(now.mono, |(at, ..)| *at);
            let took = Duration::from_micros(self.random.below(self.config.flush_us_max));
            node.flushing
                .push_back((last.max(now.mono) + took, token, out.writes));
        }
        for (to, message) in out.sends {
            self.send(id, to, message);
        }
        self.check(id);
    }

    fn send(&mut self, from: BrokerId, to: BrokerId, message: Message) {
        assert_ne!(from, to);
        let ballot = store::ballot(&self.nodes[from.0 as usize].stored);
        match &message {
            Message::VoteReply {
                epoch,
                granted: true,
            } => {
                let before = self.votes.insert((from, *epoch), to);
                assert!(
                    before.is_none_or(|b| b == to),
                    "{from} voted twice in {epoch}"
                );
                let durable = (ballot.epoch, ballot.voted) == (*epoch, Some(to));
                assert!(durable, "QUORUM-5: {from}'s vote in {epoch} is not durable");
            }
            Message::Vote { epoch, .. } | Message::Matched { epoch, .. } => {
                let durable = ballot.epoch >= *epoch;
                assert!(durable, "QUORUM-5: epoch {epoch} is not durable on {from}");
            }
            _ => {}
        }
        if self.random.below(100) < self.config.loss_percent {
            return;
        }
        let delay = Duration::from_micros(1 + self.random.below(self.config.delay_us_max));
        let last = self.last_arrival.entry((from, to)).or_default();
        let at = (*last).max(self.now + delay);
        *last = at;
        self.sent += 1;
        self.wires.insert((at, self.sent), (from, to, message));
    }

    fn check(&mut self, id: BrokerId) {
        let node = &mut self.nodes[id.0 as usize];
        let quorum = node.quorum.as_ref().unwrap();
        let seen = (quorum.epoch(), quorum.commit());
        assert!(
            seen.0 >= node.seen.0 && seen.1 >= node.seen.1,
            "QUORUM-4 on {id}"
        );
        node.seen = seen;
        if quorum.is_leader() {
            let leader = *self.leaders.entry(quorum.epoch()).or_insert(id);
            assert_eq!(leader, id, "QUORUM-1 in epoch {}", quorum.epoch());
        }
        // Log matching: an entry has one payload and one predecessor wherever it stands.
        let end = quorum.end().index;
        for index in end.saturating_sub(20).max(1)..=end {
            let (Some(entry), Some(before)) = (quorum.entry(index), quorum.log.epoch_at(index - 1))
            else {
                continue;
            };
            let what = (entry.payload.clone(), before);
            let known = self
                .written
                .entry((index, entry.epoch))
                .or_insert(what.clone());
            assert_eq!(*known, what, "QUORUM-2 at {index} on {id}");
        }
        self.check_committed(id);
    }

    fn check_committed(&mut self, id: BrokerId) {
        let node = &mut self.nodes[id.0 as usize];
        let quorum = node.quorum.as_ref().unwrap();
        let snapshot = quorum
            .snapshot()
            .filter(|s| s.end.index > node.applied.len() as Index);
        if let Some(snapshot) = snapshot {
            node.applied = split(&snapshot.data);
            assert_eq!(node.applied.len() as Index, snapshot.end.index);
        }
        let mut fresh = Vec::new();
        for index in node.applied.len() as Index + 1..=quorum.commit() {
            let entry = quorum
                .entry(index)
                .expect("a committed entry is there until a snapshot has it");
            node.applied.push(pad(&entry.payload));
            if index as usize > self.committed.len() {
                assert!(quorum.is_leader(), "only a leader commits first");
                self.committed.push(entry.clone());
                fresh.push((index, entry.epoch));
            }
            assert_eq!(
                self.committed[index as usize - 1],
                *entry,
                "QUORUM-3 at {index} on {id}"
            );
        }
        if quorum.is_settled_leader() {
            let from = quorum.log.snapshot_index() + 1;
            for index in from..=self.committed.len() as Index {
                let epoch = quorum.entry(index).map(|entry| entry.epoch);
                let newer = quorum.epoch() < *self.leaders.keys().last().unwrap();
                let same = epoch == Some(self.committed[index as usize - 1].epoch);
                assert!(same || newer, "QUORUM-3: leader {id} lacks {index}");
            }
        }
        // An entry of an older epoch on a majority may still be replaced; with one of the leader's
        // own epoch after it, it may not.
        if let Some((_, epoch)) = fresh.last() {
            let own = *epoch == quorum.epoch();
            assert!(
                own,
                "QUORUM-3: {id} commits an entry of epoch {epoch} alone"
            );
        }
        for (index, epoch) in fresh {
            let durable = |node: &&Node| {
                let mut disks = node.lost.iter().chain([&node.stored]);
                disks.any(|disk| store::holds(disk, index, epoch))
            };
            let copies = self.nodes[..self.voters as usize]
                .iter()
                .filter(durable)
                .count();
            assert!(
                copies > self.voters as usize / 2,
                "QUORUM-5: {index} is on {copies} disks"
            );
        }
    }

    pub(super) fn assert_converged(&self) {
        let leader = self.leader().expect("a healed quorum has a leader");
        let commit = self.member(leader.0).commit();
        assert_eq!(commit as usize, self.committed.len());
        for node in &self.nodes {
            let member = node.quorum.as_ref().unwrap();
            assert_eq!(member.leader(), Some(leader), "{}", member.config.id);
            assert_eq!(member.commit(), commit, "{}", member.config.id);
        }
    }
}

fn write(stored: &mut BTreeMap<Vec<u8>, Bytes>, writes: Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => stored.insert(key, value),
            None => stored.remove(&key),
        };
    }
}

/// Payloads are eight bytes, or none where a leader begins; padded so that a snapshot can be split.
fn pad(payload: &Bytes) -> Bytes {
    let mut padded = payload.to_vec();
    padded.resize(8, 0);
    Bytes::from(padded)
}

fn split(data: &Bytes) -> Vec<Bytes> {
    data.chunks(8).map(Bytes::copy_from_slice).collect()
}
