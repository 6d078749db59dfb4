//! Clients of librdkafka as an ordinary application configures them: durable producer, group consumer, reader.
//! What a promise needs is set here; everything else keeps the library's default.

use rdkafka::ClientConfig;

use crate::arguments::Connection;

pub(crate) fn plain(connection: &Connection) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &connection.bootstrap);
    config.set("client.id", "kring-load");
    for (key, value) in &connection.settings {
        config.set(key, value);
    }
    config
}

/// acks=all and idempotent: what is acknowledged is there, once, in order.
pub(crate) fn producer(connection: &Connection) -> ClientConfig {
    let mut config = plain(connection);
    config.set("enable.idempotence", "true");
    config.set("acks", "all");
    // Keys go to the partition that the Java client would choose.
    config.set("partitioner", "murmur2_random");
    config
}

pub(crate) fn group_consumer(connection: &Connection, group: &str) -> ClientConfig {
    let mut config = plain(connection);
    config.set("group.id", group);
    config.set("auto.offset.reset", "earliest");
    config
}

/// A reader without a group that says when it reached a partition's end.
pub(crate) fn reader(connection: &Connection) -> ClientConfig {
    let mut config = plain(connection);
    // The library asks for a group name even where none is used.
    config.set("group.id", "kring-load-reader");
    config.set("enable.auto.commit", "false");
    config.set("enable.partition.eof", "true");
    config.set("auto.offset.reset", "error");
    config
}

/// Name and version of the library.
pub(crate) fn version() -> String {
    format!("librdkafka {}", rdkafka::util::get_rdkafka_version().1)
}
