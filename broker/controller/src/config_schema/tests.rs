//! The settings table: every default passes its own check, every refusal names key, value and what is allowed.
//! What a setting does is not tested here.

use std::collections::BTreeMap;

use super::{
    broker_keys, check_dynamic_broker_config, check_topic_config, config_keys, topic_keys,
};

fn config(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let owned = |(k, v): &(&str, &str)| ((*k).to_owned(), (*v).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn every_default_passes_its_own_check() {
    for key in topic_keys().chain(broker_keys()) {
        let default = key.default.expect("every key of today has a default");
        assert_eq!(key.check(default), Ok(()), "{}", key.name);
        assert!(key.doc.ends_with('.'), "{}", key.name);
    }
}

#[test]
fn names_are_unique_and_topic_keys_sorted() {
    let names = |with_broker_key: bool| -> Vec<&str> {
        let keys = topic_keys().filter(|key| key.broker_key.is_some() == with_broker_key);
        keys.map(|key| key.name).collect()
    };
    assert!(names(true).is_sorted() && names(false).is_sorted());
    let mut all: Vec<_> = config_keys();
    let count = all.len();
    all.sort_by(|a, b| (a.scope as u8, &a.name).cmp(&(b.scope as u8, &b.name)));
    all.dedup_by(|a, b| a.scope == b.scope && a.name == b.name);
    assert_eq!(all.len(), count);
}

#[test]
fn a_wrong_value_is_refused_with_key_value_and_what_is_allowed() {
    for (key, value, allowed) in [
        ("retention.ms", "-2", "from -1 to"),
        ("segment.bytes", "1000", "from 1048576 to 2147483647"),
        ("cleanup.policy", "delete,shred", "delete, compact"),
        ("min.cleanable.dirty.ratio", "1.5", "from 0 to 1"),
        ("preallocate", "yes", "true, false"),
        ("message.timestamp.type", "Now", "CreateTime, LogAppendTime"),
    ] {
        let error = check_topic_config(&config(&[(key, value)])).unwrap_err();
        assert!(error.contains(key), "{error}");
        assert!(error.contains(allowed), "{error}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_known_ones() {
    let error = check_topic_config(&config(&[("retention", "1")])).unwrap_err();
    assert!(error.contains("\"retention\""), "{error}");
    assert!(error.contains("retention.ms"), "{error}");
}

#[test]
fn a_batch_that_fits_in_no_segment_is_refused() {
    let pairs = [
        ("segment.bytes", "1048576"),
        ("max.message.bytes", "1048577"),
    ];
    let error = check_topic_config(&config(&pairs)).unwrap_err();
    assert!(error.contains("must fit"), "{error}");
}

#[test]
fn what_is_done_in_one_way_takes_that_value_alone() {
    for (key, fixed, other, message) in [
        ("remote.storage.enable", "false", "true", "only false is"),
        ("local.retention.ms", "-2", "1000", "only -2 is"),
        (
            "leader.replication.throttled.replicas",
            "",
            "0:1",
            "only the empty value is",
        ),
    ] {
        assert_eq!(check_topic_config(&config(&[(key, fixed)])), Ok(()));
        let error = check_topic_config(&config(&[(key, other)])).unwrap_err();
        assert!(error.contains(key) && error.contains(message), "{error}");
    }
    for key in topic_keys().chain(broker_keys()) {
        let says = key.doc.starts_with("Only ");
        assert_eq!(says, key.is_fixed(), "{}: {}", key.name, key.doc);
    }
}

#[test]
fn only_settings_that_act_at_once_change_while_brokers_run() {
    assert_eq!(
        check_dynamic_broker_config("log.retention.ms", Some("5")),
        Ok(())
    );
    assert_eq!(
        check_dynamic_broker_config("log.retention.ms", None),
        Ok(())
    );
    let error = check_dynamic_broker_config("num.partitions", Some("5")).unwrap_err();
    assert!(error.contains("restart"), "{error}");
}
