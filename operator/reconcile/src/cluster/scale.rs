//! Scaling down: a broker is emptied, then stopped, then forgotten, the one with the highest id first.
//! Scaling up needs nothing here: the objects of a new broker are applied like all others.

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use kring_admin_api::{DecommissionRequest, DecommissionStatus, UnregisterRequest};
use kring_admin_client::Brokers;
use kring_crds::KafkaCluster;
use kring_crds::kafka_cluster::{Phase, Reclaim};
use kring_resources::{ValidatedCluster, names};
use kring_rollout::Waiting;

use super::ask::Live;
use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::kubernetes::delete;

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
    keep_wanted(valid, live, brokers).await?;
    forget_gone(context, cluster, valid, observed, live, brokers).await?;
    let surplus = observed
        .sets
        .keys()
        .copied()
        .filter(|id| *id >= valid.replicas())
        .max();
    let Some(broker) = surplus else {
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
        Some(false) => remove(context, cluster, valid, broker).await,
        Some(true) => {
            let status = brokers
                .decommission(&DecommissionRequest { broker, on: true })
                .await;
            match status {
                Ok(status) => decommissioning(context, cluster, valid, brokers, &status).await,
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
    remove(context, cluster, valid, broker).await
}

/// Stops an empty broker. Its volume goes first, so that it is never left behind; Kubernetes keeps it
/// until the pod is gone.
async fn remove(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    broker: i32,
) -> Result<Scaling, Error> {
    let namespace = valid.namespace();
    if valid.reclaim() == Reclaim::Delete {
        let claim = names::volume_claim(valid.name(), broker);
        delete::<PersistentVolumeClaim>(context, namespace, &claim, None).await?;
    }
    let set = names::stateful_set(valid.name(), broker);
    delete::<StatefulSet>(context, namespace, &set, None).await?;
    let note = format!("broker {broker} holds no replica and is removed");
    events::publish(context, cluster, "BrokerRemoved", &note, false).await;
    Ok(working(
        "ScalingDown",
        format!("broker {broker} is stopping"),
    ))
}

/// A broker that was to go and is wanted again takes part again.
async fn keep_wanted(
    valid: &ValidatedCluster,
    live: &Live,
    brokers: &Brokers,
) -> Result<(), Error> {
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
