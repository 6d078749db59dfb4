//! DescribeConfigs (32), versions 1–4: every setting of topics and brokers with its value, where that
//! comes from, type and documentation.
//!
//! * A broker answers for itself only; the empty broker name stands for what is set on all brokers.
//! * No list of keys, and an empty one, ask for all.
//! * v3 adds types and documentation. No value is sensitive: secrets are in files, which settings name.
//! * Of a topic every key of Kafka 4.4 is there. What Kring does in one way has that value and takes no
//!   other. Of a broker there are all that act, and those fixed ones that clients look up; what tunes
//!   parts that are not here (threads and buffers of a JVM, KRaft's log, TLS and SASL, quotas, tiered
//!   storage, share and streams groups) is not listed.
//! * Client metrics (16) and groups (32) have no settings here, as in Kafka those that nobody has set
//!   up; broker loggers (8) are `INVALID_REQUEST`: the admin API changes log levels.

use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::{DescribeConfigsRequest, DescribeConfigsResponse};
use kring_io::{BrokerId, Now};
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::resource;
use crate::settings::{self, Setting};
use crate::text::text;

struct Wishes {
    synonyms: bool,
    documentation: bool,
    types: bool,
}

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeConfigsRequest = call.decode()?;
    let wishes = Wishes {
        synonyms: request.include_synonyms,
        documentation: request.include_documentation,
        types: call.caller.version >= 3,
    };
    let results = request
        .resources
        .iter()
        .map(|resource| describe(broker, resource, &wishes))
        .collect();
    let answer = DescribeConfigsResponse::default().with_results(results);
    call.caller.answer(&answer, out);
    Ok(())
}

fn describe(
    broker: &Broker,
    resource: &DescribeConfigsResource,
    wishes: &Wishes,
) -> DescribeConfigsResult {
    let result = DescribeConfigsResult::default()
        .with_resource_type(resource.resource_type)
        .with_resource_name(resource.resource_name.clone());
    match find(broker, resource) {
        Err((error, message)) => result
            .with_error_code(error.code())
            .with_error_message(Some(text(message))),
        Ok(found) => {
            let asked = |setting: &Setting| match &resource.configuration_keys {
                None => true,
                Some(keys) => {
                    keys.is_empty() || keys.iter().any(|key| key.as_str() == setting.name)
                }
            };
            let rows = found
                .into_iter()
                .filter(asked)
                .map(|setting| row(setting, wishes));
            result.with_configs(rows.collect())
        }
    }
}

fn find(
    broker: &Broker,
    resource: &DescribeConfigsResource,
) -> Result<Vec<Setting>, (ErrorCode, String)> {
    let name = resource.resource_name.as_str();
    match resource.resource_type {
        resource::TOPIC => match cluster::topic_by_name(broker.image(), name) {
            Some((_, topic)) => Ok(settings::of_topic(broker, &topic.config)),
            None if cluster::is_topic_name(name) => Err((
                ErrorCode::UnknownTopicOrPartition,
                format!("topic {name:?} does not exist"),
            )),
            None => Err((
                ErrorCode::InvalidTopicException,
                format!("{name:?} is not a topic name"),
            )),
        },
        resource::BROKER if name.is_empty() => Ok(settings::of_cluster(broker)),
        resource::BROKER => match name.parse() {
            Ok(id) if settings::is_own(broker, BrokerId(id)) => Ok(settings::of_broker(broker)),
            _ => Err((
                ErrorCode::InvalidRequest,
                format!("this is broker {}; ask broker {name:?} itself", broker.id()),
            )),
        },
        resource::CLIENT_METRICS | resource::GROUP if name.is_empty() => Err((
            ErrorCode::InvalidRequest,
            format!("a resource of type {} needs a name", resource.resource_type),
        )),
        resource::CLIENT_METRICS | resource::GROUP => Ok(Vec::new()),
        resource::BROKER_LOGGER => Err((
            ErrorCode::InvalidRequest,
            "log levels are no settings here; the admin API has them (/v1/log-level)".to_owned(),
        )),
        other => Err((
            ErrorCode::InvalidRequest,
            format!("resource type {other} has no settings"),
        )),
    }
}

fn row(setting: Setting, wishes: &Wishes) -> DescribeConfigsResourceResult {
    let mut row = DescribeConfigsResourceResult::default()
        .with_name(text(setting.name))
        .with_value(setting.value.map(text))
        .with_read_only(setting.read_only)
        .with_config_source(setting.source.code());
    if wishes.synonyms {
        row.synonyms = setting
            .synonyms
            .into_iter()
            .map(|placed| {
                DescribeConfigsSynonym::default()
                    .with_name(text(placed.name))
                    .with_value(Some(text(placed.value)))
                    .with_source(placed.source.code())
            })
            .collect();
    }
    if wishes.types {
        row.config_type = settings::type_code(setting.value_type);
    }
    if wishes.documentation {
        row.documentation = Some(text(setting.doc));
    }
    row
}
