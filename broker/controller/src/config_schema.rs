//! The one table of topic and broker settings: name, type, default, bounds, documentation.
//! It does not hold values, and does not say what a setting does to a running log.

mod broker_keys;
mod definition;
mod topic_keys;

use std::collections::BTreeMap;

use kring_admin_api::{ConfigKey, ConfigScope};

pub use definition::Definition;
pub(crate) use definition::words;

/// A topic setting by its name.
#[must_use]
pub fn topic_key(name: &str) -> Option<&'static Definition> {
    topic_keys().find(|key| key.name == name)
}

/// A broker setting by its name.
#[must_use]
pub fn broker_key(name: &str) -> Option<&'static Definition> {
    broker_keys().find(|key| key.name == name)
}

/// Every topic setting, those that a broker setting stands for first.
pub fn topic_keys() -> impl Iterator<Item = &'static Definition> {
    topic_keys::TOPIC_KEYS
        .iter()
        .chain(topic_keys::TOPIC_ONLY_KEYS)
}

/// Every broker setting, those that stand for a topic setting first.
pub fn broker_keys() -> impl Iterator<Item = &'static Definition> {
    broker_keys::TOPIC_DEFAULTS
        .iter()
        .chain(broker_keys::STATIC_KEYS)
        .chain(broker_keys::FIXED_KEYS)
}

/// The whole table as the admin API gives it.
#[must_use]
pub fn config_keys() -> Vec<ConfigKey> {
    let topic = topic_keys().map(|key| key.to_config_key(ConfigScope::Topic));
    let broker = broker_keys().map(|key| key.to_config_key(ConfigScope::Broker));
    topic.chain(broker).collect()
}

/// Checks the settings of a topic as a whole: known keys, values in bounds, no contradiction.
///
/// # Errors
/// A sentence that names the key, the value and what is allowed.
pub fn check_topic_config(config: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in config {
        let key = topic_key(name).ok_or_else(|| unknown("topic", name))?;
        key.check(value)?;
    }
    let segment_bytes = config.get("segment.bytes").and_then(|v| v.parse().ok());
    let message_bytes = config.get("max.message.bytes").and_then(|v| v.parse().ok());
    if let (Some(segment), Some(message)) = (segment_bytes, message_bytes) {
        let (segment, message): (i64, i64) = (segment, message);
        if message > segment {
            return Err(format!(
                "max.message.bytes {message} is larger than segment.bytes {segment}; a batch must fit into a segment"
            ));
        }
    }
    Ok(())
}

/// Checks one dynamic setting of a broker or of all of them.
///
/// # Errors
/// A sentence that names the key, the value and what is allowed.
pub fn check_dynamic_broker_config(name: &str, value: Option<&str>) -> Result<(), String> {
    let key = broker_key(name).ok_or_else(|| unknown("broker", name))?;
    if key.requires_restart {
        return Err(format!(
            "{name} cannot be changed while brokers run; set it in the brokers' configuration and restart them"
        ));
    }
    value.map_or(Ok(()), |value| key.check(value))
}

fn unknown(scope: &str, name: &str) -> String {
    let names: Vec<&str> = if scope == "topic" {
        topic_keys().map(|key| key.name).collect()
    } else {
        broker_keys().map(|key| key.name).collect()
    };
    format!(
        "unknown {scope} setting {name:?}; known are {}",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests;
