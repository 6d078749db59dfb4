//! Waits until our kinds are served. A missing definition is said, in the log and in `/readyz`, and
//! waited for; the process does not crash over it.

use std::time::Duration;

use kring_crds::{KafkaCluster, Topic};
use kube::api::{Api, ListParams};
use kube::{Client, Resource};
use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::state::{Stage, State};

const PACE: Duration = Duration::from_secs(2);

/// Returns when both kinds are served.
pub(crate) async fn wait(
    client: &Client,
    namespace: Option<&str>,
    state: &State,
) -> Result<(), Error> {
    loop {
        let mut missing = Vec::new();
        if !is_served::<KafkaCluster>(client, namespace).await? {
            missing.push(KafkaCluster::kind(&()).to_string());
        }
        if !is_served::<Topic>(client, namespace).await? {
            missing.push(Topic::kind(&()).to_string());
        }
        if missing.is_empty() {
            return Ok(());
        }
        let stage = Stage::MissingDefinitions(missing);
        if state.get() != stage {
            tracing::warn!(
                ?stage,
                "install the chart kring-crds, or kubectl apply -f crds/; waiting"
            );
            state.set(stage);
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Asks for a list of the kind, which needs no right on definitions: those are cluster-wide.
async fn is_served<K>(client: &Client, namespace: Option<&str>) -> Result<bool, Error>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    let api: Api<K> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    match api.list_metadata(&ListParams::default().limit(1)).await {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(false),
        Err(error) => Err(error.into()),
    }
}
