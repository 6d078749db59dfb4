//! A deterministic cluster of controllers: links with delay and loss, disks that lose what is not durable.
//! Replicas are imagined: `catch_up` makes every leader propose the ISR it would have.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Now, Random};

use crate::config::{ControllerConfig, Endpoint, Registration};
use crate::controller::Controller;
use crate::error::ControllerError;
use crate::event::{ControllerEvent, ControllerOut};
use crate::image::ClusterImage;
use crate::request::{AlterPartition, ControllerRequest, ControllerResponse};

type Answer = Result<ControllerResponse, ControllerError>;
type Writes = Vec<(Vec<u8>, Option<Bytes>)>;

pub(super) struct Node {
    pub(super) controller: Option<Controller>,
    pub(super) registration: Registration,
    pub(super) answers: BTreeMap<u64, Answer>,
    stored: BTreeMap<Vec<u8>, Bytes>,
    flushing: VecDeque<(Instant, u64, Writes)>,
    wake_at: Option<Instant>,
}

pub(super) struct Cluster {
    pub(super) nodes: Vec<Node>,
    pub(super) now: Instant,
    pub(super) loss_percent: u64,
    pub(super) delay_us_max: u64,
    config: ControllerConfig,
    random: Random,
    wires: BTreeMap<(Instant, u64), (BrokerId, BrokerId, Bytes)>,
    last_arrival: BTreeMap<(BrokerId, BrokerId), Instant>,
    isolated: BTreeSet<BrokerId>,
    stalled: BTreeMap<BrokerId, Instant>,
    counter: u64,
    history: DefaultHasher,
    /// The image's hash at each index, wherever it was first seen.
    images: BTreeMap<u64, u64>,
}

impl Cluster {
    pub(super) fn new(
        seed: u64,
        voters: i32,
        brokers: i32,
        adjust: impl FnOnce(&mut ControllerConfig),
    ) -> Cluster {
        let addresses = (0..voters).map(|id| (BrokerId(id), format!("broker-{id}:9093")));
        let mut config = ControllerConfig::new(BrokerId(0), addresses.collect());
        config.defaults.num_partitions = 3;
        config.defaults.default_replication_factor = 3;
        config.defaults.min_insync_replicas = 2;
        adjust(&mut config);
        let mut cluster = Cluster {
            nodes: Vec::new(),
            now: Instant(1_000_000_000),
            loss_percent: 0,
            delay_us_max: 1_000,
            config,
            random: Random::new(seed),
            wires: BTreeMap::new(),
            last_arrival: BTreeMap::new(),
            isolated: BTreeSet::new(),
            stalled: BTreeMap::new(),
            counter: 0,
            history: DefaultHasher::new(),
            images: BTreeMap::new(),
        };
        for id in 0..brokers {
            cluster.add_broker(id);
        }
        cluster
    }

    pub(super) fn add_broker(&mut self, id: i32) {
        assert_eq!(id as usize, self.nodes.len());
        let registration = Registration {
            broker: BrokerId(id),
            incarnation: [0; 16],
            disk_id: self.random.id(),
            version: "0.1.0".to_owned(),
            rack: Some(format!("rack-{}", id % 3)),
            listeners: vec![Endpoint {
                name: "PLAINTEXT".to_owned(),
                host: format!("broker-{id}"),
                port: 9092,
            }],
            peer_address: format!("broker-{id}:9093"),
            clean_start: true,
            journal_intact: true,
        };
        self.nodes.push(Node {
            controller: None,
            registration,
            answers: BTreeMap::new(),
            stored: BTreeMap::new(),
            flushing: VecDeque::new(),
            wake_at: None,
        });
        self.start(id);
    }

    pub(super) fn controller(&self, id: i32) -> &Controller {
        self.nodes[id as usize].controller.as_ref().unwrap()
    }

    pub(super) fn is_up(&self, id: i32) -> bool {
        self.nodes[id as usize].controller.is_some()
    }

    /// The image of the active controller.
    pub(super) fn image(&self) -> &ClusterImage {
        let id = self.active().expect("there is an active controller");
        self.controller(id).image()
    }

    pub(super) fn active(&self) -> Option<i32> {
        let ids = (0..self.nodes.len() as i32).filter(|id| !self.isolated.contains(&BrokerId(*id)));
        let active = ids.filter(|id| self.is_up(*id) && self.controller(*id).is_active());
        active.max_by_key(|id| self.controller(*id).active_epoch())
    }

    pub(super) fn hash(&self) -> u64 {
        self.history.finish()
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.random.below(bound)
    }

    pub(super) fn start(&mut self, id: i32) {
        let seed = self.random.next_u64();
        let incarnation = self.random.id();
        let now = self.clock();
        let config = ControllerConfig {
            id: BrokerId(id),
            ..self.config.clone()
        };
        let node = &mut self.nodes[id as usize];
        node.registration.incarnation = incarnation;
        let registration = node.registration.clone();
        let stored = node.stored.iter().map(|(k, v)| (k.as_slice(), v));
        let controller = Controller::new(config, registration, seed, stored, now).unwrap();
        node.controller = Some(controller);
        for other in 0..self.nodes.len() as i32 {
            if other != id {
                self.step(other, ControllerEvent::PeerConnected(BrokerId(id)));
                self.step(id, ControllerEvent::PeerConnected(BrokerId(other)));
            }
        }
        self.step(id, ControllerEvent::Wake);
        self.step(id, ControllerEvent::CaughtUp);
    }

    /// Stops without warning: a prefix of the writes under way is kept.
    pub(super) fn kill(&mut self, id: i32) {
        let node = &mut self.nodes[id as usize];
        if node.controller.take().is_none() {
            return;
        }
        let writes: Vec<_> = node
            .flushing
            .drain(..)
            .flat_map(|(_, _, writes)| writes)
            .collect();
        let kept = self.random.below(writes.len() as u64 + 1) as usize;
        store(&mut node.stored, writes.into_iter().take(kept));
        node.wake_at = None;
        let id = BrokerId(id);
        self.wires
            .retain(|_, (from, to, _)| *from != id && *to != id);
    }

    /// Another disk, for a broker that is down.
    pub(super) fn replace_disk(&mut self, id: i32) {
        let disk_id = self.random.id();
        let node = &mut self.nodes[id as usize];
        assert!(node.controller.is_none());
        node.stored.clear();
        node.registration.disk_id = disk_id;
    }

    pub(super) fn isolate(&mut self, id: i32) {
        self.isolated.insert(BrokerId(id));
    }

    /// The broker does nothing for a while; what reaches it waits.
    pub(super) fn stall(&mut self, id: i32, time: Duration) {
        let until = self.now + time;
        self.stalled.insert(BrokerId(id), until);
        let late = self.wires.extract_if(.., |_, (_, to, _)| to.0 == id);
        let late: Vec<_> = late.collect();
        for ((at, number), message) in late {
            self.wires.insert((at.max(until), number), message);
        }
        let node = &mut self.nodes[id as usize];
        node.wake_at = node.wake_at.map(|at| at.max(until));
        for (at, ..) in &mut node.flushing {
            *at = (*at).max(until);
        }
    }

    pub(super) fn heal(&mut self) {
        self.isolated.clear();
        let ids = 0..self.nodes.len() as i32;
        for (from, to) in ids.clone().flat_map(|a| ids.clone().map(move |b| (a, b))) {
            if from != to {
                self.step(from, ControllerEvent::PeerConnected(BrokerId(to)));
            }
        }
    }

    pub(super) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(at) = self.next_event().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.advance();
        }
        self.now = end;
    }

    /// Asks a broker, without waiting.
    pub(super) fn ask(&mut self, id: i32, request: ControllerRequest) -> u64 {
        self.counter += 1;
        let number = self.counter;
        self.step(
            id,
            ControllerEvent::Request {
                id: number,
                request,
            },
        );
        number
    }

    /// Asks a broker and waits for its answer.
    pub(super) fn request(&mut self, id: i32, request: ControllerRequest) -> Answer {
        let number = self.ask(id, request);
        for _ in 0..6_000 {
            if let Some(answer) = self.nodes[id as usize].answers.remove(&number) {
                return answer;
            }
            self.run_for(Duration::from_millis(1));
        }
        panic!("no answer after the time-out");
    }

    /// Every leader proposes the ISR that its replicas would have if all that are alive had caught up.
    pub(super) fn catch_up(&mut self) {
        for id in 0..self.nodes.len() as i32 {
            if !self.is_up(id) {
                continue;
            }
            let image = self.controller(id).image();
            let mut proposals = Vec::new();
            for (partition, state) in image.partitions() {
                let able = |b: &&BrokerId| image.brokers.get(b).is_some_and(|b| b.may_lead());
                let isr = state.replicas.iter().filter(able);
                let isr: Vec<_> = isr.map(|b| (*b, image.brokers[b].epoch)).collect();
                if state.leader == Some(BrokerId(id)) && isr.len() > state.isr.len() {
                    proposals.push(AlterPartition {
                        partition,
                        leader_epoch: state.leader_epoch,
                        partition_epoch: state.partition_epoch,
                        isr,
                    });
                }
            }
            for proposal in proposals {
                self.ask(id, ControllerRequest::AlterPartition(proposal));
            }
        }
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
            [flush, node.wake_at].into_iter().flatten()
        });
        let wire = self.wires.keys().next().map(|(at, _)| *at);
        nodes.chain(wire).min()
    }

    fn advance(&mut self) {
        let now = self.now;
        while let Some((key, _)) = self.wires.first_key_value().filter(|(key, _)| key.0 <= now) {
            let key = *key;
            let (from, to, bytes) = self.wires.remove(&key).unwrap();
            if !self.isolated.contains(&from) && !self.isolated.contains(&to) {
                (from, to, &bytes).hash(&mut self.history);
                self.step(to.0, ControllerEvent::Message { from, bytes });
            }
        }
        for id in 0..self.nodes.len() {
            while let Some((_, token, writes)) =
                self.nodes[id].flushing.pop_front_if(|(at, ..)| *at <= now)
            {
                store(&mut self.nodes[id].stored, writes);
                self.step(id as i32, ControllerEvent::Persisted { token });
            }
            if self.nodes[id].wake_at.is_some_and(|at| at <= now) {
                self.step(id as i32, ControllerEvent::Wake);
            }
        }
    }

    fn step(&mut self, id: i32, event: ControllerEvent) {
        let now = self.clock();
        let node = &mut self.nodes[id as usize];
        let Some(controller) = &mut node.controller else {
            return;
        };
        let before = controller.image().epoch;
        let mut out = ControllerOut::default();
        controller.step(now, event, &mut out);
        node.wake_at = out.wake_at;
        node.answers.extend(out.responses);
        if let Some(token) = out.persist_token {
            let last = node.flushing.back().map_or(now.mono, |(at, ..)| *at);
            let took = Duration::from_micros(100 + self.random.below(400));
            node.flushing
                .push_back((last.max(now.mono) + took, token, out.persist));
        } else {
            assert!(out.persist.is_empty(), "writes have a token");
        }
        if controller.image().epoch != before {
            let image = controller.image();
            check_image(image);
            let mut hasher = DefaultHasher::new();
            postcard::to_allocvec(image).unwrap().hash(&mut hasher);
            let hash = hasher.finish();
            let known = *self.images.entry(image.epoch).or_insert(hash);
            assert_eq!(known, hash, "images differ at index {}", image.epoch);
        }
        for (to, bytes) in out.sends {
            self.send(BrokerId(id), to, bytes);
        }
    }

    fn send(&mut self, from: BrokerId, to: BrokerId, bytes: Bytes) {
        assert_ne!(from, to, "a broker sends nothing to itself");
        let absent = to.0 as usize >= self.nodes.len();
        if self.random.below(100) < self.loss_percent || absent {
            return;
        }
        let delay = Duration::from_micros(1 + self.random.below(self.delay_us_max));
        let last = self.last_arrival.entry((from, to)).or_default();
        let stalled = self.stalled.get(&to).copied().unwrap_or_default();
        let at = (*last).max(self.now + delay).max(stalled);
        *last = at;
        self.counter += 1;
        self.wires.insert((at, self.counter), (from, to, bytes));
    }
}

/// PARTITION-1 and PARTITION-3 on every committed image; the decisions of these tests fit into one entry.
fn check_image(image: &ClusterImage) {
    let fenced = |b: &BrokerId| image.brokers.get(b).is_none_or(|b| b.fenced);
    for (partition, state) in image.partitions() {
        let what = format!("{partition} at {}: {state:?}", image.epoch);
        assert!(
            state.leader.is_none_or(|b| state.isr.contains(&b)),
            "{what}"
        );
        assert!(
            state.isr.iter().all(|b| state.replicas.contains(b)),
            "{what}"
        );
        assert!(
            !state.eligible.iter().any(|b| state.isr.contains(b)),
            "{what}"
        );
        assert!(
            state.isr.len() < 2 || !state.isr.iter().any(fenced),
            "PARTITION-3: {what}"
        );
        assert!(
            !state.leader.is_some_and(|b| fenced(&b)),
            "a fenced leader: {what}"
        );
    }
}

fn store(
    stored: &mut BTreeMap<Vec<u8>, Bytes>,
    writes: impl IntoIterator<Item = (Vec<u8>, Option<Bytes>)>,
) {
    for (key, value) in writes {
        match value {
            Some(value) => stored.insert(key, value),
            None => stored.remove(&key),
        };
    }
}
