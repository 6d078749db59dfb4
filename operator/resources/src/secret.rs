//! The Secret with the keys of a cluster and, as its memory, the members of the metadata quorum.
//! It draws no random numbers: the keys are arguments.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;

use crate::model::ValidatedCluster;
use crate::{labels, metadata, names};

/// Keys of a cluster, drawn once when it is created.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// With which brokers know each other.
    pub peer_secret: String,
    /// With which the operator calls the admin API.
    pub admin_token: String,
}

/// Builds the Secret. It is created once and never changed.
#[must_use]
pub fn secret(cluster: &ValidatedCluster, keys: &Keys) -> Secret {
    let mut metadata = metadata::kept(cluster, names::secret(&cluster.name));
    let voters = cluster
        .voters
        .iter()
        .map(i32::to_string)
        .collect::<Vec<_>>()
        .join(",");
    metadata
        .annotations
        .get_or_insert_default()
        .insert(labels::VOTERS.to_owned(), voters);
    let data = [
        (names::PEER_SECRET, &keys.peer_secret),
        (names::ADMIN_TOKEN, &keys.admin_token),
    ]
    .into_iter()
    .map(|(key, value)| (key.to_owned(), ByteString(value.clone().into_bytes())))
    .collect::<BTreeMap<_, _>>();
    Secret {
        metadata,
        type_: Some("Opaque".to_owned()),
        data: Some(data),
        ..Secret::default()
    }
}

/// Reads the members of the metadata quorum back from an existing Secret.
#[must_use]
pub fn voters(secret: &Secret) -> Option<Vec<i32>> {
    let text = secret.metadata.annotations.as_ref()?.get(labels::VOTERS)?;
    text.split(',').map(|id| id.parse().ok()).collect()
}

/// Reads the token back from an existing Secret.
#[must_use]
pub fn admin_token(secret: &Secret) -> Option<String> {
    let bytes = secret.data.as_ref()?.get(names::ADMIN_TOKEN)?;
    String::from_utf8(bytes.0.clone()).ok()
}
