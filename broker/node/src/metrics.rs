//! The broker's counters in the OpenMetrics form, under the names that dashboards for Kafka read and under our own.
//! It counts nothing; a scrape takes a snapshot of the engine.

mod cluster;
mod groups;
mod log;
mod partitions;
mod traffic;
mod transactions;

use std::fmt::Write as _;

use kring_requests::Metrics;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::observe::About;

/// Type of the text.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A snapshot as text.
pub(crate) fn render(snapshot: &Metrics, about: &About) -> String {
    let mut registry = Registry::default();
    cluster::register(&mut registry, snapshot, about);
    partitions::register(&mut registry, snapshot, about);
    groups::register(&mut registry, snapshot);
    traffic::register(&mut registry, snapshot);
    transactions::register(&mut registry, snapshot);
    log::register(&mut registry, snapshot);
    let mut text = String::new();
    if encode(&mut text, &registry).is_err() {
        // Writing to a string fails only for a label that cannot be written; there is none.
        let _ = writeln!(text, "# EOF");
    }
    text
}

fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge = Gauge::<i64>::default();
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
    registry.register(name, help, gauge);
}

fn counter(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let counter = Counter::<u64>::default();
    counter.inc_by(value);
    registry.register(name, help, counter);
}

fn seconds(registry: &mut Registry, name: &str, help: &str, value_us: u64) {
    let gauge = Gauge::<f64, std::sync::atomic::AtomicU64>::default();
    gauge.set(value_us as f64 / 1e6);
    registry.register_with_unit(name, help, Unit::Seconds, gauge);
}
