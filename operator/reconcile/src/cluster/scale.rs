//! Scaling down: a broker is emptied, then stopped, then forgotten, the one with the highest id first.
//! Scaling up needs nothing here: the objects of a new broker are applied like all others.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kring_admin_api::{DecommissionRequest, DecommissionStatus, UnregisterRequest};
use kring_admin_client::Brokers;
use kring_crds::KafkaCluster;
use kring_crds::kafka_cluster::{Phase, Reclaim};
use kring_resources::{ValidatedCluster, labels, names};
use kring_rollout::Waiting;
use kube::api::Api;
use kube::{Resource, ResourceExt};
use serde::de::DeserializeOwned;

use super::ask::Live;
use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::kubernetes::{annotate_seen, delete_seen};

/// How far a scale-down is.
#[derive(Clone, Debug, Default)]
pub(super) struct Scaling {
    /// What it is doing; no broker is restarted meanwhile.
    pub(super) working: Option<Waiting>,
    /// Why it cannot go on without a person.
    pub(super) stalled: Option<Waiting>,
}

/// Makes the next step of a scale-down, if there is one to make.
pub(super) async fn scale(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    observed: &Observed,
    live: &Live,
    brokers: &Brokers,
) -> Result<Scaling, Error> {
    keep_wanted(context, valid, observed, live, brokers).await?;
    forget_gone(context, cluster, valid, observed, live, brokers).await?;
    let surplus = observed.sets.range(valid.replicas()..).next_back();
    let Some((&broker, set)) = surplus else {
        return Ok(Scaling::default());
    };
    let rollout = cluster
        .status
        .as_ref()
        .and_then(|status| status.rollout.as_ref());
    let grant = rollout.and_then(|rollout| rollout.grant.as_ref());
    if grant.is_some_and(|grant| grant.phase > Phase::PreCheck) {
        // The rollout finishes the broker it is at; `working` keeps it from taking the next.
        return Ok(working(
            "ScalingDown",
            format!("broker {broker} is removed after the restart under way"),
        ));
    }
    let is_registered = live
        .list
        .as_ref()
        .map(|list| list.brokers.iter().any(|status| status.id == broker));
    match is_registered {
        None => Ok(working(
            "NoController",
            format!("waiting for a controller, to empty broker {broker}"),
        )),
        // It never joined, so there is nothing on it.
        Some(false) => remove(context, cluster, valid, set, broker).await,
        Some(true) => {
            let status = brokers
                .decommission(&DecommissionRequest { broker, on: true })
                .await;
            match status {
                Ok(status) => decommissioning(context, cluster, valid, set, brokers, &status).await,
                Err(error) if error.is_temporary() => Ok(working(
                    "NoController",
                    format!("broker {broker} cannot be emptied yet: {error}"),
                )),
                Err(error) => Ok(Scaling {
                    working: Some(Waiting::new(
                        "ScalingDown",
                        format!("broker {broker} is to be removed"),
                    )),
                    stalled: Some(Waiting::new("ScaleDownRefused", error.to_string())),
                }),
            }
        }
    }
}

async fn decommissioning(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    set: &StatefulSet,
    brokers: &Brokers,
    status: &DecommissionStatus,
) -> Result<Scaling, Error> {
    let broker = status.broker;
    if status.impossible.partitions > 0 {
        // A broker that cannot be emptied is not begun with. One that was begun with takes part again
        // until the user decides: nothing is to be half done.
        if status.on {
            brokers
                .decommission(&DecommissionRequest { broker, on: false })
                .await?;
        }
        let sample = status
            .impossible
            .sample
            .iter()
            .take(3)
            .cloned()
            .collect::<Vec<_>>()
            .join(", ");
        let message = format!(
            "broker {broker} cannot be removed: {} partitions ({sample}) have as many replicas as there are brokers; lower their replication factor, or set replicas to {} again",
            status.impossible.partitions,
            broker + 1
        );
        return Ok(Scaling {
            working: None,
            stalled: Some(Waiting::new("ScaleDownImpossible", message)),
        });
    }
    if status.replicas > 0 {
        return Ok(working(
            "ScalingDown",
            format!(
                "broker {broker} still holds {} replicas, {} are moving",
                status.replicas, status.moving
            ),
        ));
    }
    remove(context, cluster, valid, set, broker).await
}

/// Stops an empty broker, in two rounds. The first announces it on what will be deleted; a later one,
/// which has read anew that the broker is not wanted, deletes exactly what it saw announced. A round
/// that wants the broker takes the announcement back, and so voids every deletion decided before.
///
/// The volume goes before the StatefulSet, so that it is never left behind; Kubernetes keeps it until
/// the pod is gone.
async fn remove(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    set: &StatefulSet,
    broker: i32,
) -> Result<Scaling, Error> {
    let stopping = working("ScalingDown", format!("broker {broker} is stopping"));
    let claim = match valid.reclaim() {
        Reclaim::Delete => claim(context, valid, broker).await?,
        Reclaim::Retain => None,
    };
    let claim_is_announced = claim.as_ref().is_none_or(is_announced);
    if !is_announced(set) || !claim_is_announced {
        announce(context, set, true).await?;
        if let Some(claim) = &claim {
            announce(context, claim, true).await?;
        }
        return Ok(stopping);
    }
    if let Some(claim) = &claim {
        delete_seen::<PersistentVolumeClaim, _>(context, claim).await?;
    }
    delete_seen::<StatefulSet, _>(context, set).await?;
    let note = format!("broker {broker} holds no replica and is removed");
    events::publish(context, cluster, "BrokerRemoved", &note, false).await;
    Ok(stopping)
}

/// The broker's volume, if it is not being deleted already.
async fn claim(
    context: &Context,
    valid: &ValidatedCluster,
    broker: i32,
) -> Result<Option<PersistentVolumeClaim>, Error> {
    let api = Api::<PersistentVolumeClaim>::namespaced(context.client.clone(), valid.namespace());
    let claim = api
        .get_opt(&names::volume_claim(valid.name(), broker))
        .await?;
    Ok(claim.filter(|claim| claim.metadata.deletion_timestamp.is_none()))
}

fn is_announced(object: &impl ResourceExt) -> bool {
    object.annotations().contains_key(labels::REMOVAL)
}

/// Announces the removal of an object, or takes that back, where it is not so already.
async fn announce<K>(context: &Context, seen: &K, wanted: bool) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    if is_announced(seen) != wanted {
        annotate_seen(context, seen, labels::REMOVAL, wanted.then_some("true")).await?;
    }
    Ok(())
}

/// A broker that was to go and is wanted again takes part again. Its StatefulSet is the last of which
/// the announcement is taken back: while it has one, this is not done.
async fn keep_wanted(
    context: &Context,
    valid: &ValidatedCluster,
    observed: &Observed,
    live: &Live,
    brokers: &Brokers,
) -> Result<(), Error> {
    for (broker, set) in observed.sets.range(..valid.replicas()) {
        if is_announced(set) {
            if let Some(claim) = claim(context, valid, *broker).await? {
                announce(context, &claim, false).await?;
            }
            announce(context, set, false).await?;
        }
    }
    for status in live.list.iter().flat_map(|list| &list.brokers) {
        if status.decommissioning && status.id < valid.replicas() {
            brokers
                .decommission(&DecommissionRequest {
                    broker: status.id,
                    on: false,
                })
                .await?;
        }
    }
    Ok(())
}

/// A registration without StatefulSet and pod is forgotten when nothing is on it.
async fn forget_gone(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    observed: &Observed,
    live: &Live,
    brokers: &Brokers,
) -> Result<(), Error> {
    for status in live.list.iter().flat_map(|list| &list.brokers) {
        let id = status.id;
        let has_objects = observed.sets.contains_key(&id)
            || observed.leaving.contains(&id)
            || observed.pods.contains_key(&id);
        if id < valid.replicas() || has_objects || !status.fenced || status.replicas > 0 {
            continue;
        }
        match brokers.unregister(&UnregisterRequest { broker: id }).await {
            Ok(()) => {
                let note = format!("broker {id} is gone and unregistered");
                events::publish(context, cluster, "BrokerUnregistered", &note, false).await;
            }
            Err(error) => tracing::debug!(%error, "broker {id} cannot be unregistered yet"),
        }
    }
    Ok(())
}

fn working(reason: &str, message: String) -> Scaling {
    Scaling {
        working: Some(Waiting::new(reason, message)),
        stalled: None,
    }
}
