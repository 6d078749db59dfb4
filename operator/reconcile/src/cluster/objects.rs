//! Applies the objects of a cluster, all but the StatefulSets that a rollout must change.
//! A StatefulSet on an old template is left alone until its broker is granted.

use k8s_openapi::api::networking::v1::NetworkPolicy;
use kring_resources::restart_reasons::annotation;
use kring_resources::{
    ValidatedCluster, config_map, disruption_budget, labels, names, network_policy, service,
    service_account, stateful_set, volume_claim,
};

use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::kubernetes::{apply, delete};

/// Applies everything that restarts nobody.
pub(super) async fn apply_all(
    context: &Context,
    cluster: &ValidatedCluster,
    observed: &mut Observed,
) -> Result<(), Error> {
    apply(context, &service_account::service_account(cluster)).await?;
    apply(context, &service::brokers(cluster)).await?;
    apply(context, &service::bootstrap(cluster)).await?;
    apply(context, &disruption_budget::disruption_budget(cluster)).await?;
    match network_policy::network_policy(cluster) {
        Some(policy) => {
            apply(context, &policy).await?;
        }
        None => {
            let name = names::per_cluster(cluster.name());
            delete::<NetworkPolicy>(context, cluster.namespace(), &name, None).await?;
        }
    }
    for broker in 0..cluster.replicas() {
        apply(context, &volume_claim::volume_claim(cluster, broker)).await?;
        apply(context, &config_map::config_map(cluster, broker)).await?;
        if observed.leaving.contains(&broker) {
            continue;
        }
        let wanted = stateful_set::stateful_set(cluster, broker);
        let outdated = observed.sets.get(&broker).is_some_and(|set| {
            annotation(set, labels::TEMPLATE_HASH) != annotation(&wanted, labels::TEMPLATE_HASH)
        });
        if !outdated {
            observed.sets.insert(broker, apply(context, &wanted).await?);
        }
    }
    Ok(())
}
