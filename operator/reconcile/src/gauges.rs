//! What the reconciles last found, kept for metrics.
//! Nothing is decided from it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Last findings of every cluster, by namespace and name. As many entries as there are clusters.
#[derive(Debug, Default)]
pub struct Gauges(Mutex<BTreeMap<(String, String), ClusterGauges>>);

/// Last findings of one cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterGauges {
    /// The condition `Ready` is true.
    pub ready: bool,
    /// The condition `Stalled` is true.
    pub stalled: bool,
    /// Brokers asked for.
    pub brokers: i64,
    /// Brokers that serve.
    pub brokers_ready: i64,
    /// A rollout is under way.
    pub rolling: bool,
    /// Partitions without a leader.
    pub offline_partitions: i64,
    /// Partitions with a replica out of sync.
    pub under_replicated_partitions: i64,
}

impl Gauges {
    /// All of them, in the order of their names.
    #[must_use]
    pub fn all(&self) -> Vec<((String, String), ClusterGauges)> {
        self.lock()
            .iter()
            .map(|(name, gauges)| (name.clone(), *gauges))
            .collect()
    }

    pub(crate) fn set(&self, namespace: &str, name: &str, gauges: ClusterGauges) {
        self.lock()
            .insert((namespace.to_owned(), name.to_owned()), gauges);
    }

    pub(crate) fn forget(&self, namespace: &str, name: &str) {
        self.lock().remove(&(namespace.to_owned(), name.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<(String, String), ClusterGauges>> {
        // Plain numbers are never left half written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
