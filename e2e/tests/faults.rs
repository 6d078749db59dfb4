//! Faults under load that nobody announced.
//! An acknowledged record survives each of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;
use std::time::Duration;

use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, faults, install};

const SETTLE: Duration = Duration::from_secs(180);

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_broker_killed_at_once_under_load_takes_no_acknowledged_record_with_it() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "killed-broker").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let shape = Shape {
        client: Client::Librdkafka,
        records: 20_000,
        rate: 2_000,
        until_finished: true,
    };
    let load = Load::start(&kafka, shape).unwrap();
    load.wait_acknowledged(5_000, SETTLE).unwrap();

    // The active controller is the worst one to lose.
    let status = kafka.get().unwrap().status.unwrap();
    let controller = status.controller.unwrap();
    let pod = status
        .brokers
        .iter()
        .find(|broker| broker.id == controller)
        .map(|broker| broker.pod.clone())
        .unwrap();
    faults::kill_broker(&namespace, &pod).unwrap();
    // The kill is noticed before the wait for its end begins.
    thread::sleep(Duration::from_secs(5));
    kafka.wait_settled(cluster.version(), 3, SETTLE).unwrap();

    let report = load.finish(SETTLE).unwrap();
    eprintln!(
        "{} killed: longest pause {:.0} ms",
        pod, report.longest_pause_ms
    );
    assert_eq!(report.violations(), Vec::<String>::new());
    let partitions = kafka.get().unwrap().status.unwrap().partitions.unwrap();
    assert_eq!((partitions.offline, partitions.under_replicated), (0, 0));
}
