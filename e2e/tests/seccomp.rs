//! The broker under both seccomp profiles: the runtime's default, which may refuse io_uring, and the
//! one that this repository ships. It measures no speed.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_e2e::{Cluster, Kafka, Namespace, install, kafka};
use serde_json::json;

const ROLL: Duration = Duration::from_secs(300);

/// What the first broker said of its driver when it started.
fn driver_line(namespace: &Namespace) -> String {
    let pod = format!("{}-0-0", kafka::NAME);
    let log = namespace.kubectl(&["logs", &pod]).unwrap();
    let ready = log
        .lines()
        .find(|line| line.contains("kring-broker is ready"));
    ready
        .unwrap_or_else(|| panic!("broker 0 never said that it is ready:\n{log}"))
        .to_owned()
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_broker_runs_where_io_uring_is_refused_and_uses_it_under_the_shipped_profile() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "seccomp").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();

    let line = driver_line(&namespace);
    assert!(
        line.contains(r#""io_driver":"io_uring""#) || line.contains("seccomp"),
        "the fallback names its reason: {line}"
    );

    kafka
        .patch_spec(&json!({"io": {
            "backend": "auto", "seccomp": "Localhost", "localhostProfile": "kring/io-uring.json"
        }}))
        .unwrap();
    kafka.wait_settled(cluster.version(), 3, ROLL).unwrap();
    let line = driver_line(&namespace);
    assert!(line.contains(r#""io_driver":"io_uring""#), "{line}");
}
