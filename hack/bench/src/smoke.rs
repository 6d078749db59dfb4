//! A small load against a broker of ours, from start to stop.
//! It judges no time.

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use kring_wire::Compression;

use crate::batch::{self, Batch, BatchShape};
use crate::broker::{self, Kind, Places};
use crate::compare::Extent;
use crate::consume::{self, Consuming};
use crate::group::{self, Grouping};
use crate::metric::Metric;
use crate::produce::{self, Producing};
use crate::scenario::{SCENARIOS, Work};
use crate::stand::{self, Standing};
use crate::transact::Transacting;
use crate::{call, load, replicate, transact, usage, yardstick};

/// What the loads here begin with.
const LOAD: Producing = Producing {
    connections: 2,
    depth: 2,
    acks: 1,
    rate: None,
    begins_at: None,
    payload_bytes_max: 100_000,
    time_max: Duration::from_secs(60),
};

fn places(folder: &Path) -> Places {
    let own = std::env::current_exe().unwrap();
    let target = own.parent().unwrap().parent().unwrap();
    Places {
        kring: target.join("examples/bench-broker"),
        kafka: folder.to_owned(),
        folder: folder.to_owned(),
        kring_port: free_port(),
        pinned: false,
        alone: None,
        memory_bytes_max: None,
    }
}

/// The first of the ports of three brokers. Other tests' run at the same time; the system gives these to nobody.
fn free_port() -> u16 {
    let own = (std::process::id() % 200) as u16;
    let candidates = (own..200).chain(0..own).map(|n| 23_000 + 25 * n);
    let is_free = |base: &u16| {
        let ports = [0, 1, 10, 11, 20, 21].map(|offset| base + offset);
        ports
            .iter()
            .all(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
    };
    candidates.into_iter().find(is_free).unwrap()
}

fn small_batch() -> Batch {
    let shape = BatchShape {
        record_bytes: 100,
        batch_bytes: 1000,
        compression: Compression::Lz4,
    };
    batch::build(shape, 1_700_000_000_000)
}

#[test]
fn a_broker_that_stands_there_is_looked_at_and_killed() {
    let dir = tempfile::tempdir().unwrap();
    let standing = Standing {
        partitions: 3,
        connections: 5,
        killed_with_bytes: 100_000,
    };
    let idle_for = Duration::from_millis(100);
    let places = places(dir.path());
    let figures = stand::turn(Kind::Kring, &places, standing, &small_batch(), idle_for).unwrap();
    let of = |metric| figures[&metric];
    assert!(of(Metric::StartMs) > 0.0 && of(Metric::CreateMs) > 0.0);
    assert!(of(Metric::MemoryMb) > 1.0 && of(Metric::RestartMs) > 0.0);
}

#[test]
fn a_small_load_at_a_rate_and_without_one_is_acknowledged_whole() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(dir.path());
    let broker = broker::start(Kind::Kring, &places).unwrap();
    let mut admin = call::connect(broker.address, Duration::from_secs(10)).unwrap();
    call::create_topic(&mut admin, "smoke", 5, &[]).unwrap();
    let batch = small_batch();
    for (acks, rate) in [(-1, None), (1, Some(2000.0))] {
        let load = Producing {
            depth: 3,
            acks,
            rate,
            payload_bytes_max: 200 * batch.payload_bytes,
            ..LOAD
        };
        let produced =
            produce::run(broker.address, "smoke", &[0, 1, 2, 3, 4], &batch, load).unwrap();
        assert_eq!(produced.requests, 200);
        assert_eq!(produced.payload_bytes, 200_000);
        assert_eq!(produced.latency.len(), 200);
    }
    let load = Consuming {
        partitions: 5,
        consumers: 2,
        fetch_bytes_max: 64 << 10,
        payload_bytes_max: 3_000_000,
        time_max: Duration::from_secs(60),
    };
    // 80 batches in each partition, of which each consumer reads all several times.
    let consumed = consume::run(broker.address, "smoke", &batch, load).unwrap();
    assert!(consumed.payload_bytes >= 3_000_000);
    assert_eq!(consumed.payload_bytes % batch.payload_bytes, 0);
    assert_eq!(consumed.latency.len(), consumed.requests);
    call::create_topic(&mut admin, "followed", 1, &[]).unwrap();
    let (_, followed, _) = load::end_to_end(
        &broker,
        &batch,
        Producing {
            connections: 1,
            depth: 5,
            acks: -1,
            rate: None,
            begins_at: None,
            payload_bytes_max: 0,
            time_max: Duration::from_millis(500),
        },
        "followed",
        200.0,
    )
    .unwrap();
    assert_eq!(followed.latency.len(), 100);
    assert!(usage::read(broker.pid, &broker.folder).unwrap().disk_bytes > 0);
    let load = Producing {
        depth: 1,
        payload_bytes_max: 6_000,
        ..LOAD
    };
    let error = produce::run(broker.address, "smoke", &[4, 5], &batch, load).unwrap_err();
    assert!(error.contains("UnknownTopicOrPartition"), "{error}");
    call::delete_topic(&mut admin, "smoke").unwrap();
}

#[test]
fn three_brokers_replicate_a_small_load() {
    let dir = tempfile::tempdir().unwrap();
    let places = places(dir.path());
    let brokers = broker::start_all(Kind::Kring, &places, 3).unwrap();
    let scenario = SCENARIOS.iter().find(|s| s.work == Work::Replicate);
    let extent = Extent {
        rounds: 1,
        warm_up: Duration::ZERO,
        turn_time_max: Duration::from_secs(60),
        turn_payload_bytes: 300_000,
        rate: 0.0,
    };
    let topic = [("min.insync.replicas", "2")];
    let batch = small_batch();
    let (before, done, after) =
        replicate::turn(scenario.unwrap(), &brokers, &topic, &batch, extent, "three").unwrap();
    assert_eq!(done.requests, 300);
    // The journal of each broker has them.
    assert!(after.disk_bytes - before.disk_bytes > 3 * 300 * batch.bytes.len() as u64);
}

#[test]
fn the_yardstick_takes_a_load() {
    let dir = tempfile::tempdir().unwrap();
    let cpu_s_per_gb = yardstick::measure(dir.path(), &small_batch(), LOAD).unwrap();
    assert!(cpu_s_per_gb > 0.0 && cpu_s_per_gb.is_finite());
    assert!(!dir.path().join("yardstick").exists());
}

#[test]
fn groups_rebalance_and_heartbeat() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker::start(Kind::Posix, &places(dir.path())).unwrap();
    let grouping = Grouping {
        groups: 2,
        members: 3,
    };
    let done = group::run(broker.address, "round", grouping, Duration::from_millis(50)).unwrap();
    assert!(!done.latency.is_empty());
    // Each of six members joins, asks for its assignment, and heartbeats ten times.
    assert_eq!(done.requests, done.latency.len() * 6 * 12);
}

#[test]
fn transactions_follow_one_another() {
    let dir = tempfile::tempdir().unwrap();
    let broker = broker::start(Kind::Posix, &places(dir.path())).unwrap();
    let mut admin = call::connect(broker.address, Duration::from_secs(10)).unwrap();
    call::create_topic(&mut admin, "transacted", 2, &[]).unwrap();
    let transacting = Transacting {
        producers: 3,
        partitions: 2,
        record_bytes: 100,
    };
    let time_max = Duration::from_millis(50);
    let done = transact::run(broker.address, "transacted", transacting, time_max).unwrap();
    assert!(done.requests >= 3);
    // Each transaction has its record and the marker of its end, which follows the answer.
    let mut written = || {
        let ends = call::ends(&mut admin, "transacted", &[0, 1]).unwrap();
        ends.iter().flatten().sum::<i64>() as u64
    };
    let asked = std::iter::repeat_with(|| {
        std::thread::sleep(Duration::from_millis(20));
        written()
    });
    assert!(asked.take(500).any(|ends| ends == 2 * done.requests));
}
