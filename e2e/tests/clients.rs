//! Both families of clients from inside the cluster: librdkafka and the Java reference client.
//! Foreign test suites of more clients are in `compat`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install};

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn librdkafka_and_the_java_client_get_back_what_they_sent() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "clients").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    for client in [Client::Librdkafka, Client::Java] {
        let shape = Shape {
            client,
            records: 50_000,
            rate: 0,
            until_finished: false,
        };
        let report = Load::start(&kafka, shape)
            .unwrap()
            .report(Duration::from_secs(180))
            .unwrap();
        eprintln!(
            "{}: {:.0} records/s",
            report.client,
            report.sent as f64 / report.seconds
        );
        assert_eq!(
            report.violations(),
            Vec::<String>::new(),
            "{}",
            report.client
        );
        assert_eq!(report.received, report.sent, "{}", report.client);
    }
}
