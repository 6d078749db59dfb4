//! What is said about wrong settings, and what is added to right ones.
//! Whether the brokers know the same settings is tested where both are at hand.

use serde_json::json;

use super::*;

fn config(value: serde_json::Value) -> BTreeMap<String, ConfigValue> {
    serde_json::from_value(value).unwrap()
}

fn broker(value: serde_json::Value, replicas: i32) -> (BrokerSettings, String) {
    let mut refusals = Refusals::default();
    let settings = broker_settings(&config(value), replicas, &mut refusals);
    (settings, refusals.to_string())
}

#[test]
fn an_unknown_key_is_refused_by_name_with_the_one_that_was_meant() {
    let (_, message) = broker(json!({"num.partition": 6}), 3);
    assert_eq!(
        message,
        "config: num.partition is not a broker setting; did you mean num.partitions?"
    );
    let (_, message) = broker(json!({"zookeeper.connect": "x"}), 3);
    assert_eq!(
        message,
        "config: zookeeper.connect is not a broker setting; remove it"
    );
}

#[test]
fn a_bad_value_is_refused_with_what_is_allowed() {
    let (_, message) = broker(json!({"num.partitions": 0}), 3);
    assert_eq!(
        message,
        "config: num.partitions is 0; allowed is a whole number from 1 to 2147483647"
    );
    let (_, message) = broker(json!({"auto.create.topics.enable": "yes"}), 3);
    assert_eq!(
        message,
        "config: auto.create.topics.enable is yes; allowed are true and false"
    );
    let (_, message) = broker(json!({"num.partitions": [6]}), 3);
    assert!(message.starts_with("config: num.partitions is [6]; allowed is"));
    let (_, message) = broker(json!({"log.cleanup.policy": "delete,squash"}), 3);
    assert_eq!(
        message,
        "config: log.cleanup.policy is delete,squash; allowed: delete, compact"
    );
}

#[test]
fn replication_follows_the_number_of_brokers() {
    let factor = |replicas| {
        let (settings, message) = broker(json!({}), replicas);
        assert_eq!(message, "");
        let value = |key: &str| settings.fixed[key].clone();
        (
            value("default.replication.factor"),
            value("min.insync.replicas"),
        )
    };
    assert_eq!(factor(1), ("1".into(), "1".into()));
    assert_eq!(factor(2), ("2".into(), "1".into()));
    assert_eq!(factor(3), ("3".into(), "2".into()));
    assert_eq!(factor(9), ("3".into(), "2".into()));
}

#[test]
fn replication_above_the_brokers_is_refused() {
    let (_, message) = broker(json!({"default.replication.factor": 3}), 2);
    assert_eq!(
        message,
        "config: default.replication.factor is 3 but the cluster has 2 brokers; lower it or raise replicas"
    );
}

#[test]
fn min_insync_above_replication_is_refused() {
    let (_, message) = broker(json!({"min.insync.replicas": 4}), 3);
    assert!(message.contains("min.insync.replicas is 4 but default.replication.factor is 3"));
}

#[test]
fn a_topic_setting_is_not_a_broker_setting() {
    let mut refusals = Refusals::default();
    let settings = topic_settings(&config(json!({"retention.ms": -1})), &mut refusals);
    assert_eq!(settings["retention.ms"], "-1");
    let _ = topic_settings(
        &config(json!({"log.retention.ms": 5, "retentoin.ms": 1})),
        &mut refusals,
    );
    let text = refusals.to_string();
    assert!(
        text.contains("log.retention.ms is not a topic setting; did you mean retention.ms?"),
        "{text}"
    );
    assert!(
        text.contains("retentoin.ms is not a topic setting; did you mean retention.ms?"),
        "{text}"
    );
}
