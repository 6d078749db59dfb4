//! Metadata shared by all objects of a cluster: names, labels, owner.
//! It decides which objects outlive the KafkaCluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kring_crds::KafkaCluster;
use kring_crds::kafka_cluster::ClusterDeletionPolicy;

use crate::labels;
use crate::model::ValidatedCluster;

/// The reference by which Kubernetes deletes an object with its KafkaCluster.
#[must_use]
pub fn owner(cluster: &KafkaCluster) -> OwnerReference {
    OwnerReference {
        api_version: format!("{}/{}", kring_crds::GROUP, kring_crds::VERSION),
        kind: "KafkaCluster".to_owned(),
        name: cluster.metadata.name.clone().unwrap_or_default(),
        uid: cluster.metadata.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// Metadata of an object that goes with the KafkaCluster.
#[must_use]
pub fn owned(cluster: &ValidatedCluster, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace: Some(cluster.namespace.clone()),
        labels: Some(labels::managed(
            labels::cluster_selector(&cluster.name),
            &cluster.name,
        )),
        owner_references: Some(vec![cluster.owner.clone()]),
        ..ObjectMeta::default()
    }
}

/// Metadata of an object that stays when the deletion policy says so: volumes and keys.
#[must_use]
pub fn kept(cluster: &ValidatedCluster, name: String) -> ObjectMeta {
    let mut metadata = owned(cluster, name);
    if cluster.deletion == ClusterDeletionPolicy::Retain {
        metadata.owner_references = None;
    }
    // Argo CD neither shows these as foreign nor prunes them.
    metadata.annotations = Some(
        [
            ("argocd.argoproj.io/compare-options", "IgnoreExtraneous"),
            ("argocd.argoproj.io/sync-options", "Prune=false"),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect(),
    );
    metadata
}
