//! From the spec and the topic in Kafka to what must be done. Pure: it asks and changes nothing.
//! Records are never given up: partitions do not shrink and topics are not replaced.

use std::collections::BTreeMap;

use kring_admin_api::{AlterTopicRequest, CreateTopicRequest, TopicDescription};
use kring_crds::Topic;
use kring_crds::topic::{Adopt, Drift, DriftPolicy};
use kring_resources::config_schema::topic_key;

use super::kafka_name;

/// What must be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    /// Create it; `again` when it was there before.
    Create {
        /// How.
        request: CreateTopicRequest,
        /// It was there before.
        again: bool,
    },
    /// Change it.
    Alter {
        /// How.
        request: AlterTopicRequest,
        /// What is left as it is.
        drift: Vec<Drift>,
        /// What to tell people: reason and sentence.
        note: Option<(&'static str, String)>,
    },
    /// Leave it.
    Keep {
        /// What is left as it is.
        drift: Vec<Drift>,
    },
    /// Leave it, because a person must decide.
    Refuse {
        /// A word for programs.
        reason: &'static str,
        /// For people.
        message: String,
    },
}

/// Decides.
pub(super) fn plan(topic: &Topic, have: Option<&TopicDescription>) -> Plan {
    let known_id = topic
        .status
        .as_ref()
        .and_then(|status| status.topic_id.as_deref());
    let Some(have) = have else {
        return match (known_id, topic.spec.drift_policy) {
            (None, _) => Plan::Create {
                request: creation(topic),
                again: false,
            },
            (Some(_), DriftPolicy::Revert) => Plan::Create {
                request: creation(topic),
                again: true,
            },
            (Some(_), _) => Plan::Keep { drift: Vec::new() },
        };
    };
    match known_id {
        None => {
            if let Some(refusal) = refuse_adoption(topic, have) {
                return refusal;
            }
        }
        Some(id) if id != have.topic_id && topic.spec.adopt != Adopt::Always => {
            return Plan::Refuse {
                reason: "TopicReplaced",
                message: format!(
                    "topic {} was deleted and created anew in Kafka (id {} instead of {id}); set adopt: Always to take it",
                    have.name, have.topic_id
                ),
            };
        }
        Some(_) => {}
    }
    if let Some(wanted) = topic.spec.partitions
        && wanted < have.partitions
    {
        return Plan::Refuse {
            reason: "PartitionsCannotShrink",
            message: format!(
                "topic {} has {} partitions and the spec asks {wanted}; Kafka cannot remove partitions, set spec.partitions to {}",
                have.name, have.partitions, have.partitions
            ),
        };
    }
    changes(topic, have, known_id.is_none())
}

fn creation(topic: &Topic) -> CreateTopicRequest {
    CreateTopicRequest {
        name: kafka_name(topic),
        partitions: topic.spec.partitions,
        replication_factor: topic.spec.replication_factor,
        config: wanted_config(topic),
    }
}

/// The settings the spec names.
fn wanted_config(topic: &Topic) -> BTreeMap<String, String> {
    let mut config: BTreeMap<String, String> = topic
        .spec
        .config
        .iter()
        .map(|(key, value)| (key.clone(), value.as_str().trim().to_owned()))
        .collect();
    if let Some(min) = topic.spec.min_insync_replicas {
        config.insert("min.insync.replicas".to_owned(), min.to_string());
    }
    config
}

fn refuse_adoption(topic: &Topic, have: &TopicDescription) -> Option<Plan> {
    let spec = &topic.spec;
    let matches = spec
        .partitions
        .is_none_or(|wanted| wanted == have.partitions)
        && spec
            .replication_factor
            .is_none_or(|wanted| wanted == have.replication_factor);
    let why = match spec.adopt {
        Adopt::Always => return None,
        Adopt::IfMatches if matches => return None,
        Adopt::IfMatches => format!(
            "topic {} exists already with {} partitions and replication factor {}; correct the spec, or set adopt: Always to change the topic",
            have.name, have.partitions, have.replication_factor
        ),
        Adopt::Never => format!("topic {} exists already and adopt is Never", have.name),
    };
    Some(Plan::Refuse {
        reason: "TopicExists",
        message: why,
    })
}

/// The differences, and which of them are changed. What the spec newly asks is always done; what
/// someone else changed meanwhile follows the drift policy.
fn changes(topic: &Topic, have: &TopicDescription, adopting: bool) -> Plan {
    let spec = &topic.spec;
    let seen = topic
        .status
        .as_ref()
        .and_then(|status| status.observed_generation);
    let asked_anew = adopting || seen != topic.metadata.generation;
    let mut request = AlterTopicRequest::default();
    let mut drift = Vec::new();
    let revert = spec.drift_policy == DriftPolicy::Revert;
    let set = asked_anew || spec.drift_policy != DriftPolicy::Report;
    let mut differs = |key: &str, want: Option<String>, have: Option<String>| {
        drift.push(Drift {
            key: key.to_owned(),
            want,
            have,
        });
    };
    if let Some(wanted) = spec.partitions.filter(|wanted| *wanted != have.partitions) {
        differs(
            "partitions",
            Some(wanted.to_string()),
            Some(have.partitions.to_string()),
        );
        request.partitions = set.then_some(wanted);
    }
    let factor = spec
        .replication_factor
        .filter(|wanted| *wanted != have.replication_factor);
    // A reassignment under way shows the old factor until it is through.
    if let Some(wanted) = factor.filter(|_| have.reassigning_partitions == 0) {
        differs(
            "replicationFactor",
            Some(wanted.to_string()),
            Some(have.replication_factor.to_string()),
        );
        request.replication_factor = set.then_some(wanted);
    }
    let wanted = wanted_config(topic);
    for (key, value) in &wanted {
        let is_default = topic_key(key).is_some_and(|known| known.default.as_ref() == Some(value));
        let same = match have.config.get(key) {
            Some(current) => current == value,
            None => is_default,
        };
        if !same {
            differs(key, Some(value.clone()), have.config.get(key).cloned());
            if set {
                request.set_config.insert(key.clone(), value.clone());
            }
        }
    }
    if spec.drift_policy != DriftPolicy::Ignore {
        for (key, current) in have
            .config
            .iter()
            .filter(|(key, _)| !wanted.contains_key(*key))
        {
            differs(key, None, Some(current.clone()));
            if revert {
                request.unset_config.push(key.clone());
            }
        }
    }
    finish(request, drift, asked_anew)
}

fn finish(request: AlterTopicRequest, drift: Vec<Drift>, asked_anew: bool) -> Plan {
    if request == AlterTopicRequest::default() {
        return Plan::Keep { drift };
    }
    let changed = |item: &Drift| {
        (item.key == "partitions" && request.partitions.is_some())
            || (item.key == "replicationFactor" && request.replication_factor.is_some())
            || request.set_config.contains_key(&item.key)
            || request.unset_config.contains(&item.key)
    };
    let (done, left): (Vec<_>, Vec<_>) = drift.into_iter().partition(changed);
    let default = || "default".to_owned();
    let list = done
        .into_iter()
        .map(|d| {
            let (have, want) = (
                d.have.unwrap_or_else(default),
                d.want.unwrap_or_else(default),
            );
            format!("{} {have} -> {want}", d.key)
        })
        .collect::<Vec<_>>()
        .join(", ");
    let note = if asked_anew {
        ("TopicChanged", list)
    } else {
        (
            "DriftReverted",
            format!("someone changed the topic in Kafka; it is set back: {list}"),
        )
    };
    Plan::Alter {
        request,
        drift: left,
        note: Some(note),
    }
}

#[cfg(test)]
mod tests;
