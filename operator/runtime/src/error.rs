//! Why the operator stops.
//! What a single reconcile runs into is no reason.

/// Why the operator stops.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The runtime did not start.
    #[error("the asynchronous runtime does not start: {0}")]
    Runtime(std::io::Error),
    /// No configuration to reach Kubernetes, or it does not answer.
    #[error("Kubernetes cannot be reached: {0}; run inside a cluster, or set KUBECONFIG")]
    Kubernetes(#[from] kube::Error),
    /// The HTTP address is taken.
    #[error("{address} cannot be served: {why}; choose another with --http-address")]
    Http {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system says.
        why: std::io::Error,
    },
    /// The lease cannot be used.
    #[error("the leader lease cannot be used: {0}")]
    Lease(#[from] kube_lease_manager::LeaseManagerError),
    /// Another process took the lease.
    #[error("the leader lease was lost; another operator works now")]
    LeaseLost,
}
