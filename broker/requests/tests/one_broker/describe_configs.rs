//! DescribeConfigs: which keys there are, of which type, and where a value comes from.
//! How values are changed is in `topics` and `alter_configs`.

use std::collections::BTreeMap;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult as Row, DescribeConfigsResult,
};
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

use crate::harness::{OneBroker, text};
use crate::topics::create;

const BOOLEAN: i8 = 1;
const STRING: i8 = 2;
const INT: i8 = 3;
const LONG: i8 = 5;
const DOUBLE: i8 = 6;
const LIST: i8 = 7;
const FOREVER: &str = "9223372036854775807";

/// The topic settings of Apache Kafka 4.4 with type and default.
const TOPIC_KEYS: [(&str, i8, &str); 37] = [
    ("cleanup.policy", LIST, "delete"),
    ("compression.gzip.level", INT, "-1"),
    ("compression.lz4.level", INT, "9"),
    ("compression.type", STRING, "producer"),
    ("compression.zstd.level", INT, "3"),
    ("delete.retention.ms", LONG, "86400000"),
    ("errors.deadletterqueue.group.enable", BOOLEAN, "false"),
    ("file.delete.delay.ms", LONG, "60000"),
    ("flush.messages", LONG, FOREVER),
    ("flush.ms", LONG, FOREVER),
    ("follower.replication.throttled.replicas", LIST, ""),
    ("index.interval.bytes", INT, "4096"),
    ("leader.replication.throttled.replicas", LIST, ""),
    ("local.retention.bytes", LONG, "-2"),
    ("local.retention.ms", LONG, "-2"),
    ("max.compaction.lag.ms", LONG, FOREVER),
    // Kafka: 2147483639.
    ("max.decompressed.message.bytes", INT, "67108864"),
    ("max.message.bytes", INT, "1048588"),
    ("message.timestamp.after.max.ms", LONG, "3600000"),
    ("message.timestamp.before.max.ms", LONG, FOREVER),
    ("message.timestamp.type", STRING, "CreateTime"),
    ("min.cleanable.dirty.ratio", DOUBLE, "0.5"),
    ("min.compaction.lag.ms", LONG, "0"),
    ("min.insync.replicas", INT, "1"),
    ("preallocate", BOOLEAN, "false"),
    ("remote.copy.lag.bytes", LONG, "-1"),
    ("remote.copy.lag.ms", LONG, "0"),
    ("remote.log.copy.disable", BOOLEAN, "false"),
    ("remote.log.delete.on.disable", BOOLEAN, "false"),
    ("remote.storage.enable", BOOLEAN, "false"),
    ("retention.bytes", LONG, "-1"),
    ("retention.ms", LONG, "604800000"),
    ("segment.bytes", INT, "1073741824"),
    ("segment.index.bytes", INT, "10485760"),
    ("segment.jitter.ms", LONG, "0"),
    ("segment.ms", LONG, "604800000"),
    ("unclean.leader.election.enable", BOOLEAN, "false"),
];

fn describe(one: &mut OneBroker, kind: i8, name: &str) -> DescribeConfigsResult {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true)
        .with_include_documentation(true);
    one.ask(4, &request).results.remove(0)
}

fn rows(one: &mut OneBroker, kind: i8, name: &str) -> BTreeMap<String, Row> {
    let result = describe(one, kind, name);
    assert_eq!(result.error_code, 0, "{:?}", result.error_message);
    let rows = result.configs.into_iter();
    rows.map(|row| (row.name.to_string(), row)).collect()
}

fn set(one: &mut OneBroker, kind: i8, name: &str, key: &str, value: &str) -> i16 {
    let config = AlterableConfig::default()
        .with_name(text(key))
        .with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    one.ask(1, &request).responses[0].error_code
}

#[test]
fn a_topic_has_every_setting_of_kafka_with_its_type_and_default() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let rows = rows(&mut one, 2, "t");
    let found: Vec<(&str, i8, &str)> = rows
        .values()
        .map(|row| {
            assert_eq!(
                (row.config_source, row.read_only, row.is_sensitive),
                (5, false, false),
                "{row:?}"
            );
            assert!(
                row.documentation
                    .as_ref()
                    .is_some_and(|doc| !doc.is_empty())
            );
            let value = row.value.as_deref().unwrap();
            (row.name.as_str(), row.config_type, value)
        })
        .collect();
    assert_eq!(found, TOPIC_KEYS);
}

#[test]
fn single_keys_are_told_and_an_empty_list_asks_for_all() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let mut told = |keys: &[&str]| {
        let resource = DescribeConfigsResource::default()
            .with_resource_type(2)
            .with_resource_name(text("t"))
            .with_configuration_keys(Some(keys.iter().map(|key| text(key)).collect()));
        let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
        one.ask(4, &request).results[0].configs.len()
    };
    assert_eq!(told(&["retention.ms", "nothing"]), 1);
    assert_eq!(told(&["nothing"]), 0);
    assert_eq!(told(&[]), TOPIC_KEYS.len());
}

#[test]
fn the_innermost_place_with_a_value_holds_and_the_others_are_synonyms() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    assert_eq!(set(&mut one, 4, "", "log.retention.ms", "1000"), 0);
    let shown = |one: &mut OneBroker, kind, name: &str, key: &str| {
        let row = rows(one, kind, name).remove(key).unwrap();
        let synonyms = row.synonyms.iter();
        let places: Vec<(i8, String)> = synonyms
            .map(|place| (place.source, place.value.as_ref().unwrap().to_string()))
            .collect();
        assert_eq!(places[0].0, row.config_source);
        assert_eq!(places[0].1, row.value.unwrap().to_string());
        places.into_iter().map(|place| place.0).collect::<Vec<i8>>()
    };
    assert_eq!(shown(&mut one, 2, "t", "retention.ms"), [3, 5]);
    assert_eq!(shown(&mut one, 4, "1", "log.retention.ms"), [3, 5]);
    assert_eq!(set(&mut one, 4, "1", "log.retention.ms", "2000"), 0);
    assert_eq!(shown(&mut one, 2, "t", "retention.ms"), [2, 3, 5]);
    assert_eq!(set(&mut one, 2, "t", "retention.ms", "3000"), 0);
    assert_eq!(shown(&mut one, 2, "t", "retention.ms"), [1, 2, 3, 5]);
    assert_eq!(shown(&mut one, 4, "1", "log.retention.ms"), [2, 3, 5]);
    assert_eq!(shown(&mut one, 4, "", "log.retention.ms"), [3]);
}

#[test]
fn a_broker_says_what_clients_look_up_and_what_it_does_in_one_way_cannot_be_changed() {
    let mut one = OneBroker::new();
    let rows = rows(&mut one, 4, "1");
    for (key, kind, value) in [
        ("broker.id", INT, "1"),
        ("process.roles", LIST, "broker,controller"),
        ("delete.topic.enable", BOOLEAN, "true"),
        ("remote.log.storage.system.enable", BOOLEAN, "false"),
        ("log.local.retention.ms", LONG, "-2"),
        ("num.partitions", INT, "1"),
    ] {
        let row = &rows[key];
        assert_eq!(
            (row.config_type, row.value.as_deref()),
            (kind, Some(value)),
            "{row:?}"
        );
    }
    assert!(rows["delete.topic.enable"].read_only);
    assert!(!rows["log.retention.ms"].read_only);
    assert_eq!(set(&mut one, 4, "", "delete.topic.enable", "false"), 42);
    assert_eq!(set(&mut one, 4, "", "log.local.retention.ms", "5"), 40);
    create(&mut one, "t", 1, &[("remote.storage.enable", "false")]);
    assert_eq!(set(&mut one, 2, "t", "remote.storage.enable", "true"), 40);
}

#[test]
fn resources_without_settings_have_none_or_are_refused() {
    let mut one = OneBroker::new();
    for (kind, name, error) in [
        (16, "subscription", 0),
        (16, "", 42),
        (32, "group", 0),
        (32, "", 42),
        (8, "1", 42),
        (4, "2", 42),
        (2, "nothing", 3),
        (2, "no/name", 17),
        (77, "x", 42),
    ] {
        let result = describe(&mut one, kind, name);
        assert_eq!(result.error_code, error, "{kind} {name}: {result:?}");
        assert_eq!(result.configs.len(), 0);
        // As in Kafka the empty text is what success has.
        let message = result.error_message.unwrap();
        assert_eq!(message.is_empty(), error == 0, "{message}");
    }
}
