//! The cluster-wide dynamic settings as the admin API gives and takes them.
//! Which settings there are is in the config schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The cluster-wide dynamic settings that are in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfig {
    /// Settings, by Kafka's own names.
    pub config: BTreeMap<String, String>,
}

/// The cluster-wide dynamic settings, whole: what is absent returns to its default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterConfigRequest {
    /// Settings, by Kafka's own names.
    pub config: BTreeMap<String, String>,
    /// The settings that are to be replaced: where others are in force, the request is refused with
    /// [`crate::error::CONFLICT`]. Without it, whatever is in force is replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<BTreeMap<String, String>>,
}
