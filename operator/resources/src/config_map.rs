//! The ConfigMap with one broker's configuration file.
//! It is immutable and named after its content; a changed setting makes another one.

use k8s_openapi::api::core::v1::ConfigMap;

use crate::model::ValidatedCluster;
use crate::{broker_config, labels, metadata, names, stable_hash};

/// Hash of the settings a broker starts with.
#[must_use]
pub fn config_hash(cluster: &ValidatedCluster, broker: i32) -> String {
    stable_hash::hash(&broker_config::toml(cluster, broker))
}

/// Builds the ConfigMap of one broker.
#[must_use]
pub fn config_map(cluster: &ValidatedCluster, broker: i32) -> ConfigMap {
    let name = names::config_map(&cluster.name, broker, &config_hash(cluster, broker));
    let mut metadata = metadata::owned(cluster, name);
    metadata
        .labels
        .get_or_insert_default()
        .insert(labels::BROKER.to_owned(), broker.to_string());
    ConfigMap {
        metadata,
        immutable: Some(true),
        data: Some(
            [(
                names::CONFIG_FILE.to_owned(),
                broker_config::toml(cluster, broker),
            )]
            .into(),
        ),
        ..ConfigMap::default()
    }
}
