//! Topics created because a client uses them, and those who wait until they can be used.
//! Names and settings are checked by the controller.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_controller::request::NewTopic;
use kring_controller::{ControllerError, ControllerRequest, ControllerResponse};
use kring_io::{Instant, Now};

use crate::broker::Broker;
use crate::calls::Done;
use crate::cluster;
use crate::event::Output;

/// Waiting requests at most; past it they are answered as if their time were over.
const WAITING_MAX: usize = 10_000;

/// What came of it: the topics that could not be created. Those that are neither here nor led yet
/// have run out of time.
pub(crate) type Refused = BTreeMap<String, ControllerError>;

struct Wait {
    deadline: Instant,
    names: BTreeSet<String>,
    refused: Refused,
    done: Done<Refused>,
}

/// Requests that wait for topics.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    open: BTreeMap<u64, Wait>,
    by_deadline: BTreeSet<(Instant, u64)>,
}

impl Waiting {
    /// When the next request's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    fn take(&mut self, id: u64) -> Option<Wait> {
        let wait = self.open.remove(&id)?;
        self.by_deadline.remove(&(wait.deadline, id));
        Some(wait)
    }
}

/// Creates topics with the cluster's defaults and calls `done` when each is refused or has a leader
/// for every partition, at the latest after `patience`.
pub(crate) fn create_and_wait(
    broker: &mut Broker,
    now: Now,
    names: Vec<String>,
    patience: Duration,
    done: Done<Refused>,
    out: &mut Output,
) {
    let topics = names.iter().cloned().map(new_topic).collect();
    let Some(id) = add(broker, now, names, patience, done, out) else {
        return;
    };
    broker.ask_controller(
        now,
        ControllerRequest::CreateTopics {
            topics,
            validate_only: false,
        },
        Box::new(move |broker, now, answer, out| {
            note_refusals(broker, id, answer);
            complete(broker, now, id, out);
        }),
        out,
    );
}

/// Calls `done` when this broker knows a leader for every partition of the topics, at the latest
/// after `patience`.
pub(crate) fn wait(
    broker: &mut Broker,
    now: Now,
    names: Vec<String>,
    patience: Duration,
    done: Done<Refused>,
    out: &mut Output,
) {
    if let Some(id) = add(broker, now, names, patience, done, out) {
        complete(broker, now, id, out);
    }
}

fn add(
    broker: &mut Broker,
    now: Now,
    names: Vec<String>,
    patience: Duration,
    done: Done<Refused>,
    out: &mut Output,
) -> Option<u64> {
    if broker.auto_create.open.len() >= WAITING_MAX {
        done(broker, now, Refused::new(), out);
        return None;
    }
    let waiting = &mut broker.auto_create;
    waiting.next += 1;
    let id = waiting.next;
    let deadline = now.mono + patience;
    waiting.by_deadline.insert((deadline, id));
    let wait = Wait {
        deadline,
        names: names.into_iter().collect(),
        refused: Refused::new(),
        done,
    };
    waiting.open.insert(id, wait);
    Some(id)
}

fn new_topic(name: String) -> NewTopic {
    NewTopic {
        name,
        partitions: -1,
        replication_factor: -1,
        ..NewTopic::default()
    }
}

fn note_refusals(
    broker: &mut Broker,
    id: u64,
    answer: Result<ControllerResponse, ControllerError>,
) {
    let Some(wait) = broker.auto_create.open.get_mut(&id) else {
        return;
    };
    match answer {
        Ok(ControllerResponse::CreateTopics(each)) => {
            for (name, result) in each {
                match result {
                    // Somebody else was faster, which is as good.
                    Ok(_) | Err(ControllerError::TopicExists { .. }) => {}
                    Err(error) => {
                        wait.refused.insert(name, error);
                    }
                }
            }
        }
        Ok(other) => tracing::error!(?other, "not an answer to CreateTopics"),
        Err(error) => {
            for name in &wait.names {
                wait.refused.insert(name.clone(), error.clone());
            }
        }
    }
}

/// Completes every request whose topics can be used now.
pub(crate) fn image_changed(broker: &mut Broker, now: Now, out: &mut Output) {
    let ids: Vec<u64> = broker.auto_create.open.keys().copied().collect();
    for id in ids {
        complete(broker, now, id, out);
    }
}

/// Completes every request whose time is over.
pub(crate) fn expire(broker: &mut Broker, now: Now, out: &mut Output) {
    while let Some((deadline, id)) = broker.auto_create.by_deadline.first().copied()
        && deadline <= now.mono
    {
        if let Some(wait) = broker.auto_create.take(id) {
            (wait.done)(broker, now, wait.refused, out);
        }
    }
}

fn complete(broker: &mut Broker, now: Now, id: u64, out: &mut Output) {
    let Some(wait) = broker.auto_create.open.get(&id) else {
        return;
    };
    let ready = wait
        .names
        .iter()
        .all(|name| wait.refused.contains_key(name) || has_leaders(broker, name));
    if ready && let Some(wait) = broker.auto_create.take(id) {
        (wait.done)(broker, now, wait.refused, out);
    }
}

fn has_leaders(broker: &Broker, name: &str) -> bool {
    cluster::topic_by_name(broker.image(), name).is_some_and(|(_, topic)| {
        !topic.partitions.is_empty() && topic.partitions.iter().all(|p| p.leader.is_some())
    })
}
