//! The volume of one broker. The operator makes it, not the StatefulSet, whose claim template could
//! never be changed. It does not migrate data between classes.

use k8s_openapi::api::core::v1::{
    PersistentVolumeClaim, PersistentVolumeClaimSpec, VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;

use crate::model::ValidatedCluster;
use crate::{labels, metadata, names};

/// Builds the claim of one broker.
#[must_use]
pub fn volume_claim(cluster: &ValidatedCluster, broker: i32) -> PersistentVolumeClaim {
    let mut metadata = metadata::kept(cluster, names::volume_claim(&cluster.name, broker));
    metadata
        .labels
        .get_or_insert_default()
        .insert(labels::BROKER.to_owned(), broker.to_string());
    PersistentVolumeClaim {
        metadata,
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".to_owned()]),
            storage_class_name: cluster.storage_class.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(
                    [("storage".to_owned(), Quantity(cluster.storage_size.clone()))].into(),
                ),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}
