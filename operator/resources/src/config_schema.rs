//! Every setting a user may give, by Kafka's own names: type, default, range, whether it takes a
//! restart. It is a copy of the brokers' own table, because a config is checked before a broker runs.

use std::sync::LazyLock;

use kring_admin_api::{ConfigKey, ConfigScope};

/// What a broker of this release answers on `/v1/config-schema`, with the settings of its node.
const TABLE: &str = include_str!("config_keys.json");

/// Settings of a broker, in the order of their names.
pub static BROKER_KEYS: LazyLock<Vec<ConfigKey>> = LazyLock::new(|| keys(ConfigScope::Broker));

/// Settings of a topic, in the order of their names.
pub static TOPIC_KEYS: LazyLock<Vec<ConfigKey>> = LazyLock::new(|| keys(ConfigScope::Topic));

/// Finds a broker setting.
#[must_use]
pub fn broker_key(name: &str) -> Option<&'static ConfigKey> {
    BROKER_KEYS.iter().find(|key| key.name == name)
}

/// Finds a topic setting.
#[must_use]
pub fn topic_key(name: &str) -> Option<&'static ConfigKey> {
    TOPIC_KEYS.iter().find(|key| key.name == name)
}

fn keys(scope: ConfigScope) -> Vec<ConfigKey> {
    let all: Vec<ConfigKey> =
        serde_json::from_str(TABLE).expect("the table is read in a test of this crate");
    all.into_iter().filter(|key| key.scope == scope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker_config::OWNED_KEYS;

    #[test]
    fn the_table_is_whole_and_leaves_out_what_the_operator_decides() {
        assert!(BROKER_KEYS.len() > 50 && TOPIC_KEYS.len() > 20);
        for key in BROKER_KEYS.iter() {
            assert!(!OWNED_KEYS.contains(&key.name.as_str()), "{}", key.name);
        }
        assert!(broker_key("num.partitions").is_some_and(|key| key.requires_restart));
        assert!(broker_key("log.retention.ms").is_some_and(|key| !key.requires_restart));
        assert!(topic_key("retention.ms").is_some());
    }
}
