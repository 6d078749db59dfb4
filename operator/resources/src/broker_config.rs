//! The configuration file of one broker, whole: what the operator sets and what the user set.
//! Settings the brokers take over while they run are not in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use kring_crds::kafka_cluster::IoBackend;

use crate::model::ValidatedCluster;
use crate::names;

/// Settings the operator decides, by Kafka's own names and ours; refused in a user's config.
pub const OWNED_KEYS: [&str; 16] = [
    "node.id",
    "broker.id",
    "process.roles",
    "log.dir",
    "log.dirs",
    "listeners",
    "advertised.listeners",
    "controller.quorum.voters",
    "broker.rack",
    "kring.peer.listener",
    "kring.peer.advertised",
    "kring.peer.secret.file",
    "kring.admin.listener",
    "kring.admin.token.file",
    "kring.metrics.listener",
    "kring.io.driver",
];

/// The file's text: one `"key" = value` a line, in the order of the keys.
#[must_use]
pub fn toml(cluster: &ValidatedCluster, broker: i32) -> String {
    let mut text =
        String::from("# Written by the Kring operator; change the KafkaCluster instead.\n");
    for (key, value) in settings(cluster, broker) {
        writeln!(text, "{} = {value}", quoted(&key)).expect("a String takes everything");
    }
    text
}

fn settings(cluster: &ValidatedCluster, broker: i32) -> BTreeMap<String, String> {
    let host = |id| names::pod_host(&cluster.name, &cluster.namespace, id);
    let voters = cluster
        .voters
        .iter()
        .map(|id| format!("{id}@{}:{}", host(*id), names::PEER_PORT))
        .collect::<Vec<_>>()
        .join(",");
    let driver = match cluster.io.backend {
        IoBackend::Auto => "auto",
        IoBackend::Uring => "io_uring",
        IoBackend::Posix => "posix",
    };
    let port = cluster.client_port;
    let own = [
        ("log.dirs", names::DATA_DIR.to_owned()),
        ("listeners", format!("PLAINTEXT://:{port}")),
        (
            "advertised.listeners",
            format!("PLAINTEXT://{}:{port}", host(broker)),
        ),
        ("controller.quorum.voters", voters),
        ("kring.peer.listener", format!(":{}", names::PEER_PORT)),
        (
            "kring.peer.advertised",
            format!("{}:{}", host(broker), names::PEER_PORT),
        ),
        (
            "kring.peer.secret.file",
            format!("{}/{}", names::SECRET_DIR, names::PEER_SECRET),
        ),
        ("kring.admin.listener", format!(":{}", names::ADMIN_PORT)),
        (
            "kring.admin.token.file",
            format!("{}/{}", names::SECRET_DIR, names::ADMIN_TOKEN),
        ),
        (
            "kring.metrics.listener",
            format!(":{}", names::METRICS_PORT),
        ),
        ("kring.io.driver", driver.to_owned()),
    ];
    let mut settings: BTreeMap<String, String> = cluster
        .static_config
        .iter()
        .map(|(key, value)| (key.clone(), literal(value)))
        .collect();
    settings.insert("node.id".to_owned(), broker.to_string());
    settings.extend(
        own.into_iter()
            .map(|(key, value)| (key.to_owned(), quoted(&value))),
    );
    settings
}

/// Numbers and booleans stand bare, as a person would write them.
fn literal(value: &str) -> String {
    let whole = value
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == value);
    if whole || value == "true" || value == "false" {
        value.to_owned()
    } else {
        quoted(value)
    }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("a String takes everything");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_looks_like_toml_stays_text() {
        assert_eq!(literal("7"), "7");
        assert_eq!(literal("true"), "true");
        assert_eq!(literal("007"), "\"007\"");
        assert_eq!(literal("a\"\nb = 1"), "\"a\\\"\\u000Ab = 1\"");
    }
}
