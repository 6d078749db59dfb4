//! Applies the objects of a cluster, all but the StatefulSets that a rollout must change.
//! A StatefulSet on an old template is left alone until its broker is granted.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kring_crds::KafkaCluster;
use kring_crds::kafka_cluster::Phase;
use kring_resources::restart_reasons::annotation;
use kring_resources::{
    ValidatedCluster, config_map, disruption_budget, labels, names, network_policy, service,
    service_account, stateful_set, volume_claim,
};
use kube::Resource;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::kubernetes::{apply, apply_to_seen, delete_named, taken, try_apply_to_seen};

/// Applies everything that restarts nobody. What the API server does not take is added to `refused`
/// with its words, and the rest is applied all the same.
pub(super) async fn apply_all(
    context: &Context,
    cluster: &ValidatedCluster,
    observed: &mut Observed,
    refused: &mut Vec<String>,
) -> Result<(), Error> {
    let account = service_account::service_account(cluster);
    put(context, &account, refused).await?;
    put(context, &service::brokers(cluster), refused).await?;
    put(context, &service::bootstrap(cluster), refused).await?;
    let budget = disruption_budget::disruption_budget(cluster);
    put(context, &budget, refused).await?;
    match network_policy::network_policy(cluster) {
        Some(policy) => {
            put(context, &policy, refused).await?;
        }
        None => {
            let name = names::per_cluster(cluster.name());
            delete_named::<NetworkPolicy>(context, cluster.namespace(), &name).await?;
        }
    }
    for broker in 0..cluster.replicas() {
        let claim = volume_claim::volume_claim(cluster, broker);
        put(context, &claim, refused).await?;
        let config = config_map::config_map(cluster, broker);
        put(context, &config, refused).await?;
        // Without its keys no broker starts, and brokers without keys look like keys that were lost.
        if observed.leaving.contains(&broker) || observed.secret.is_none() {
            continue;
        }
        if is_outdated(observed, broker, cluster) {
            continue;
        }
        let wanted = stateful_set::stateful_set(cluster, broker);
        let made = apply_to_seen(context, &wanted, observed.sets.get(&broker)).await;
        if let Some(set) = taken(made, &wanted, refused)? {
            observed.sets.insert(broker, set);
        }
    }
    Ok(())
}

/// The granted broker's new template is applied by an action, after the status is written. Whether
/// the API server takes it is asked here, so that a refusal stands in that status.
pub(super) async fn try_granted(
    context: &Context,
    valid: &ValidatedCluster,
    cluster: &KafkaCluster,
    observed: &Observed,
    refused: &mut Vec<String>,
) -> Result<(), Error> {
    let rollout = cluster.status.as_ref().and_then(|s| s.rollout.as_ref());
    let grant = rollout.and_then(|rollout| rollout.grant.as_ref());
    if let Some(grant) = grant.filter(|grant| grant.phase == Phase::Stop)
        && grant.broker < valid.replicas()
        && is_outdated(observed, grant.broker, valid)
    {
        let wanted = stateful_set::stateful_set(valid, grant.broker);
        let seen = observed.sets.get(&grant.broker);
        let answer = try_apply_to_seen(context, &wanted, seen).await;
        taken(answer, &wanted, refused)?;
    }
    Ok(())
}

fn is_outdated(observed: &Observed, broker: i32, cluster: &ValidatedCluster) -> bool {
    let wanted = stateful_set::stateful_set(cluster, broker);
    observed.sets.get(&broker).is_some_and(|set| {
        annotation(set, labels::TEMPLATE_HASH) != annotation(&wanted, labels::TEMPLATE_HASH)
    })
}

async fn put<K>(
    context: &Context,
    object: &K,
    refused: &mut Vec<String>,
) -> Result<Option<K>, Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + Serialize
        + DeserializeOwned,
{
    taken(apply(context, object).await, object, refused)
}
