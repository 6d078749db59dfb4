//! What goes wrong on purpose.
//! Each fault is one that a real cluster knows; none needs help from broker or operator.

use crate::Cluster;
use crate::Namespace;
use crate::command::{CommandError, run};
use crate::install::OPERATOR_NAMESPACE;

/// Script that sends SIGKILL to the processes of a pod.
const KILL_PROCESS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/cluster/kill-process");

/// Deletes a broker's pod with no grace: it has about a second between SIGTERM and SIGKILL.
///
/// # Errors
/// When the pod is not there.
pub fn delete_broker(namespace: &Namespace, pod: &str) -> Result<(), CommandError> {
    namespace.kubectl(&[
        "delete",
        "pod",
        pod,
        "--grace-period=0",
        "--force",
        "--wait=false",
    ])?;
    Ok(())
}

/// Kills a broker's process with SIGKILL; its container starts again in the same pod.
///
/// # Errors
/// When the pod is not there, or its node is not on this machine.
pub fn kill_broker(namespace: &Namespace, pod: &str) -> Result<(), CommandError> {
    run(KILL_PROCESS, &[namespace.name(), pod], "")?;
    Ok(())
}

/// Kills the operator's process with SIGKILL, so that it gives no lease back and finishes nothing.
/// Where the nodes are not on this machine its pod is deleted by force, which is gentler.
///
/// # Errors
/// When there is no operator, or the API server refuses.
pub fn kill_operator(cluster: &Cluster) -> Result<(), CommandError> {
    let selector = "--selector=app.kubernetes.io/name=kring";
    if is_foreign() {
        cluster.kubectl(&[
            "--namespace",
            OPERATOR_NAMESPACE,
            "delete",
            "pod",
            selector,
            "--grace-period=0",
            "--force",
            "--wait=false",
        ])?;
        return Ok(());
    }
    let pods = cluster.kubectl(&[
        "--namespace",
        OPERATOR_NAMESPACE,
        "get",
        "pods",
        selector,
        "--field-selector=status.phase=Running",
        "--output=jsonpath={.items[*].metadata.name}",
    ])?;
    for pod in pods.split_whitespace() {
        run(KILL_PROCESS, &[OPERATOR_NAMESPACE, pod], "")?;
    }
    Ok(())
}

/// Whether the cluster's nodes are not on this machine.
#[must_use]
pub fn is_foreign() -> bool {
    std::env::var_os("KRING_E2E_FOREIGN").is_some()
}
