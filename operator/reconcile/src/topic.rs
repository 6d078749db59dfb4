//! The reconcile of a Topic: find its cluster and its rivals, compare, change, report.
//! It never holds back the deletion of an object whose cluster is gone.

mod conflict;
mod finalizer;
mod lag;
mod plan;
mod refuse;
mod status;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Secret};
use kring_admin_client::Brokers;
use kring_crds::{KafkaCluster, Topic};
use kring_resources::{labels, names, secret};
use kube::api::{Api, ListParams, PartialObjectMeta, PostParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use crate::context::Context;
use crate::error::Error;
use crate::{brokers, events};

use plan::Plan;
use status::Verdict;

/// Longest a reconcile may take.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);
/// Pace while something is expected to change.
const WAITING_PACE: Duration = Duration::from_secs(2);
/// Pace while all is well, at which drift is found.
const STEADY_PACE: Duration = Duration::from_secs(30);

/// Reconciles one topic.
///
/// # Errors
/// When the API server refuses or does not answer; the caller tries again.
pub async fn reconcile(
    seen: Arc<PartialObjectMeta<Topic>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let namespace = seen.namespace().unwrap_or_default();
    let api = Api::<Topic>::namespaced(context.client.clone(), &namespace);
    let round = async {
        match api.get_opt(&seen.name_any()).await? {
            Some(topic) => round(&context, &api, &topic).await,
            None => Ok(Action::await_change()),
        }
    };
    tokio::time::timeout(RECONCILE_TIMEOUT, round)
        .await
        .unwrap_or(Err(Error::Timeout(RECONCILE_TIMEOUT)))
}

/// The topic's name in Kafka.
fn kafka_name(topic: &Topic) -> String {
    topic
        .spec
        .topic_name
        .clone()
        .unwrap_or_else(|| topic.name_any())
}

async fn round(context: &Context, api: &Api<Topic>, topic: &Topic) -> Result<Action, Error> {
    let namespace = topic.namespace().unwrap_or_default();
    let clusters = Api::<KafkaCluster>::namespaced(context.client.clone(), &namespace);
    let cluster = clusters
        .get_opt(&topic.spec.cluster_ref.name)
        .await?
        .filter(|cluster| cluster.meta().deletion_timestamp.is_none());
    if topic.meta().deletion_timestamp.is_some() {
        return finalizer::finish(context, api, topic, cluster.as_ref()).await;
    }
    let verdict = match &cluster {
        None => Verdict::waiting(
            "ClusterNotFound",
            format!(
                "there is no KafkaCluster {} in namespace {namespace}; create it, or correct spec.clusterRef.name",
                topic.spec.cluster_ref.name
            ),
        ),
        Some(cluster) => match judge(context, api, topic, cluster).await? {
            Some(verdict) => verdict,
            // The object was changed; the next round reads it anew.
            None => return Ok(Action::requeue(Duration::ZERO)),
        },
    };
    let pace = if verdict.is_settled() {
        STEADY_PACE
    } else {
        WAITING_PACE
    };
    write_status(context, api, topic, &verdict).await?;
    Ok(Action::requeue(pace))
}

async fn judge(
    context: &Context,
    api: &Api<Topic>,
    topic: &Topic,
    cluster: &KafkaCluster,
) -> Result<Option<Verdict>, Error> {
    if let Some(rival) = older_rival(context, api, topic).await? {
        return Ok(Some(Verdict::stalled(
            "Conflict",
            format!(
                "Topic {rival} is older and already stands for {}; delete one of the two",
                kafka_name(topic)
            ),
        )));
    }
    if let Some(refusal) = refuse::refusal(topic, cluster) {
        return Ok(Some(Verdict::stalled(refusal.reason, refusal.message)));
    }
    if finalizer::ensure(api, topic).await? {
        return Ok(None);
    }
    let brokers = connect(context, cluster).await?;
    Ok(Some(match sync(context, topic, &brokers).await {
        Ok(verdict) if verdict.is_settled() => {
            let groups = brokers.topic_groups(&kafka_name(topic)).await;
            verdict.with_groups(groups)
        }
        Ok(verdict) => verdict,
        Err(error) if error.is_temporary() => Verdict::waiting(
            "ClusterNotReady",
            format!("KafkaCluster {}: {error}", cluster.name_any()),
        ),
        Err(error) => Verdict::stalled("Refused", error.to_string()),
    }))
}

/// The watch sees Topics in the order of their making, so it knows every older one by the time it tells
/// of this one.
async fn older_rival(
    context: &Context,
    api: &Api<Topic>,
    topic: &Topic,
) -> Result<Option<String>, Error> {
    if let Some(seen) = &context.topics {
        let all = seen.state();
        return Ok(conflict::older_rival(topic, all.iter().map(AsRef::as_ref)));
    }
    let all = api.list(&ListParams::default()).await?;
    Ok(conflict::older_rival(topic, all.items.iter()))
}

/// Compares and changes.
async fn sync(
    context: &Context,
    topic: &Topic,
    brokers: &Brokers,
) -> Result<Verdict, kring_admin_client::Error> {
    let name = kafka_name(topic);
    let have = brokers.topic(&name).await?;
    match plan::plan(topic, have.as_ref()) {
        Plan::Create { request, again } => {
            if again {
                let note = format!("topic {name} was deleted in Kafka and is created again, empty");
                events::publish(context, topic, "TopicRecreated", &note, true).await;
            }
            let made = brokers.create_topic(&request).await?;
            events::publish(
                context,
                topic,
                "TopicCreated",
                &format!("topic {name} is created"),
                false,
            )
            .await;
            Ok(Verdict::synced(made, Vec::new()))
        }
        Plan::Alter {
            request,
            drift,
            note,
        } => {
            let made = brokers.alter_topic(&name, &request).await?;
            if let Some((reason, text)) = note {
                events::publish(context, topic, reason, &text, reason == "DriftReverted").await;
            }
            Ok(Verdict::synced(made, drift))
        }
        Plan::Keep { drift } => Ok(match have {
            Some(have) => Verdict::synced(have, drift),
            None => Verdict::stalled(
                "TopicMissing",
                format!("topic {name} was deleted in Kafka; driftPolicy: Revert creates it again"),
            ),
        }),
        Plan::Refuse { reason, message } => Ok(Verdict::refused(reason, message, have)),
    }
}

/// A client of the brokers of the topic's cluster.
async fn connect(context: &Context, cluster: &KafkaCluster) -> Result<Brokers, Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    let name = cluster.name_any();
    let secrets = Api::<Secret>::namespaced(context.client.clone(), &namespace);
    let pods = Api::<Pod>::namespaced(context.client.clone(), &namespace);
    let params =
        ListParams::default().labels(&labels::as_selector_text(&labels::cluster_selector(&name)));
    let secret_name = names::secret(&name);
    let (keys, pods) = futures::try_join!(secrets.get_opt(&secret_name), pods.list(&params))?;
    let token = keys
        .as_ref()
        .and_then(secret::admin_token)
        .unwrap_or_default();
    let by_id = pods.items.iter().filter_map(|pod| {
        let id = pod.labels().get(labels::BROKER)?.parse::<i32>().ok()?;
        Some((id, pod))
    });
    Ok(brokers::client(context, &token, by_id))
}

async fn write_status(
    context: &Context,
    api: &Api<Topic>,
    topic: &Topic,
    verdict: &Verdict,
) -> Result<(), Error> {
    let now = context.now();
    let mut status = status::build(topic, verdict, now);
    lag::refresh(&mut status.consumer_lag, verdict.groups.as_ref(), now);
    if topic.status.as_ref() != Some(&status) {
        let mut changed = topic.clone();
        changed.status = Some(status);
        api.replace_status(&topic.name_any(), &PostParams::default(), &changed)
            .await?;
    }
    Ok(())
}
