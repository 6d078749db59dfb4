//! The finalizer of a Topic, which exists only where deletion has something to do in Kafka.
//! It is dropped at once when the cluster is gone: a namespace is never held.

use kring_crds::topic::DeletionPolicy;
use kring_crds::{KafkaCluster, Topic, conditions};
use kube::ResourceExt;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::controller::Action;
use serde_json::json;

use super::{WAITING_PACE, connect, kafka_name};
use crate::context::Context;
use crate::error::Error;
use crate::events;

/// The finalizer's name.
pub(super) const NAME: &str = "kring.io/topic";

/// Adds it where deletion deletes the topic, removes it elsewhere; says whether it changed the object.
pub(super) async fn ensure(api: &Api<Topic>, topic: &Topic) -> Result<bool, Error> {
    let wanted = topic.spec.deletion_policy == DeletionPolicy::Delete;
    let present = topic.finalizers().iter().any(|name| name == NAME);
    if wanted != present {
        set(api, topic, wanted).await?;
    }
    Ok(wanted != present)
}

/// Deletes the topic in Kafka if it is to be deleted, and lets the object go.
pub(super) async fn finish(
    context: &Context,
    api: &Api<Topic>,
    topic: &Topic,
    cluster: Option<&KafkaCluster>,
) -> Result<Action, Error> {
    if !topic.finalizers().iter().any(|name| name == NAME) {
        return Ok(Action::await_change());
    }
    if let Some(cluster) = cluster
        && topic.spec.deletion_policy == DeletionPolicy::Delete
        && let Some(topic_id) = our_topic(topic)
    {
        let name = kafka_name(topic);
        let brokers = connect(context, cluster).await?;
        match brokers.delete_topic(&name, topic_id).await {
            Ok(()) => {
                events::publish(
                    context,
                    topic,
                    "TopicDeleted",
                    &format!("topic {name} is deleted"),
                    false,
                )
                .await;
            }
            Err(error) if error.is_temporary() => {
                tracing::info!(topic = %topic.name_any(), %error, "waiting to delete the topic");
                return Ok(Action::requeue(WAITING_PACE));
            }
            Err(error) => return Err(error.into()),
        }
    }
    set(api, topic, false).await?;
    Ok(Action::await_change())
}

/// The id of the topic that is deleted. A Topic that lost a conflict, or never got to its topic,
/// deletes nothing; nor one whose topic was made anew under the name since.
fn our_topic(topic: &Topic) -> Option<&str> {
    let status = topic.status.as_ref()?;
    let conflict = conditions::get(&status.conditions, conditions::READY)
        .is_some_and(|ready| ready.reason == "Conflict" || ready.reason == "TopicReplaced");
    status.topic_id.as_deref().filter(|_| !conflict)
}

/// Writes the list whole, on condition that nobody changed the object since it was read.
async fn set(api: &Api<Topic>, topic: &Topic, wanted: bool) -> Result<(), Error> {
    let mut finalizers: Vec<&str> = topic
        .finalizers()
        .iter()
        .map(String::as_str)
        .filter(|name| *name != NAME)
        .collect();
    if wanted {
        finalizers.push(NAME);
    }
    let patch = json!({"metadata": {
        "resourceVersion": topic.resource_version(),
        "finalizers": finalizers,
    }});
    match api
        .patch(
            &topic.name_any(),
            &PatchParams::default(),
            &Patch::Merge(&patch),
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(error.into()),
    }
}
