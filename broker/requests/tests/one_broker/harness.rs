//! A broker, its disk and its clock in one thread; requests in, decoded answers out.
//! It knows the protocol only through `kafka-protocol`, which the broker does not use for records.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::RequestHeader;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kring_controller::Endpoint;
use kring_io::{BrokerId, ConnId, Disk, Instant, Now, RequestId};
use kring_io_sim::{SimDisk, SimDiskConfig};
use kring_requests::{
    AdminError, AdminRequest, AdminResponse, Broker, BrokerConfig, Event, Identity, Output,
};
use kring_wire::BatchBuilder;

/// Wall-clock time at the start of every test, in milliseconds.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

const ME: BrokerId = BrokerId(1);
/// Steps that any answer may take.
const STEPS_MAX: u32 = 100_000;

pub(crate) struct OneBroker {
    broker: Broker,
    disk: SimDisk,
    now: Instant,
    wake_at: Option<Instant>,
    out: Output,
    next_request: u64,
    replies: BTreeMap<RequestId, Bytes>,
    untaken: Vec<RequestId>,
    /// Whether clients read what they are answered, at once.
    pub(crate) clients_take: bool,
    closed: Vec<ConnId>,
    admin: BTreeMap<u64, Result<AdminResponse, AdminError>>,
    config: BrokerConfig,
    pub(crate) stopped: bool,
}

pub(crate) fn config() -> BrokerConfig {
    let mut config = BrokerConfig {
        voters: vec![(ME, "one:9093".to_owned())],
        ..BrokerConfig::default()
    };
    config.log.journal_file_bytes = 4 << 20;
    config.log.journal_zeroed_at_start_bytes = 1 << 20;
    config.groups.group_initial_rebalance_delay_ms = 10;
    config
}

fn identity(incarnation: u8) -> Identity {
    Identity {
        broker: ME,
        incarnation: [incarnation; 16],
        disk_id: [7; 16],
        version: "0.1.0".to_owned(),
        listeners: vec![Endpoint {
            name: "PLAINTEXT".to_owned(),
            host: "one.example".to_owned(),
            port: 9092,
        }],
        peer_address: "one:9093".to_owned(),
        log_dir: "/data".to_owned(),
        io_driver: "simulated".to_owned(),
        io_driver_reason: "a test".to_owned(),
    }
}

impl OneBroker {
    /// A new broker that is registered and serves.
    pub(crate) fn new() -> OneBroker {
        OneBroker::with(config())
    }

    pub(crate) fn with(config: BrokerConfig) -> OneBroker {
        let disk = SimDisk::new(42, SimDiskConfig::default());
        let mut one = OneBroker {
            broker: Broker::new(config.clone(), identity(1), 1),
            disk,
            now: Instant(0),
            wake_at: None,
            out: Output::default(),
            next_request: 0,
            replies: BTreeMap::new(),
            untaken: Vec::new(),
            clients_take: true,
            closed: Vec::new(),
            admin: BTreeMap::new(),
            config,
            stopped: false,
        };
        one.start();
        one
    }

    fn start(&mut self) {
        let now = self.both_clocks();
        self.broker.start(now, &mut self.out);
        self.carry_out();
        self.run_until(|one| one.broker.not_ready_reason().is_none());
    }

    /// The process dies; what was not flushed is lost; it starts again.
    pub(crate) fn crash(&mut self) {
        self.disk.crash();
        self.restart();
    }

    /// SIGTERM, then a new process.
    pub(crate) fn stop_and_start(&mut self) {
        self.step(Event::Shutdown);
        self.run_until(|one| one.stopped);
        self.disk.crash();
        self.restart();
    }

    fn restart(&mut self) {
        self.stopped = false;
        self.out = Output::default();
        self.wake_at = None;
        self.replies.clear();
        self.untaken.clear();
        self.broker = Broker::new(self.config.clone(), identity(2), 2);
        self.start();
    }

    fn both_clocks(&self) -> Now {
        Now {
            mono: self.now,
            wall_ms: START_MS + i64::try_from(self.now.0 / 1_000_000).unwrap(),
        }
    }

    fn step(&mut self, event: Event) {
        let now = self.both_clocks();
        self.broker.step(now, event, &mut self.out);
        self.broker.finish(now, &mut self.out);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let out = std::mem::take(&mut self.out);
        if let Some(fatal) = out.fatal {
            panic!("the broker failed: {fatal}");
        }
        self.stopped |= out.stopped;
        self.disk.set_now(self.now);
        for (id, op) in out.effects.disk {
            self.disk.submit(id, op);
        }
        for reply in out.effects.replies {
            if reply.tell_taken {
                self.untaken.push(reply.request);
            }
            let frame: Vec<u8> = reply.parts.concat();
            let before = self.replies.insert(reply.request, Bytes::from(frame));
            assert!(before.is_none(), "one answer for each request");
        }
        self.closed.extend(out.effects.close);
        self.admin.extend(out.admin);
        self.wake_at = match (self.wake_at, out.effects.wake_at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        if self.clients_take {
            self.take_answers();
        }
    }

    /// The client reads what was sent to it.
    pub(crate) fn take_answers(&mut self) {
        for request in std::mem::take(&mut self.untaken) {
            self.step(Event::Taken(request));
        }
    }

    /// Moves to the next moment at which something happens.
    fn advance(&mut self) {
        let mut done = Vec::new();
        let next = match (self.disk.next_completion(), self.wake_at) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).expect("nothing is under way and nobody waits"),
        };
        self.now = self.now.max(next);
        self.disk.set_now(self.now);
        self.disk.poll(&mut done);
        if done.is_empty() {
            self.wake_at = None;
            self.step(Event::Wake);
        }
        for done in done {
            self.step(Event::Disk(done));
        }
    }

    pub(crate) fn run_until(&mut self, holds: impl Fn(&OneBroker) -> bool) {
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
        self.run_until_instant(end);
    }

    fn run_until_instant(&mut self, end: Instant) {
        for _ in 0..STEPS_MAX {
            let next = [self.disk.next_completion(), self.wake_at];
            match next.into_iter().flatten().min() {
                Some(next) if next <= end => self.advance(),
                _ => {
                    self.now = end;
                    return;
                }
            }
        }
        panic!("time does not pass");
    }

    /// Sends a frame (header and body) and says which request it is.
    pub(crate) fn send_frame(&mut self, frame: Bytes) -> RequestId {
        self.next_request += 1;
        let id = RequestId {
            conn: ConnId(9),
            seq: self.next_request,
        };
        self.step(Event::Request { id, frame });
        id
    }

    pub(crate) fn send<R: Request>(&mut self, version: i16, request: &R) -> RequestId {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(77)
            .with_client_id(Some(StrBytes::from_static_str("test")));
        let mut frame = BytesMut::new();
        header
            .encode(&mut frame, R::header_version(version))
            .unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send_frame(frame.freeze())
    }

    /// Whether an answer is there.
    pub(crate) fn answered(&self, id: RequestId) -> bool {
        self.replies.contains_key(&id)
    }

    /// Waits for the bytes of an answer, the header included.
    pub(crate) fn frame(&mut self, id: RequestId) -> Bytes {
        self.run_until(|one| one.answered(id) || !one.closed.is_empty());
        self.replies
            .remove(&id)
            .expect("an answer, not a closed connection")
    }

    pub(crate) fn receive<R: Request>(&mut self, version: i16, id: RequestId) -> R::Response {
        let frame = self.frame(id);
        decode_answer::<R>(version, frame)
    }

    /// Sends a request and waits for the answer.
    pub(crate) fn ask<R: Request>(&mut self, version: i16, request: &R) -> R::Response {
        let id = self.send(version, request);
        self.receive::<R>(version, id)
    }

    /// Waits until the connection was closed.
    pub(crate) fn closes(&mut self) -> bool {
        self.run_for(Duration::from_secs(1));
        !std::mem::take(&mut self.closed).is_empty()
    }

    pub(crate) fn admin(&mut self, request: AdminRequest) -> Result<AdminResponse, AdminError> {
        self.next_request += 1;
        let id = self.next_request;
        self.step(Event::Admin { id, request });
        self.run_until(|one| one.admin.contains_key(&id));
        self.admin.remove(&id).unwrap()
    }

    /// Paths of all files of the data directory.
    pub(crate) fn files(&self) -> Vec<String> {
        self.disk.paths()
    }

    pub(crate) fn metrics(&self) -> kring_requests::metrics::Metrics {
        self.broker.metrics()
    }
}

pub(crate) fn decode_answer<R: Request>(version: i16, mut frame: Bytes) -> R::Response {
    let length = i32::from_be_bytes(frame.split_to(4)[..].try_into().unwrap());
    assert_eq!(usize::try_from(length).unwrap(), frame.len());
    let correlation = i32::from_be_bytes(frame.split_to(4)[..].try_into().unwrap());
    assert_eq!(correlation, 77);
    if R::Response::header_version(version) >= 1 {
        assert_eq!(frame.split_to(1)[0], 0, "no tagged fields in the header");
    }
    let answer = R::Response::decode(&mut frame, version).unwrap();
    assert!(frame.is_empty(), "{} bytes follow the answer", frame.len());
    answer
}

pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// A batch as a producer sends it.
pub(crate) fn batch(values: &[&str]) -> Bytes {
    batch_of(BatchBuilder::new(), values)
}

/// A batch of an idempotent producer.
pub(crate) fn idempotent_batch(producer_id: i64, sequence: i32, values: &[&str]) -> Bytes {
    batch_of(
        BatchBuilder::new().producer(producer_id, 0, sequence),
        values,
    )
}

fn batch_of(mut builder: BatchBuilder, values: &[&str]) -> Bytes {
    for (at, value) in values.iter().enumerate() {
        let timestamp_ms = START_MS + i64::try_from(at).unwrap();
        builder.push(timestamp_ms, Some(b"key"), Some(value.as_bytes()));
    }
    builder.build()
}

/// The values of the records in a Fetch answer.
pub(crate) fn values(records: &Bytes) -> Vec<String> {
    let mut values = Vec::new();
    for batch in kring_wire::batches(records) {
        let (header, batch) = batch.unwrap();
        kring_wire::batch::check_crc(&batch).unwrap();
        for record in kring_wire::records(&header, &batch).unwrap() {
            let value = record.unwrap().value.unwrap();
            values.push(String::from_utf8(value.to_vec()).unwrap());
        }
    }
    values
}

/// A frame with an arbitrary body.
pub(crate) fn raw_frame(api_key: i16, version: i16, flexible: bool, body: &[u8]) -> Bytes {
    let mut frame = BytesMut::new();
    frame.put_i16(api_key);
    frame.put_i16(version);
    frame.put_i32(77);
    frame.put_i16(-1);
    if flexible {
        frame.put_u8(0);
    }
    frame.put_slice(body);
    frame.freeze()
}
