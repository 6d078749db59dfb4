//! Performs what the rollout decided, after the decision was written.
//! Everything here may be repeated.

use k8s_openapi::api::core::v1::Pod;
use kring_crds::KafkaCluster;
use kring_resources::{ValidatedCluster, names, stateful_set};
use kring_rollout::Action;
use kube::ResourceExt;

use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::kubernetes::{apply, delete};

/// Performs the actions in order. A template is given only where the spec can be followed.
pub(super) async fn perform(
    context: &Context,
    cluster: &KafkaCluster,
    valid: Option<&ValidatedCluster>,
    actions: &[Action],
) -> Result<(), Error> {
    let namespace = cluster.namespace().unwrap_or_default();
    for action in actions {
        match action {
            Action::GiveTemplate { broker } => {
                let Some(valid) = valid else {
                    continue;
                };
                apply(context, &stateful_set::stateful_set(valid, *broker)).await?;
            }
            Action::DeletePod {
                broker,
                uid,
                leaders,
                coordinators,
                down,
            } => {
                let pod = names::pod(&cluster.name_any(), *broker);
                let note = if *down {
                    format!("pod {pod} of broker {broker}, which serves nothing, is replaced")
                } else {
                    format!(
                        "pod {pod} of broker {broker} is stopped: leaders={leaders} coordinators={coordinators}"
                    )
                };
                events::publish(context, cluster, "StoppingPod", &note, false).await;
                delete::<Pod>(context, &namespace, &pod, Some(uid.clone())).await?;
            }
        }
    }
    Ok(())
}
