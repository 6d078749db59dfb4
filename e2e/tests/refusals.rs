//! Bad input that only a real API server or a real operator refuses, each with the words a person reads.
//! Rules that need no Kubernetes are tested beside the code.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kring_crds::conditions;
use kring_e2e::{Cluster, Kafka, Namespace, faults, install, kafka, waiting};
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

/// The conditions of an object that may not have any yet.
fn conditions_of(namespace: &Namespace, kind: &str, name: &str) -> Vec<Condition> {
    let object: Value = namespace
        .cluster()
        .get(&["--namespace", namespace.name(), kind, name])
        .unwrap();
    let conditions = object["status"]["conditions"].clone();
    serde_json::from_value(conditions).unwrap_or_default()
}

fn refused(namespace: &Namespace, manifest: &str, words: &str) {
    let error = namespace
        .cluster()
        .apply(namespace.name(), manifest)
        .unwrap_err()
        .to_string();
    assert!(error.contains(words), "`{words}` is not in: {error}");
}

/// Waits for `Stalled` and answers its reason and message.
fn stalled(namespace: &Namespace, kind: &str, name: &str) -> (String, String) {
    waiting::until("Stalled", Duration::from_secs(60), || {
        let conditions = conditions_of(namespace, kind, name);
        match conditions::get(&conditions, conditions::STALLED) {
            Some(stalled) if stalled.status == "True" => {
                Ok((stalled.reason.clone(), stalled.message.clone()))
            }
            _ => Err(format!("{conditions:?}")),
        }
    })
    .unwrap()
}

fn pair(reason: &str, message: &str) -> (String, String) {
    (reason.to_owned(), message.to_owned())
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn the_api_server_refuses_what_can_never_be_right() {
    let namespace = prepare("admission");
    refused(
        &namespace,
        &kafka_cluster(&json!({"replicas": 0})),
        "a cluster has at least 1 broker; to stop reconciling set pause, to remove the cluster delete the object",
    );
    let topic = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": "bad"},
        "spec": {"clusterRef": {"name": "demo"}, "replicationFactor": 2, "minInsyncReplicas": 3},
    });
    refused(
        &namespace,
        &topic.to_string(),
        "minInsyncReplicas cannot exceed replicationFactor: no acks=all record could ever be written",
    );

    Kafka::quickstart(&namespace).unwrap();
    let quickstart = include_str!("../manifests/quickstart.yaml");
    refused(
        &namespace,
        &quickstart.replace("size: 10Gi", "size: 1Gi"),
        "storage cannot shrink: a volume only grows",
    );
    refused(
        &namespace,
        &quickstart.replace("partitions: 6", "partitions: 3"),
        "partitions cannot shrink: Kafka cannot remove a partition without losing its records",
    );
    let renamed = quickstart.replace("  partitions: 6", "  topicName: renamed\n  partitions: 6");
    refused(
        &namespace,
        &renamed,
        "topicName cannot change: Kafka cannot rename a topic; create another Topic and copy the data",
    );
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
    assert_eq!(
        stalled(&namespace, "kafkacluster", "bad"),
        pair(
            "UnknownConfigKey",
            "config: num.partitons is not a broker setting; did you mean num.partitions?"
        )
    );
    let manifest = kafka_cluster(&json!({"config": {"num.partitions": "many"}}));
    namespace
        .cluster()
        .apply(namespace.name(), &manifest)
        .unwrap();
    let said = waiting::until("the other refusal", Duration::from_secs(60), || {
        let (reason, message) = stalled(&namespace, "kafkacluster", "bad");
        if reason == "InvalidConfigValue" {
            Ok(message)
        } else {
            Err(message)
        }
    });
    assert_eq!(
        said.unwrap(),
        "config: num.partitions is many; allowed is a whole number from 1 to 2147483647"
    );
}

#[test]
#[ignore = "needs a Kubernetes: e2e/run"]
fn a_topic_without_its_cluster_says_so_and_is_deleted_at_once() {
    let namespace = prepare("orphan");
    let topic = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": "orphan"},
        "spec": {"clusterRef": {"name": "nowhere"}, "deletionPolicy": "Delete"},
    });
    namespace
        .cluster()
        .apply(namespace.name(), &topic.to_string())
        .unwrap();
    let said = waiting::until("the answer", Duration::from_secs(60), || {
        let conditions = conditions_of(&namespace, "topics.kring.io", "orphan");
        match conditions::get(&conditions, conditions::READY) {
            Some(ready) if ready.status == "False" => {
                Ok((ready.reason.clone(), ready.message.clone()))
            }
            _ => Err(format!("{conditions:?}")),
        }
    });
    let message = format!(
        "there is no KafkaCluster nowhere in namespace {}; create it, or correct spec.clusterRef.name",
        namespace.name()
    );
    assert_eq!(said.unwrap(), pair("ClusterNotFound", &message));
    namespace
        .kubectl(&["delete", "topics.kring.io/orphan", "--timeout=30s"])
        .unwrap();
}

#[test]
#[ignore = "needs the local Kubernetes: e2e/run"]
fn a_volume_that_cannot_grow_is_told_in_the_api_servers_words() {
    if faults::is_foreign() {
        eprintln!("left out: this cluster's default storage class may let volumes grow");
        return;
    }
    let namespace = prepare("growth");
    let kafka = Kafka::quickstart(&namespace).unwrap();
    kafka
        .patch_spec(&json!({"storage": {"size": "20Gi"}}))
        .unwrap();
    let (reason, message) = stalled(&namespace, "kafkacluster", kafka::NAME);
    assert_eq!(reason, "ApplyRefused");
    let first = r#"PersistentVolumeClaim demo-0-data: persistentvolumeclaims "demo-0-data" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize (403)"#;
    assert!(message.starts_with(first), "{message}");
    assert!(message.contains("demo-1-data") && message.contains("demo-2-data"));
    // The brokers run on, and the topic is still looked after.
    kafka.wait_ready(Duration::from_secs(30)).unwrap();
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
        stalled(&namespace, "topics.kring.io", name)
    };
    assert_eq!(
        topic("wide", json!({"replicationFactor": 5})),
        pair(
            "ReplicationAboveBrokers",
            "replicationFactor is 5 but KafkaCluster demo has 3 brokers; lower it, or raise the cluster's replicas"
        )
    );
    assert_eq!(
        topic("strict", json!({"minInsyncReplicas": 4})),
        pair(
            "MinInsyncAboveReplication",
            "minInsyncReplicas is 4 but the default.replication.factor of KafkaCluster demo is 3; no acks=all record could be written, lower it or raise replicationFactor"
        )
    );
    assert_eq!(
        topic("second", json!({"topicName": "orders"})),
        pair(
            "Conflict",
            "Topic orders is older and already stands for orders; delete one of the two"
        )
    );
}
