//! CreateTopics (19), versions 2–7: each topic succeeds or fails alone.
//!
//! * −1 partitions or replicas stand for the cluster's defaults; an assignment excludes both.
//! * `validate_only` says what would happen.
//! * v5 adds the settings of the new topic with their sources, v7 its id.
//! * `__cluster_metadata` and a setting without a value are refused, as in Kafka.
//! * A name that stands twice in the request is `INVALID_REQUEST` for that name.
//! * The answer comes when the topics are committed and this broker knows them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use kafka_protocol::messages::{CreateTopicsRequest, CreateTopicsResponse, TopicName};
use kring_controller::request::{CreatedTopic, Each, NewTopic};
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{BrokerId, Now};
use kring_wire::ErrorCode;

use crate::auto_create;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::image_wait;
use crate::route::controller::Answered;
use crate::settings::{self, Setting};
use crate::text::{owned, text};

/// Kafka's name of the log of the controllers.
const METADATA_TOPIC: &str = "__cluster_metadata";
/// How long an answer waits for this broker to hear of what the controller has committed.
const HEARD_WAIT: Duration = Duration::from_secs(2);
const REPLICAS_FROM_ASSIGNMENT: i16 = -1;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: CreateTopicsRequest = call.decode()?;
    let caller = call.caller;
    let names: Vec<String> = request.topics.iter().map(|t| t.name.to_string()).collect();
    let mut seen = BTreeSet::new();
    let mut refused: BTreeMap<String, ControllerError> = BTreeMap::new();
    for name in &names {
        if !seen.insert(name.clone()) {
            refused.insert(name.clone(), twice(name));
        }
    }
    let mut topics = Vec::new();
    for topic in request.topics {
        let name = topic.name.to_string();
        if refused.contains_key(&name) {
            continue;
        }
        match new_topic(topic) {
            Ok(topic) => topics.push(topic),
            Err(error) => {
                refused.insert(name, error);
            }
        }
    }
    let order: Vec<String> = seen.into_iter().collect();
    let names = dedup_in_order(names, order.len());
    broker.ask_controller(
        now,
        ControllerRequest::CreateTopics {
            topics,
            validate_only: request.validate_only,
        },
        Box::new(move |broker, now, answered, out| {
            let created = created_names(&answered, request.validate_only);
            image_wait::until(
                broker,
                now,
                HEARD_WAIT,
                move |broker| {
                    created
                        .iter()
                        .all(|name| auto_create::has_leaders(broker, name))
                },
                move |broker, _, out| {
                    answer(broker, caller, &names, &mut refused, answered, out);
                },
                out,
            );
        }),
        out,
    );
    Ok(())
}

/// The topics whose arrival here is worth waiting for.
fn created_names(answered: &Answered, validate_only: bool) -> Vec<String> {
    match answered {
        Ok(ControllerResponse::CreateTopics(each)) if !validate_only => each
            .iter()
            .filter(|(_, result)| result.is_ok())
            .map(|(name, _)| name.clone())
            .collect(),
        _ => Vec::new(),
    }
}

fn twice(name: &str) -> ControllerError {
    ControllerError::InvalidRequest {
        reason: format!("topic {name:?} stands more than once in the request"),
    }
}

fn dedup_in_order(names: Vec<String>, distinct: usize) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::with_capacity(distinct);
    for name in names {
        if seen.insert(name.clone()) {
            kept.push(name);
        }
    }
    kept
}

fn new_topic(topic: CreatableTopic) -> Result<NewTopic, ControllerError> {
    if topic.name.0.as_str() == METADATA_TOPIC {
        return Err(ControllerError::InvalidRequest {
            reason: format!("{METADATA_TOPIC} is the name of the controllers' log"),
        });
    }
    if let Some(config) = topic.configs.iter().find(|config| config.value.is_none()) {
        let name = &config.name;
        return Err(ControllerError::InvalidConfig {
            reason: format!("{name}: no value is given; leave the key out for its default"),
        });
    }
    let mut assignments = BTreeMap::new();
    for assignment in &topic.assignments {
        let replicas: Vec<BrokerId> = assignment
            .broker_ids
            .iter()
            .map(|id| BrokerId(id.0))
            .collect();
        let index = assignment.partition_index;
        if assignments.insert(index, replicas).is_some() {
            return Err(ControllerError::InvalidReplicaAssignment {
                reason: format!("partition {index} is assigned more than once"),
            });
        }
    }
    let numbered =
        topic.num_partitions != -1 || topic.replication_factor != REPLICAS_FROM_ASSIGNMENT;
    if !assignments.is_empty() && numbered {
        return Err(ControllerError::InvalidRequest {
            reason: "either numbers of partitions and replicas or an assignment may be given, not both; give -1 for both numbers with an assignment".to_owned(),
        });
    }
    Ok(NewTopic {
        name: topic.name.to_string(),
        partitions: topic.num_partitions,
        replication_factor: topic.replication_factor,
        assignments,
        configs: topic
            .configs
            .into_iter()
            .map(|config| (config.name.to_string(), owned(config.value)))
            .collect(),
    })
}

fn answer(
    broker: &Broker,
    caller: Caller,
    names: &[String],
    refused: &mut BTreeMap<String, ControllerError>,
    answered: Answered,
    out: &mut Output,
) {
    let mut created: BTreeMap<String, Result<CreatedTopic, ControllerError>> = match answered {
        Ok(ControllerResponse::CreateTopics(each)) => into_map(each),
        Ok(_) => BTreeMap::new(),
        Err(error) => names
            .iter()
            .map(|name| (name.clone(), Err(error.clone())))
            .collect(),
    };
    let topics = names
        .iter()
        .map(|name| {
            let result = match refused.remove(name) {
                Some(error) => Err(error),
                None => created
                    .remove(name)
                    .unwrap_or(Err(ControllerError::NoController)),
            };
            row(broker, caller.version, name, result)
        })
        .collect();
    caller.answer(&CreateTopicsResponse::default().with_topics(topics), out);
}

fn into_map<T>(each: Each<String, T>) -> BTreeMap<String, Result<T, ControllerError>> {
    each.into_iter().collect()
}

fn row(
    broker: &Broker,
    version: i16,
    name: &str,
    result: Result<CreatedTopic, ControllerError>,
) -> CreatableTopicResult {
    let row = CreatableTopicResult::default().with_name(TopicName(text(name)));
    match result {
        Err(error) => row
            .with_error_code(error.error_code().code())
            .with_error_message(Some(text(error.to_string())))
            .with_num_partitions(-1)
            .with_replication_factor(-1)
            .with_configs(Some(Vec::new())),
        Ok(created) => {
            let configs = (version >= 5).then(|| {
                settings::of_topic(broker, &created.configs)
                    .into_iter()
                    .map(config_row)
                    .collect()
            });
            row.with_error_code(ErrorCode::None.code())
                .with_error_message(None)
                .with_topic_id(created.id.into())
                .with_num_partitions(created.partitions)
                .with_replication_factor(created.replication_factor)
                .with_configs(configs)
        }
    }
}

fn config_row(setting: Setting) -> CreatableTopicConfigs {
    CreatableTopicConfigs::default()
        .with_name(text(setting.name))
        .with_value(setting.value.map(text))
        .with_config_source(setting.source.code())
}
