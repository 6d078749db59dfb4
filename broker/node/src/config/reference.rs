//! The reference of all settings, printed from the tables that check them.
//! It is the documentation; there is no second list.

use std::fmt::Write as _;

use kring_controller::config_schema;

use super::engine;
use super::environment::variable_of;
use super::keys::{NODE_KEYS, Shape};

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
            Shape::Number { min, max } => format!("{min} to {max}"),
            Shape::Word(words) => words.join(", "),
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
