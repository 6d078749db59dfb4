//! Kafka's numbers of the resources that have settings.
//! It says nothing about which settings they have.

/// A topic.
pub(crate) const TOPIC: i8 = 2;
/// A broker, or all of them under the empty name.
pub(crate) const BROKER: i8 = 4;
/// Log levels of a broker.
pub(crate) const BROKER_LOGGER: i8 = 8;
/// A subscription to client metrics.
pub(crate) const CLIENT_METRICS: i8 = 16;
/// A consumer group.
pub(crate) const GROUP: i8 = 32;
