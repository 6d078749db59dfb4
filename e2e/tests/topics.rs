//! A Topic's life on real brokers: more partitions, other settings, drift, deletion.
//! What the operator reports is checked against the brokers, which is only possible in their network.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use kring_admin_api::AlterTopicRequest;
use kring_crds::{Topic, conditions};
use kring_e2e::admin::Admin;
use kring_e2e::{Cluster, Kafka, Namespace, faults, install, kafka, waiting};
use serde_json::{Value, json};

/// Longer than the pace at which drift is looked for.
const SOON: Duration = Duration::from_secs(90);

fn patch(namespace: &Namespace, topic: &str, spec: &Value) {
    let object = format!("topics.kring.io/{topic}");
    let patch = json!({"spec": spec}).to_string();
    namespace
        .kubectl(&["patch", &object, "--type=merge", "--patch", &patch])
        .unwrap();
}

/// Waits until the topic's object answers yes.
fn wait(namespace: &Namespace, name: &str, what: &str, test: impl Fn(&Topic) -> bool) -> Topic {
    waiting::until(what, SOON, || {
        let topic: Topic = namespace
            .cluster()
            .get(&["--namespace", namespace.name(), "topics.kring.io", name])
            .map_err(|error| error.to_string())?;
        let current = topic.status.as_ref().and_then(|s| s.observed_generation);
        if current == topic.metadata.generation && test(&topic) {
            Ok(topic)
        } else {
            Err(format!("{:?}", topic.status))
        }
    })
    .unwrap()
}

fn is_ready(topic: &Topic) -> bool {
    let status = topic.status.as_ref();
    status.is_some_and(|status| conditions::is_true(&status.conditions, conditions::READY))
}

fn setting(admin: &Admin, key: &str) -> Option<String> {
    admin.topic(kafka::TOPIC).unwrap().config.get(key).cloned()
}

fn change_behind_the_operators_back(admin: &Admin, key: &str, value: &str) {
    let request = AlterTopicRequest {
        set_config: [(key.to_owned(), value.to_owned())].into(),
        ..AlterTopicRequest::default()
    };
    admin.alter_topic(kafka::TOPIC, &request).unwrap();
}

#[test]
#[ignore = "needs the local Kubernetes: e2e/run"]
fn a_topic_follows_its_object_and_reports_what_it_does_not_set_back() {
    if faults::is_foreign() {
        eprintln!("left out: the brokers' pods are in another network");
        return;
    }
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "topics-life").unwrap();
    Kafka::quickstart(&namespace).unwrap();
    let admin = Admin::of(&namespace).unwrap();
    let orders = kafka::TOPIC;

    patch(&namespace, orders, &json!({"partitions": 9}));
    wait(&namespace, orders, "nine partitions", |topic| {
        is_ready(topic) && topic.status.as_ref().unwrap().partitions == Some(9)
    });
    assert_eq!(admin.topic(orders).unwrap().partitions, 9);

    let config = json!({"config": {"retention.ms": 3_600_000}});
    patch(&namespace, orders, &config);
    wait(&namespace, orders, "the new setting", is_ready);
    assert_eq!(setting(&admin, "retention.ms").as_deref(), Some("3600000"));

    patch(&namespace, orders, &json!({"driftPolicy": "Report"}));
    wait(&namespace, orders, "the new policy", is_ready);
    change_behind_the_operators_back(&admin, "retention.ms", "5000");
    let drifted = wait(&namespace, orders, "the drift", |topic| {
        !topic.status.as_ref().unwrap().drift.is_empty()
    });
    let status = drifted.status.unwrap();
    let drift = &status.drift[0];
    assert_eq!(
        (
            drift.key.as_str(),
            drift.want.as_deref(),
            drift.have.as_deref()
        ),
        ("retention.ms", Some("3600000"), Some("5000"))
    );
    assert!(conditions::is_true(&status.conditions, conditions::DRIFTED));
    assert_eq!(
        setting(&admin, "retention.ms").as_deref(),
        Some("5000"),
        "reported, not set back"
    );

    patch(&namespace, orders, &json!({"driftPolicy": "Revert"}));
    wait(&namespace, orders, "the drift's end", |topic| {
        is_ready(topic) && topic.status.as_ref().unwrap().drift.is_empty()
    });
    assert_eq!(setting(&admin, "retention.ms").as_deref(), Some("3600000"));
}

#[test]
#[ignore = "needs the local Kubernetes: e2e/run"]
fn a_deleted_topic_leaves_or_takes_its_records_as_its_policy_says() {
    if faults::is_foreign() {
        eprintln!("left out: the brokers' pods are in another network");
        return;
    }
    let cluster = Cluster::connect().unwrap();
    install::by_helm(&cluster).unwrap();
    let namespace = Namespace::create(&cluster, "topics-end").unwrap();
    Kafka::quickstart(&namespace).unwrap();
    let admin = Admin::of(&namespace).unwrap();
    for (name, policy) in [("kept", "Retain"), ("gone", "Delete")] {
        let topic = json!({
            "apiVersion": "kring.io/v1alpha1", "kind": "Topic", "metadata": {"name": name},
            "spec": {"clusterRef": {"name": kafka::NAME}, "deletionPolicy": policy},
        });
        cluster.apply(namespace.name(), &topic.to_string()).unwrap();
        wait(&namespace, name, "the topic", is_ready);
        assert_eq!(admin.topic(name).unwrap().name, name);
        let object = format!("topics.kring.io/{name}");
        namespace
            .kubectl(&["delete", &object, "--timeout=60s"])
            .unwrap();
    }
    assert_eq!(admin.topic("kept").unwrap().name, "kept");
    let gone = admin.topic("gone").unwrap_err();
    assert!(gone.contains("404"), "{gone}");
}
