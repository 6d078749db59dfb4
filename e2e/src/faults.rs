//! What goes wrong on purpose.
//! Each fault is one that a real cluster knows; none needs help from broker or operator.

use crate::Cluster;
use crate::Namespace;
use crate::command::CommandError;
use crate::install::OPERATOR_NAMESPACE;

/// Kills a broker's pod at once: no signal first, no goodbye.
///
/// # Errors
/// When the pod is not there.
pub fn kill_broker(namespace: &Namespace, pod: &str) -> Result<(), CommandError> {
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
