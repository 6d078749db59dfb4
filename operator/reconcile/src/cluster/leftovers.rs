//! Removes ConfigMaps that no pod will read again.
//! A pod that still runs on an old one keeps it: it may have to start again.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ConfigMap, PodSpec};
use kring_resources::{ValidatedCluster, config_map};
use kube::ResourceExt;

use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::kubernetes::delete_seen;

/// Deletes what is not in use.
pub(super) async fn remove(
    context: &Context,
    cluster: &ValidatedCluster,
    observed: &Observed,
) -> Result<(), Error> {
    let mut used: BTreeSet<String> = (0..cluster.replicas())
        .map(|id| config_map::config_map(cluster, id).name_any())
        .collect();
    let templates = observed
        .sets
        .values()
        .filter_map(|set| set.spec.template.spec.as_ref());
    let pods = observed.pods.values().filter_map(|pod| pod.spec.as_ref());
    used.extend(templates.chain(pods).flat_map(config_map_names));
    for unused in &observed.config_maps {
        if !used.contains(&unused.name_any()) {
            delete_seen::<ConfigMap, _>(context, unused).await?;
        }
    }
    Ok(())
}

fn config_map_names(pod: &PodSpec) -> impl Iterator<Item = String> + '_ {
    pod.volumes
        .iter()
        .flatten()
        .filter_map(|volume| volume.config_map.as_ref().map(|source| source.name.clone()))
}
