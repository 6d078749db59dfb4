//! Both ways to install: a Helm chart and plain manifests, each up to a cluster that serves.
//! What the cluster does under load is in the other files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_crds::conditions;
use kring_e2e::load::{Client, Shape};
use kring_e2e::{Cluster, Kafka, Load, Namespace, install};

/// Enough to see that every partition takes and gives records.
const SHORT: Shape = Shape {
    client: Client::Librdkafka,
    records: 10_000,
    rate: 0,
    until_finished: false,
};

fn serves(namespace: &Namespace) {
    let kafka = Kafka::quickstart(namespace).unwrap();
    let report = Load::start(&kafka, SHORT)
        .unwrap()
        .report(Duration::from_secs(120))
        .unwrap();
    assert_eq!(report.violations(), Vec::<String>::new());
    assert_eq!(report.received, report.sent);
    assert_eq!(report.partitions.len(), 6);
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn helm_installs_an_operator_whose_cluster_serves_and_tells_kstatus_so() {
    let cluster = Cluster::connect().unwrap();
    install::remove_operator(&cluster).unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "helm").unwrap();
    serves(&namespace);

    let kafka = Kafka::quickstart(&namespace).unwrap().get().unwrap();
    let status = kafka.status.unwrap();
    assert!(conditions::is_true(&status.conditions, conditions::READY));
    assert!(conditions::get(&status.conditions, conditions::RECONCILING).is_none());
    assert!(conditions::get(&status.conditions, conditions::STALLED).is_none());
    assert_eq!(status.observed_generation, kafka.metadata.generation);
    assert_eq!(
        status
            .bootstrap_servers
            .as_deref()
            .map(|b| b.contains("demo-bootstrap")),
        Some(true)
    );
    assert_eq!(status.brokers.len(), 3);
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn kubectl_apply_installs_an_operator_whose_cluster_serves() {
    let cluster = Cluster::connect().unwrap();
    install::remove_operator(&cluster).unwrap();
    install::by_kubectl(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "kubectl").unwrap();
    serves(&namespace);
    drop(namespace);
    install::remove_operator(&cluster).unwrap();
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_namespace_with_a_topic_whose_cluster_is_gone_can_be_deleted() {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "gone").unwrap();
    let kafka = Kafka::quickstart(&namespace).unwrap();
    let deleting = serde_json::json!({"spec": {"deletionPolicy": "Delete"}}).to_string();
    let topic = format!("topic/{}", kring_e2e::kafka::TOPIC);
    namespace
        .kubectl(&["patch", &topic, "--type=merge", "--patch", &deleting])
        .unwrap();
    kafka.wait_ready(Duration::from_secs(30)).unwrap();
    // Foreground: a namespace that is deleted while pods still end is looked at again only after half
    // of their grace period, whatever else is in it.
    namespace
        .kubectl(&[
            "delete",
            "kafkacluster",
            "--all",
            "--cascade=foreground",
            "--timeout=120s",
        ])
        .unwrap();
    cluster
        .kubectl(&["delete", "namespace", namespace.name(), "--timeout=300s"])
        .unwrap();
}
