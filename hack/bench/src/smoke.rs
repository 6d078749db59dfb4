//! A small load against a broker of ours, from start to stop.
//! It judges no time.

use std::time::Duration;

use kring_wire::Compression;

use crate::batch::{self, BatchShape};
use crate::broker::{self, Kind, Places};
use crate::produce::{self, Producing};
use crate::{call, usage};

#[test]
fn a_small_load_at_a_rate_and_without_one_is_acknowledged_whole() {
    let dir = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let target = own.parent().unwrap().parent().unwrap();
    let places = Places {
        kring: target.join("examples/bench-broker"),
        kafka: dir.path().to_owned(),
        folder: dir.path().to_owned(),
        pinned: false,
    };
    let broker = broker::start(Kind::Kring, &places).unwrap();
    let mut admin = call::connect(broker.address, Duration::from_secs(10)).unwrap();
    call::create_topic(&mut admin, "smoke", 5, &[]).unwrap();
    let shape = BatchShape {
        record_bytes: 100,
        batch_bytes: 1000,
        compression: Compression::Lz4,
    };
    let batch = batch::build(shape, 1_700_000_000_000);
    for (acks, rate) in [(-1, None), (1, Some(2000.0))] {
        let load = Producing {
            partitions: 5,
            connections: 2,
            depth: 3,
            acks,
            rate,
            payload_bytes_max: 200 * batch.payload_bytes,
            time_max: Duration::from_secs(60),
        };
        let produced = produce::run(broker.address, "smoke", &batch, load).unwrap();
        assert_eq!(produced.requests, 200);
        assert_eq!(produced.payload_bytes, 200_000);
        assert_eq!(produced.latency.len(), 200);
    }
    assert!(usage::read(broker.pid, &broker.folder).unwrap().disk_bytes > 0);
    let load = Producing {
        partitions: 6,
        connections: 6,
        depth: 1,
        acks: 1,
        rate: None,
        payload_bytes_max: 6_000,
        time_max: Duration::from_secs(60),
    };
    let error = produce::run(broker.address, "smoke", &batch, load).unwrap_err();
    assert!(error.contains("UnknownTopicOrPartition"), "{error}");
    call::delete_topic(&mut admin, "smoke").unwrap();
}
