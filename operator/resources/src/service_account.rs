//! The brokers' ServiceAccount, which can do nothing.
//! Brokers never call the Kubernetes API, so no token is mounted.

use k8s_openapi::api::core::v1::ServiceAccount;

use crate::model::ValidatedCluster;
use crate::{metadata, names};

/// Builds the ServiceAccount.
#[must_use]
pub fn service_account(cluster: &ValidatedCluster) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata::owned(cluster, names::per_cluster(&cluster.name)),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
