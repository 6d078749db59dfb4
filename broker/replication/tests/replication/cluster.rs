//! Brokers that are only log and replication, on simulated disks, with a controller that takes every valid proposal
//! of brokers that run.
//! It has no quorum, no requests and no real time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Disk, DiskOp, Effects, Instant, Now};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_log::{AppendError, Log, LogConfig, LogEvent, PartitionState, TopicLogConfig};
use kring_replication::{
    AlterIsr, IsrRejection, PartitionRole, ReplicaEvent, ReplicaOut, Replication, ReplicationConfig,
};
use kring_wire::batch::batches;
use kring_wire::records::records;
use kring_wire::{BatchBuilder, Offset, TopicId, TopicPartition};

/// The partition of tests that need one.
pub(crate) const TP: TopicPartition = TopicPartition {
    topic: TopicId([7; 16]),
    partition: 0,
};

/// How long a message travels.
const LATENCY: Duration = Duration::from_micros(100);

/// Wall-clock milliseconds at the start.
const EPOCH_MS: i64 = 1_700_000_000_000;

/// Steps after which a run is a bug of the test or a busy loop of the engine.
const STEPS_MAX: u64 = 2_000_000;

/// What the controller does with proposals.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proposals {
    /// Takes those that start from the newest state.
    Take,
    /// Takes them, and the answer gets lost.
    TakeSilently,
    /// Answers that it takes none.
    Refuse,
    /// Never gets them.
    Lose,
}

pub(crate) struct Node {
    pub(crate) log: Log,
    pub(crate) disk: SimDisk,
    pub(crate) replication: Replication,
    /// Every high watermark it told of, the last of each partition.
    pub(crate) told: BTreeMap<TopicPartition, Offset>,
    pub(crate) recovered: bool,
    log_wake_at: Option<Instant>,
    wake_at: Option<Instant>,
}

pub(crate) struct Cluster {
    pub(crate) now: Instant,
    pub(crate) nodes: BTreeMap<BrokerId, Node>,
    /// Disks of brokers that are down.
    disks: BTreeMap<BrokerId, SimDisk>,
    messages: BTreeMap<(Instant, u64), (BrokerId, BrokerId, Bytes)>,
    sent: u64,
    cut: BTreeSet<(BrokerId, BrokerId)>,
    pub(crate) roles: BTreeMap<TopicPartition, PartitionRole>,
    /// Roles on their way to the brokers.
    images: BTreeMap<(Instant, u64), (BrokerId, TopicPartition, PartitionRole)>,
    pub(crate) min_isr: usize,
    pub(crate) proposals: Proposals,
    pub(crate) proposed: Vec<AlterIsr>,
    pub(crate) config: ReplicationConfig,
    broker_epochs: BTreeMap<BrokerId, i64>,
    produced: u64,
    seed: u64,
    pub(crate) messages_sent: u64,
}

pub(crate) fn broker(id: i32) -> BrokerId {
    BrokerId(id)
}

fn log_config() -> LogConfig {
    LogConfig {
        journal_file_bytes: 4 << 20,
        journal_files: 4,
        journal_zeroed_at_start_bytes: 1 << 20,
        checkpoint_bytes: 2 << 20,
        segment_flush_interval_ms: 200,
        tail_cache_bytes: 1 << 20,
        ..LogConfig::default()
    }
}

impl Cluster {
    /// Brokers 1 to `brokers`, recovered, without a partition.
    pub(crate) fn new(brokers: i32, seed: u64) -> Cluster {
        let mut cluster = Cluster {
            now: Instant(1_000_000_000),
            nodes: BTreeMap::new(),
            disks: BTreeMap::new(),
            messages: BTreeMap::new(),
            sent: 0,
            cut: BTreeSet::new(),
            roles: BTreeMap::new(),
            images: BTreeMap::new(),
            min_isr: 2,
            proposals: Proposals::Take,
            proposed: Vec::new(),
            config: ReplicationConfig {
                replica_lag_time_max_ms: 2_000,
                ..ReplicationConfig::default()
            },
            broker_epochs: BTreeMap::new(),
            produced: 0,
            seed,
            messages_sent: 0,
        };
        for id in 1..=brokers {
            let disk = SimDisk::new(seed.wrapping_mul(31) + id as u64, SimDiskConfig::default());
            cluster.disks.insert(broker(id), disk);
            cluster.start(id);
        }
        cluster.run_until("all recover", |c| c.nodes.values().all(|n| n.recovered));
        cluster
    }

    pub(crate) fn time(&self) -> Now {
        Now {
            mono: self.now,
            wall_ms: EPOCH_MS + (self.now.0 / 1_000_000) as i64,
        }
    }

    /// Starts a broker on its disk, under a new registration.
    pub(crate) fn start(&mut self, id: i32) {
        let id = broker(id);
        let mut disk = self.disks.remove(&id).expect("the broker is down");
        disk.set_now(self.now);
        *self
            .broker_epochs
            .entry(id)
            .or_insert(100 * i64::from(id.0)) += 1;
        let mut node = Node {
            log: Log::new(log_config(), self.seed + id.0 as u64),
            disk,
            replication: Replication::new(id, self.config.clone()),
            told: BTreeMap::new(),
            recovered: false,
            log_wake_at: None,
            wake_at: None,
        };
        let mut io = Effects::default();
        node.log.start(self.time(), &mut io);
        self.nodes.insert(id, node);
        self.carry_out(id, io);
    }

    /// Power loss.
    pub(crate) fn crash(&mut self, id: i32) {
        let mut node = self.nodes.remove(&broker(id)).expect("the broker runs");
        node.disk.crash();
        self.disks.insert(broker(id), node.disk);
        self.messages
            .retain(|_, (from, to, _)| *from != broker(id) && *to != broker(id));
        self.images.retain(|_, (to, _, _)| *to != broker(id));
    }

    /// An empty disk in the place of the old one; the broker is down.
    pub(crate) fn replace_disk(&mut self, id: i32) {
        let disk = SimDisk::new(self.seed + 1000 + id as u64, SimDiskConfig::default());
        assert!(
            self.disks.insert(broker(id), disk).is_some(),
            "the broker is down"
        );
    }

    /// Messages from one to the other are lost from now on.
    pub(crate) fn cut(&mut self, from: i32, to: i32) {
        self.cut.insert((broker(from), broker(to)));
    }

    /// The link is there again, and nobody is told: what was sent meanwhile is lost unnoticed.
    pub(crate) fn mend_silently(&mut self, from: i32, to: i32) {
        assert!(
            self.cut.remove(&(broker(from), broker(to))),
            "the link is cut"
        );
    }

    /// The link is there again, and its sender is told.
    pub(crate) fn heal(&mut self, from: i32, to: i32) {
        let runs = self.nodes.get(&broker(from)).is_some_and(|n| n.recovered);
        if self.cut.remove(&(broker(from), broker(to))) && runs {
            self.event(broker(from), ReplicaEvent::PeerConnected(broker(to)));
            self.settle(broker(from));
        }
    }

    /// Messages of a broker are lost in both directions.
    pub(crate) fn isolate(&mut self, id: i32) {
        let others: Vec<i32> = self.others(id);
        for other in others {
            self.cut(id, other);
            self.cut(other, id);
        }
    }

    pub(crate) fn rejoin(&mut self, id: i32) {
        let others: Vec<i32> = self.others(id);
        for other in others {
            self.heal(id, other);
            self.heal(other, id);
        }
    }

    fn others(&self, id: i32) -> Vec<i32> {
        let all = self.nodes.keys().chain(self.disks.keys());
        all.map(|b| b.0).filter(|other| *other != id).collect()
    }

    /// Makes a partition with these replicas, all in sync, led by the first.
    pub(crate) fn create(&mut self, tp: TopicPartition, replicas: &[i32]) {
        let replicas: Vec<BrokerId> = replicas.iter().copied().map(broker).collect();
        let role = PartitionRole {
            isr: replicas.clone(),
            leader: replicas.first().copied(),
            replicas,
            leader_epoch: 0,
            partition_epoch: 0,
            own_broker_epoch: 0,
        };
        self.roles.insert(tp, role);
        self.publish(tp);
    }

    /// The controller makes another broker the leader; `isr` is what it commits with it.
    pub(crate) fn elect(&mut self, tp: TopicPartition, leader: i32, isr: &[i32]) {
        let role = self.roles.get_mut(&tp).expect("the partition exists");
        assert!(
            isr.iter().all(|id| role.isr.contains(&broker(*id))),
            "clean elections only"
        );
        role.leader = Some(broker(leader));
        role.leader_epoch += 1;
        role.partition_epoch += 1;
        role.isr = isr.iter().copied().map(broker).collect();
        self.publish(tp);
    }

    /// Sends the newest role to all brokers that run.
    pub(crate) fn publish(&mut self, tp: TopicPartition) {
        let brokers: Vec<BrokerId> = self.nodes.keys().copied().collect();
        for id in brokers {
            self.publish_to(tp, id.0);
        }
    }

    /// Sends the newest role to one broker.
    pub(crate) fn publish_to(&mut self, tp: TopicPartition, id: i32) {
        self.sent += 1;
        let role = self.roles[&tp].clone();
        let at = (self.now + LATENCY, self.sent);
        self.images.insert(at, (broker(id), tp, role));
    }

    fn take_role(&mut self, id: BrokerId, tp: TopicPartition, mut role: PartitionRole) {
        let time = self.time();
        role.own_broker_epoch = self.broker_epochs[&id];
        let Some(node) = self.nodes.get_mut(&id).filter(|n| n.recovered) else {
            return;
        };
        if role.replicas.contains(&id) && !node.log.contains(tp) {
            node.log.create(tp, "orders", TopicLogConfig::default());
        }
        let mut out = ReplicaOut::default();
        node.replication
            .apply(time, tp, &role, self.min_isr, &mut node.log, &mut out);
        self.take_out(id, out);
        self.settle(id);
    }

    /// Appends a batch at the leader; its one record is the number of the batch. Not acknowledged yet.
    pub(crate) fn produce(&mut self, tp: TopicPartition) -> (Offset, Bytes) {
        let leader = self.roles[&tp].leader.expect("there is a leader");
        self.produce_at(tp, leader.0, self.roles[&tp].leader_epoch)
    }

    /// Appends one batch of several records at the leader.
    pub(crate) fn produce_batch(&mut self, tp: TopicPartition, records: usize) {
        let wall_ms = self.time().wall_ms;
        let mut batch = BatchBuilder::new();
        for _ in 0..records {
            batch.push(wall_ms, None, Some(b"value"));
        }
        self.produce_bytes(tp, batch.build());
    }

    /// Appends a batch at the leader.
    pub(crate) fn produce_bytes(&mut self, tp: TopicPartition, batch: Bytes) {
        let time = self.time();
        let role = &self.roles[&tp];
        let (leader, epoch) = (role.leader.expect("there is a leader"), role.leader_epoch);
        let node = self.nodes.get_mut(&leader).expect("the leader runs");
        node.log
            .append(time, tp, epoch, batch)
            .expect("the append is valid");
        self.event(leader, ReplicaEvent::Appended(tp));
        self.settle(leader);
    }

    /// Deletes the records before `offset` at the leader.
    pub(crate) fn delete_before(&mut self, tp: TopicPartition, offset: Offset) {
        let time = self.time();
        let leader = self.roles[&tp].leader.expect("there is a leader");
        let node = self.nodes.get_mut(&leader).expect("the leader runs");
        node.log.set_log_start(time, tp, offset);
        self.settle(leader);
    }

    /// Appends at the leader until its log takes nothing more.
    pub(crate) fn fill(&mut self, tp: TopicPartition) {
        let time = self.time();
        let role = &self.roles[&tp];
        let (leader, epoch) = (role.leader.expect("there is a leader"), role.leader_epoch);
        let node = self.nodes.get_mut(&leader).expect("the leader runs");
        for value_bytes in [10_000, 1] {
            let mut batch = BatchBuilder::new();
            batch.push(time.wall_ms, None, Some(&vec![b'v'; value_bytes]));
            let batch = batch.build();
            let refused = loop {
                if let Err(error) = node.log.append(time, tp, epoch, batch.clone()) {
                    break error;
                }
            };
            assert!(matches!(refused, AppendError::Overloaded { .. }));
        }
        self.event(leader, ReplicaEvent::Appended(tp));
        self.settle(leader);
    }

    /// As [`Cluster::produce`], at a broker that believes to lead.
    pub(crate) fn produce_at(
        &mut self,
        tp: TopicPartition,
        leader: i32,
        epoch: i32,
    ) -> (Offset, Bytes) {
        let time = self.time();
        self.produced += 1;
        let value = Bytes::from(format!("value-{}", self.produced));
        let mut batch = BatchBuilder::new();
        batch.push(time.wall_ms, Some(b"key"), Some(&value));
        let node = self
            .nodes
            .get_mut(&broker(leader))
            .expect("the leader runs");
        assert!(
            node.replication.is_leader(tp),
            "broker {leader} does not lead yet"
        );
        let appended = node
            .log
            .append(time, tp, epoch, batch.build())
            .expect("the append is valid");
        self.event(broker(leader), ReplicaEvent::Appended(tp));
        self.settle(broker(leader));
        (appended.base_offset, value)
    }

    fn event(&mut self, id: BrokerId, event: ReplicaEvent<'_>) {
        let time = self.time();
        let node = self.nodes.get_mut(&id).expect("the broker runs");
        let mut out = ReplicaOut::default();
        node.replication.step(time, event, &mut node.log, &mut out);
        self.take_out(id, out);
    }

    /// The end of a step: messages, commit group, effects.
    fn settle(&mut self, id: BrokerId) {
        let time = self.time();
        let node = self.nodes.get_mut(&id).expect("the broker runs");
        let (mut io, mut out) = (Effects::default(), ReplicaOut::default());
        if node.recovered {
            node.replication
                .finish(time, &mut node.log, &mut io, &mut out);
        }
        node.wake_at = out.wake_at;
        node.log.submit(time, &mut io);
        self.take_out(id, out);
        self.carry_out(id, io);
    }

    fn carry_out(&mut self, id: BrokerId, io: Effects) {
        let node = self.nodes.get_mut(&id).expect("the broker runs");
        if let Some(at) = io.wake_at {
            node.log_wake_at = Some(node.log_wake_at.map_or(at, |known| known.min(at)));
        }
        for (op_id, op) in io.disk {
            let op: DiskOp = op;
            node.disk.submit(op_id, op);
        }
    }

    fn take_out(&mut self, id: BrokerId, out: ReplicaOut) {
        for (to, parts) in out.sends {
            self.messages_sent += 1;
            if self.cut.contains(&(id, to)) || !self.nodes.contains_key(&to) {
                continue;
            }
            self.sent += 1;
            let bytes: Bytes = parts.concat().into();
            let at = (self.now + LATENCY, self.sent);
            self.messages.insert(at, (id, to, bytes));
        }
        for (tp, high_watermark) in out.high_watermarks {
            let node = self.nodes.get_mut(&id).expect("the broker runs");
            let before = node.told.insert(tp, high_watermark);
            assert!(before < Some(high_watermark), "high watermarks only rise");
        }
        for proposal in out.alter_isr {
            self.decide(id, proposal);
        }
    }

    fn decide(&mut self, from: BrokerId, proposal: AlterIsr) {
        self.proposed.push(proposal.clone());
        let role = self
            .roles
            .get_mut(&proposal.tp)
            .expect("the partition exists");
        for (member, epoch) in &proposal.isr {
            assert!(*epoch == -1 || *epoch <= self.broker_epochs[member]);
        }
        let fresh = role.leader == Some(from)
            && role.leader_epoch == proposal.leader_epoch
            && role.partition_epoch == proposal.partition_epoch;
        let may_join = |(member, epoch): &(BrokerId, i64)| {
            let heard = self.nodes.contains_key(member) && *epoch == self.broker_epochs[member];
            heard || (*epoch == -1 && role.isr.contains(member))
        };
        let refused =
            self.proposals == Proposals::Refuse || (fresh && !proposal.isr.iter().all(may_join));
        let takes = fresh && !refused && self.proposals != Proposals::Lose;
        if takes {
            role.isr = proposal.isr.iter().map(|(member, _)| *member).collect();
            role.partition_epoch += 1;
        }
        let rejection = match self.proposals {
            Proposals::TakeSilently | Proposals::Lose => IsrRejection::Unknown,
            Proposals::Take | Proposals::Refuse if refused => IsrRejection::Refused,
            Proposals::Take if fresh => {
                self.publish(proposal.tp);
                return;
            }
            Proposals::Take | Proposals::Refuse => IsrRejection::Stale,
        };
        self.event(
            from,
            ReplicaEvent::IsrRejected {
                tp: proposal.tp,
                partition_epoch: proposal.partition_epoch,
                rejection,
            },
        );
    }

    /// Runs until `done`, at most ten simulated seconds.
    pub(crate) fn run_until(&mut self, what: &str, done: impl Fn(&Cluster) -> bool) {
        let deadline = self.now + Duration::from_secs(10);
        let mut steps = 0;
        while !done(self) {
            assert!(
                self.now < deadline,
                "not within 10 s: {what}\n{}",
                self.describe()
            );
            steps += 1;
            assert!(steps < STEPS_MAX, "a busy loop: {what}");
            self.next(deadline);
        }
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while self.now < end {
            steps += 1;
            assert!(steps < STEPS_MAX, "a busy loop");
            self.next(end);
        }
    }

    /// Moves to the next event, at most to `until`, and handles it.
    fn next(&mut self, until: Instant) {
        let node_events = self
            .nodes
            .values()
            .flat_map(|node| [node.disk.next_completion(), node.log_wake_at, node.wake_at]);
        let events = node_events
            .flatten()
            .chain(self.messages.keys().next().map(|(at, _)| *at))
            .chain(self.images.keys().next().map(|(at, _)| *at));
        self.now = events.min().unwrap_or(until).min(until).max(self.now);
        while let Some((at, _)) = self
            .images
            .keys()
            .next()
            .copied()
            .filter(|(at, _)| *at <= self.now)
        {
            let (_, (id, tp, role)) = self.images.pop_first().expect("looked at above");
            debug_assert!(at <= self.now);
            self.take_role(id, tp, role);
        }
        while self
            .messages
            .keys()
            .next()
            .is_some_and(|(at, _)| *at <= self.now)
        {
            let (_, (from, to, bytes)) = self.messages.pop_first().expect("looked at above");
            if self.nodes.get(&to).is_some_and(|node| node.recovered) {
                self.event(to, ReplicaEvent::Message { from, bytes });
                self.settle(to);
            }
        }
        let brokers: Vec<BrokerId> = self.nodes.keys().copied().collect();
        for id in brokers {
            self.turn(id);
        }
    }

    /// Completions and timers of one broker.
    fn turn(&mut self, id: BrokerId) {
        let time = self.time();
        let node = self.nodes.get_mut(&id).expect("the broker runs");
        node.disk.set_now(time.mono);
        let (mut done, mut events, mut io) = (Vec::new(), Vec::new(), Effects::default());
        node.disk.poll(&mut done);
        let log_due = node.log_wake_at.is_some_and(|at| at <= time.mono);
        let due = node.wake_at.is_some_and(|at| at <= time.mono);
        if done.is_empty() && !log_due && !due {
            return;
        }
        for completion in done {
            node.log.on_disk(time, completion, &mut io, &mut events);
        }
        if log_due {
            node.log_wake_at = None;
            node.log.on_wake(time, &mut io, &mut events);
        }
        self.carry_out(id, io);
        for event in events {
            self.log_event(id, event);
        }
        if due {
            self.event(id, ReplicaEvent::Wake);
        }
        self.settle(id);
    }

    fn log_event(&mut self, id: BrokerId, event: LogEvent) {
        match event {
            LogEvent::Recovered(_) => {
                self.nodes.get_mut(&id).expect("the broker runs").recovered = true;
                let all: Vec<TopicPartition> = self.roles.keys().copied().collect();
                for tp in all {
                    self.publish_to(tp, id.0);
                }
                let mut others = self.others(id.0);
                others.retain(|o| self.nodes.get(&broker(*o)).is_some_and(|n| n.recovered));
                for other in others {
                    self.event(broker(other), ReplicaEvent::PeerConnected(id));
                    self.settle(broker(other));
                    self.event(id, ReplicaEvent::PeerConnected(broker(other)));
                }
            }
            LogEvent::Durable { partitions, .. } => {
                self.event(id, ReplicaEvent::Durable(&partitions));
            }
            LogEvent::ReadDone { id: read, result } => {
                self.event(id, ReplicaEvent::ReadDone { id: read, result });
            }
            LogEvent::LogStartMoved { tp, .. } => self.event(id, ReplicaEvent::LogStartMoved(tp)),
            LogEvent::Failed(failure) => panic!("broker {id}: {failure}"),
            LogEvent::LookupDone { .. } | LogEvent::Damaged { .. } | LogEvent::Stopped => {}
        }
    }

    pub(crate) fn state(&self, id: i32, tp: TopicPartition) -> PartitionState {
        self.nodes[&broker(id)].log.state(tp).unwrap_or_default()
    }

    pub(crate) fn high_watermark(&self, id: i32, tp: TopicPartition) -> Offset {
        self.state(id, tp).high_watermark
    }

    /// Everything of a partition on a broker: offset, leader epoch and value of each record.
    pub(crate) fn content(&mut self, id: i32, tp: TopicPartition) -> Vec<(Offset, i32, Bytes)> {
        let mut all = Vec::new();
        loop {
            let state = self.state(id, tp);
            let from = all
                .last()
                .map_or(state.log_start, |(offset, _, _): &(Offset, i32, Bytes)| {
                    offset + 1
                });
            if from >= state.log_end {
                return all;
            }
            for part in self.read(id, tp, from) {
                for batch in batches(&part) {
                    let (header, batch) = batch.expect("stored batches are whole");
                    for record in records(&header, &batch).expect("not compressed") {
                        let record = record.expect("stored records are whole");
                        all.push((
                            record.offset,
                            header.leader_epoch,
                            record.value.expect("a value"),
                        ));
                    }
                }
            }
        }
    }

    fn read(&mut self, id: i32, tp: TopicPartition, from: Offset) -> Vec<Bytes> {
        let time = self.time();
        let node = self.nodes.get_mut(&broker(id)).expect("the broker runs");
        let mut io = Effects::default();
        match node.log.read(time, tp, from, Offset::MAX, 1 << 20, &mut io) {
            kring_log::Read::Ready(parts) => parts,
            kring_log::Read::Pending(read) => {
                self.carry_out(broker(id), io);
                loop {
                    let node = self.nodes.get_mut(&broker(id)).expect("the broker runs");
                    self.now = node
                        .disk
                        .next_completion()
                        .expect("a read is under way")
                        .max(self.now);
                    node.disk.set_now(self.now);
                    let time = self.time();
                    let node = self.nodes.get_mut(&broker(id)).expect("the broker runs");
                    let (mut done, mut events, mut io) =
                        (Vec::new(), Vec::new(), Effects::default());
                    node.disk.poll(&mut done);
                    for completion in done {
                        node.log.on_disk(time, completion, &mut io, &mut events);
                    }
                    self.carry_out(broker(id), io);
                    let mut found = None;
                    for event in events {
                        match event {
                            LogEvent::ReadDone { id, result } if id == read => {
                                found = Some(result.expect("the disk works"));
                            }
                            other => self.log_event(broker(id), other),
                        }
                    }
                    if let Some(parts) = found {
                        self.settle(broker(id));
                        return parts;
                    }
                }
            }
            other => panic!("{other:?}"),
        }
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        for (id, node) in &self.nodes {
            for (tp, role) in &self.roles {
                text += &format!(
                    "broker {id} {tp}: {:?}\n  leads: {:?}\n  follows: {:?}\n  role: {role:?}\n",
                    node.log.state(*tp),
                    node.replication.leader_state(*tp, &node.log),
                    node.replication.following(*tp),
                );
            }
        }
        text
    }
}
