//! The status of a Topic from what a round found. Equal findings make an equal status.
//! It decides nothing.

use k8s_openapi::jiff::Timestamp;
use kring_admin_api::{TopicDescription, TopicGroups};
use kring_crds::conditions::{self, State};
use kring_crds::topic::{Drift, Topic, TopicStatus};

use super::kafka_name;

/// What a round found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Verdict {
    outcome: Outcome,
    reason: String,
    message: String,
    have: Option<TopicDescription>,
    drift: Vec<Drift>,
    /// The consumer groups, if somebody told them.
    pub(super) groups: Option<TopicGroups>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Synced,
    Waiting,
    Stalled,
}

impl Verdict {
    /// The topic is there; `drift` is what was left as it is.
    pub(super) fn synced(have: TopicDescription, drift: Vec<Drift>) -> Self {
        let moving = have.reassigning_partitions;
        let (outcome, reason, message) = if moving > 0 {
            (
                Outcome::Waiting,
                "Reassigning",
                format!("{moving} partitions are being reassigned"),
            )
        } else {
            (
                Outcome::Synced,
                "Synced",
                format!("{} partitions", have.partitions),
            )
        };
        Self {
            outcome,
            reason: reason.to_owned(),
            message,
            have: Some(have),
            drift,
            groups: None,
        }
    }

    /// Something must happen first, and may happen by itself.
    pub(super) fn waiting(reason: &str, message: String) -> Self {
        Self {
            outcome: Outcome::Waiting,
            reason: reason.to_owned(),
            message,
            have: None,
            drift: Vec::new(),
            groups: None,
        }
    }

    /// A person must change something.
    pub(super) fn stalled(reason: &str, message: String) -> Self {
        Self {
            outcome: Outcome::Stalled,
            ..Self::waiting(reason, message)
        }
    }

    /// The same, about a topic that is there.
    pub(super) fn refused(reason: &str, message: String, have: Option<TopicDescription>) -> Self {
        // A topic that is not ours is not described as if it were.
        let have = have.filter(|_| reason == "PartitionsCannotShrink");
        Self {
            have,
            ..Self::stalled(reason, message)
        }
    }

    /// The same, with what the brokers tell of the topic's consumer groups.
    pub(super) fn with_groups(self, groups: Option<TopicGroups>) -> Self {
        // Those of a topic that is not ours are not told either.
        let groups = groups.filter(|_| self.have.is_some());
        Self { groups, ..self }
    }

    /// Nothing is expected to change by itself.
    pub(super) fn is_settled(&self) -> bool {
        self.outcome != Outcome::Waiting
    }
}

/// Builds the status; what is not known now stays as it was known last.
pub(super) fn build(topic: &Topic, verdict: &Verdict, now: Timestamp) -> TopicStatus {
    let generation = topic.metadata.generation.unwrap_or_default();
    let mut status = topic.status.clone().unwrap_or_default();
    status.observed_generation = Some(generation);
    status.topic_name = Some(kafka_name(topic));
    if let Some(have) = &verdict.have {
        status.topic_id = Some(have.topic_id.clone());
        status.partitions = Some(have.partitions);
        status.replication_factor = Some(have.replication_factor);
        status.drift = verdict.drift.iter().take(100).cloned().collect();
    }
    let (reason, message) = (verdict.reason.as_str(), verdict.message.as_str());
    let list = &mut status.conditions;
    let synced = verdict.outcome == Outcome::Synced;
    conditions::set(
        list,
        now,
        generation,
        (conditions::READY, synced.into(), reason, message),
    );
    if verdict.have.is_some() {
        let drifted = !status.drift.is_empty();
        let keys = status
            .drift
            .iter()
            .map(|d| d.key.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        let (reason, state) = if drifted {
            ("Drifted", State::True)
        } else {
            ("InSync", State::False)
        };
        conditions::set(
            list,
            now,
            generation,
            (conditions::DRIFTED, state, reason, &keys),
        );
        let in_sync = State::from(synced && !drifted);
        conditions::set(
            list,
            now,
            generation,
            (conditions::SYNCED, in_sync, reason, message),
        );
    }
    match verdict.outcome {
        Outcome::Synced => {
            conditions::clear(list, conditions::RECONCILING);
            conditions::clear(list, conditions::STALLED);
        }
        Outcome::Waiting => {
            conditions::set(
                list,
                now,
                generation,
                (conditions::RECONCILING, State::True, reason, message),
            );
            conditions::clear(list, conditions::STALLED);
        }
        Outcome::Stalled => {
            conditions::set(
                list,
                now,
                generation,
                (conditions::STALLED, State::True, reason, message),
            );
            conditions::clear(list, conditions::RECONCILING);
        }
    }
    status
}
