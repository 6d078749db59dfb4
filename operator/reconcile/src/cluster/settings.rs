//! Hands the settings that need no restart to the brokers, once per change.
//! The others are in each broker's ConfigMap and take a rollout.

use std::collections::BTreeMap;

use kring_admin_api::ClusterConfigRequest;
use kring_admin_client::Brokers;
use kring_crds::KafkaCluster;
use kring_resources::{Refusals, ValidatedCluster, stable_hash};
use kube::ResourceExt;
use kube::api::Api;

use super::ask::Live;
use crate::context::Context;
use crate::error::Error;

/// How far the settings are.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Hash of those that were pushed last; none when there were none.
    pub(super) pushed: Option<String>,
    /// Others are to be pushed.
    pub(super) pending: bool,
}

impl Settings {
    /// What the status says.
    pub(super) fn of(cluster: &KafkaCluster) -> Self {
        let status = cluster.status.as_ref();
        Self {
            pushed: status.and_then(|status| status.dynamic_config_hash.clone()),
            pending: false,
        }
    }

    /// Pushes the settings when they differ from what was pushed last.
    ///
    /// Another operator may work by now, and have pushed newer ones. If it did so before the settings
    /// in force are read here, the object that is read after them is newer than the decision; if
    /// after, the brokers refuse to replace others than those.
    pub(super) async fn push(
        &mut self,
        context: &Context,
        cluster: &KafkaCluster,
        valid: &ValidatedCluster,
        live: &Live,
        brokers: &Brokers,
    ) -> Result<Refusals, Error> {
        let mut refusals = Refusals::default();
        let config = valid.dynamic_config();
        let hash = (!config.is_empty()).then(|| stable_hash::hash_of(config));
        self.pending = hash != self.pushed;
        if !self.pending || live.list.is_none() {
            return Ok(refusals);
        }
        match set(context, cluster, config, brokers).await {
            Ok(true) => (self.pushed, self.pending) = (hash, false),
            Ok(false) => tracing::debug!("the cluster has changed since it was read"),
            Err(Error::Broker(error)) if error.is_temporary() || error.is_conflict() => {
                tracing::debug!(%error, "settings were not taken yet");
            }
            Err(Error::Broker(error)) => {
                refusals.push("ConfigRefused", format!("config: {error}"));
            }
            Err(error) => return Err(error),
        }
        Ok(refusals)
    }
}

/// Replaces the settings in force, if the spec still is the one that was read; says whether it was.
async fn set(
    context: &Context,
    cluster: &KafkaCluster,
    config: &BTreeMap<String, String>,
    brokers: &Brokers,
) -> Result<bool, Error> {
    let in_force = brokers.cluster_config().await?.config;
    if !is_newest(context, cluster).await? {
        return Ok(false);
    }
    let request = ClusterConfigRequest {
        config: config.clone(),
        replaces: Some(in_force),
    };
    brokers.set_cluster_config(&request).await?;
    Ok(true)
}

/// Whether the spec is the one that was read when the round began.
async fn is_newest(context: &Context, cluster: &KafkaCluster) -> Result<bool, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let api = Api::<KafkaCluster>::namespaced(context.client.clone(), &namespace);
    let now = api.get_opt(&cluster.name_any()).await?;
    Ok(now.is_some_and(|now| {
        now.uid() == cluster.uid() && now.metadata.generation == cluster.metadata.generation
    }))
}
