//! The value of a Kafka setting as people write it in YAML: text, number or boolean.
//! It does not know which settings exist or what they allow.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A setting's value in Kafka's own form, which is always text.
///
/// A list, map or null is kept as its JSON text instead of failing here, so that the operator can
/// refuse it with the name of the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ConfigValue(pub String);

impl ConfigValue {
    /// The value as Kafka reads it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ConfigValue {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<'de> Deserialize<'de> for ConfigValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(match Value::deserialize(deserializer)? {
            Value::String(text) => text,
            other => other.to_string(),
        }))
    }
}

impl JsonSchema for ConfigValue {
    fn schema_name() -> Cow<'static, str> {
        "ConfigValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"x-kubernetes-preserve-unknown-fields": true})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_booleans_need_no_quotes() {
        let value = |json| serde_json::from_str::<ConfigValue>(json).unwrap().0;
        assert_eq!(value("6"), "6");
        assert_eq!(value("false"), "false");
        assert_eq!(value("\"delete,compact\""), "delete,compact");
        assert_eq!(value("0.5"), "0.5");
        assert_eq!(
            value("[1]"),
            "[1]",
            "kept, so that it can be refused by name"
        );
    }
}
