//! A disk that rots at rest: never served, and repaired from another broker without a person.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::ProduceRequest;
use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

const RECORDS: usize = 60;
const STORAGE_ERROR: i16 = 56;
const NOT_LEADER: i16 = 6;

fn value(number: usize) -> Vec<u8> {
    format!("{number}:{}", "x".repeat(1_500)).into_bytes()
}

/// A topic whose first records are on the disks only, and its leader.
fn cold(scrub_interval_ms: u64) -> (Cluster, BrokerId) {
    let mut cluster = Cluster::configured(|config| {
        config.log.tail_cache_bytes = 16 << 10;
        config.log.segment_flush_bytes = 4 << 10;
        config.log.segment_flush_interval_ms = 100;
        config.log.scrub_interval_ms = scrub_interval_ms;
        let (key, bytes) = ("segment.bytes".to_owned(), "20000".to_owned());
        config.topic_defaults.insert(key, bytes);
    });
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    fill(&mut cluster, leader);
    (cluster, leader)
}

fn fill(cluster: &mut Cluster, leader: BrokerId) {
    for number in 0..RECORDS {
        let sent = cluster.send_value(leader, "t", -1, &value(number));
        let answer = cluster.receive::<ProduceRequest>(9, sent);
        assert_eq!(answer.responses[0].partition_responses[0].error_code, 0);
    }
    cluster.run_for(Duration::from_secs(2));
}

fn segments(cluster: &mut Cluster, of: BrokerId) -> Vec<String> {
    let paths = cluster.disk(of).paths().into_iter();
    paths
        .filter(|path| path.starts_with("t-0/") && path.ends_with(".log"))
        .collect()
}

fn flip(cluster: &mut Cluster, of: BrokerId, nth: usize) {
    let path = segments(cluster, of)[nth].clone();
    assert!(cluster.disk(of).flip_bit(&path, 900, 3));
}

fn wait_for_repair(cluster: &mut Cluster, of: BrokerId) {
    for _ in 0..2_000 {
        if cluster.broker(of).metrics().log.damage_repaired == 1 {
            return;
        }
        cluster.run_for(Duration::from_millis(10));
    }
    panic!("{:?}", cluster.broker(of).metrics().log);
}

fn is_whole(found: &[Bytes]) -> bool {
    found.len() >= RECORDS && (0..RECORDS).all(|number| found[number] == value(number))
}

#[test]
fn a_follower_repairs_what_its_scrub_finds_and_can_lead_afterwards() {
    let (mut cluster, leader) = cold(3_000);
    let follower = ids().into_iter().find(|id| *id != leader).unwrap();
    flip(&mut cluster, follower, 1);
    wait_for_repair(&mut cluster, follower);
    cluster.wait_for_isr(leader, "t", 3);
    let stats = cluster.broker(follower).metrics().log;
    assert_eq!((stats.damage_found, stats.damaged_partitions), (1, 0));
    assert_eq!(
        cluster.leader(leader, "t"),
        leader,
        "nobody else was disturbed"
    );

    // The repaired copy is the one that is served.
    cluster.run_for(Duration::from_secs(1));
    for other in ids().into_iter().filter(|id| *id != follower) {
        cluster.stop(other);
    }
    cluster.start(leader);
    cluster.run_until(|cluster| cluster.is_ready(leader));
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(cluster.leader(follower, "t"), follower);
    assert!(is_whole(&cluster.fetch_all(follower, "t").unwrap()));
}

#[test]
fn a_leader_with_damage_hands_over_serves_none_of_it_and_is_repaired() {
    let (mut cluster, old) = cold(0);
    let other = ids().into_iter().find(|id| *id != old).unwrap();
    flip(&mut cluster, old, 0);
    let code = cluster.fetch_all(old, "t").unwrap_err();
    assert!([STORAGE_ERROR, NOT_LEADER].contains(&code), "{code}");
    cluster.run_for(Duration::from_millis(100));
    let new = cluster.leader(other, "t");
    assert_ne!(new, old, "at once, by request");
    assert!(is_whole(&cluster.fetch_all(new, "t").unwrap()));
    let (code, offset) = cluster.produce(new, "t", -1);
    assert_eq!((code, offset), (0, RECORDS as i64));
    wait_for_repair(&mut cluster, old);
    cluster.wait_for_isr(new, "t", 3);
    let end = cluster.broker(new).metrics().replicas[0].log_end;
    assert_eq!(cluster.broker(old).metrics().replicas[0].log_end, end);
    assert_eq!(cluster.broker(old).metrics().log.damaged_partitions, 0);
}

#[test]
fn every_broker_may_rot_one_after_the_other() {
    let (mut cluster, _) = cold(2_000);
    for (round, broker) in ids().into_iter().enumerate() {
        let last = segments(&mut cluster, broker).len() - 1;
        flip(&mut cluster, broker, round % last);
        wait_for_repair(&mut cluster, broker);
        cluster.wait_for_isr(broker, "t", 3);
        cluster.run_for(Duration::from_millis(500));
        let leader = cluster.leader(broker, "t");
        assert!(is_whole(&cluster.fetch_all(leader, "t").unwrap()));
    }
}

#[test]
fn the_last_in_sync_replica_keeps_leading_and_serves_what_is_intact() {
    let (mut cluster, leader) = cold(0);
    let others: Vec<BrokerId> = ids().into_iter().filter(|id| *id != leader).collect();
    cluster.set_topic_config("t", "min.insync.replicas", "1");
    // One follower is isolated until it has left the ISR, the other is cut off after it.
    for other in &others {
        cluster.isolate(*other);
        cluster.run_for(Duration::from_secs(5));
        if other == &others[0] {
            assert_eq!(cluster.produce(leader, "t", -1).0, 0);
            cluster.heal();
            cluster.isolate(*other);
        }
    }
    flip(&mut cluster, leader, 1);
    assert_eq!(cluster.fetch_all(leader, "t"), Err(STORAGE_ERROR));
    cluster.run_for(Duration::from_secs(3));
    let metrics = cluster.broker(leader).metrics();
    assert_eq!(metrics.log.damaged_partitions, 1);
    assert_eq!(metrics.log.damage_repaired, 0, "there is no other copy");
    let (code, records, _) = cluster.fetch(leader, "t", 0);
    assert_eq!((code, records.is_empty()), (0, false), "what is intact");

    cluster.heal();
    wait_for_repair(&mut cluster, leader);
    cluster.wait_for_isr(others[0], "t", 3);
    let new = cluster.leader(others[0], "t");
    assert!(is_whole(&cluster.fetch_all(new, "t").unwrap()));
}

#[test]
fn damage_found_before_the_cluster_is_there_waits_for_it() {
    let (mut cluster, leader) = cold(2_000);
    let follower = ids().into_iter().find(|id| *id != leader).unwrap();
    ids().into_iter().for_each(|id| cluster.kill(id));
    cluster.start(follower);
    // Its journal has all of the segments, which are written again first.
    cluster.run_for(Duration::from_secs(1));
    flip(&mut cluster, follower, 0);
    // Alone it is not in the cluster and can ask nobody; here, a broker that never rests gets nowhere.
    cluster.run_for(Duration::from_secs(10));
    let stats = cluster.broker(follower).metrics().log;
    assert_eq!((stats.damage_found, stats.damage_repaired), (1, 0));
    for other in ids().into_iter().filter(|id| *id != follower) {
        cluster.start(other);
    }
    wait_for_repair(&mut cluster, follower);
    cluster.wait_for_isr(follower, "t", 3);
}
