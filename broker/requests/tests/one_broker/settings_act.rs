//! Settings that act by the clock, and where settings come from.
//! How settings are set and described one by one is in `topics`.

use std::collections::BTreeMap;
use std::time::Duration;

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResourceResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};
use kring_admin_api::{ConfigKey, ConfigScope, ConfigType};
use kring_requests::NodeSetting;

use crate::harness::{OneBroker, batch, config, text};
use crate::offsets::earliest;
use crate::produce::produce;
use crate::topics::create;

const BROKER: i8 = 4;
const INVALID_CONFIG: i16 = 40;
const INVALID_REQUEST: i16 = 42;
const INVALID_TIMESTAMP: i16 = 32;

/// Sets a value of a broker (or of all, with the empty name); gives the error code.
fn set_on_broker(one: &mut OneBroker, broker: &str, key: &str, value: &str) -> (i16, String) {
    let config = AlterableConfig::default()
        .with_name(text(key))
        .with_value(Some(text(value)));
    let resource = AlterConfigsResource::default()
        .with_resource_type(BROKER)
        .with_resource_name(text(broker))
        .with_configs(vec![config]);
    let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
    let answer = one.ask(1, &request);
    let row = &answer.responses[0];
    let message = row.error_message.clone().unwrap_or_default();
    (row.error_code, message.to_string())
}

fn describe(
    one: &mut OneBroker,
    resource_type: i8,
    name: &str,
) -> BTreeMap<String, DescribeConfigsResourceResult> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(resource_type)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default()
        .with_resources(vec![resource])
        .with_include_synonyms(true);
    let answer = one.ask(4, &request);
    assert_eq!(answer.results[0].error_code, 0);
    let rows = answer.results[0].configs.clone();
    rows.into_iter()
        .map(|row| (row.name.to_string(), row))
        .collect()
}

#[test]
fn records_older_than_retention_ms_go() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[("retention.ms", "120000")]);
    create(&mut one, "kept", 1, &[("retention.ms", "-1")]);
    produce(&mut one, "t", -1, batch(&["a", "b"]));
    produce(&mut one, "kept", -1, batch(&["a"]));
    one.run_for(Duration::from_secs(100));
    assert_eq!(earliest(&mut one, "t"), 0, "too young");
    one.run_for(Duration::from_secs(200));
    assert_eq!(earliest(&mut one, "t"), 2);
    assert_eq!(earliest(&mut one, "kept"), 0);
}

#[test]
fn a_segment_is_closed_when_segment_ms_is_over() {
    let mut one = OneBroker::new();
    create(&mut one, "short", 1, &[("segment.ms", "1000")]);
    create(&mut one, "long", 1, &[("segment.ms", "100000")]);
    for topic in ["short", "long"] {
        produce(&mut one, topic, -1, batch(&["a"]));
    }
    one.run_for(Duration::from_secs(2));
    for topic in ["short", "long"] {
        produce(&mut one, topic, -1, batch(&["b"]));
    }
    one.run_for(Duration::from_secs(30));
    let segments = |one: &OneBroker, topic: &str| {
        let begin = format!("{topic}-0/");
        let files = one.files();
        let segments = files
            .iter()
            .filter(|f| f.starts_with(&begin) && f.ends_with(".log"));
        segments.count()
    };
    assert_eq!((segments(&one, "short"), segments(&one, "long")), (2, 1));
}

#[test]
fn a_timestamp_before_what_is_allowed_is_refused_with_the_range() {
    let mut one = OneBroker::new();
    create(
        &mut one,
        "t",
        1,
        &[("message.timestamp.before.max.ms", "5000")],
    );
    assert_eq!(produce(&mut one, "t", -1, batch(&["a"])).error_code, 0);
    one.run_for(Duration::from_secs(10));
    // The batch bears the time at which the test began.
    let late = produce(&mut one, "t", -1, batch(&["a"]));
    assert_eq!(late.error_code, INVALID_TIMESTAMP);
    let message = late.error_message.unwrap();
    assert!(message.contains("1700000000000"), "{message:?}");
}

#[test]
fn a_setting_of_one_broker_acts_there_until_a_topic_has_its_own() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    create(&mut one, "own", 1, &[("retention.ms", "-1")]);
    for topic in ["t", "own"] {
        produce(&mut one, topic, -1, batch(&["a"]));
    }
    let (error, _) = set_on_broker(&mut one, "1", "log.retention.ms", "60000");
    assert_eq!(error, 0);
    let row = describe(&mut one, 2, "t").remove("retention.ms").unwrap();
    assert_eq!(
        (row.value.as_deref(), row.config_source),
        (Some("60000"), 2)
    );
    one.run_for(Duration::from_secs(300));
    assert_eq!((earliest(&mut one, "t"), earliest(&mut one, "own")), (1, 0));

    let (error, message) = set_on_broker(&mut one, "1", "min.insync.replicas", "1");
    assert_eq!(error, INVALID_CONFIG);
    assert!(message.contains("one for the whole cluster"), "{message}");
    let (error, message) = set_on_broker(&mut one, "1", "num.partitions", "3");
    assert_eq!(error, INVALID_REQUEST);
    assert!(
        message.contains("cannot be changed while brokers run"),
        "{message}"
    );
}

#[test]
fn a_broker_tells_every_setting_and_what_of_it_was_set() {
    let mut config = config();
    config.num_partitions = 6;
    let keep = ("retention.ms".to_owned(), "5000".to_owned());
    config.topic_defaults.extend([keep]);
    let key = ConfigKey {
        name: "listeners".to_owned(),
        scope: ConfigScope::Broker,
        value_type: ConfigType::String,
        default: Some("PLAINTEXT://127.0.0.1:9092".to_owned()),
        min: None,
        max: None,
        allowed: Vec::new(),
        requires_restart: true,
        doc: "Where clients connect.".to_owned(),
    };
    let value = Some("PLAINTEXT://:9092".to_owned());
    config.node_settings = vec![NodeSetting { key, value }];
    let mut one = OneBroker::with(config);
    let rows = describe(&mut one, BROKER, "1");
    let of = |name: &str| {
        let row = &rows[name];
        (row.value.as_deref(), row.config_source, row.read_only)
    };
    const STATIC: i8 = 4;
    const DEFAULT: i8 = 5;
    assert_eq!(of("num.partitions"), (Some("6"), STATIC, true));
    assert_eq!(of("default.replication.factor"), (Some("1"), DEFAULT, true));
    assert_eq!(of("log.retention.ms"), (Some("5000"), STATIC, false));
    assert_eq!(
        of("log.segment.bytes"),
        (Some("1073741824"), DEFAULT, false)
    );
    assert_eq!(of("listeners"), (Some("PLAINTEXT://:9092"), STATIC, true));
    let synonyms = &rows["num.partitions"].synonyms;
    assert_eq!(synonyms.last().map(|s| s.source), Some(DEFAULT));
}
