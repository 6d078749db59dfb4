//! Labels and annotations of the objects of a cluster.
//! Selectors hold only what never changes.

use std::collections::BTreeMap;

/// Label with the cluster's name.
pub const CLUSTER: &str = "kring.io/cluster";
/// Label with the broker's id.
pub const BROKER: &str = "kring.io/broker-id";
/// Annotation with the hash of the whole pod template.
pub const TEMPLATE_HASH: &str = "kring.io/template-hash";
/// Annotation with the hash of the settings a broker starts with.
pub const CONFIG_HASH: &str = "kring.io/config-hash";
/// Annotation with the hash of memory and CPU.
pub const RESOURCES_HASH: &str = "kring.io/resources-hash";
/// Annotation on a KafkaCluster: a new value restarts every broker.
pub const RESTART: &str = "kring.io/restart";
/// Annotation on a KafkaCluster: `<broker>=<disk id>` accepts that a broker returned with this disk.
pub const ACCEPT_DISK: &str = "kring.io/accept-disk";
/// Annotation on the Secret with the members of the metadata quorum.
pub const VOTERS: &str = "kring.io/voters";
/// Annotation on a StatefulSet or volume that is deleted in a later round, if it is not wanted again
/// by then. Setting and removing it changes the object's version, which a deletion names.
pub const REMOVAL: &str = "kring.io/removal";
/// What Kubernetes recommends for the version of an application.
pub const VERSION: &str = "app.kubernetes.io/version";

/// Labels by which all pods of a cluster are found.
#[must_use]
pub fn cluster_selector(cluster: &str) -> BTreeMap<String, String> {
    [
        ("app.kubernetes.io/name", "kring-broker"),
        (CLUSTER, cluster),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .collect()
}

/// Labels by which the pod of one broker is found.
#[must_use]
pub fn broker_selector(cluster: &str, broker: i32) -> BTreeMap<String, String> {
    let mut labels = cluster_selector(cluster);
    labels.insert(BROKER.to_owned(), broker.to_string());
    labels
}

/// Adds the labels that say who made an object.
#[must_use]
pub fn managed(mut labels: BTreeMap<String, String>, cluster: &str) -> BTreeMap<String, String> {
    for (key, value) in [
        ("app.kubernetes.io/instance", cluster),
        ("app.kubernetes.io/part-of", "kring"),
        ("app.kubernetes.io/managed-by", "kring-operator"),
    ] {
        labels.insert(key.to_owned(), value.to_owned());
    }
    labels
}

/// Whether a key is the operator's own and refused in a user's template.
#[must_use]
pub fn is_reserved(key: &str) -> bool {
    key.starts_with("kring.io/")
        || key.starts_with("app.kubernetes.io/")
        || key == "statefulset.kubernetes.io/pod-name"
}

/// Labels as the text of a selector, the form the scale subresource asks for.
#[must_use]
pub fn as_selector_text(labels: &BTreeMap<String, String>) -> String {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(",")
}
