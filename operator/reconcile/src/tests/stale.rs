//! Writes that arrive late: what they were decided on has changed, so they are refused.
//! Whole operators that are paused and come back are in `e2e/sim`.

use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{Request, Response};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kring_admin_api::MaintenanceRequest;
use kring_admin_client::memory::Memory;
use kube::client::Body;
use serde_json::{Value, json};

use super::toy::Toy;
use crate::error::Error;
use crate::kubernetes::{annotate_seen, apply_to_seen, delete_seen};
use crate::{Context, Options};

const SET: &str = "/apis/apps/v1/namespaces/shop/statefulsets/demo-3";
const CLAIM: &str = "/api/v1/namespaces/shop/persistentvolumeclaims/demo-3-data";
const REMOVAL: &str = "kring.io/removal";

fn set(toy: &Toy) -> StatefulSet {
    let object = toy.kubernetes.store().objects[SET].clone();
    serde_json::from_value(object).unwrap()
}

/// As the operator writes it: without what the API server keeps.
fn bare(set: &StatefulSet) -> StatefulSet {
    let mut bare = set.clone();
    bare.metadata.uid = None;
    bare.metadata.resource_version = None;
    bare
}

fn is_refused<T>(answer: Result<T, Error>) -> bool {
    answer.is_err_and(|error| error.is_conflict())
}

fn with_four_brokers() -> Toy {
    let toy = Toy::with_cluster();
    toy.user(|spec| {
        spec["replicas"] = json!(4);
        spec["storage"]["reclaim"] = json!("Delete");
    });
    toy.settle();
    toy
}

fn touch(toy: &Toy) {
    let mut store = toy.kubernetes.store();
    let mut object = store.objects[SET].clone();
    object["metadata"]["annotations"]["example.com/touched"] = json!("yes");
    store.save(SET, object);
}

#[test]
fn a_template_is_not_written_over_a_newer_one() {
    let toy = with_four_brokers();
    let seen = set(&toy);
    let mut old = bare(&seen);
    old.spec.revision_history_limit = Some(7);
    touch(&toy);
    let answer = toy.run(async |context| apply_to_seen(context, &old, Some(&seen)).await);
    assert!(is_refused(answer));
    assert_eq!(set(&toy).spec.revision_history_limit, Some(2));
    let now = set(&toy);
    let answer = toy.run(async |context| apply_to_seen(context, &old, Some(&now)).await);
    assert_eq!(answer.unwrap().spec.revision_history_limit, Some(7));
}

#[test]
fn what_was_removed_is_not_made_again_and_what_was_made_is_not_changed() {
    let toy = with_four_brokers();
    let seen = set(&toy);
    let old = bare(&seen);
    let answer = toy.run(async |context| apply_to_seen(context, &old, None).await);
    assert!(is_refused(answer), "it is there already");
    toy.kubernetes.store().remove(SET);
    let answer = toy.run(async |context| apply_to_seen(context, &old, Some(&seen)).await);
    assert!(is_refused(answer), "it is gone");
    let answer = toy.run(async |context| apply_to_seen(context, &old, None).await);
    assert!(answer.is_ok(), "it was not there");
}

#[test]
fn a_broker_that_is_wanted_again_is_not_removed_by_an_older_decision() {
    let toy = with_four_brokers();
    let unwanted = set(&toy);
    toy.user(|spec| spec["replicas"] = json!(3));
    let announced = |path: &str| {
        let store = toy.kubernetes.store();
        let object = store.objects.get(path).cloned().unwrap_or_default();
        object["metadata"]["annotations"][REMOVAL] == "true"
    };
    for _ in 0..20 {
        if announced(SET) {
            break;
        }
        assert!(toy.paths(SET).len() == 1, "it is removed unannounced");
        toy.round();
    }
    assert!(announced(SET) && announced(CLAIM), "both are announced");
    let seen = set(&toy);
    let claim = toy.kubernetes.store().objects[CLAIM].clone();
    let claim: PersistentVolumeClaim = serde_json::from_value(claim).unwrap();

    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    assert!(!announced(SET) && !announced(CLAIM), "it is taken back");
    toy.run(async |context| {
        let answer = delete_seen::<StatefulSet, _>(context, &seen).await;
        assert!(is_refused(answer), "the decision to remove it is older");
        let answer = delete_seen::<PersistentVolumeClaim, _>(context, &claim);
        assert!(is_refused(answer.await), "and its volume stays");
        let answer = annotate_seen(context, &unwanted, REMOVAL, Some("true")).await;
        assert!(is_refused(answer), "so is the decision to announce it");
    });
    assert_eq!(toy.paths("/statefulsets/").len(), 4);
    assert_eq!(toy.paths("/persistentvolumeclaims/").len(), 4);
}

/// What goes over the wire, for an API server that is not ours.
#[test]
fn requests_name_the_uid_and_the_version_that_were_seen() {
    let toy = with_four_brokers();
    let seen = set(&toy);
    let sent: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let taken = Arc::clone(&sent);
    let answer = serde_json::to_vec(&seen).unwrap();
    runtime.block_on(async {
        let service = tower::service_fn(move |request: Request<Body>| {
            let (taken, answer) = (Arc::clone(&taken), answer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                let line = format!("{} {}", parts.method, parts.uri);
                taken.lock().unwrap().push((line, body));
                Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(answer))))
            }
        });
        let client = kube::Client::new(service, "shop");
        let memory = Arc::new(Memory::new(0));
        let context = Context::new(client, memory, Options::default(), "operator-0".to_owned());
        let bare = bare(&seen);
        apply_to_seen(&context, &bare, Some(&seen)).await.unwrap();
        apply_to_seen(&context, &bare, None).await.unwrap();
        annotate_seen(&context, &seen, REMOVAL, None).await.unwrap();
        delete_seen::<StatefulSet, _>(&context, &seen)
            .await
            .unwrap();
    });
    let sent = sent.lock().unwrap();
    let (uid, version) = (&seen.metadata.uid, &seen.metadata.resource_version);
    let [(apply, set), (_, new), (_, patch), (delete, options)] = sent.as_slice() else {
        panic!("four requests were made: {sent:?}");
    };
    assert_eq!(
        *apply,
        format!("PATCH {SET}?&force=true&fieldManager=kring-operator")
    );
    assert_eq!(set["metadata"]["uid"], json!(uid));
    assert_eq!(set["metadata"]["resourceVersion"], json!(version));
    assert_eq!(new["metadata"]["uid"], Value::Null);
    assert_eq!(
        new["metadata"]["resourceVersion"], "1",
        "of no object that is"
    );
    let wanted = json!({"metadata": {"resourceVersion": version, "annotations": {REMOVAL: null}}});
    assert_eq!(*patch, wanted);
    assert!(delete.starts_with("DELETE "), "{delete}");
    let wanted = json!({"uid": uid, "resourceVersion": version});
    assert_eq!(options["preconditions"], wanted);
}

fn orders(toy: &Toy) -> Vec<MaintenanceRequest> {
    let state = toy.memory.state();
    let bodies = state
        .log
        .iter()
        .filter_map(|line| line.strip_prefix("POST /v1/maintenance "));
    bodies
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
}

#[test]
fn an_order_to_the_brokers_is_refused_once_the_rollout_has_gone_on() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    toy.settle();
    let orders = orders(&toy);
    let last = orders.last().unwrap().epoch;
    // Three brokers, each drained and brought back.
    assert_eq!(last, 1 + 6);
    for two in orders.windows(2) {
        let [before, after] = two else { unreachable!() };
        let differs = (before.broker, before.on) != (after.broker, after.on);
        assert_eq!(after.epoch > before.epoch, differs, "{before:?} {after:?}");
    }
    assert_eq!(toy.status().rollout.unwrap().maintenance_epoch, last);
    assert_eq!(toy.memory.state().maintenance_epoch, last);
}

#[test]
fn a_status_that_is_older_than_the_brokers_catches_up() {
    let toy = Toy::with_cluster();
    toy.memory.state().maintenance_epoch = 57;
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    toy.settle();
    let raised = toy.events("MaintenanceEpochRaised");
    assert_eq!(
        raised,
        [
            "the brokers know maintenance epoch 57 and the status gave 2, as after a restore; the rollout goes on with 58"
        ]
    );
    let rollout = toy.status().rollout.unwrap();
    assert_eq!((rollout.id, rollout.maintenance_epoch), (1, 58 + 5));
    assert_eq!(toy.events("StoppingPod").len(), 3);
}
