//! Requests, connections and bytes to and from clients.
//! The disk's side is in `log.rs`.

use kring_requests::Metrics;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{counter, gauge};

pub(super) fn register(registry: &mut Registry, snapshot: &Metrics) {
    let requests = Family::<[(&'static str, &'static str); 1], Counter>::default();
    for (api, count) in &snapshot.requests {
        requests.get_or_create(&[("api", *api)]).inc_by(*count);
    }
    registry.register("kring_requests", "Requests by API", requests);
    let by_topic = |counts: &[(String, u64)]| {
        let family = Family::<[(&'static str, String); 1], Counter>::default();
        for (topic, count) in counts {
            family
                .get_or_create(&[("topic", topic.clone())])
                .inc_by(*count);
        }
        family
    };
    registry.register(
        "kring_produced_bytes",
        "Bytes appended for clients",
        by_topic(&snapshot.produced_bytes),
    );
    registry.register(
        "kring_produced_batches",
        "Batches appended for clients",
        by_topic(&snapshot.produced_batches),
    );
    let connections = Family::<[(&'static str, String); 2], Gauge>::default();
    for (name, version, count) in &snapshot.connections {
        connections
            .get_or_create(&[("client", name.clone()), ("version", version.clone())])
            .set(i64::try_from(*count).unwrap_or(i64::MAX));
    }
    registry.register(
        "kring_connections",
        "Open connections by client library",
        connections,
    );
    counter(
        registry,
        "kring_fetched_bytes",
        "Bytes of records given to clients",
        snapshot.fetched_bytes,
    );
    counter(
        registry,
        "kring_refused_requests",
        "Connections closed because of what they sent; growing means a broken or hostile client",
        snapshot.refused_requests,
    );
    fetch_sessions(registry, snapshot);
    gauge(
        registry,
        "kring_waiting_produce_requests",
        "Produce requests that wait for replicas or the disk",
        snapshot.waiting_produce,
    );
    gauge(
        registry,
        "kring_waiting_fetch_requests",
        "Fetch requests that wait for records",
        snapshot.waiting_fetch,
    );
}

fn fetch_sessions(registry: &mut Registry, snapshot: &Metrics) {
    gauge(
        registry,
        "kring_fetch_sessions",
        "Fetch sessions that are kept; with max.incremental.fetch.session.cache.slots of them, further clients send whole requests",
        snapshot.fetch_sessions,
    );
    gauge(
        registry,
        "kring_fetch_session_partitions",
        "Partitions of all fetch sessions",
        snapshot.fetch_session_partitions,
    );
    counter(
        registry,
        "kring_fetch_session_evictions",
        "Fetch sessions that had to go before their client ended them; growing fast means the cache is too small",
        snapshot.fetch_session_evictions,
    );
}
