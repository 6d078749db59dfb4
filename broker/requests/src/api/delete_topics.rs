//! DeleteTopics (20), versions 1–6: each topic succeeds or fails alone.
//!
//! * v6 names topics by name or id; the answer then has both.
//! * Internal topics cannot be deleted: `INVALID_REQUEST`.

use std::collections::BTreeMap;

use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, TopicName};
use kring_controller::request::TopicRef;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::Now;
use kring_wire::TopicId;

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::route::controller::Answered;
use crate::text::text;

/// What a row without a name and an id says.
const NEITHER: TopicRef = TopicRef::Id(TopicId::ZERO);

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DeleteTopicsRequest = call.decode()?;
    let caller = call.caller;
    let asked: Vec<TopicRef> = if caller.version >= 6 {
        request
            .topics
            .into_iter()
            .map(|topic| match topic.name {
                Some(name) => TopicRef::Name(name.to_string()),
                None => TopicRef::Id(topic.topic_id.into()),
            })
            .collect()
    } else {
        request
            .topic_names
            .into_iter()
            .map(|name| TopicRef::Name(name.to_string()))
            .collect()
    };
    let (internal, topics): (Vec<TopicRef>, Vec<TopicRef>) = asked
        .iter()
        .cloned()
        .partition(|topic| is_internal(broker, topic));
    broker.ask_controller(
        now,
        ControllerRequest::DeleteTopics { topics },
        Box::new(move |_, _, answered, out| answer(caller, &asked, &internal, answered, out)),
        out,
    );
    Ok(())
}

fn is_internal(broker: &Broker, topic: &TopicRef) -> bool {
    match topic {
        TopicRef::Name(name) => cluster::is_internal(name),
        TopicRef::Id(id) => broker
            .image()
            .topics
            .get(id)
            .is_some_and(|topic| cluster::is_internal(&topic.name)),
    }
}

fn answer(
    caller: Caller,
    asked: &[TopicRef],
    internal: &[TopicRef],
    answered: Answered,
    out: &mut Output,
) {
    let mut results: BTreeMap<TopicRef, Result<(TopicId, String), ControllerError>> = match answered
    {
        Ok(ControllerResponse::DeleteTopics(each)) => each.into_iter().collect(),
        Ok(_) => BTreeMap::new(),
        Err(error) => asked
            .iter()
            .map(|topic| (topic.clone(), Err(error.clone())))
            .collect(),
    };
    if asked.contains(&NEITHER) {
        let reason = "neither a name nor an id is given".to_owned();
        results.insert(NEITHER, Err(ControllerError::InvalidRequest { reason }));
    }
    for topic in internal {
        let reason = "internal topics cannot be deleted".to_owned();
        results.insert(
            topic.clone(),
            Err(ControllerError::InvalidRequest { reason }),
        );
    }
    let responses = asked
        .iter()
        .map(|topic| {
            // A topic that stands twice in the request is deleted once.
            let result = results.remove(topic).unwrap_or_else(|| {
                let reason = "the topic stands more than once in the request".to_owned();
                Err(ControllerError::InvalidRequest { reason })
            });
            row(caller.version, topic, result)
        })
        .collect();
    let answer = DeleteTopicsResponse::default().with_responses(responses);
    caller.answer(&answer, out);
}

fn row(
    version: i16,
    topic: &TopicRef,
    result: Result<(TopicId, String), ControllerError>,
) -> DeletableTopicResult {
    let mut row = DeletableTopicResult::default().with_error_message(None);
    match topic {
        TopicRef::Name(name) => row.name = Some(TopicName(text(name))),
        TopicRef::Id(id) => {
            row.name = None;
            row.topic_id = (*id).into();
        }
    }
    match result {
        Ok((id, name)) => {
            row.name = Some(TopicName(text(name)));
            row.topic_id = id.into();
        }
        Err(error) => {
            row.error_code = error.error_code().code();
            if version >= 5 {
                row.error_message = Some(text(error.to_string()));
            }
        }
    }
    row
}
