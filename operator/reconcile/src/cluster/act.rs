//! Performs what the rollout decided, after the decision was written.
//! Everything here may be repeated, and is refused when what was decided on has changed since.

use k8s_openapi::api::core::v1::Pod;
use kring_crds::KafkaCluster;
use kring_resources::{ValidatedCluster, stateful_set};
use kring_rollout::Action;
use kube::ResourceExt;

use super::observe::Observed;
use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::kubernetes::{apply_to_seen, delete_seen};

/// Performs the actions in order. A template is given only where the spec can be followed.
pub(super) async fn perform(
    context: &Context,
    cluster: &KafkaCluster,
    valid: Option<&ValidatedCluster>,
    observed: &Observed,
    actions: &[Action],
) -> Result<(), Error> {
    for action in actions {
        match action {
            Action::GiveTemplate { broker } => {
                let Some(valid) = valid else {
                    continue;
                };
                let wanted = stateful_set::stateful_set(valid, *broker);
                apply_to_seen(context, &wanted, observed.sets.get(broker)).await?;
            }
            Action::DeletePod {
                broker,
                uid,
                leaders,
                coordinators,
                down,
            } => {
                let seen = observed.pods.get(broker);
                let Some(seen) = seen.filter(|pod| pod.uid().as_ref() == Some(uid)) else {
                    continue;
                };
                let pod = seen.name_any();
                let note = if *down {
                    format!("pod {pod} of broker {broker}, which serves nothing, is replaced")
                } else {
                    format!(
                        "pod {pod} of broker {broker} is stopped: leaders={leaders} coordinators={coordinators}"
                    )
                };
                events::publish(context, cluster, "StoppingPod", &note, false).await;
                delete_seen::<Pod, _>(context, seen).await?;
            }
        }
    }
    Ok(())
}
