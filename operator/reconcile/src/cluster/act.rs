//! Performs what the rollout decided, after the decision was written.
//! Everything here may be repeated.

use k8s_openapi::api::core::v1::Pod;
use kring_crds::KafkaCluster;
use kring_resources::{ValidatedCluster, names, stateful_set};
use kring_rollout::Action;

use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::kubernetes::{apply, delete};

/// Performs the actions in order.
pub(super) async fn perform(
    context: &Context,
    cluster: &KafkaCluster,
    valid: &ValidatedCluster,
    actions: &[Action],
) -> Result<(), Error> {
    for action in actions {
        match action {
            Action::GiveTemplate { broker } => {
                apply(context, &stateful_set::stateful_set(valid, *broker)).await?;
            }
            Action::DeletePod {
                broker,
                uid,
                leaders,
                coordinators,
                down,
            } => {
                let pod = names::pod(valid.name(), *broker);
                let note = if *down {
                    format!("pod {pod} of broker {broker}, which serves nothing, is replaced")
                } else {
                    format!(
                        "pod {pod} of broker {broker} is stopped: leaders={leaders} coordinators={coordinators}"
                    )
                };
                events::publish(context, cluster, "StoppingPod", &note, false).await;
                delete::<Pod>(context, valid.namespace(), &pod, Some(uid.clone())).await?;
            }
        }
    }
    Ok(())
}
