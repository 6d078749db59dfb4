//! What the API server refuses, and what the operator will not do without a person.
//! What is wrong with a spec is tested in `clusters`.

use kring_crds::conditions::{READY, RECONCILING, STALLED};
use serde_json::json;

use super::toy::Toy;

const SECRET: &str = "/api/v1/namespaces/shop/secrets/demo-keys";
const NO_GROWTH: &str = "persistentvolumeclaims \"demo-1-data\" is forbidden: only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";

#[test]
fn a_volume_that_cannot_grow_is_told_and_everything_else_is_applied() {
    let toy = Toy::with_cluster();
    toy.kubernetes
        .store()
        .refusing
        .push(("persistentvolumeclaims/demo-1-data", 403, NO_GROWTH));
    toy.user(|spec| {
        spec["storage"]["size"] = json!("20Gi");
        spec["replicas"] = json!(4);
    });
    toy.settle();
    let (state, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!((state.as_str(), reason.as_str()), ("True", "ApplyRefused"));
    assert_eq!(
        message,
        format!("PersistentVolumeClaim demo-1-data: {NO_GROWTH} (403)")
    );
    assert_eq!(toy.status().observed_generation, Some(2));
    assert_eq!(toy.paths("/statefulsets/").len(), 4, "the rest is applied");
    let size = |id: i32| {
        let path = format!("/api/v1/namespaces/shop/persistentvolumeclaims/demo-{id}-data");
        let claim = toy.kubernetes.store().objects[&path].clone();
        claim["spec"]["resources"]["requests"]["storage"].clone()
    };
    assert_eq!((size(0), size(2)), (json!("20Gi"), json!("20Gi")));
    assert_eq!(toy.events("ApplyRefused").len(), 1, "told once");
    toy.kubernetes.store().refusing.clear();
    toy.settle();
    assert_eq!(toy.condition(STALLED), None);
    assert_eq!(size(1), json!("20Gi"));
}

#[test]
fn a_quota_that_refuses_the_first_objects_is_told_before_anything_runs() {
    let toy = Toy::new();
    let quota = "exceeded quota: small, requested: secrets=1, used: secrets=5, limited: secrets=5";
    toy.kubernetes
        .store()
        .refusing
        .push(("/secrets", 403, quota));
    toy.user(|spec| spec["replicas"] = json!(3));
    toy.reconcile();
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "ApplyRefused");
    assert_eq!(message, format!("Secret demo-keys: {quota} (403)"));
    assert_eq!(
        toy.condition(RECONCILING),
        None,
        "nothing goes on by itself"
    );
    assert_eq!(toy.condition(READY).unwrap().0, "False");
    assert_eq!(toy.paths("/services/").len(), 2, "the rest is applied");
    assert!(
        toy.paths("/statefulsets/").is_empty(),
        "no broker without keys"
    );
    toy.kubernetes.store().refusing.clear();
    toy.settle();
    assert_eq!(toy.condition(STALLED), None);
}

#[test]
fn a_template_that_is_refused_stops_the_roll_with_the_reason() {
    let toy = Toy::with_cluster();
    let rule = "admission webhook \"images\" denied the request: the registry is not allowed";
    toy.kubernetes
        .store()
        .refusing
        .push(("/statefulsets/demo-1", 403, rule));
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    for _ in 0..20 {
        toy.try_round();
    }
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "ApplyRefused");
    assert_eq!(message, format!("StatefulSet demo-1: {rule} (403)"));
    assert!(toy.events("StoppingPod").is_empty());
    toy.kubernetes.store().refusing.clear();
    toy.settle();
    assert_eq!(toy.status().version.as_deref(), Some("0.2.0"));
}

#[test]
fn keys_that_are_lost_are_not_drawn_anew_under_running_brokers() {
    let toy = Toy::with_cluster();
    let before = toy.kubernetes.store().objects[SECRET].clone();
    toy.kubernetes.store().objects.remove(SECRET);
    for _ in 0..5 {
        toy.round();
    }
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "SecretLost");
    assert!(
        message.contains(
            "Secret demo-keys is gone while brokers run with its keys; restore it from a backup"
        ),
        "{message}"
    );
    assert!(
        message.contains(
            "kubectl delete statefulsets --namespace shop --selector kring.io/cluster=demo"
        ),
        "{message}"
    );
    assert!(toy.paths("/secrets/").is_empty(), "not drawn anew");
    assert_eq!(toy.paths("/statefulsets/").len(), 3, "the brokers run on");

    toy.kubernetes.store().put(SECRET, before.clone());
    toy.settle();
    assert_eq!(toy.condition(STALLED), None);
    assert_eq!(
        toy.kubernetes.store().objects[SECRET]["data"],
        before["data"]
    );

    toy.kubernetes.store().objects.remove(SECRET);
    for set in toy.paths("/statefulsets/") {
        toy.kubernetes.store().delete(&set);
    }
    toy.settle();
    let after = toy.kubernetes.store().objects[SECRET].clone();
    assert_ne!(
        after["data"], before["data"],
        "new keys, as the message says"
    );
    assert_eq!(toy.status().brokers_ready.as_deref(), Some("3/3"));
}
