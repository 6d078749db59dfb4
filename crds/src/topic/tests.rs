//! The admission rules of a Topic, evaluated as the API server evaluates them.
//! What needs the cluster or other Topics is tested in kring-reconcile.

use kube::core::cel::{validate_cel, validate_cel_update};
use serde_json::json;

use super::*;

fn topic(change: impl FnOnce(&mut serde_json::Value)) -> Topic {
    let mut object = json!({
        "apiVersion": "kring.io/v1alpha1",
        "kind": "Topic",
        "metadata": {"name": "orders", "namespace": "default"},
        "spec": {"clusterRef": {"name": "demo"}, "partitions": 6, "replicationFactor": 3, "minInsyncReplicas": 2},
    });
    change(&mut object["spec"]);
    serde_json::from_value(object).unwrap()
}

fn refusal(topic: &Topic) -> String {
    validate_cel(topic).map_or_else(|error| format!("{error:?}"), |()| String::new())
}

fn update_refusal(new: &Topic, old: &Topic) -> String {
    validate_cel_update(new, old).map_or_else(|error| format!("{error:?}"), |()| String::new())
}

#[test]
fn partitions_grow_but_never_shrink() {
    let partitions = |n: i32| topic(|s| s["partitions"] = n.into());
    assert_eq!(update_refusal(&partitions(12), &partitions(6)), "");
    assert!(update_refusal(&partitions(3), &partitions(6)).contains("partitions cannot shrink"));
}

#[test]
fn a_topic_is_never_renamed() {
    let name = |name: &str| topic(|s| s["topicName"] = name.into());
    assert_eq!(update_refusal(&name("Orders"), &name("Orders")), "");
    assert!(update_refusal(&name("orders2"), &name("Orders")).contains("topicName cannot change"));
    assert!(update_refusal(&name("orders2"), &topic(|_| ())).contains("topicName cannot change"));
}

#[test]
fn a_topic_never_moves_to_another_cluster() {
    let other = topic(|s| s["clusterRef"]["name"] = "other".into());
    assert!(update_refusal(&other, &topic(|_| ())).contains("clusterRef cannot change"));
}

#[test]
fn min_insync_above_the_replication_factor_is_refused() {
    let min = |n: i32| topic(|s| s["minInsyncReplicas"] = n.into());
    assert_eq!(refusal(&min(3)), "");
    assert!(refusal(&min(4)).contains("minInsyncReplicas cannot exceed replicationFactor"));
}

#[test]
fn dot_names_are_refused() {
    assert!(refusal(&topic(|s| s["topicName"] = "..".into())).contains("does not allow the names"));
    assert_eq!(refusal(&topic(|s| s["topicName"] = "a.B_c-1".into())), "");
}
