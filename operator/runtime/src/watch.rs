//! The watches that start reconciles, and their pace.
//! Of everything but Topics only metadata is watched; a reconcile reads what it needs.

use std::fmt::Debug;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{ConfigMap, Pod, Service};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kring_crds::{KafkaCluster, Topic};
use kring_reconcile::{Context, Error, cluster, topic};
use kube::api::{Api, PartialObjectMeta, PartialObjectMetaExt};
use kube::runtime::controller::{Action, Config, Controller};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::watcher;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;

use crate::metrics::Metrics;
use crate::shutdown::Shutdown;

/// Objects of one kind that are reconciled at once.
const CONCURRENCY: u16 = 16;
/// Label of everything that belongs to a cluster.
const CLUSTER_LABEL: &str = "kring.io/cluster";

/// Watches one namespace, or all, until the process is told to stop; a reconcile under way is finished.
pub(crate) async fn watch(
    client: Client,
    namespace: Option<String>,
    context: Arc<Context>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) {
    let namespace = namespace.as_deref();
    let clusters = clusters(&client, namespace, &context, &metrics, shutdown.clone());
    let topics = topics(&client, namespace, &context, &metrics, shutdown);
    futures::join!(clusters, topics);
}

async fn clusters(
    client: &Client,
    namespace: Option<&str>,
    context: &Arc<Context>,
    metrics: &Arc<Metrics>,
    shutdown: Shutdown,
) {
    let ours = || watcher::Config::default().labels(CLUSTER_LABEL);
    let counted = Arc::clone(metrics);
    Controller::new(
        api::<PartialObjectMeta<KafkaCluster>>(client, namespace),
        watcher::Config::default(),
    )
    .owns(api::<StatefulSet>(client, namespace), ours())
    .owns(api::<Service>(client, namespace), ours())
    .owns(api::<ConfigMap>(client, namespace), ours())
    .owns(api::<PodDisruptionBudget>(client, namespace), ours())
    .watches(
        api::<PartialObjectMeta<Pod>>(client, namespace),
        ours(),
        |pod| {
            let cluster = pod.labels().get(CLUSTER_LABEL)?;
            Some(ObjectRef::new(cluster).within(&pod.namespace()?))
        },
    )
    .with_config(Config::default().concurrency(CONCURRENCY))
    .graceful_shutdown_on(shutdown.requested())
    .run(cluster::reconcile, on_error, Arc::clone(context))
    .for_each(|outcome| {
        counted.count("KafkaCluster", outcome.is_ok());
        futures::future::ready(())
    })
    .await;
}

async fn topics(
    client: &Client,
    namespace: Option<&str>,
    context: &Arc<Context>,
    metrics: &Arc<Metrics>,
    shutdown: Shutdown,
) {
    let counted = Arc::clone(metrics);
    let controller = Controller::new(api::<Topic>(client, namespace), watcher::Config::default());
    let context = Arc::new(context.with_topics(controller.store()));
    let reconcile = |topic: Arc<Topic>, context| {
        let metadata = topic.meta().clone().into_response_partial();
        topic::reconcile(Arc::new(metadata), context)
    };
    controller
        .with_config(Config::default().concurrency(CONCURRENCY))
        .graceful_shutdown_on(shutdown.requested())
        .run(reconcile, on_error, context)
        .for_each(|outcome| {
            counted.count("Topic", outcome.is_ok());
            futures::future::ready(())
        })
        .await;
}

fn api<K>(client: &Client, namespace: Option<&str>) -> Api<K>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
{
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

fn on_error<K: Resource<DynamicType = ()>>(
    object: Arc<K>,
    error: &Error,
    _: Arc<Context>,
) -> Action {
    let name = object.name_any();
    let namespace = object.namespace().unwrap_or_default();
    if error.is_conflict() {
        tracing::debug!(%namespace, %name, %error, "read it again");
    } else {
        tracing::warn!(kind = %K::kind(&()), %namespace, %name, %error, "the reconcile ended early");
    }
    error.retry()
}
