//! Followers of a log whose older records are deleted while they are away.
//! Who may delete records, and when that is answered, is for the requests.

use std::time::Duration;

use bytes::Bytes;
use kring_wire::BatchBuilder;
use kring_wire::ids::TopicPartition;

use crate::cluster::{Cluster, TP, broker};

/// Broker 1 leads, and broker 3 hears nothing of it.
fn without_broker_3(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(3, seed);
    cluster.create(TP, &[1, 2, 3]);
    cluster.run_until("the leader leads", |c| {
        c.nodes[&broker(1)].replication.is_leader(TP)
    });
    cluster.isolate(3);
    cluster
}

/// Broker 3 comes back to a log that starts inside of a batch.
fn returns_to_a_trimmed_log(seed: u64) -> Cluster {
    let mut cluster = without_broker_3(seed);
    cluster.produce_batch(TP, 3);
    cluster.produce_batch(TP, 3);
    cluster.run_until("committed without broker 3", |c| {
        c.high_watermark(1, TP) == 6
    });
    cluster.delete_before(TP, 4);
    cluster.run_until("the start is moved", |c| c.state(1, TP).log_start == 4);
    cluster
}

fn has_the_rest(cluster: &mut Cluster) {
    cluster.run_until("broker 3 has the rest", |c| {
        c.high_watermark(3, TP) == 6 && c.state(3, TP).log_start == 4
    });
    let log_end = |id: i32| cluster.state(id, TP).log_end;
    assert_eq!((log_end(1), log_end(3)), (6, 6));
    cluster.run_until("and is in sync again", |c| c.roles[&TP].isr.len() == 3);
}

#[test]
fn a_log_that_starts_inside_a_batch_is_followed() {
    let mut cluster = returns_to_a_trimmed_log(1);
    cluster.rejoin(3);
    has_the_rest(&mut cluster);
}

#[test]
fn a_follower_without_room_starts_anew_once() {
    const OTHER: TopicPartition = TopicPartition {
        partition: TP.partition + 1,
        ..TP
    };
    let mut cluster = returns_to_a_trimmed_log(1);
    cluster.create(OTHER, &[3, 2]);
    cluster.run_until("broker 3 leads, without its follower", |c| {
        c.nodes[&broker(3)].replication.is_leader(OTHER)
    });
    cluster.fill(OTHER);
    cluster.heal(1, 3);
    cluster.heal(3, 1);
    cluster.run_until("it starts anew", |c| c.state(3, TP).log_start == 4);
    cluster.run_for(Duration::from_secs(1));
    let changes = |c: &Cluster| c.nodes[&broker(3)].log.appended_lsn();
    let before = changes(&cluster);
    cluster.run_for(Duration::from_secs(2));
    assert_eq!(changes(&cluster), before, "what has no room writes nothing");
    cluster.rejoin(3);
    has_the_rest(&mut cluster);
}

/// What an idempotent producer sends: the `nth` batch, of two records.
fn idempotent(nth: i32) -> Bytes {
    let mut batch = BatchBuilder::new().producer(9, 0, nth * 2);
    batch.push(0, None, Some(b"value"));
    batch.push(0, None, Some(b"value"));
    batch.build()
}

#[test]
fn a_log_that_starts_anew_knows_what_producers_sent_before_its_start() {
    let mut cluster = without_broker_3(2);
    for nth in 0..7 {
        cluster.produce_bytes(TP, idempotent(nth));
    }
    cluster.run_until("committed without broker 3", |c| {
        c.high_watermark(1, TP) == 14
    });
    // In the middle of the last batch but one.
    cluster.delete_before(TP, 11);
    cluster.run_until("the start is moved", |c| c.state(1, TP).log_start == 11);
    cluster.rejoin(3);
    cluster.run_until("broker 3 has the rest", |c| {
        c.high_watermark(3, TP) == 14 && c.state(3, TP).log_start == 11
    });
    for restarted in [false, true] {
        if restarted {
            cluster.run_for(Duration::from_secs(1));
            cluster.crash(3);
            cluster.start(3);
            cluster.run_until("its log is back", |c| c.nodes[&broker(3)].recovered);
        }
        let time = cluster.time();
        let log = &mut cluster.nodes.get_mut(&broker(3)).unwrap().log;
        // A producer whose answers were lost sends all that it may have under way again, to the next leader.
        for nth in 2..7 {
            let again = log.append(time, TP, 9, idempotent(nth)).unwrap();
            assert!(again.duplicate, "{nth}");
            assert_eq!(again.base_offset, i64::from(nth) * 2);
        }
    }
}
