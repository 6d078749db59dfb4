//! One setting and the check of a value against it.
//! It does not know which settings exist.

use kring_admin_api::{ConfigKey, ConfigScope, ConfigType};

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Kafka's own name.
    pub name: &'static str,
    /// For a topic setting: the broker setting that stands for it on topics without their own value.
    pub broker_key: Option<&'static str>,
    /// Type of the value.
    pub value_type: ConfigType,
    /// The default as text; none when it has none.
    pub default: Option<&'static str>,
    /// Smallest allowed number.
    pub min: Option<i64>,
    /// Largest allowed number.
    pub max: Option<i64>,
    /// Allowed words, when only these are.
    pub allowed: &'static [&'static str],
    /// Whether a change takes a restart of the broker.
    pub requires_restart: bool,
    /// What it does.
    pub doc: &'static str,
}

impl Definition {
    pub(super) const fn new(
        name: &'static str,
        value_type: ConfigType,
        default: &'static str,
        doc: &'static str,
    ) -> Definition {
        Definition {
            name,
            broker_key: None,
            value_type,
            default: Some(default),
            min: None,
            max: None,
            allowed: &[],
            requires_restart: false,
            doc,
        }
    }

    pub(super) const fn on_broker(mut self, broker_key: &'static str) -> Definition {
        self.broker_key = Some(broker_key);
        self
    }

    pub(super) const fn min(mut self, min: i64) -> Definition {
        self.min = Some(min);
        self
    }

    pub(super) const fn max(mut self, max: i64) -> Definition {
        self.max = Some(max);
        self
    }

    pub(super) const fn one_of(mut self, allowed: &'static [&'static str]) -> Definition {
        self.allowed = allowed;
        self
    }

    pub(super) const fn restart(mut self) -> Definition {
        self.requires_restart = true;
        self
    }

    /// Whether there is one value only: what Kafka lets one choose and Kring does in one way.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        let one_word = self.allowed.len() == 1;
        one_word || (self.min.is_some() && self.min == self.max)
    }

    /// This topic setting as the broker setting that stands for it.
    pub(super) const fn as_broker_key(mut self) -> Definition {
        self.name = match self.broker_key {
            Some(name) => name,
            None => self.name,
        };
        self.broker_key = None;
        self
    }

    /// Checks a value.
    ///
    /// # Errors
    /// A sentence that names the key, the value and what is allowed.
    pub fn check(&self, value: &str) -> Result<(), String> {
        match self.value_type {
            ConfigType::Boolean if self.allowed.is_empty() => {
                self.check_word(value, &["true", "false"])
            }
            ConfigType::Boolean => self.check_word(value, self.allowed),
            ConfigType::Int => self.check_number(value, i32::MIN.into(), i32::MAX.into()),
            ConfigType::Long => self.check_number(value, i64::MIN, i64::MAX),
            ConfigType::Double => self.check_fraction(value),
            ConfigType::String if self.allowed.is_empty() => Ok(()),
            ConfigType::String => self.check_word(value, self.allowed),
            ConfigType::List => words(value).try_for_each(|word| {
                if self.allowed.is_empty() {
                    Ok(())
                } else {
                    self.check_word(word, self.allowed)
                }
            }),
        }
    }

    fn check_word(&self, word: &str, allowed: &[&str]) -> Result<(), String> {
        if allowed.contains(&word) {
            return Ok(());
        }
        let allowed = match allowed {
            [""] => "only the empty value is".to_owned(),
            [only] => format!("only {only} is"),
            several => format!("allowed are {}", several.join(", ")),
        };
        Err(format!("{}: {word:?} is not allowed; {allowed}", self.name))
    }

    fn check_number(&self, value: &str, lowest: i64, highest: i64) -> Result<(), String> {
        let min = self.min.unwrap_or(lowest);
        let max = self.max.unwrap_or(highest);
        match value.parse::<i64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ if min == max => Err(format!(
                "{}: {value:?} is not allowed; only {min} is",
                self.name
            )),
            _ => Err(format!(
                "{}: {value:?} is not allowed; a whole number from {min} to {max} is",
                self.name
            )),
        }
    }

    fn check_fraction(&self, value: &str) -> Result<(), String> {
        // Bounds of fractions are small whole numbers, which a double holds exactly.
        let min = self.min.map_or(f64::MIN, |min| min as f64);
        let max = self.max.map_or(f64::MAX, |max| max as f64);
        match value.parse::<f64>() {
            Ok(number) if (min..=max).contains(&number) => Ok(()),
            _ => Err(format!(
                "{}: {value:?} is not allowed; a number from {min} to {max} is",
                self.name
            )),
        }
    }

    pub(super) fn to_config_key(self, scope: ConfigScope) -> ConfigKey {
        ConfigKey {
            name: self.name.to_owned(),
            scope,
            value_type: self.value_type,
            default: self.default.map(str::to_owned),
            min: self.min,
            max: self.max,
            allowed: self.allowed.iter().map(|w| (*w).to_owned()).collect(),
            requires_restart: self.requires_restart,
            doc: self.doc.to_owned(),
        }
    }
}

/// The words of a list, without the spaces around them.
pub(crate) fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
}
