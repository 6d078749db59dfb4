//! What this broker is and what it sees of its cluster.
//! Partitions one by one are in `partitions.rs`.

use kring_requests::Metrics;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::gauge;
use crate::observe::About;
use crate::run::VERSION;

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics, about: &About) {
    let info = Info::new(vec![
        ("version", VERSION.to_owned()),
        ("node_id", about.broker.to_string()),
        ("io_driver", about.driver.name.to_owned()),
        ("io_driver_reason", about.driver.reason.clone()),
    ]);
    registry.register(
        "kring_broker",
        "Which broker this is and how it reaches its disk",
        info,
    );
    let gauges = [
        (
            "kafka_brokers",
            "Brokers that are registered and unfenced",
            snapshot.live_brokers,
        ),
        (
            "kring_brokers_registered",
            "Brokers that are registered; more than kafka_brokers means that some are away",
            snapshot.brokers,
        ),
        (
            "kring_disk_hangs",
            "1 while the disk does not answer, so that this broker leads nothing; look at the device",
            u64::from(snapshot.disk_hangs),
        ),
        (
            "kring_ready",
            "1 when this broker serves; when it is 0, /readyz says why",
            u64::from(snapshot.ready),
        ),
        (
            "kring_active_controller",
            "1 on the active controller; the sum over the cluster is 1",
            u64::from(snapshot.active_controller),
        ),
        ("kring_topics", "Topics of the cluster", snapshot.topics),
        (
            "kring_partitions",
            "Partitions of the cluster",
            snapshot.partitions,
        ),
        (
            "kring_offline_partitions",
            "Partitions of the cluster without a leader; above 0, start the brokers that hold them",
            snapshot.offline_partitions,
        ),
        (
            "kring_leaders",
            "Partitions that this broker leads",
            snapshot.leaders,
        ),
        (
            "kring_coordinators",
            "Group coordinators that serve on this broker",
            snapshot.coordinators,
        ),
    ];
    for (name, help, value) in gauges {
        gauge(registry, name, help, value);
    }
}
