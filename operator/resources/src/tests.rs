//! Golden tests: every object of two clusters as YAML, below `golden/`. `UPDATE=1` writes them.
//! They show a reviewer what a change does to real manifests.

use std::path::Path;

use serde::Serialize;
use serde_json::json;

use kring_crds::KafkaCluster;

use crate::*;

pub(crate) fn cluster(spec: serde_json::Value) -> KafkaCluster {
    serde_json::from_value(json!({
        "apiVersion": "kring.io/v1alpha1",
        "kind": "KafkaCluster",
        "metadata": {"name": "demo", "namespace": "shop", "uid": "11111111-2222-3333-4444-555555555555"},
        "spec": spec,
    }))
    .unwrap()
}

pub(crate) fn valid(spec: serde_json::Value) -> ValidatedCluster {
    validate(&cluster(spec), &Facts::default(), &Options::default()).unwrap()
}

fn document(object: &(impl Serialize + k8s_openapi::Resource)) -> String {
    let mut value = serde_json::to_value(object).unwrap();
    value["apiVersion"] = json!(k8s_openapi::api_version(object));
    value["kind"] = json!(k8s_openapi::kind(object));
    serde_saphyr::to_string(&value).unwrap()
}

fn render(cluster: &ValidatedCluster) -> String {
    let keys = secret::Keys {
        peer_secret: "peer".into(),
        admin_token: "token".into(),
    };
    let mut documents = vec![
        document(&secret::secret(cluster, &keys)),
        document(&service_account::service_account(cluster)),
        document(&service::brokers(cluster)),
        document(&service::bootstrap(cluster)),
        document(&disruption_budget::disruption_budget(cluster)),
    ];
    documents.extend(
        network_policy::network_policy(cluster)
            .as_ref()
            .map(document),
    );
    for broker in 0..cluster.replicas() {
        documents.push(document(&config_map::config_map(cluster, broker)));
        documents.push(document(&volume_claim::volume_claim(cluster, broker)));
        documents.push(document(&stateful_set::stateful_set(cluster, broker)));
    }
    documents.join("---\n")
}

fn assert_golden(name: &str, have: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("golden")
        .join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, have).unwrap();
    }
    let want = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        have == want,
        "{name} changed; look at `UPDATE=1 cargo test -p kring-resources` and git diff"
    );
}

#[test]
fn a_plain_cluster_becomes_these_objects() {
    let cluster = valid(json!({"version": "0.1.0", "replicas": 3, "storage": {"size": "10Gi"}}));
    assert_golden("plain.yaml", &render(&cluster));
}

#[test]
fn a_cluster_with_everything_becomes_these_objects() {
    let spec = json!({
        "version": "0.2.0",
        "image": "brokers.example/kring@sha256:00",
        "replicas": 1,
        "storage": {"size": "1Ti", "storageClassName": "fast", "reclaim": "Delete"},
        "resources": {"requests": {"cpu": 2, "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
        "config": {"num.partitions": 6, "auto.create.topics.enable": false},
        "listeners": [{"name": "kafka", "port": 19092, "type": "Internal"}],
        "io": {"backend": "uring", "seccomp": "Localhost", "localhostProfile": "kring/broker.json"},
        "rack": {"podLabel": "topology.kubernetes.io/zone"},
        "template": {"pod": {
            "metadata": {"labels": {"team": "shop"}, "annotations": {"note": "hi"}},
            "tolerations": [{"key": "disk", "operator": "Exists"}],
            "priorityClassName": "high",
            "imagePullSecrets": [{"name": "pull"}],
        }},
        "deletionPolicy": "Delete",
    });
    let mut object = cluster(spec);
    object.metadata.annotations = Some([(labels::RESTART.to_owned(), "1".to_owned())].into());
    let options = Options {
        image_pull_policy: Some("IfNotPresent".to_owned()),
        network_policy: Some("kring-system".to_owned()),
        ..Options::default()
    };
    let cluster = validate(&object, &Facts::default(), &options).unwrap();
    assert_golden("everything.yaml", &render(&cluster));
}

#[test]
fn a_changed_setting_changes_only_the_template_of_brokers_and_says_why() {
    let plain = json!({"version": "0.1.0", "storage": {"size": "10Gi"}});
    let mut spec = plain.clone();
    spec["config"] = json!({"num.partitions": 6});
    let (old, new) = (valid(plain.clone()), valid(spec));
    let reasons = |old: &ValidatedCluster, new: &ValidatedCluster| {
        restart_reasons::restart_reasons(
            &stateful_set::stateful_set(old, 0),
            &stateful_set::stateful_set(new, 0),
        )
    };
    assert_eq!(reasons(&old, &old), Vec::<String>::new());
    assert_eq!(reasons(&old, &new), ["config"]);
    let mut spec = plain.clone();
    spec["version"] = json!("0.1.1");
    assert_eq!(reasons(&old, &valid(spec)), ["version 0.1.0 -> 0.1.1"]);
    let mut spec = plain;
    spec["replicas"] = json!(4);
    assert_eq!(
        reasons(&old, &valid(spec)),
        Vec::<String>::new(),
        "scaling up restarts nobody"
    );
}
