//! One broker more and one broker less, under load.
//! Where replicas are moved to is the broker's decision and tested there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install, waiting};
use serde_json::json;

const SETTLE: Duration = Duration::from_secs(240);
/// A topic that is made when there are four brokers, so that the fourth holds a part of it.
const SPREAD: &str = "spread";

fn shape() -> Shape {
    Shape {
        client: Client::Librdkafka,
        records: 20_000,
        rate: 1_000,
        until_finished: true,
    }
}

/// Waits until the fourth broker holds replicas, and answers how many.
fn replicas_of_the_fourth(kafka: &Kafka<'_>) -> i64 {
    waiting::until("replicas on broker 3", Duration::from_secs(60), || {
        let status = kafka.get().map_err(|error| error.to_string())?.status;
        let brokers = status.map(|status| status.brokers).unwrap_or_default();
        let fourth = brokers.iter().find(|broker| broker.id == 3);
        match fourth.and_then(|broker| broker.replicas) {
            Some(replicas) if replicas > 0 => Ok(replicas),
            _ => Err(format!("{fourth:?}")),
        }
    })
    .unwrap()
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_fourth_broker_comes_and_goes_under_load_with_what_it_holds() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "scale").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let load = Load::start(&kafka, shape()).unwrap();
    load.wait_acknowledged(2_000, SETTLE).unwrap();

    kafka.patch_spec(&json!({"replicas": 4})).unwrap();
    kafka.wait_settled(cluster.version(), 4, SETTLE).unwrap();
    let topic = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": SPREAD},
        "spec": {
            "clusterRef": {"name": "demo"},
            "partitions": 12, "replicationFactor": 3, "minInsyncReplicas": 2,
        },
    });
    cluster.apply(namespace.name(), &topic.to_string()).unwrap();
    let object = format!("topics.kring.io/{SPREAD}");
    namespace
        .kubectl(&["wait", "--for=condition=Ready", &object, "--timeout=60s"])
        .unwrap();
    let spread = Load::start_on(&kafka, SPREAD, shape()).unwrap();
    spread.wait_acknowledged(5_000, SETTLE).unwrap();
    let replicas = replicas_of_the_fourth(&kafka);

    kafka.patch_spec(&json!({"replicas": 3})).unwrap();
    kafka.wait_settled(cluster.version(), 3, SETTLE).unwrap();

    // Each client reads its topic again from the beginning when it ends.
    for load in [load, spread] {
        let report = load.finish(SETTLE).unwrap();
        eprintln!(
            "scaled 3 → 4 → 3, {replicas} replicas on the fourth: {} has {} records, longest pause {:.0} ms",
            report.topic, report.acknowledged, report.longest_pause_ms
        );
        assert_eq!(report.violations(), Vec::<String>::new());
    }
    assert!(
        namespace.kubectl(&["get", "pod", "demo-3-0"]).is_err(),
        "the fourth broker's pod is still there"
    );
}
