//! The configuration of a broker: read, checked, and in the types that the parts of the node take.
//! It opens no socket and touches no data directory.

mod address;
mod engine;
mod environment;
mod keys;
mod node;
mod reference;
mod retention;
mod source;

use std::io;
use std::path::{Path, PathBuf};

use kring_controller::config_schema;
use kring_requests::NodeSetting;
use thiserror::Error;

pub(crate) use address::Address;
pub(crate) use node::{LogFormat, NodeConfig};
pub(crate) use reference::{node_schema, reference, schema};

use keys::NODE_KEYS;
use source::{Origin, Settings};

/// What is wrong with the configuration. Each says where it stands and what is allowed.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    #[error("the configuration file {} cannot be read: {error}", path.display())]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("the configuration file {} is not TOML: {error}", path.display())]
    NotToml {
        path: PathBuf,
        error: toml::de::Error,
    },
    #[error(
        "{key} = {value:?} in {origin} is not a setting{}; `kring-broker --print-config-reference` lists all",
        suggestion(key)
    )]
    UnknownKey {
        key: String,
        value: String,
        origin: Origin,
    },
    #[error(
        "the environment variable {variable} names no setting; `kring-broker --print-config-reference` lists all"
    )]
    UnknownVariable { variable: String },
    #[error("{message} (in {origin})")]
    BadValue { origin: Origin, message: String },
    #[error("{0}")]
    Contradiction(String),
}

/// Everything that is configured.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) node: NodeConfig,
    pub(crate) broker: kring_requests::BrokerConfig,
    /// `KAFKA_*` variables that mean nothing here.
    pub(crate) unused_variables: Vec<String>,
}

/// Reads the file, if one is named, then the environment, which comes first.
pub(crate) fn load(
    file: Option<&Path>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let mut settings = match file {
        Some(path) => source::read_file(path)?,
        None => Settings::new(),
    };
    let environment = environment::read(variables, &known_names())?;
    settings.extend(environment.settings);
    let (node, broker) = resolve(&settings)?;
    Ok(Config {
        node,
        broker,
        unused_variables: environment.unused,
    })
}

fn resolve(settings: &Settings) -> Result<(NodeConfig, kring_requests::BrokerConfig), ConfigError> {
    check(settings)?;
    let node = node::resolve(settings)?;
    let mut broker = engine::resolve(settings, &node)?;
    broker.node_settings = shown(settings, &node);
    Ok((node, broker))
}

/// Checks what a configuration file would hold.
pub(crate) fn check_text(text: &str) -> Result<(), ConfigError> {
    let settings = source::read_text(text, Path::new("configuration"))?;
    resolve(&settings).map(|_| ())
}

/// The node's settings as DescribeConfigs shows them.
fn shown(settings: &Settings, node: &NodeConfig) -> Vec<NodeSetting> {
    let value = |name: &str| match name {
        "advertised.listeners" => Some(node.advertised.to_string()),
        "controller.quorum.voters" => {
            let voters = node.voters.iter().map(|(id, at)| format!("{id}@{at}"));
            Some(voters.collect::<Vec<_>>().join(","))
        }
        "kring.memory.bytes" => Some(node.memory_bytes.to_string()),
        "log.dirs" => Some(node.data_dir.display().to_string()),
        "num.network.threads" => Some(node.network_threads.to_string()),
        name => settings.get(name).map(|setting| setting.value.clone()),
    };
    node_schema()
        .map(|key| NodeSetting {
            value: value(&key.name),
            key,
        })
        .collect()
}

/// Names of all settings.
fn known_names() -> Vec<&'static str> {
    let node = NODE_KEYS.iter().map(|key| key.name);
    let engine = engine::KEYS.iter().map(|key| key.name);
    let cluster = config_schema::broker_keys().map(|key| key.name);
    node.chain(engine).chain(cluster).collect()
}

fn check(settings: &Settings) -> Result<(), ConfigError> {
    for (name, setting) in settings {
        let own = NODE_KEYS.iter().chain(engine::KEYS);
        let checked = if let Some(key) = own.into_iter().find(|key| key.name == name) {
            key.check(&setting.value)
        } else if let Some(key) = config_schema::broker_key(name) {
            key.check(&setting.value)
        } else {
            return Err(ConfigError::UnknownKey {
                key: name.clone(),
                value: setting.value.clone(),
                origin: setting.origin.clone(),
            });
        };
        checked.map_err(|message| ConfigError::BadValue {
            origin: setting.origin.clone(),
            message,
        })?;
    }
    Ok(())
}

/// A known name that differs in few letters, for a slip of the pen.
fn suggestion(key: &str) -> String {
    known_names()
        .into_iter()
        .map(|name| (distance(key, name), name))
        .filter(|(distance, _)| *distance <= 3)
        .min()
        .map(|(_, name)| format!("; {name} is"))
        .unwrap_or_default()
}

/// Letters to insert, remove or replace to make `b` of `a` (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests;
