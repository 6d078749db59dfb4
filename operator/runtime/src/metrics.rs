//! The operator's metrics: what it does, and what it last found of each cluster.
//! Brokers have their own metrics; they are not repeated here.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use kring_reconcile::Gauges;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Labels of a count of reconciles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reconcile {
    kind: &'static str,
    result: &'static str,
}

/// Labels of a cluster. One series per cluster.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Cluster {
    namespace: String,
    cluster: String,
}

/// The operator's metrics.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    reconciles: Family<Reconcile, Counter<u64, AtomicU64>>,
}

impl Metrics {
    /// Counts a reconcile.
    pub(crate) fn count(&self, kind: &'static str, ok: bool) {
        let result = if ok { "ok" } else { "error" };
        self.reconciles
            .get_or_create(&Reconcile { kind, result })
            .inc();
    }

    /// All metrics as Prometheus reads them. The clusters' are filled in anew each time, so a cluster
    /// that is gone leaves no series behind.
    pub(crate) fn text(&self, gauges: Option<&Arc<Gauges>>) -> String {
        let mut registry = Registry::with_prefix("kring_operator");
        registry.register(
            "reconciles",
            "Reconciles by kind and result; a growing count of errors: read the operator's log",
            self.reconciles.clone(),
        );
        let family = |registry: &mut Registry, name: &str, help: &str| {
            let family = Family::<Cluster, Gauge>::default();
            registry.register(name, help, family.clone());
            family
        };
        let ready = family(
            &mut registry,
            "cluster_ready",
            "1 when the KafkaCluster is Ready; at 0 see its conditions",
        );
        let stalled = family(
            &mut registry,
            "cluster_stalled",
            "1 when a person must change something; see the condition Stalled",
        );
        let wanted = family(&mut registry, "cluster_brokers", "Brokers asked for");
        let serving = family(
            &mut registry,
            "cluster_brokers_ready",
            "Brokers that serve; if fewer than asked for, see the pods",
        );
        let rolling = family(
            &mut registry,
            "cluster_rolling",
            "1 while brokers are restarted",
        );
        let offline = family(
            &mut registry,
            "cluster_offline_partitions",
            "Partitions without a leader; bring their brokers back",
        );
        let lagging = family(
            &mut registry,
            "cluster_under_replicated_partitions",
            "Partitions with a replica out of sync; if it lasts, see brokers and disks",
        );
        for ((namespace, cluster), found) in gauges.map(|gauges| gauges.all()).unwrap_or_default() {
            let labels = Cluster { namespace, cluster };
            for (family, value) in [
                (&ready, i64::from(found.ready)),
                (&stalled, i64::from(found.stalled)),
                (&wanted, found.brokers),
                (&serving, found.brokers_ready),
                (&rolling, i64::from(found.rolling)),
                (&offline, found.offline_partitions),
                (&lagging, found.under_replicated_partitions),
            ] {
                family.get_or_create(&labels).set(value);
            }
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("a String takes everything");
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reconciles_are_counted_by_kind_and_result() {
        let metrics = Metrics::default();
        metrics.count("Topic", true);
        metrics.count("Topic", true);
        metrics.count("KafkaCluster", false);
        let text = metrics.text(None);
        assert!(
            text.contains(r#"kring_operator_reconciles_total{kind="Topic",result="ok"} 2"#),
            "{text}"
        );
        assert!(
            text.contains(r#"kind="KafkaCluster",result="error"} 1"#),
            "{text}"
        );
    }
}
