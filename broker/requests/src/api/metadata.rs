//! Metadata (3), versions 0–13: brokers, topics, leaders.
//!
//! * Version 0 asks for every topic with an empty list, later versions with null; an empty list
//!   then asks for none.
//! * A topic that does not exist is created when the client allows it (always below v4), the broker
//!   has `auto.create.topics.enable`, and the name is valid. The answer waits until the topic has
//!   leaders, at most [`AUTO_CREATE_WAIT`], so that a client need not ask again.
//! * v10 adds topic ids, and v12 questions by id; an unknown id is `UNKNOWN_TOPIC_ID`.
//! * A broker that has started and is not in the cluster yet knows an old image or none. The answer
//!   waits until it is, at most [`OPEN_WAIT`]; after that what it does not know is
//!   `LEADER_NOT_AVAILABLE`, because clients give up on an unknown topic.
//! * The list of brokers is never empty. A broker that is silent is on it as long as with Apache Kafka, which notices
//!   nine seconds later what is fenced here after three.
//! * A partition without a leader is `LEADER_NOT_AVAILABLE`.
//! * `controller_id` is a broker that takes controller requests: any does, the active controller is named.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse, TopicName};
use kring_controller::{BrokerImage, ControllerError, Endpoint, PartitionImage, TopicImage};
use kring_io::{BrokerId, Now};
use kring_wire::{ErrorCode, TopicId};

use crate::auto_create::{self, Refused};
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::image_wait;
use crate::operations::{CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS};
use crate::text::{broker_ids, text};

/// How long an answer waits for a topic that is being created.
pub(crate) const AUTO_CREATE_WAIT: Duration = Duration::from_secs(2);

/// How long an answer waits for this broker to be registered and unfenced.
const OPEN_WAIT: Duration = Duration::from_secs(5);

/// What a client asked, kept while a topic is being created.
struct Question {
    topics: Option<Vec<Wanted>>,
    cluster_operations: bool,
    topic_operations: bool,
}

enum Wanted {
    Name(String),
    Id(TopicId),
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: MetadataRequest = call.decode()?;
    let caller = call.caller;
    let question = Question {
        topics: wanted(&request, caller.version),
        cluster_operations: request.include_cluster_authorized_operations,
        topic_operations: request.include_topic_authorized_operations,
    };
    let may_create = caller.version < 4 || request.allow_auto_topic_creation;
    image_wait::until(
        broker,
        now,
        OPEN_WAIT,
        |broker| broker.opened,
        move |broker, now, out| create_and_answer(broker, now, caller, question, may_create, out),
        out,
    );
    Ok(())
}

fn create_and_answer(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    question: Question,
    may_create: bool,
    out: &mut Output,
) {
    let missing = if may_create && broker.config.auto_create_topics_enable {
        missing_topics(broker, &question)
    } else {
        Vec::new()
    };
    if missing.is_empty() {
        answer(broker, now, caller, &question, &Refused::new(), out);
        return;
    }
    auto_create::create_and_wait(
        broker,
        now,
        missing,
        AUTO_CREATE_WAIT,
        Box::new(move |broker, now, refused, out| {
            answer(broker, now, caller, &question, &refused, out);
        }),
        out,
    );
}

fn wanted(request: &MetadataRequest, version: i16) -> Option<Vec<Wanted>> {
    let topics = request.topics.as_ref()?;
    if version == 0 && topics.is_empty() {
        return None;
    }
    Some(
        topics
            .iter()
            .map(|topic| {
                let id = TopicId::from(topic.topic_id);
                match &topic.name {
                    Some(name) if id.is_zero() => Wanted::Name(name.to_string()),
                    // Java's consumer sends an empty name beside an id: the id counts.
                    _ => Wanted::Id(id),
                }
            })
            .collect(),
    )
}

fn missing_topics(broker: &Broker, question: &Question) -> Vec<String> {
    let names: BTreeSet<&String> = question
        .topics
        .iter()
        .flatten()
        .filter_map(|wanted| match wanted {
            Wanted::Name(name) => Some(name),
            Wanted::Id(_) => None,
        })
        .filter(|name| {
            cluster::topic_by_name(broker.image(), name).is_none() && cluster::is_topic_name(name)
        })
        .collect();
    names.into_iter().cloned().collect()
}

fn answer(
    broker: &Broker,
    now: Now,
    caller: Caller,
    question: &Question,
    refused: &Refused,
    out: &mut Output,
) {
    let image = broker.image();
    let topics = match &question.topics {
        None => cluster::topics_in_name_order(image)
            .map(|(id, topic)| describe(broker, id, topic, question.topic_operations))
            .collect(),
        Some(wanted) => wanted
            .iter()
            .map(|wanted| one(broker, wanted, question.topic_operations, refused))
            .collect(),
    };
    let mut answer = MetadataResponse::default()
        .with_brokers(brokers(broker, now))
        .with_cluster_id(broker.cluster_id().map(|id| text(id.to_string())))
        .with_controller_id(broker.controller_id().0.into())
        .with_topics(topics);
    if question.cluster_operations {
        answer.cluster_authorized_operations = CLUSTER_OPERATIONS;
    }
    caller.answer(&answer, out);
}

/// The brokers that are live, or were a moment ago: clients forget who is not listed, and librdkafka 2.12 does not take
/// it well when that comes and goes (its issues 5301 and 5600). Where none is, those that are registered, and this one,
/// which the client has just reached: at an empty list that library forgets everybody for ever.
fn brokers(broker: &Broker, now: Now) -> Vec<MetadataResponseBroker> {
    let image = broker.image();
    let mut brokers: BTreeMap<_, _> = (image.brokers.iter())
        .filter(|(id, member)| !member.fenced || broker.was_live_lately(now, **id))
        .filter_map(|(id, member)| Some((*id, listed(*id, member)?)))
        .collect();
    if brokers.is_empty() {
        let identity = &broker.identity;
        let own = identity.listeners.first();
        brokers.extend(own.map(|endpoint| (identity.broker, at(identity.broker, endpoint))));
        let registered = image.brokers.iter();
        brokers.extend(registered.filter_map(|(id, member)| Some((*id, listed(*id, member)?))));
    }
    brokers.into_values().collect()
}

fn listed(id: BrokerId, member: &BrokerImage) -> Option<MetadataResponseBroker> {
    let endpoint = cluster::client_endpoint(member)?;
    Some(at(id, endpoint).with_rack(member.rack.as_ref().map(text)))
}

fn at(id: BrokerId, endpoint: &Endpoint) -> MetadataResponseBroker {
    MetadataResponseBroker::default()
        .with_node_id(id.0.into())
        .with_host(text(&endpoint.host))
        .with_port(i32::from(endpoint.port))
}

fn one(
    broker: &Broker,
    wanted: &Wanted,
    operations: bool,
    refused: &Refused,
) -> MetadataResponseTopic {
    let image = broker.image();
    match wanted {
        Wanted::Name(name) => match cluster::topic_by_name(image, name) {
            Some((id, topic)) => describe(broker, id, topic, operations),
            None => {
                let error = match refused.get(name) {
                    Some(error) if is_final(error) => error.error_code(),
                    _ if !cluster::is_topic_name(name) => ErrorCode::InvalidTopicException,
                    _ if !broker.opened => ErrorCode::LeaderNotAvailable,
                    _ => ErrorCode::UnknownTopicOrPartition,
                };
                MetadataResponseTopic::default()
                    .with_error_code(error.code())
                    .with_name(Some(TopicName(text(name))))
            }
        },
        Wanted::Id(id) => match image.topics.get(id) {
            Some(topic) => describe(broker, *id, topic, operations),
            None => MetadataResponseTopic::default()
                .with_error_code(unknown_id(broker).code())
                // Null exists from v12 on, which is where this question exists too.
                .with_name(None)
                .with_topic_id((*id).into()),
        },
    }
}

fn unknown_id(broker: &Broker) -> ErrorCode {
    if broker.opened {
        ErrorCode::UnknownTopicId
    } else {
        ErrorCode::LeaderNotAvailable
    }
}

/// Whether the client should stop asking: a creation that only was not possible right now is
/// answered as an unknown topic, which clients retry.
fn is_final(error: &ControllerError) -> bool {
    matches!(
        error,
        ControllerError::InvalidTopic { .. }
            | ControllerError::InvalidReplicationFactor { .. }
            | ControllerError::InvalidPartitions { .. }
            | ControllerError::PolicyViolation { .. }
    )
}

fn describe(
    broker: &Broker,
    id: TopicId,
    topic: &TopicImage,
    operations: bool,
) -> MetadataResponseTopic {
    let partitions = topic
        .partitions()
        .map(|(tp, partition)| describe_partition(broker, tp.partition, partition))
        .collect();
    MetadataResponseTopic::default()
        .with_name(Some(TopicName(text(&topic.name))))
        .with_topic_id(id.into())
        .with_is_internal(cluster::is_internal(&topic.name))
        .with_partitions(partitions)
        .with_topic_authorized_operations(if operations {
            TOPIC_OPERATIONS
        } else {
            NOT_ASKED
        })
}

fn describe_partition(
    broker: &Broker,
    index: i32,
    partition: &PartitionImage,
) -> MetadataResponsePartition {
    let image = broker.image();
    let leader = partition.leader.filter(|id| cluster::is_live(image, *id));
    let error = match leader {
        Some(_) => ErrorCode::None,
        None => ErrorCode::LeaderNotAvailable,
    };
    MetadataResponsePartition::default()
        .with_error_code(error.code())
        .with_partition_index(index)
        .with_leader_id(leader.map_or(-1, |id| id.0).into())
        .with_leader_epoch(partition.leader_epoch)
        .with_replica_nodes(broker_ids(&partition.replicas))
        .with_isr_nodes(broker_ids(&partition.isr))
        .with_offline_replicas(broker_ids(&cluster::offline_replicas(image, partition)))
}
