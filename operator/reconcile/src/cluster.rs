//! The reconcile of a KafkaCluster: observe, validate, apply, ask, decide, write the status, act.
//! Each round makes at most one transition of the rollout, and acts only on what was written before.

mod act;
mod ask;
mod health;
mod keys;
mod leftovers;
mod objects;
mod observe;
mod scale;
mod settings;
mod snapshot;
mod status;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kring_admin_client::Brokers;
use kring_crds::kafka_cluster::{KafkaCluster, RolloutStatus};
use kring_resources::{Facts, Refusals, ValidatedCluster, secret, validate};
use kring_rollout::Waiting;
use kube::api::{Api, PartialObjectMeta, PostParams};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use crate::context::Context;
use crate::error::Error;
use crate::gauges::ClusterGauges;
use crate::{brokers, events};

use ask::Live;
use observe::Observed;
use scale::Scaling;
use settings::Settings;

/// Longest a reconcile may take; a hanging call must not hold the cluster for ever.
const RECONCILE_TIMEOUT: Duration = Duration::from_secs(60);
/// Pace while brokers are restarted. Transitions go faster: each one writes the status, which is
/// watched.
const ROLLING_PACE: Duration = Duration::from_millis(500);
/// Pace while something is expected to change.
const WAITING_PACE: Duration = Duration::from_secs(2);
/// Pace while all is well; watches report what Kubernetes changes, only brokers are polled.
const STEADY_PACE: Duration = Duration::from_secs(30);

/// Reconciles one cluster. It is handed only metadata and reads the object anew, because a cached
/// status may be older than the last transition.
///
/// # Errors
/// When the API server refuses or does not answer; the caller tries again.
pub async fn reconcile(
    seen: Arc<PartialObjectMeta<KafkaCluster>>,
    context: Arc<Context>,
) -> Result<Action, Error> {
    let pace = reconcile_paced(seen, context).await?;
    Ok(pace.map_or_else(Action::await_change, Action::requeue))
}

/// The same, and says when to look again as a number: kube's `Action` does not tell it. None means
/// not before something changes.
///
/// # Errors
/// As [`reconcile`].
pub async fn reconcile_paced(
    seen: Arc<PartialObjectMeta<KafkaCluster>>,
    context: Arc<Context>,
) -> Result<Option<Duration>, Error> {
    let namespace = seen.namespace().unwrap_or_default();
    let api = Api::<KafkaCluster>::namespaced(context.client.clone(), &namespace);
    let round = async {
        match api.get_opt(&seen.name_any()).await? {
            Some(cluster) if cluster.meta().deletion_timestamp.is_none() => {
                round(&context, &api, &cluster).await.map(Some)
            }
            // Owner references delete everything else.
            _ => {
                context.gauges.forget(&namespace, &seen.name_any());
                Ok(None)
            }
        }
    };
    tokio::time::timeout(RECONCILE_TIMEOUT, round)
        .await
        .unwrap_or(Err(Error::Timeout(RECONCILE_TIMEOUT)))
}

/// What a round found and decided; the status is built from it.
struct Findings<'a> {
    cluster: &'a KafkaCluster,
    now: Timestamp,
    observed: &'a Observed,
    live: &'a Live,
    valid: Option<&'a ValidatedCluster>,
    refusals: Refusals,
    /// Objects the API server does not take, with its words.
    refused_objects: Vec<String>,
    /// Why the spec is not followed now.
    frozen: Option<Waiting>,
    rollout: RolloutStatus,
    scaling: Scaling,
    settings: Settings,
}

async fn round(
    context: &Context,
    api: &Api<KafkaCluster>,
    cluster: &KafkaCluster,
) -> Result<Duration, Error> {
    let mut observed = observe::observe(context, cluster).await?;
    let mut refusals = Refusals::default();
    let mut valid = None;
    let mut refused_objects = Vec::new();
    if !cluster.spec.pause {
        match check(context, cluster, &observed) {
            Ok(checked) => {
                refused_objects = apply(context, &checked, cluster, &mut observed).await?;
                valid = Some(checked);
            }
            Err(refused) => refusals = refused,
        }
    }
    let frozen = frozen(cluster, &refusals);
    let brokers = connect(context, &observed);
    let live = ask::live(&brokers, &observed).await;
    let before = cluster
        .status
        .clone()
        .unwrap_or_default()
        .rollout
        .unwrap_or_default();

    let mut scaling = Scaling::default();
    let mut settings = Settings::of(cluster);
    if let Some(valid) = &valid {
        scaling = scale::scale(context, cluster, valid, &observed, &live, &brokers).await?;
        let push = settings.push(context, cluster, valid, &live, &brokers);
        refusals.0.extend(push.await?.0);
    }
    let answers = ask::answers(&brokers, &before).await;
    let view = snapshot::View {
        cluster,
        valid: valid.as_ref(),
        observed: &observed,
        live: &live,
        scaling: &scaling,
        frozen: frozen.as_ref(),
    };
    let step = kring_rollout::step(context.now(), &view.snapshot(answers), &before);
    let findings = Findings {
        cluster,
        now: context.now(),
        observed: &observed,
        live: &live,
        valid: valid.as_ref(),
        refusals,
        refused_objects,
        frozen,
        rollout: step.status.clone(),
        scaling,
        settings,
    };
    let pace = write_status(context, api, &findings).await?;
    if let Some(news) = health::newly_refused(&findings) {
        events::publish(context, cluster, health::APPLY_REFUSED, &news, true).await;
    }
    for note in &step.notes {
        events::publish(context, cluster, &note.reason, &note.message, note.warning).await;
    }
    act::perform(context, cluster, valid.as_ref(), &observed, &step.actions).await?;
    if let Some(valid) = &valid {
        leftovers::remove(context, valid, &observed).await?;
    }
    Ok(pace)
}

/// The Secret remembers them even when the status is lost, for example in a restored backup.
fn known_voters(cluster: &KafkaCluster, observed: &Observed) -> Option<Vec<i32>> {
    observed
        .secret
        .as_ref()
        .and_then(secret::voters)
        .or_else(|| {
            let status = cluster.status.as_ref()?;
            (!status.voters.is_empty()).then(|| status.voters.clone())
        })
}

/// A client of the brokers that have a pod.
fn connect(context: &Context, observed: &Observed) -> Brokers {
    let keys = observed.secret.as_ref();
    let token = keys.and_then(secret::admin_token).unwrap_or_default();
    let pods = observed.pods.iter().map(|(id, pod)| (*id, pod));
    brokers::client(context, &token, pods)
}

/// Whether the spec can be followed.
fn check(
    context: &Context,
    cluster: &KafkaCluster,
    observed: &Observed,
) -> Result<ValidatedCluster, Refusals> {
    let facts = Facts {
        voters: known_voters(cluster, observed),
    };
    let checked = validate(cluster, &facts, &context.options)?;
    keys::not_lost(cluster, observed)?;
    Ok(checked)
}

/// Applies what restarts nobody, and answers what the API server refused of it.
async fn apply(
    context: &Context,
    valid: &ValidatedCluster,
    cluster: &KafkaCluster,
    observed: &mut Observed,
) -> Result<Vec<String>, Error> {
    let mut refused = Vec::new();
    keys::ensure(context, valid, observed, &mut refused).await?;
    objects::apply_all(context, valid, observed, &mut refused).await?;
    objects::try_granted(context, valid, cluster, observed, &mut refused).await?;
    Ok(refused)
}

/// Why the spec is not followed: nothing is begun then, and what was begun is brought to its end.
fn frozen(cluster: &KafkaCluster, refusals: &Refusals) -> Option<Waiting> {
    if cluster.spec.pause {
        let message = "spec.pause is true; set it to false to go on";
        return Some(Waiting::new("Paused", message));
    }
    (!refusals.0.is_empty()).then(|| Waiting::new(refusals.reason(), refusals.to_string()))
}

/// Writes the status when it changed, on condition that nobody changed the object since it was read,
/// and says when to look again.
async fn write_status(
    context: &Context,
    api: &Api<KafkaCluster>,
    findings: &Findings<'_>,
) -> Result<Duration, Error> {
    let cluster = findings.cluster;
    let status = status::build(findings);
    let rolling = kring_rollout::is_running(&findings.rollout);
    let counts = status.partitions.unwrap_or_default();
    context.gauges.set(
        &cluster.namespace().unwrap_or_default(),
        &cluster.name_any(),
        ClusterGauges {
            ready: kring_crds::conditions::is_true(
                &status.conditions,
                kring_crds::conditions::READY,
            ),
            stalled: kring_crds::conditions::is_true(
                &status.conditions,
                kring_crds::conditions::STALLED,
            ),
            brokers: i64::from(cluster.spec.replicas),
            brokers_ready: i64::from(status.ready_replicas),
            rolling,
            offline_partitions: counts.offline,
            under_replicated_partitions: counts.under_replicated,
        },
    );
    let is = |kind| kring_crds::conditions::is_true(&status.conditions, kind);
    let working = is(kring_crds::conditions::RECONCILING);
    let safe = is(kring_crds::conditions::DATA_SAFE);
    if cluster.status.as_ref() != Some(&status) {
        let mut changed = cluster.clone();
        changed.status = Some(status);
        api.replace_status(&cluster.name_any(), &PostParams::default(), &changed)
            .await?;
    }
    let wanted = findings.frozen.is_none() || findings.rollout.grant.is_some();
    Ok(if rolling && wanted {
        ROLLING_PACE
    } else if working || !safe || !findings.refused_objects.is_empty() {
        WAITING_PACE
    } else {
        STEADY_PACE
    })
}
