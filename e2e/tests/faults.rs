//! Faults under load that nobody announced.
//! An acknowledged record survives each of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::thread;
use std::time::Duration;

use kring_e2e::command::CommandError;
use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, faults, install};

const SETTLE: Duration = Duration::from_secs(180);

/// A fault that a broker's pod suffers.
type Fault = fn(&Namespace, &str) -> Result<(), CommandError>;

/// The active controller is the worst one to lose.
fn controllers_pod(kafka: &Kafka<'_>) -> String {
    let status = kafka.get().unwrap().status.unwrap();
    let controller = status.controller.unwrap();
    status
        .brokers
        .into_iter()
        .find(|broker| broker.id == controller)
        .map(|broker| broker.pod)
        .unwrap()
}

/// Hits the controller's pod again and again under load, each time when the cluster is whole.
fn survives(purpose: &str, fault: Fault, times: u32) {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, purpose).unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let shape = Shape {
        client: Client::Librdkafka,
        records: 20_000,
        rate: 2_000,
        until_finished: true,
    };
    let load = Load::start(&kafka, shape).unwrap();
    load.wait_acknowledged(5_000, SETTLE).unwrap();
    for _ in 0..times {
        fault(&namespace, &controllers_pod(&kafka)).unwrap();
        // The fault is noticed before the wait for its end begins.
        thread::sleep(Duration::from_secs(5));
        kafka.wait_settled(cluster.version(), 3, SETTLE).unwrap();
    }
    let report = load.finish(SETTLE).unwrap();
    eprintln!("{purpose}: longest pause {:.0} ms", report.longest_pause_ms);
    assert_eq!(report.violations(), Vec::<String>::new());
    let partitions = kafka.get().unwrap().status.unwrap().partitions.unwrap();
    assert_eq!((partitions.offline, partitions.under_replicated), (0, 0));
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_broker_pod_deleted_by_force_takes_no_acknowledged_record_with_it() {
    survives("deleted-broker", faults::delete_broker, 1);
}

#[test]
#[ignore = "needs the local Kubernetes: e2e/run"]
fn a_broker_killed_three_times_takes_no_acknowledged_record_with_it() {
    if faults::is_foreign() {
        eprintln!("left out: the nodes are not on this machine");
        return;
    }
    survives("killed-broker", faults::kill_broker, 3);
}
