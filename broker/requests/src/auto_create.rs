//! Topics created because a client uses them.
//! Names and settings are checked by the controller; the waiting is in `image_wait`.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_controller::request::NewTopic;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::Now;

use crate::broker::Broker;
use crate::calls::Done;
use crate::cluster;
use crate::event::Output;
use crate::image_wait;
use crate::route::controller::Answered;

/// The topics that could not be created, and why. Those that are neither here nor led have run
/// out of time.
pub(crate) type Refused = BTreeMap<String, ControllerError>;

/// Creates topics with the cluster's defaults and calls `done` when each is refused or has a leader
/// for every partition, at the latest `patience` after the controller's answer.
pub(crate) fn create_and_wait(
    broker: &mut Broker,
    now: Now,
    names: Vec<String>,
    patience: Duration,
    done: Done<Refused>,
    out: &mut Output,
) {
    let topics = names.iter().cloned().map(new_topic).collect();
    broker.ask_controller(
        now,
        ControllerRequest::CreateTopics {
            topics,
            validate_only: false,
        },
        Box::new(move |broker, now, answered, out| {
            let refused = refusals(&names, answered);
            let created: Vec<String> = names
                .into_iter()
                .filter(|name| !refused.contains_key(name))
                .collect();
            image_wait::until(
                broker,
                now,
                patience,
                move |broker| created.iter().all(|name| has_leaders(broker, name)),
                move |broker, now, out| done(broker, now, refused, out),
                out,
            );
        }),
        out,
    );
}

fn new_topic(name: String) -> NewTopic {
    NewTopic {
        name,
        partitions: -1,
        replication_factor: -1,
        ..NewTopic::default()
    }
}

fn refusals(names: &[String], answered: Answered) -> Refused {
    match answered {
        Ok(ControllerResponse::CreateTopics(each)) => each
            .into_iter()
            .filter_map(|(name, result)| match result {
                // Somebody else was faster, which is as good.
                Ok(_) | Err(ControllerError::TopicExists { .. }) => None,
                Err(error) => Some((name, error)),
            })
            .collect(),
        Ok(other) => {
            tracing::error!(?other, "not an answer to CreateTopics");
            Refused::new()
        }
        Err(error) => names
            .iter()
            .map(|name| (name.clone(), error.clone()))
            .collect(),
    }
}

/// Whether this broker knows a leader for every partition of a topic.
pub(crate) fn has_leaders(broker: &Broker, name: &str) -> bool {
    cluster::topic_by_name(broker.image(), name).is_some_and(|(_, topic)| {
        !topic.partitions.is_empty() && topic.partitions.iter().all(|p| p.leader.is_some())
    })
}
