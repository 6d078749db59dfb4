//! How long records are kept by default: one time, of which Kafka has three names.
//! Topics' own settings are not here.

use kring_requests::BrokerConfig;

use super::source::Settings;

/// Kafka has three names for one time; the finest unit wins.
pub(super) fn apply(settings: &Settings, config: &mut BrokerConfig) {
    const UNITS_MS: [(&str, i64); 2] = [
        ("log.retention.minutes", 60_000),
        ("log.retention.hours", 3_600_000),
    ];
    if config.topic_defaults.contains_key("retention.ms") {
        return;
    }
    for (name, unit_ms) in UNITS_MS {
        let given = settings.get(name).and_then(|s| s.value.parse::<i64>().ok());
        if let Some(time) = given {
            let ms = if time < 0 {
                -1
            } else {
                time.saturating_mul(unit_ms)
            };
            config
                .topic_defaults
                .insert("retention.ms".to_owned(), ms.to_string());
            return;
        }
    }
}
