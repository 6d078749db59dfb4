//! From the pods of a cluster to a client of its brokers' admin API.
//! Pod addresses are used rather than names, because a name may resolve to the pod that was.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use kring_admin_client::{Brokers, Endpoint};
use kring_resources::names::ADMIN_PORT;

use crate::context::Context;

/// The brokers that have an address, those that serve first.
pub(crate) fn client<'a>(
    context: &Context,
    token: &str,
    pods: impl Iterator<Item = (i32, &'a Pod)>,
) -> Brokers {
    let mut endpoints: Vec<(bool, Endpoint)> = pods
        .filter_map(|(broker, pod)| {
            let host = pod
                .status
                .as_ref()?
                .pod_ip
                .as_ref()
                .filter(|ip| !ip.is_empty())?;
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.clone()
            };
            let address = format!("{host}:{ADMIN_PORT}");
            Some((!is_ready(pod), Endpoint { broker, address }))
        })
        .collect();
    endpoints.sort_by_key(|(last, endpoint)| (*last, endpoint.broker));
    let endpoints = endpoints
        .into_iter()
        .map(|(_, endpoint)| endpoint)
        .collect();
    Brokers::new(Arc::clone(&context.transport), token.to_owned(), endpoints)
}

/// The pod's readiness probe passes.
pub(crate) fn is_ready(pod: &Pod) -> bool {
    let conditions = pod
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    conditions.is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    })
}

/// Why a pod cannot start without someone's help.
pub(crate) fn stuck(pod: &Pod) -> Option<String> {
    const REASONS: [&str; 8] = [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    ];
    let status = pod.status.as_ref()?;
    let waiting = status
        .container_statuses
        .iter()
        .flatten()
        .find_map(|container| {
            let waiting = container.state.as_ref()?.waiting.as_ref()?;
            let reason = waiting
                .reason
                .as_ref()
                .filter(|reason| REASONS.contains(&reason.as_str()))?;
            Some(match &waiting.message {
                Some(message) => format!(
                    "{reason}: {}",
                    message.chars().take(200).collect::<String>()
                ),
                None => reason.clone(),
            })
        });
    waiting.or_else(|| {
        let unschedulable = status.conditions.iter().flatten().find(|condition| {
            condition.type_ == "PodScheduled"
                && condition.reason.as_deref() == Some("Unschedulable")
        })?;
        let message = unschedulable.message.as_deref().unwrap_or_default();
        Some(format!(
            "Unschedulable: {}",
            message.chars().take(200).collect::<String>()
        ))
    })
}
