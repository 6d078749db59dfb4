//! A user's broker and topic settings, checked against the schema and completed.
//! Which settings exist is in `config_schema`.

use std::collections::BTreeMap;

use kring_admin_api::{ConfigKey, ConfigScope, ConfigType};
use kring_crds::ConfigValue;

use crate::broker_config::OWNED_KEYS;
use crate::config_schema::{broker_key, topic_key};
use crate::refusal::Refusals;

/// Settings of a cluster's brokers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerSettings {
    /// Those a broker reads when it starts.
    pub fixed: BTreeMap<String, String>,
    /// Those the brokers take over while they run.
    pub dynamic: BTreeMap<String, String>,
}

/// Checks a cluster's `config` and adds what follows from the number of brokers.
#[must_use]
pub fn broker_settings(
    config: &BTreeMap<String, ConfigValue>,
    replicas: i32,
    refusals: &mut Refusals,
) -> BrokerSettings {
    let mut settings = BrokerSettings::default();
    for (name, value) in config {
        if OWNED_KEYS.contains(&name.as_str()) {
            refusals.push(
                "ReservedConfigKey",
                format!("config: {name} is set by the operator; remove it"),
            );
            continue;
        }
        let Some(key) = broker_key(name) else {
            refusals.push("UnknownConfigKey", unknown(name, ConfigScope::Broker));
            continue;
        };
        if let Err(message) = check_value(key, value.as_str()) {
            refusals.push("InvalidConfigValue", format!("config: {message}"));
            continue;
        }
        // In the file at once, so that not even the first topic is made with another value.
        let at_start = key.requires_restart || name == "min.insync.replicas";
        let map = if at_start {
            &mut settings.fixed
        } else {
            &mut settings.dynamic
        };
        map.insert(name.clone(), value.as_str().trim().to_owned());
    }
    complete(&mut settings.fixed, replicas, refusals);
    settings
}

/// Replication follows the number of brokers unless the user says otherwise; nobody wants one
/// replica on three brokers, and three replicas on one broker cannot be.
fn complete(fixed: &mut BTreeMap<String, String>, replicas: i32, refusals: &mut Refusals) {
    let most = replicas.clamp(1, 3);
    for key in [
        "default.replication.factor",
        "offsets.topic.replication.factor",
    ] {
        let value = fixed
            .entry(key.to_owned())
            .or_insert_with(|| most.to_string());
        if value.parse::<i32>().is_ok_and(|factor| factor > replicas) {
            refusals.push(
                "ReplicationAboveBrokers",
                format!("config: {key} is {value} but the cluster has {replicas} brokers; lower it or raise replicas"),
            );
        }
    }
    let factor: i32 = fixed["default.replication.factor"].parse().unwrap_or(most);
    let default_min = if factor >= 3 { 2 } else { 1 };
    let min = fixed
        .entry("min.insync.replicas".to_owned())
        .or_insert_with(|| default_min.to_string());
    if min.parse::<i32>().is_ok_and(|min| min > factor) {
        refusals.push(
            "MinInsyncAboveReplication",
            format!("config: min.insync.replicas is {min} but default.replication.factor is {factor}; no acks=all record could be written"),
        );
    }
}

/// Checks a topic's `config`.
#[must_use]
pub fn topic_settings(
    config: &BTreeMap<String, ConfigValue>,
    refusals: &mut Refusals,
) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for (name, value) in config {
        match topic_key(name) {
            None => refusals.push("UnknownConfigKey", unknown(name, ConfigScope::Topic)),
            Some(key) => match check_value(key, value.as_str()) {
                Err(message) => refusals.push("InvalidConfigValue", format!("config: {message}")),
                Ok(()) => {
                    settings.insert(name.clone(), value.as_str().trim().to_owned());
                }
            },
        }
    }
    settings
}

fn unknown(name: &str, scope: ConfigScope) -> String {
    let (kind, keys) = match scope {
        ConfigScope::Broker => ("broker", crate::config_schema::BROKER_KEYS.as_slice()),
        ConfigScope::Topic => ("topic", crate::config_schema::TOPIC_KEYS.as_slice()),
    };
    let near = keys
        .iter()
        // A setting that has one value is nobody's wish.
        .filter(|key| key.min.is_none() || key.min != key.max)
        .map(|key| (distance(name, &key.name), key.name.as_str()))
        .min()
        .filter(|(distance, _)| *distance <= 4);
    match near {
        Some((_, near)) => format!("config: {name} is not a {kind} setting; did you mean {near}?"),
        None => format!("config: {name} is not a {kind} setting; remove it"),
    }
}

/// Checks one value; the message names key, value and what is allowed.
fn check_value(key: &ConfigKey, text: &str) -> Result<(), String> {
    let text = text.trim();
    let name = &key.name;
    match key.value_type {
        ConfigType::Boolean if key.allowed.is_empty() && text != "true" && text != "false" => {
            Err(format!("{name} is {text}; allowed are true and false"))
        }
        ConfigType::Int | ConfigType::Long => check_whole(key, text),
        ConfigType::Double => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(()),
            _ => Err(format!("{name} is {text}; allowed is a number")),
        },
        ConfigType::Boolean | ConfigType::String | ConfigType::List if !key.allowed.is_empty() => {
            let words = text.split(',').map(str::trim);
            for word in words {
                if !key.allowed.iter().any(|allowed| allowed == word) {
                    return Err(format!(
                        "{name} is {text}; allowed: {}",
                        key.allowed.join(", ")
                    ));
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_whole(key: &ConfigKey, text: &str) -> Result<(), String> {
    let widest = if key.value_type == ConfigType::Int {
        (i64::from(i32::MIN), i64::from(i32::MAX))
    } else {
        (i64::MIN, i64::MAX)
    };
    let min = key.min.unwrap_or(widest.0);
    let max = key.max.unwrap_or(widest.1);
    match text.parse::<i64>() {
        Ok(number) if (min..=max).contains(&number) => Ok(()),
        _ => Err(format!(
            "{} is {text}; allowed is a whole number from {min} to {max}",
            key.name
        )),
    }
}

/// How many letters differ (Levenshtein), to offer the name that was meant.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[row.len() - 1]
}

#[cfg(test)]
mod tests;
