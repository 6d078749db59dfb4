//! What goes wrong on purpose.
//! Each fault is one that a real cluster knows; none needs help from broker or operator.

use crate::Cluster;
use crate::Namespace;
use crate::command::{CommandError, run};
use crate::install::OPERATOR_NAMESPACE;

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
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../hack/cluster/kill-process");
    run(script, &[namespace.name(), pod], "")?;
    Ok(())
}

/// Kills the operator at once; its Deployment starts another.
///
/// # Errors
/// When the API server refuses.
pub fn kill_operator(cluster: &Cluster) -> Result<(), CommandError> {
    cluster.kubectl(&[
        "--namespace",
        OPERATOR_NAMESPACE,
        "delete",
        "pod",
        "--selector=app.kubernetes.io/name=kring",
        "--grace-period=0",
        "--force",
        "--wait=false",
    ])?;
    Ok(())
}
