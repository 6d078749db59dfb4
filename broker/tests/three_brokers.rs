//! Three brokers as processes: nothing acknowledged is lost whoever dies, and a clean stop is invisible.
//! One broker's own promises are in `one_broker.rs`.

#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod processes;

use std::thread;
use std::time::Duration;

use processes::{Broker, bootstrap, consume, http_get, numbers, produce, three_brokers};

fn start_all(brokers: &mut [Broker]) {
    for broker in brokers.iter_mut() {
        broker.start();
    }
    for broker in brokers {
        broker.wait_until_ready();
    }
}

/// Waits until every replica is in sync.
fn wait_for_full_isr(brokers: &[Broker]) {
    for _ in 0..300 {
        let under_replicated = brokers.iter().any(|broker| {
            let (_, metrics) = http_get(broker.ports.metrics, "/metrics").unwrap();
            metrics
                .lines()
                .filter(|line| {
                    line.starts_with("kafka_topic_partition_under_replicated_partition{")
                })
                .any(|line| line.ends_with(" 1"))
        });
        if !under_replicated {
            return;
        }
        thread::sleep(Duration::from_millis(100));
    }
    panic!("a replica stayed out of sync");
}

#[test]
fn nothing_acknowledged_is_lost_when_each_broker_is_killed_in_turn_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let mut brokers = three_brokers(dir.path());
    start_all(&mut brokers);
    let everywhere = bootstrap(&brokers);
    produce(&everywhere, "orders", &numbers(0..100));
    for victim in 0..3_u32 {
        let everywhere = everywhere.clone();
        let load = thread::spawn(move || {
            for piece in 0..20 {
                let first = 1000 * (victim + 1) + piece * 50;
                produce(&everywhere, "orders", &numbers(first..first + 50));
            }
        });
        thread::sleep(Duration::from_millis(300));
        let broker = &mut brokers[victim as usize];
        broker.kill();
        load.join().unwrap();
        broker.start_and_wait();
        wait_for_full_isr(&brokers);
    }
    let mut expected: Vec<String> = numbers(0..100).lines().map(str::to_owned).collect();
    expected.extend(numbers(1000..4000).lines().map(str::to_owned));
    assert_eq!(consume(&everywhere, "orders"), expected);
}

#[test]
fn a_clean_stop_hands_leaders_over_before_the_process_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut brokers = three_brokers(dir.path());
    start_all(&mut brokers);
    let everywhere = bootstrap(&brokers);
    produce(&everywhere, "orders", &numbers(0..100));
    wait_for_full_isr(&brokers);
    assert!(brokers[0].terminate().success());
    // At once, without a session time-out in between.
    let rest = bootstrap(&brokers[1..]);
    produce(&rest, "orders", &numbers(100..200));
    assert_eq!(consume(&rest, "orders").len(), 200);
    assert!(
        !brokers[1].log().contains("is silent"),
        "{}",
        brokers[1].log()
    );
    brokers[0].start_and_wait();
    wait_for_full_isr(&brokers);
}

#[test]
fn a_broker_with_another_secret_stays_outside() {
    let dir = tempfile::tempdir().unwrap();
    let mut brokers = three_brokers(dir.path());
    // A new cluster elects once all its voters have met.
    for broker in &mut brokers {
        broker.start();
    }
    for broker in &mut brokers {
        broker.wait_until_ready();
    }
    assert!(brokers[2].terminate().success());
    let wrong = dir.path().join("wrong-secret");
    std::fs::write(&wrong, "not the secret of the others").unwrap();
    brokers[2].set("KRING_PEER_SECRET_FILE", &wrong.display().to_string());
    brokers[2].start();
    thread::sleep(Duration::from_millis(500));
    let (status, reason) = brokers[2].readyz().unwrap();
    assert_eq!(status, 503, "{reason}");
    assert!(
        brokers[2].log().contains("peer secrets differ"),
        "{}",
        brokers[2].log()
    );
}
