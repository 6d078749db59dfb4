//! The admission rules of a KafkaCluster, evaluated as the API server evaluates them.
//! Rules that need the cluster's state are tested in kring-resources.

use kube::core::cel::{validate_cel, validate_cel_update};
use serde_json::json;

use super::*;

fn cluster(change: impl FnOnce(&mut serde_json::Value)) -> KafkaCluster {
    let mut object = json!({
        "apiVersion": "kring.io/v1alpha1",
        "kind": "KafkaCluster",
        "metadata": {"name": "demo", "namespace": "default"},
        "spec": {"version": "0.1.0", "replicas": 3, "storage": {"size": "10Gi"}},
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn refusal(cluster: &KafkaCluster) -> String {
    validate_cel(cluster).map_or_else(|error| format!("{error:?}"), |()| String::new())
}

fn update_refusal(new: &KafkaCluster, old: &KafkaCluster) -> String {
    validate_cel_update(new, old).map_or_else(|error| format!("{error:?}"), |()| String::new())
}

#[test]
fn a_plain_cluster_is_admitted() {
    assert_eq!(refusal(&cluster(|_| ())), "");
    assert_eq!(update_refusal(&cluster(|_| ()), &cluster(|_| ())), "");
}

#[test]
fn zero_brokers_are_refused() {
    let none = cluster(|c| c["spec"]["replicas"] = 0.into());
    assert!(refusal(&none).contains("a cluster has at least 1 broker"));
}

#[test]
fn storage_grows_but_never_shrinks() {
    let size = |size: &str| cluster(|c| c["spec"]["storage"]["size"] = size.into());
    assert_eq!(update_refusal(&size("20Gi"), &size("10Gi")), "");
    assert_eq!(update_refusal(&size("10240Mi"), &size("10Gi")), "");
    assert!(update_refusal(&size("9999Mi"), &size("10Gi")).contains("storage cannot shrink"));
}

#[test]
fn the_storage_class_is_fixed() {
    let class = |class: &str| cluster(|c| c["spec"]["storage"]["storageClassName"] = class.into());
    assert_eq!(update_refusal(&class("fast"), &class("fast")), "");
    assert!(
        update_refusal(&class("slow"), &class("fast")).contains("storageClassName cannot change")
    );
    assert!(
        update_refusal(&class("fast"), &cluster(|_| ())).contains("storageClassName cannot change")
    );
}

#[test]
fn a_localhost_profile_goes_with_localhost_seccomp() {
    let io = |io: serde_json::Value| cluster(|c| c["spec"]["io"] = io);
    assert_eq!(
        refusal(&io(
            json!({"seccomp": "Localhost", "localhostProfile": "kring.json"})
        )),
        ""
    );
    assert_eq!(refusal(&io(json!({"backend": "uring"}))), "");
    for wrong in [
        json!({"seccomp": "Localhost"}),
        json!({"localhostProfile": "kring.json"}),
    ] {
        assert!(refusal(&io(wrong)).contains("localhostProfile goes with seccomp: Localhost"));
    }
}

#[test]
fn the_brokers_own_ports_are_refused() {
    let port =
        |port: i32| cluster(|c| c["spec"]["listeners"] = json!([{"name": "plain", "port": port}]));
    assert_eq!(refusal(&port(9092)), "");
    assert!(refusal(&port(9644)).contains("used by the brokers themselves"));
}

#[test]
fn a_name_that_cannot_be_a_service_is_refused() {
    let name = |name: &str| cluster(|c| c["metadata"]["name"] = name.into());
    assert!(refusal(&name("7days")).contains("starts with a letter"));
    assert!(refusal(&name("a.b")).contains("starts with a letter"));
    assert!(refusal(&name(&"a".repeat(41))).contains("at most 40 characters"));
}
