//! The StatefulSet of one broker, with 0 or 1 replicas.
//! One per broker, so that a broker that crashes during a rollout comes back on the template it had.

use k8s_openapi::api::apps::v1::{StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy};
use k8s_openapi::api::core::v1::PodTemplateSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::model::ValidatedCluster;
use crate::{config_map, labels, metadata, names, pod, stable_hash};

/// Builds the StatefulSet. Only the rollout replaces pods, hence `OnDelete`.
#[must_use]
pub fn stateful_set(cluster: &ValidatedCluster, broker: i32) -> StatefulSet {
    let mut metadata = metadata::owned(cluster, names::stateful_set(&cluster.name, broker));
    metadata
        .labels
        .get_or_insert_default()
        .insert(labels::BROKER.to_owned(), broker.to_string());
    StatefulSet {
        metadata,
        spec: StatefulSetSpec {
            replicas: Some(1),
            service_name: Some(names::brokers_service(&cluster.name)),
            pod_management_policy: Some("Parallel".to_owned()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".to_owned()),
                ..StatefulSetUpdateStrategy::default()
            }),
            selector: LabelSelector {
                match_labels: Some(labels::broker_selector(&cluster.name, broker)),
                ..LabelSelector::default()
            },
            template: pod_template(cluster, broker),
            revision_history_limit: Some(2),
            ..StatefulSetSpec::default()
        },
        ..StatefulSet::default()
    }
}

/// The hash of the pod template a broker should have.
#[must_use]
pub fn template_hash(cluster: &ValidatedCluster, broker: i32) -> String {
    stable_hash::hash_of(&bare_template(cluster, broker))
}

fn pod_template(cluster: &ValidatedCluster, broker: i32) -> PodTemplateSpec {
    let mut template = bare_template(cluster, broker);
    template
        .metadata
        .get_or_insert_default()
        .annotations
        .get_or_insert_default()
        .insert(
            labels::TEMPLATE_HASH.to_owned(),
            template_hash(cluster, broker),
        );
    template
}

fn bare_template(cluster: &ValidatedCluster, broker: i32) -> PodTemplateSpec {
    let user = cluster.pod_template.metadata.clone().unwrap_or_default();
    let mut pod_labels = user.labels;
    pod_labels.extend(labels::managed(
        labels::broker_selector(&cluster.name, broker),
        &cluster.name,
    ));
    pod_labels.insert(labels::VERSION.to_owned(), cluster.version.clone());
    let mut annotations = user.annotations;
    annotations.extend([
        (
            labels::CONFIG_HASH.to_owned(),
            config_map::config_hash(cluster, broker),
        ),
        (
            labels::RESOURCES_HASH.to_owned(),
            stable_hash::hash_of(&cluster.resources),
        ),
    ]);
    if let Some(restart) = &cluster.restart {
        annotations.insert(labels::RESTART.to_owned(), restart.clone());
    }
    PodTemplateSpec {
        metadata: Some(ObjectMeta {
            labels: Some(pod_labels),
            annotations: Some(annotations),
            ..ObjectMeta::default()
        }),
        spec: Some(pod::pod_spec(cluster, broker)),
    }
}
