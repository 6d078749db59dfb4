//! One broker more and one broker less, under load.
//! Where replicas are moved to is the broker's decision and tested there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install};
use serde_json::json;

const SETTLE: Duration = Duration::from_secs(240);

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_fourth_broker_comes_and_goes_under_load() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "scale").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let shape = Shape {
        client: Client::Librdkafka,
        records: 20_000,
        rate: 1_000,
        until_finished: true,
    };
    let load = Load::start(&kafka, shape).unwrap();
    load.wait_acknowledged(2_000, SETTLE).unwrap();

    kafka.patch_spec(&json!({"replicas": 4})).unwrap();
    kafka.wait_settled(cluster.version(), 4, SETTLE).unwrap();
    kafka.patch_spec(&json!({"replicas": 3})).unwrap();
    kafka.wait_settled(cluster.version(), 3, SETTLE).unwrap();

    let report = load.finish(SETTLE).unwrap();
    eprintln!(
        "scaled 3 → 4 → 3: longest pause {:.0} ms",
        report.longest_pause_ms
    );
    assert_eq!(report.violations(), Vec::<String>::new());
    assert!(
        namespace.kubectl(&["get", "pod", "demo-3-0"]).is_err(),
        "the fourth broker's pod is still there"
    );
}
