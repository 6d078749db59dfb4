//! Hands the settings that need no restart to the brokers, once per change.
//! The others are in each broker's ConfigMap and take a rollout.

use kring_admin_api::ClusterConfigRequest;
use kring_admin_client::Brokers;
use kring_resources::{Refusals, ValidatedCluster, stable_hash};

use super::ask::Live;

/// Pushes the settings when they differ from what was pushed last; says whether they still do.
pub(super) async fn push(
    cluster: &ValidatedCluster,
    live: &Live,
    brokers: &Brokers,
    pushed: &mut Option<String>,
    refusals: &mut Refusals,
) -> bool {
    let config = cluster.dynamic_config();
    let hash = (!config.is_empty()).then(|| stable_hash::hash_of(config));
    if hash == *pushed || live.list.is_none() {
        return hash != *pushed;
    }
    match brokers
        .set_cluster_config(&ClusterConfigRequest {
            config: config.clone(),
        })
        .await
    {
        Ok(()) => pushed.clone_from(&hash),
        Err(error) if error.is_temporary() => {
            tracing::debug!(%error, "settings were not taken yet")
        }
        Err(error) => refusals.push("ConfigRefused", format!("config: {error}")),
    }
    hash != *pushed
}
