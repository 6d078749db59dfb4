//! AlterConfigs, which replaces all settings of a resource.
//! How single settings are changed is in `topics`.

use kafka_protocol::messages::alter_configs_request::{AlterConfigsResource, AlterableConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::{AlterConfigsRequest, DescribeConfigsRequest};

use crate::harness::{OneBroker, text};
use crate::topics::create;

fn resource(kind: i8, name: &str, configs: &[(&str, Option<&str>)]) -> AlterConfigsResource {
    let configs = configs.iter().map(|(key, value)| {
        AlterableConfig::default()
            .with_name(text(key))
            .with_value(value.map(text))
    });
    AlterConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configs(configs.collect())
}

fn alter(one: &mut OneBroker, resources: Vec<AlterConfigsResource>) -> Vec<(i16, String)> {
    let request = AlterConfigsRequest::default().with_resources(resources);
    let answer = one.ask(2, &request);
    let row =
        |row: kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse| {
            assert_eq!(row.error_message.is_some(), row.error_code != 0);
            let message = row.error_message.map(|message| message.to_string());
            (row.error_code, message.unwrap_or_default())
        };
    answer.responses.into_iter().map(row).collect()
}

/// What is set on a resource itself.
fn own(one: &mut OneBroker, kind: i8, name: &str, source: i8) -> Vec<(String, String)> {
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(None);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    let answer = one.ask(4, &request);
    let rows = answer.results[0].configs.iter();
    rows.filter(|row| row.config_source == source)
        .map(|row| {
            (
                row.name.to_string(),
                row.value.as_ref().unwrap().to_string(),
            )
        })
        .collect()
}

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn what_is_not_named_returns_to_its_default() {
    let mut one = OneBroker::new();
    create(
        &mut one,
        "t",
        1,
        &[("retention.ms", "1000"), ("segment.ms", "7")],
    );
    let change = resource(2, "t", &[("segment.ms", Some("9"))]);
    assert_eq!(alter(&mut one, vec![change]), [(0, String::new())]);
    assert_eq!(own(&mut one, 2, "t", 1), [pair("segment.ms", "9")]);

    let broker = resource(4, "1", &[("log.retention.ms", Some("5"))]);
    let all = resource(4, "", &[("log.retention.ms", Some("6"))]);
    let done = alter(&mut one, vec![broker, all]);
    assert_eq!(done, [(0, String::new()), (0, String::new())]);
    assert_eq!(own(&mut one, 4, "1", 2), [pair("log.retention.ms", "5")]);
    assert_eq!(own(&mut one, 4, "", 3), [pair("log.retention.ms", "6")]);
    alter(&mut one, vec![resource(4, "1", &[])]);
    assert_eq!(own(&mut one, 4, "1", 2), []);
}

#[test]
fn a_resource_with_one_wrong_setting_is_not_changed_and_the_others_are() {
    let mut one = OneBroker::new();
    create(&mut one, "a", 1, &[("retention.ms", "1000")]);
    create(&mut one, "b", 1, &[("retention.ms", "1000")]);
    let done = alter(
        &mut one,
        vec![
            resource(
                2,
                "a",
                &[("segment.ms", Some("9")), ("retention.ms", Some("soon"))],
            ),
            resource(2, "b", &[("retention.ms", Some("2000"))]),
            resource(2, "nothing", &[]),
        ],
    );
    let codes: Vec<i16> = done.iter().map(|row| row.0).collect();
    assert_eq!(codes, [40, 0, 3], "{done:?}");
    assert_eq!(own(&mut one, 2, "a", 1), [pair("retention.ms", "1000")]);
    assert_eq!(own(&mut one, 2, "b", 1), [pair("retention.ms", "2000")]);
}

#[test]
fn a_request_that_contradicts_itself_changes_nothing() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[("retention.ms", "1000")]);
    for (resources, codes) in [
        (
            vec![
                resource(2, "t", &[]),
                resource(2, "t", &[("segment.ms", Some("9"))]),
            ],
            vec![42, 42],
        ),
        (vec![resource(2, "t", &[("retention.ms", None)])], vec![42]),
        (
            vec![resource(
                2,
                "t",
                &[("segment.ms", Some("8")), ("segment.ms", Some("9"))],
            )],
            vec![42],
        ),
        (vec![resource(8, "1", &[])], vec![42]),
    ] {
        let done = alter(&mut one, resources);
        let found: Vec<i16> = done.iter().map(|row| row.0).collect();
        assert_eq!(found, codes, "{done:?}");
        assert!(done.iter().all(|row| !row.1.is_empty()), "{done:?}");
        assert_eq!(own(&mut one, 2, "t", 1), [pair("retention.ms", "1000")]);
    }
}

#[test]
fn validating_changes_nothing() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[("retention.ms", "1000")]);
    let request = AlterConfigsRequest::default()
        .with_resources(vec![resource(2, "t", &[])])
        .with_validate_only(true);
    assert_eq!(one.ask(2, &request).responses[0].error_code, 0);
    assert_eq!(own(&mut one, 2, "t", 1), [pair("retention.ms", "1000")]);
}
