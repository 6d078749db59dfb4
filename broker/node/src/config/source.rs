//! Settings as they are found in a file and the environment: flat names, text values, and where each comes from.
//! It checks names and values against no table.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::ConfigError;

/// Where a setting was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::File(path) => write!(f, "{}", path.display()),
            Origin::Variable(name) => write!(f, "the environment variable {name}"),
        }
    }
}

/// A value and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: String,
    pub(crate) origin: Origin,
}

/// Settings by name.
pub(crate) type Settings = BTreeMap<String, Setting>;

/// Reads a TOML file. `"node.id" = 1` and `id = 1` below `[node]` are the same setting.
pub(crate) fn read_file(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.to_owned(),
        error,
    })?;
    read_text(&text, path)
}

/// Reads what a file of this path holds.
pub(crate) fn read_text(text: &str, path: &Path) -> Result<Settings, ConfigError> {
    let table: toml::Table = text.parse().map_err(|error| ConfigError::NotToml {
        path: path.to_owned(),
        error,
    })?;
    let mut settings = Settings::new();
    flatten("", table, &Origin::File(path.to_owned()), &mut settings)?;
    Ok(settings)
}

fn flatten(
    prefix: &str,
    table: toml::Table,
    origin: &Origin,
    settings: &mut Settings,
) -> Result<(), ConfigError> {
    for (name, value) in table {
        let name = if prefix.is_empty() {
            name
        } else {
            format!("{prefix}.{name}")
        };
        if let toml::Value::Table(inner) = value {
            flatten(&name, inner, origin, settings)?;
            continue;
        }
        let Some(value) = text(&value) else {
            return Err(ConfigError::BadValue {
                origin: origin.clone(),
                message: format!(
                    "{name}: {value} is not allowed; a text, a number, true, false or a list of these is"
                ),
            });
        };
        let setting = Setting {
            value,
            origin: origin.clone(),
        };
        if settings.insert(name.clone(), setting).is_some() {
            return Err(ConfigError::BadValue {
                origin: origin.clone(),
                message: format!("{name} is there twice; keep one"),
            });
        }
    }
    Ok(())
}

/// A value as Kafka's properties files have it: lists with commas between.
fn text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.trim().to_owned()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(truth) => Some(truth.to_string()),
        toml::Value::Array(values) => values
            .iter()
            .map(text)
            .collect::<Option<Vec<_>>>()
            .map(|values| values.join(",")),
        toml::Value::Datetime(_) | toml::Value::Table(_) => None,
    }
}
