//! Topics in the admin API: what the operator's `Topic` resources become.
//! What a name, number or setting may be is the controller's to say.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_admin_api::{
    AlterTopicRequest, CreateTopicRequest, GroupLag, TopicDescription, TopicGroups, error,
};
use kring_controller::request::{
    AlterConfigs, ConfigOp, ConfigOpKind, ConfigResource, NewPartitions, NewTopic, TopicRef,
};
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse, TopicImage};
use kring_io::Now;

use super::answer::{refusal, unexpected};
use super::{AdminError, AdminRequest, AdminResponse};
use crate::auto_create;
use crate::broker::Broker;
use crate::cluster;
use crate::event::Output;
use crate::image_wait;
use crate::route::controller::Answered;

/// How long an answer waits for this broker to hear of what the controller has committed.
const HEARD_WAIT: Duration = Duration::from_secs(2);

/// Handles a request about topics.
pub(super) fn handle(
    broker: &mut Broker,
    now: Now,
    id: u64,
    request: AdminRequest,
    out: &mut Output,
) {
    match request {
        AdminRequest::Topics => {
            let topics = cluster::topics_in_name_order(broker.image())
                .map(|(_, topic)| describe(topic))
                .collect();
            out.admin.push((id, Ok(AdminResponse::Topics(topics))));
        }
        AdminRequest::Topic { name } => answer_with(broker, id, &name, out),
        AdminRequest::TopicGroups { name } => {
            let groups = groups(broker, now, &name);
            out.admin.push((id, Ok(AdminResponse::TopicGroups(groups))));
        }
        AdminRequest::CreateTopic(topic) => create(broker, now, id, topic, out),
        AdminRequest::AlterTopic { name, change } => {
            alter(broker, now, id, steps(name.clone(), change), name, out);
        }
        AdminRequest::DeleteTopic { name, topic_id } => {
            delete(broker, now, id, name, topic_id, out);
        }
        _ => unreachable!("only requests about topics come here"),
    }
}

fn answer_with(broker: &Broker, id: u64, name: &str, out: &mut Output) {
    let answer = match cluster::topic_by_name(broker.image(), name) {
        Some((_, topic)) => Ok(AdminResponse::Topic(describe(topic))),
        None => Err(AdminError {
            error: error::NOT_FOUND,
            message: format!("topic {name:?} does not exist"),
        }),
    };
    out.admin.push((id, answer));
}

/// Its groups that are coordinated here, as they were sampled last: an operator asks for many topics.
fn groups(broker: &Broker, now: Now, name: &str) -> TopicGroups {
    let told = broker.lag.sampled().topics.iter();
    let groups = told.filter(|of| of.topic == name).map(|of| GroupLag {
        group: of.group.clone(),
        lag_records: of.lag_records,
        lag_s: of.waited_ms(now.wall_ms) / 1_000,
        growth_records: of.growth_records.unwrap_or(0),
        growing: of.growing,
        stalled_partitions: of.stalled_partitions,
        lost_records: of.lost_records,
    });
    let mut worst = TopicGroups::default();
    worst.add(TopicGroups {
        groups: groups.collect(),
        left_out: 0,
    });
    worst
}

/// A topic as the image has it.
pub(super) fn describe(topic: &TopicImage) -> TopicDescription {
    let count = |test: &dyn Fn(&kring_controller::PartitionImage) -> bool| {
        topic.partitions.iter().filter(|p| test(p)).count() as u64
    };
    let factor = topic
        .partitions
        .first()
        .map_or(0, |first| first.target_replicas().len());
    TopicDescription {
        name: topic.name.clone(),
        topic_id: topic.id.to_string(),
        partitions: i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
        replication_factor: i32::try_from(factor).unwrap_or(i32::MAX),
        config: topic.config.clone(),
        offline_partitions: count(&|p| p.leader.is_none()),
        under_replicated_partitions: count(&|p| p.isr.len() < p.replicas.len()),
        reassigning_partitions: count(&|p| p.is_reassigning()),
    }
}

fn create(broker: &mut Broker, now: Now, id: u64, topic: CreateTopicRequest, out: &mut Output) {
    let factor = match topic.replication_factor.map(i16::try_from) {
        None => -1,
        Some(Ok(factor)) => factor,
        Some(Err(_)) => {
            let reason = "replication_factor: a whole number from 1 to 32767 is allowed".to_owned();
            let refused = ControllerError::InvalidReplicationFactor { reason };
            return out.admin.push((id, Err(refusal(&refused))));
        }
    };
    let name = topic.name.clone();
    let new = NewTopic {
        name: topic.name,
        partitions: topic.partitions.unwrap_or(-1),
        replication_factor: factor,
        assignments: BTreeMap::new(),
        configs: topic
            .config
            .into_iter()
            .map(|(k, v)| (k, Some(v)))
            .collect(),
    };
    broker.ask_controller(
        now,
        ControllerRequest::CreateTopics {
            topics: vec![new],
            validate_only: false,
        },
        Box::new(move |broker, now, answered, out| {
            let first = match answered {
                Ok(ControllerResponse::CreateTopics(each)) => each
                    .into_iter()
                    .next()
                    .map(|(_, result)| result.map(|_| ())),
                Ok(other) => return out.admin.push((id, Err(unexpected(&other)))),
                Err(error) => Some(Err(error)),
            };
            match first {
                Some(Err(error)) => out.admin.push((id, Err(refusal(&error)))),
                _ => wait_and_answer(broker, now, id, name, out),
            }
        }),
        out,
    );
}

fn wait_and_answer(broker: &mut Broker, now: Now, id: u64, name: String, out: &mut Output) {
    let created = name.clone();
    image_wait::until(
        broker,
        now,
        HEARD_WAIT,
        move |broker| auto_create::has_leaders(broker, &created),
        move |broker, _, out| answer_with(broker, id, &name, out),
        out,
    );
}

/// The changes of a request, in an order in which a refused one leaves the least behind.
fn steps(name: String, change: AlterTopicRequest) -> Vec<ControllerRequest> {
    let mut steps = Vec::new();
    let set = change.set_config.into_iter().map(|(key, value)| ConfigOp {
        name: key,
        kind: ConfigOpKind::Set,
        value: Some(value),
    });
    let unset = change.unset_config.into_iter().map(|key| ConfigOp {
        name: key,
        kind: ConfigOpKind::Delete,
        value: None,
    });
    let ops: Vec<ConfigOp> = set.chain(unset).collect();
    // Asked last first: `alter` takes from the end.
    if let Some(factor) = change.replication_factor {
        steps.push(ControllerRequest::SetReplicationFactor {
            topic: name.clone(),
            replication_factor: i16::try_from(factor).unwrap_or(i16::MAX),
        });
    }
    if let Some(count) = change.partitions {
        steps.push(ControllerRequest::CreatePartitions {
            topics: vec![NewPartitions {
                name: name.clone(),
                count,
                assignments: None,
            }],
            validate_only: false,
        });
    }
    if !ops.is_empty() {
        steps.push(ControllerRequest::AlterConfigs {
            resources: vec![AlterConfigs {
                resource: ConfigResource::Topic(name),
                ops,
            }],
            validate_only: false,
        });
    }
    steps
}

fn alter(
    broker: &mut Broker,
    now: Now,
    id: u64,
    mut steps: Vec<ControllerRequest>,
    name: String,
    out: &mut Output,
) {
    let Some(step) = steps.pop() else {
        return answer_with(broker, id, &name, out);
    };
    if let ControllerRequest::CreatePartitions { topics, .. } = &step
        && has_partitions(broker, &name, topics[0].count)
    {
        return alter(broker, now, id, steps, name, out);
    }
    let wanted = step.clone();
    broker.ask_controller(
        now,
        step,
        Box::new(move |broker, now, answered, out| match failure(answered) {
            Some(refused) => out.admin.push((id, Err(refused))),
            None => image_wait::until(
                broker,
                now,
                HEARD_WAIT,
                move |broker| has_heard(broker, &wanted),
                move |broker, now, out| alter(broker, now, id, steps, name, out),
                out,
            ),
        }),
        out,
    );
}

/// Whether the image shows a committed change already, so that the answer can describe it.
fn has_heard(broker: &Broker, step: &ControllerRequest) -> bool {
    match step {
        ControllerRequest::CreatePartitions { topics, .. } => {
            has_partitions(broker, &topics[0].name, topics[0].count)
        }
        ControllerRequest::AlterConfigs { resources, .. } => {
            let ConfigResource::Topic(name) = &resources[0].resource else {
                return true;
            };
            let Some((_, topic)) = cluster::topic_by_name(broker.image(), name) else {
                return false;
            };
            let shows = |op: &ConfigOp| topic.config.get(&op.name) == op.value.as_ref();
            resources[0].ops.iter().all(shows)
        }
        _ => true,
    }
}

/// Whether the wanted number is the present one: the request states what shall be, not a change.
fn has_partitions(broker: &Broker, name: &str, count: i32) -> bool {
    cluster::topic_by_name(broker.image(), name)
        .is_some_and(|(_, topic)| usize::try_from(count) == Ok(topic.partitions.len()))
}

fn failure(answered: Answered) -> Option<AdminError> {
    let result = match answered {
        Err(error) => Err(error),
        Ok(ControllerResponse::AlterConfigs(each)) => first_error(each),
        Ok(ControllerResponse::CreatePartitions(each)) => first_error(each),
        Ok(ControllerResponse::DeleteTopics(each)) => first_error(each),
        Ok(ControllerResponse::SetReplicationFactor) => Ok(()),
        Ok(other) => return Some(unexpected(&other)),
    };
    result.err().map(|error| refusal(&error))
}

fn first_error<K, T>(each: Vec<(K, Result<T, ControllerError>)>) -> Result<(), ControllerError> {
    each.into_iter()
        .try_for_each(|(_, result)| result.map(|_| ()))
}

/// A topic that was made anew under the name is not the one that was to go, when its id is said.
fn delete(
    broker: &mut Broker,
    now: Now,
    id: u64,
    name: String,
    topic_id: Option<String>,
    out: &mut Output,
) {
    if cluster::is_internal(&name) {
        let reason = format!("topic {name:?} is internal and cannot be deleted");
        let refused = ControllerError::InvalidRequest { reason };
        return out.admin.push((id, Err(refusal(&refused))));
    }
    let topic = match topic_id.as_deref().map(str::parse) {
        None => TopicRef::Name(name.clone()),
        Some(Ok(topic_id)) => TopicRef::Id(topic_id),
        Some(Err(_)) => {
            let reason = format!("{topic_id:?} is no topic id");
            let refused = ControllerError::InvalidRequest { reason };
            return out.admin.push((id, Err(refusal(&refused))));
        }
    };
    let topics = vec![topic.clone()];
    broker.ask_controller(
        now,
        ControllerRequest::DeleteTopics { topics },
        Box::new(move |broker, now, answered, out| match failure(answered) {
            Some(refused) => out.admin.push((id, Err(refused))),
            None => image_wait::until(
                broker,
                now,
                HEARD_WAIT,
                move |broker| match topic {
                    TopicRef::Name(_) => cluster::topic_by_name(broker.image(), &name).is_none(),
                    TopicRef::Id(topic_id) => !broker.image().topics.contains_key(&topic_id),
                },
                move |_, _, out| out.admin.push((id, Ok(AdminResponse::Done))),
                out,
            ),
        }),
        out,
    );
}
