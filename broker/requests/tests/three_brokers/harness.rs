//! Three brokers, their disks, one clock, and links with a fixed delay.
//! Clients speak frames; each request is its own connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{
    CreateTopicsRequest, FetchRequest, IncrementalAlterConfigsRequest, MetadataRequest,
    ProduceRequest, RequestHeader, TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kring_controller::Endpoint;
use kring_io::{BrokerId, ConnId, Disk, Instant, Now, RequestId};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_requests::{
    AdminError, AdminRequest, AdminResponse, Broker, BrokerConfig, Event, Identity, Output,
};
use kring_wire::BatchBuilder;

const START_MS: i64 = 1_700_000_000_000;
const DELAY: Duration = Duration::from_micros(300);
const STEPS_MAX: u32 = 2_000_000;

struct Machine {
    broker: Option<Broker>,
    disk: SimDisk,
    wake_at: Option<Instant>,
    runs: u8,
    stopped: bool,
    /// How often the disk was replaced.
    disks: u8,
    /// The disk completes nothing.
    hangs: bool,
}

enum UnderWay {
    Message(BrokerId, BrokerId, Bytes),
    Connected(BrokerId, BrokerId),
}

pub(crate) struct Cluster {
    machines: BTreeMap<BrokerId, Machine>,
    config: BrokerConfig,
    now: Instant,
    under_way: VecDeque<(Instant, UnderWay)>,
    cut: BTreeSet<BrokerId>,
    /// Processes that stand still, and what waits for each in its sockets.
    paused: BTreeMap<BrokerId, VecDeque<UnderWay>>,
    next: u64,
    replies: BTreeMap<u64, Bytes>,
    admin: BTreeMap<u64, Result<AdminResponse, AdminError>>,
}

pub(crate) fn ids() -> [BrokerId; 3] {
    [BrokerId(0), BrokerId(1), BrokerId(2)]
}

pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

fn peer_address(id: BrokerId) -> String {
    format!("broker-{id}:9093")
}

fn identity(id: BrokerId, run: u8, disks: u8) -> Identity {
    let number = u8::try_from(id.0).unwrap();
    Identity {
        broker: id,
        incarnation: [run * 8 + number; 16],
        disk_id: [number + 1 + 10 * disks; 16],
        version: "0.1.0".to_owned(),
        listeners: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: format!("broker-{id}"),
            port: 9092,
        }],
        peer_address: peer_address(id),
        log_dir: "/data".to_owned(),
        io_driver: "simulated".to_owned(),
        io_driver_reason: "a test".to_owned(),
    }
}

impl Cluster {
    /// Three brokers that are registered and ready.
    pub(crate) fn new() -> Cluster {
        Cluster::configured(|_| ())
    }

    /// The same with other settings.
    pub(crate) fn configured(tweak: impl FnOnce(&mut BrokerConfig)) -> Cluster {
        let mut config = BrokerConfig {
            voters: ids().map(|id| (id, peer_address(id))).to_vec(),
            default_replication_factor: 3,
            min_insync_replicas: 2,
            auto_leader_rebalance_enable: false,
            ..BrokerConfig::default()
        };
        config.log.journal_file_bytes = 16 << 20;
        config.log.journal_zeroed_at_start_bytes = 1 << 20;
        config.log.state_value_bytes_max = 4 << 20;
        config.groups.group_initial_rebalance_delay_ms = 10;
        tweak(&mut config);
        let machine = |id: BrokerId| Machine {
            broker: None,
            disk: SimDisk::new(u64::from(id.0.unsigned_abs()), SimDiskConfig::default()),
            wake_at: None,
            runs: 0,
            stopped: false,
            disks: 0,
            hangs: false,
        };
        let mut cluster = Cluster {
            machines: ids().into_iter().map(|id| (id, machine(id))).collect(),
            config,
            now: Instant(0),
            under_way: VecDeque::new(),
            cut: BTreeSet::new(),
            paused: BTreeMap::new(),
            next: 0,
            replies: BTreeMap::new(),
            admin: BTreeMap::new(),
        };
        for id in ids() {
            cluster.start(id);
        }
        cluster.run_until(|cluster| ids().into_iter().all(|id| cluster.is_ready(id)));
        cluster
    }

    pub(crate) fn is_ready(&self, id: BrokerId) -> bool {
        let broker = self.machines[&id].broker.as_ref();
        broker.is_some_and(|broker| broker.not_ready_reason().is_none())
    }

    pub(crate) fn start(&mut self, id: BrokerId) {
        let machine = self.machines.get_mut(&id).unwrap();
        machine.runs += 1;
        machine.stopped = false;
        let seed = u64::from(machine.runs) * 31 + u64::from(id.0.unsigned_abs());
        let identity = identity(id, machine.runs, machine.disks);
        let mut config = self.config.clone();
        if config.rack_aware_replica_selector {
            config.broker_rack = Some(format!("rack-{id}"));
        }
        machine.broker = Some(Broker::new(config, identity, seed));
        machine.disk.set_now(self.now);
        self.with(id, |broker, now, out| broker.start(now, out));
        for other in ids() {
            if other != id && self.machines[&other].broker.is_some() {
                let at = self.now + DELAY;
                self.under_way
                    .push_back((at, UnderWay::Connected(id, other)));
                self.under_way
                    .push_back((at, UnderWay::Connected(other, id)));
            }
        }
    }

    pub(crate) fn kill(&mut self, id: BrokerId) {
        let machine = self.machines.get_mut(&id).unwrap();
        machine.broker = None;
        machine.wake_at = None;
        machine.disk.crash();
    }

    /// Puts an empty disk in the place of a broker that does not run, with an id of its own.
    pub(crate) fn replace_disk(&mut self, id: BrokerId) {
        let machine = self.machines.get_mut(&id).unwrap();
        assert!(machine.broker.is_none());
        machine.disks += 1;
        let seed = 100 + u64::from(machine.disks);
        machine.disk = SimDisk::new(seed, SimDiskConfig::default());
        machine.disk.set_now(self.now);
    }

    /// SIGTERM; the process is gone when this returns.
    pub(crate) fn stop(&mut self, id: BrokerId) {
        self.step(id, Event::Shutdown);
        self.run_until(|cluster| cluster.machines[&id].stopped);
        self.machines.get_mut(&id).unwrap().broker = None;
        self.machines.get_mut(&id).unwrap().wake_at = None;
    }

    /// The disk of a broker, for damage and limits.
    pub(crate) fn disk(&mut self, id: BrokerId) -> &mut SimDisk {
        &mut self.machines.get_mut(&id).unwrap().disk
    }

    /// A running broker.
    pub(crate) fn broker(&mut self, id: BrokerId) -> &mut Broker {
        let machine = self.machines.get_mut(&id).unwrap();
        machine.broker.as_mut().unwrap()
    }

    /// From now on the disk completes nothing, or again what it owes.
    pub(crate) fn hang_disk(&mut self, id: BrokerId, hangs: bool) {
        self.machines.get_mut(&id).unwrap().hangs = hangs;
    }

    /// Other brokers and this one no longer hear each other; clients reach it.
    pub(crate) fn isolate(&mut self, id: BrokerId) {
        self.cut.insert(id);
    }

    /// A process stands still. What the others say meanwhile waits in its sockets until they are cut.
    pub(crate) fn pause(&mut self, id: BrokerId) {
        self.paused.insert(id, VecDeque::new());
    }

    /// It goes on, and reads what waits.
    pub(crate) fn resume(&mut self, id: BrokerId) {
        let waiting = self.paused.remove(&id).unwrap_or_default();
        for arrival in waiting {
            if let UnderWay::Message(from, to, message) = arrival {
                self.now = Instant(self.now.0 + 1000);
                self.step(to, Event::Peer { from, message });
            }
        }
    }

    pub(crate) fn heal(&mut self) {
        let at = self.now + DELAY;
        for id in std::mem::take(&mut self.cut) {
            for other in ids().into_iter().filter(|other| *other != id) {
                self.under_way
                    .push_back((at, UnderWay::Connected(id, other)));
                self.under_way
                    .push_back((at, UnderWay::Connected(other, id)));
            }
        }
    }

    fn both_clocks(&self) -> Now {
        Now {
            mono: self.now,
            wall_ms: START_MS + i64::try_from(self.now.0 / 1_000_000).unwrap(),
        }
    }

    fn step(&mut self, id: BrokerId, event: Event) {
        self.with(id, |broker, now, out| broker.step(now, event, out));
    }

    fn with(&mut self, id: BrokerId, work: impl FnOnce(&mut Broker, Now, &mut Output)) {
        let now = self.both_clocks();
        let machine = self.machines.get_mut(&id).unwrap();
        let Some(broker) = &mut machine.broker else {
            return;
        };
        let mut out = Output::default();
        work(broker, now, &mut out);
        broker.finish(now, &mut out);
        assert_eq!(out.fatal, None);
        machine.stopped |= out.stopped;
        machine.disk.set_now(self.now);
        for (op, what) in out.effects.disk {
            machine.disk.submit(op, what);
        }
        if let Some(wish) = out.effects.wake_at {
            machine.wake_at = Some(machine.wake_at.map_or(wish, |known| known.min(wish)));
        }
        for reply in out.effects.replies {
            let frame = Bytes::from(reply.parts.concat());
            self.replies.insert(reply.request.conn.0, frame);
        }
        for send in out.effects.sends {
            let bytes = Bytes::from(send.parts.concat());
            let message = UnderWay::Message(id, send.to, bytes);
            self.under_way.push_back((self.now + DELAY, message));
        }
        self.admin.extend(out.admin);
    }

    fn next_moment(&self) -> Instant {
        let turning = |id: &BrokerId| !self.paused.contains_key(id);
        let machines = self.machines.iter().filter(|(id, _)| turning(id));
        machines
            .map(|(_, m)| m)
            .filter(|m| m.broker.is_some())
            .flat_map(|m| {
                let completion = m.disk.next_completion().filter(|_| !m.hangs);
                [completion, m.wake_at]
            })
            .chain([self.under_way.front().map(|(at, _)| *at)])
            .flatten()
            .min()
            .expect("brokers always wait for something")
    }

    fn advance(&mut self) {
        // A wish in the past is granted, but never without time passing at all.
        self.now = self.next_moment().max(Instant(self.now.0 + 1));
        while let Some((at, _)) = self.under_way.front()
            && *at <= self.now
        {
            let (_, arrival) = self.under_way.pop_front().unwrap();
            self.arrive(arrival);
        }
        for id in ids() {
            let machine = self.machines.get_mut(&id).unwrap();
            if machine.broker.is_none() || self.paused.contains_key(&id) {
                continue;
            }
            machine.disk.set_now(self.now);
            let mut done = Vec::new();
            if !machine.hangs {
                machine.disk.poll(&mut done);
            }
            let wakes = machine.wake_at.is_some_and(|at| at <= self.now);
            if wakes {
                machine.wake_at = None;
            }
            for done in done {
                self.step(id, Event::Disk(done));
            }
            if wakes {
                self.step(id, Event::Wake);
            }
        }
    }

    fn arrive(&mut self, arrival: UnderWay) {
        match arrival {
            UnderWay::Message(from, to, message) => {
                if self.cut.contains(&from) || self.cut.contains(&to) {
                } else if let Some(waiting) = self.paused.get_mut(&to) {
                    waiting.push_back(UnderWay::Message(from, to, message));
                } else {
                    self.step(to, Event::Peer { from, message });
                }
            }
            UnderWay::Connected(at, to) => self.step(at, Event::PeerConnected(to)),
        }
    }

    pub(crate) fn run_until(&mut self, holds: impl Fn(&Cluster) -> bool) {
        for _ in 0..STEPS_MAX {
            if holds(self) {
                return;
            }
            self.advance();
        }
        panic!("it does not come to pass");
    }

    pub(crate) fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        self.run_until(|cluster| cluster.now >= end);
    }

    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Sends a request to a broker; the number names the answer.
    pub(crate) fn send<R: Request>(&mut self, to: BrokerId, version: i16, request: &R) -> u64 {
        self.next += 1;
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_client_id(Some(text("test")));
        let mut frame = BytesMut::new();
        header
            .encode(&mut frame, R::header_version(version))
            .unwrap();
        request.encode(&mut frame, version).unwrap();
        let id = RequestId {
            conn: ConnId(self.next),
            seq: 0,
        };
        let frame = frame.freeze();
        self.step(to, Event::Request { id, frame });
        self.next
    }

    pub(crate) fn answered(&self, number: u64) -> bool {
        self.replies.contains_key(&number)
    }

    pub(crate) fn receive<R: Request>(&mut self, version: i16, number: u64) -> R::Response {
        self.run_until(|cluster| cluster.answered(number));
        let mut frame = self.replies.remove(&number).unwrap();
        let header = 8 + usize::from(R::Response::header_version(version) >= 1);
        drop(frame.split_to(header));
        R::Response::decode(&mut frame, version).unwrap()
    }

    pub(crate) fn ask<R: Request>(
        &mut self,
        to: BrokerId,
        version: i16,
        request: &R,
    ) -> R::Response {
        let number = self.send(to, version, request);
        self.receive::<R>(version, number)
    }

    pub(crate) fn admin(
        &mut self,
        to: BrokerId,
        request: AdminRequest,
    ) -> Result<AdminResponse, AdminError> {
        self.next += 1;
        let id = self.next;
        self.step(to, Event::Admin { id, request });
        self.run_until(|cluster| cluster.admin.contains_key(&id));
        self.admin.remove(&id).unwrap()
    }

    /// Creates a topic with three replicas.
    pub(crate) fn create(&mut self, name: &str, partitions: i32) {
        self.create_with(name, partitions, 3);
    }

    pub(crate) fn create_with(&mut self, name: &str, partitions: i32, replicas: i16) {
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas);
        let request = CreateTopicsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(5_000);
        let answer = self.ask(BrokerId(0), 5, &request);
        assert_eq!(answer.topics[0].error_code, 0, "{:?}", answer.topics[0]);
        // The other brokers hear a moment later that it is committed.
        self.run_for(Duration::from_millis(5));
    }

    pub(crate) fn set_topic_config(&mut self, topic: &str, key: &str, value: &str) {
        let config = AlterableConfig::default()
            .with_name(text(key))
            .with_value(Some(text(value)));
        let resource = AlterConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text(topic))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        let answer = self.ask(BrokerId(0), 1, &request);
        assert_eq!(answer.responses[0].error_code, 0);
        self.run_for(Duration::from_millis(500));
    }

    /// Partitions of a topic as one broker sees them.
    pub(crate) fn partitions(
        &mut self,
        from: BrokerId,
        name: &str,
    ) -> Vec<MetadataResponsePartition> {
        let all = MetadataRequest::default().with_topics(None);
        let answer = self.ask(from, 9, &all);
        let topic = answer
            .topics
            .into_iter()
            .find(|topic| topic.name.as_ref().is_some_and(|n| n.0.as_str() == name));
        topic.map_or(Vec::new(), |topic| topic.partitions)
    }

    pub(crate) fn leader(&mut self, from: BrokerId, name: &str) -> BrokerId {
        BrokerId(self.partitions(from, name)[0].leader_id.0)
    }

    /// Waits until a broker sees as many in-sync replicas of partition 0.
    pub(crate) fn wait_for_isr(&mut self, from: BrokerId, name: &str, count: usize) {
        for _ in 0..2_000 {
            if self.partitions(from, name)[0].isr_nodes.len() == count {
                return;
            }
            self.run_for(Duration::from_millis(10));
        }
        panic!("the ISR does not become {count}");
    }

    /// Produces one record to partition 0.
    pub(crate) fn produce(&mut self, to: BrokerId, topic: &str, acks: i16) -> (i16, i64) {
        let number = self.send_produce(to, topic, acks);
        let answer = self.receive::<ProduceRequest>(9, number);
        let row = &answer.responses[0].partition_responses[0];
        (row.error_code, row.base_offset)
    }

    /// What a broker gives of partition 0 from an offset on: error code, records, high watermark.
    pub(crate) fn fetch(&mut self, from: BrokerId, topic: &str, offset: i64) -> (i16, Bytes, i64) {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(10_000);
        let topic = FetchTopic::default()
            .with_topic(TopicName(text(topic)))
            .with_partitions(vec![partition]);
        let request = FetchRequest::default()
            .with_max_wait_ms(100)
            .with_max_bytes(10_000)
            .with_topics(vec![topic]);
        let answer = self.ask(from, 12, &request);
        let row = answer.responses[0].partitions[0].clone();
        let records = row.records.unwrap_or_default();
        (row.error_code, records, row.high_watermark)
    }

    /// All values of partition 0, or the code of the error that is met.
    pub(crate) fn fetch_all(&mut self, from: BrokerId, topic: &str) -> Result<Vec<Bytes>, i16> {
        let mut found = Vec::new();
        loop {
            let offset = i64::try_from(found.len()).unwrap();
            let (code, records, high_watermark) = self.fetch(from, topic, offset);
            if code != 0 {
                return Err(code);
            }
            for batch in kring_wire::batches(&records) {
                let (header, batch) = batch.unwrap();
                kring_wire::batch::check_crc(&batch).unwrap();
                for record in kring_wire::records(&header, &batch).unwrap() {
                    let record = record.unwrap();
                    if record.offset == i64::try_from(found.len()).unwrap() {
                        found.push(record.value.unwrap());
                    }
                }
            }
            if i64::try_from(found.len()).unwrap() >= high_watermark {
                return Ok(found);
            }
        }
    }

    pub(crate) fn send_produce(&mut self, to: BrokerId, topic: &str, acks: i16) -> u64 {
        self.send_value(to, topic, acks, b"value")
    }

    /// Produces one record with this value.
    pub(crate) fn send_value(&mut self, to: BrokerId, topic: &str, acks: i16, value: &[u8]) -> u64 {
        let mut batch = BatchBuilder::new();
        batch.push(START_MS, None, Some(value));
        self.send_batch(to, topic, acks, batch.build())
    }

    /// Sends a batch to partition 0.
    pub(crate) fn send_batch(&mut self, to: BrokerId, topic: &str, acks: i16, batch: Bytes) -> u64 {
        let partition = PartitionProduceData::default()
            .with_index(0)
            .with_records(Some(batch));
        let topic = TopicProduceData::default()
            .with_name(TopicName(text(topic)))
            .with_partition_data(vec![partition]);
        let request = ProduceRequest::default()
            .with_acks(acks)
            .with_timeout_ms(1_500)
            .with_topic_data(vec![topic]);
        self.send(to, 9, &request)
    }
}
