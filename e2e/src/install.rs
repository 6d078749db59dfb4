//! Installs the operator, by Helm or by plain manifests, and removes it.
//! Images must be on the nodes already; `e2e/run` brings them.

use crate::Cluster;
use crate::command::CommandError;

/// Namespace of the operator.
pub const OPERATOR_NAMESPACE: &str = "kring-system";

/// Root of the repository, where charts and manifests are.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Installs or upgrades both charts and waits until the operator is available.
///
/// # Errors
/// When Helm fails, with what it said.
pub fn by_helm(cluster: &Cluster) -> Result<(), CommandError> {
    let namespace = ["--namespace", OPERATOR_NAMESPACE, "--create-namespace"];
    let crds = format!("{ROOT}/charts/kring-crds");
    // Definitions that kubectl applied earlier become Helm's.
    let mut arguments = vec![
        "upgrade",
        "--install",
        "kring-crds",
        &crds,
        "--take-ownership",
        "--wait",
    ];
    arguments.extend(namespace);
    cluster.helm(&arguments)?;

    let operator = format!("{ROOT}/charts/kring");
    let operator_repository = format!(
        "operator.image.repository={}/kring-operator",
        cluster.image_prefix()
    );
    let broker_repository = format!(
        "broker.image.repository={}/kring-broker",
        cluster.image_prefix()
    );
    let mut arguments = vec![
        "upgrade",
        "--install",
        "kring",
        &operator,
        "--take-ownership",
        "--wait",
        "--timeout",
        "2m",
        "--set",
        &operator_repository,
        "--set",
        &broker_repository,
    ];
    arguments.extend(namespace);
    cluster.helm(&arguments)?;
    Ok(())
}

/// Applies the plain manifests and waits until the operator is available.
///
/// # Errors
/// When kubectl fails, with what it said.
pub fn by_kubectl(cluster: &Cluster) -> Result<(), CommandError> {
    let crds = format!("{ROOT}/crds");
    cluster.kubectl(&["apply", "--server-side", "--filename", &crds])?;
    let manifest = format!("{ROOT}/charts/kring/install.yaml");
    let text = std::fs::read_to_string(&manifest).map_err(|source| CommandError::Start {
        line: format!("read {manifest}"),
        source,
    })?;
    cluster.apply(OPERATOR_NAMESPACE, &text)?;
    cluster.kubectl(&[
        "--namespace",
        OPERATOR_NAMESPACE,
        "rollout",
        "status",
        "deployment/kring",
        "--timeout=2m",
    ])?;
    Ok(())
}

/// Removes the operator, however it was installed; the definitions and everything defined by them stay.
///
/// # Errors
/// When the API server refuses.
pub fn remove_operator(cluster: &Cluster) -> Result<(), CommandError> {
    if cluster
        .helm(&["status", "kring", "--namespace", OPERATOR_NAMESPACE])
        .is_ok()
    {
        cluster.helm(&[
            "uninstall",
            "kring",
            "--namespace",
            OPERATOR_NAMESPACE,
            "--wait",
        ])?;
    }
    cluster.kubectl(&[
        "--namespace",
        OPERATOR_NAMESPACE,
        "delete",
        "deployment,service,serviceaccount",
        "--selector=app.kubernetes.io/name=kring",
        "--ignore-not-found",
        "--timeout=1m",
    ])?;
    Ok(())
}
