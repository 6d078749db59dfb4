//! Condition types and reasons of our kinds, in the meaning kstatus gives them.
//! It decides nothing: the operator says which condition holds.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The object is as its spec asks and serves. Unknown until it was looked at for the first time.
pub const READY: &str = "Ready";
/// The operator is working on it; absent when it is not.
pub const RECONCILING: &str = "Reconciling";
/// It cannot become ready before a person changes something; absent when it can.
pub const STALLED: &str = "Stalled";
/// No partition is offline, under-replicated or below `min.insync.replicas`.
pub const DATA_SAFE: &str = "DataSafe";
/// The topic in the cluster is as the spec asks.
pub const SYNCED: &str = "Synced";
/// Someone changed the topic in the cluster away from the spec.
pub const DRIFTED: &str = "DriftDetected";

/// A condition's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// It is not known.
    Unknown,
}

impl State {
    /// The word Kubernetes uses.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

impl From<bool> for State {
    fn from(holds: bool) -> Self {
        if holds { Self::True } else { Self::False }
    }
}

/// Sets one condition; `lastTransitionTime` moves only when the status flips, so that an unchanged
/// object has an unchanged status.
pub fn set(
    conditions: &mut Vec<Condition>,
    now: Timestamp,
    generation: i64,
    (kind, state, reason, message): (&str, State, &str, &str),
) {
    let old = conditions
        .iter()
        .position(|condition| condition.type_ == kind);
    let last_transition_time = match old {
        Some(at) if conditions[at].status == state.as_str() => {
            conditions[at].last_transition_time.clone()
        }
        _ => Time(now),
    };
    let condition = Condition {
        type_: kind.to_owned(),
        status: state.as_str().to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        observed_generation: Some(generation),
        last_transition_time,
    };
    match old {
        Some(at) => conditions[at] = condition,
        None => conditions.push(condition),
    }
}

/// Removes a condition that only stands while it holds.
pub fn clear(conditions: &mut Vec<Condition>, kind: &str) {
    conditions.retain(|condition| condition.type_ != kind);
}

/// Finds a condition by type.
#[must_use]
pub fn get<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether a condition is `True`.
#[must_use]
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    get(conditions, kind).is_some_and(|condition| condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_only_when_the_status_flips() {
        let mut conditions = Vec::new();
        let at = |second| Timestamp::from_second(second).unwrap();
        set(
            &mut conditions,
            at(1),
            1,
            (READY, State::False, "Starting", "0 of 3"),
        );
        set(
            &mut conditions,
            at(2),
            2,
            (READY, State::False, "Starting", "1 of 3"),
        );
        assert_eq!(conditions[0].last_transition_time.0, at(1));
        assert_eq!(conditions[0].message, "1 of 3");
        assert_eq!(conditions[0].observed_generation, Some(2));
        set(&mut conditions, at(3), 2, (READY, State::True, "Ready", ""));
        assert_eq!(conditions[0].last_transition_time.0, at(3));
        assert_eq!(conditions.len(), 1);
    }
}
