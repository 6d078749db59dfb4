//! Bad input that only a real API server or a real operator refuses, each with the words a person reads.
//! Rules that need no Kubernetes are tested beside the code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_crds::{KafkaCluster, Topic, conditions};
use kring_e2e::{Cluster, Kafka, Namespace, install, waiting};
use serde_json::{Value, json};

fn prepare(purpose: &str) -> Namespace {
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    Namespace::create(&cluster, purpose).unwrap()
}

fn kafka_cluster(spec: &Value) -> String {
    let mut object = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "KafkaCluster", "metadata": {"name": "bad"},
        "spec": {"version": "0.1.0", "storage": {"size": "1Gi"}},
    });
    for (key, value) in spec.as_object().unwrap() {
        object["spec"][key] = value.clone();
    }
    object.to_string()
}

fn refused(namespace: &Namespace, manifest: &str, words: &str) {
    let error = namespace
        .cluster()
        .apply(namespace.name(), manifest)
        .unwrap_err()
        .to_string();
    assert!(error.contains(words), "`{words}` is not in: {error}");
}

/// Waits for `Stalled` and answers its message.
fn stalled(
    look: impl Fn() -> Vec<k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition>,
) -> String {
    waiting::until("Stalled", Duration::from_secs(60), || {
        let conditions = look();
        match conditions::get(&conditions, conditions::STALLED) {
            Some(condition) if condition.status == "True" => Ok(condition.message.clone()),
            _ => Err(format!("{conditions:?}")),
        }
    })
    .unwrap()
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn the_api_server_refuses_what_can_never_be_right() {
    let namespace = prepare("admission");
    refused(
        &namespace,
        &kafka_cluster(&json!({"replicas": 0})),
        "a cluster has at least 1 broker",
    );
    let topic = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": "bad"},
        "spec": {"clusterRef": {"name": "demo"}, "replicationFactor": 2, "minInsyncReplicas": 3},
    });
    refused(
        &namespace,
        &topic.to_string(),
        "minInsyncReplicas cannot exceed replicationFactor",
    );

    Kafka::quickstart(&namespace).unwrap();
    let quickstart = include_str!("../manifests/quickstart.yaml");
    refused(
        &namespace,
        &quickstart.replace("size: 10Gi", "size: 1Gi"),
        "storage cannot shrink",
    );
    refused(
        &namespace,
        &quickstart.replace("partitions: 6", "partitions: 3"),
        "partitions cannot shrink",
    );
    let renamed = quickstart.replace("  partitions: 6", "  topicName: renamed\n  partitions: 6");
    refused(&namespace, &renamed, "topicName cannot change");
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn the_operator_names_the_setting_it_does_not_know() {
    let namespace = prepare("config");
    let manifest = kafka_cluster(&json!({"config": {"num.partitons": 3}}));
    namespace
        .cluster()
        .apply(namespace.name(), &manifest)
        .unwrap();
    let message = stalled(|| {
        let cluster: KafkaCluster = namespace
            .cluster()
            .get(&["--namespace", namespace.name(), "kafkacluster", "bad"])
            .unwrap();
        cluster
            .status
            .map(|status| status.conditions)
            .unwrap_or_default()
    });
    assert!(message.contains("num.partitons"), "{message}");
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn more_replicas_than_brokers_and_a_second_topic_of_one_name_are_refused() {
    let namespace = prepare("topics");
    Kafka::quickstart(&namespace).unwrap();
    let topic = |name: &str, spec: Value| {
        let mut spec = spec;
        spec["clusterRef"] = json!({"name": "demo"});
        let object = json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": name}, "spec": spec,
        });
        namespace
            .cluster()
            .apply(namespace.name(), &object.to_string())
            .unwrap();
        stalled(|| {
            let topic: Topic = namespace
                .cluster()
                .get(&["--namespace", namespace.name(), "topics.kring.io", name])
                .unwrap();
            topic
                .status
                .map(|status| status.conditions)
                .unwrap_or_default()
        })
    };
    let message = topic("wide", json!({"replicationFactor": 5}));
    assert!(message.contains('5') && message.contains('3'), "{message}");
    let message = topic("second", json!({"topicName": "orders"}));
    assert!(message.contains("orders"), "{message}");
}
