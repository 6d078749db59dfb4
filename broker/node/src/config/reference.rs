//! The reference of all settings, for people and for programs, made of the tables that check them.
//! It is the documentation; there is no second list.

use std::fmt::Write as _;

use kring_admin_api::{ConfigKey, ConfigScope, ConfigType};
use kring_controller::config_schema;

use super::engine;
use super::environment::variable_of;
use super::keys::{NODE_KEYS, NodeKey, Shape};

/// A TOML file with every setting commented out at its default.
pub(crate) fn reference() -> String {
    let mut text = String::from(
        "# Every setting of kring-broker, at its default. In the environment, \"node.id\" is KRING_NODE_ID.\n",
    );
    let mut line = |name: &str, default: &str, allowed: &str, doc: &str| {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            "\n# {doc}\n# Allowed: {allowed}. Variable: KRING_{}\n#\"{name}\" = \"{default}\"\n",
            variable_of(name)
        );
    };
    for key in NODE_KEYS.iter().chain(engine::KEYS) {
        let allowed = match key.shape {
            Shape::Text => "text".to_owned(),
            Shape::List => "texts with commas between".to_owned(),
            Shape::Number { min, max } => format!("{min} to {max}"),
            Shape::Word(words) => words.join(", "),
            Shape::Words(words) => format!("with commas between, {}", words.join(", ")),
        };
        line(key.name, key.default, &allowed, key.doc);
    }
    for key in config_schema::broker_keys() {
        let allowed = if key.allowed.is_empty() {
            let bound = |bound: Option<i64>| bound.map(|b| b.to_string()).unwrap_or_default();
            match (key.min, key.max) {
                (None, None) => format!("{:?}", key.value_type).to_lowercase(),
                (min, max) => format!("{} to {}", bound(min), bound(max)),
            }
        } else {
            key.allowed.join(", ")
        };
        line(key.name, key.default.unwrap_or(""), &allowed, key.doc);
    }
    text
}

/// Every setting of topics and brokers, those of the node included, as the admin API gives it.
pub(crate) fn schema() -> Vec<ConfigKey> {
    let mut keys = config_schema::config_keys();
    keys.extend(node_schema());
    keys
}

/// The settings that are read from the file and the environment alone.
pub(crate) fn node_schema() -> impl Iterator<Item = ConfigKey> {
    NODE_KEYS.iter().chain(engine::KEYS).map(describe)
}

fn describe(key: &NodeKey) -> ConfigKey {
    let (value_type, min, max, allowed): (_, _, _, &[&str]) = match key.shape {
        Shape::Text => (ConfigType::String, None, None, &[]),
        Shape::List => (ConfigType::List, None, None, &[]),
        Shape::Number { min, max } if i32::try_from(max).is_ok() => {
            (ConfigType::Int, Some(min), Some(max), &[])
        }
        Shape::Number { min, max } => (ConfigType::Long, Some(min), Some(max), &[]),
        Shape::Word(words) => (ConfigType::String, None, None, words),
        Shape::Words(words) => (ConfigType::List, None, None, words),
    };
    ConfigKey {
        name: key.name.to_owned(),
        scope: ConfigScope::Broker,
        value_type,
        default: (!key.default.is_empty()).then(|| key.default.to_owned()),
        min,
        max,
        allowed: allowed.iter().map(|word| (*word).to_owned()).collect(),
        requires_restart: true,
        doc: key.doc.to_owned(),
    }
}
