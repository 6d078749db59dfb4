//! What a rollout can wait for, each with a word for programs and a sentence for people.
//! None of these is a failure; some need a person.

use kring_admin_api::Risk;

/// A reason to wait.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// A word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
}

impl Waiting {
    /// Puts word and sentence together.
    #[must_use]
    pub fn new(reason: &str, message: impl Into<String>) -> Self {
        Self {
            reason: reason.to_owned(),
            message: message.into(),
        }
    }
}

/// The disk that came back is not the one that was there.
pub(crate) const IDENTITY_CHANGED: &str = "IdentityChanged";
/// The new pod cannot start.
pub(crate) const POD_STUCK: &str = "PodStuck";
/// Partitions with one replica would be offline.
pub(crate) const SINGLE_REPLICA: &str = "SingleReplicaPartitions";

/// Whether waiting alone cannot end it: a person must change something.
#[must_use]
pub fn needs_a_person(reason: &str) -> bool {
    [IDENTITY_CHANGED, POD_STUCK, SINGLE_REPLICA].contains(&reason)
}

/// A count with its first examples: `2 partitions (a-0, a-1)`.
pub(crate) fn partitions(risk: &Risk) -> String {
    let noun = if risk.partitions == 1 {
        "partition"
    } else {
        "partitions"
    };
    let sample = risk
        .sample
        .iter()
        .take(3)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if sample.is_empty() {
        format!("{} {noun}", risk.partitions)
    } else {
        let more = if risk.partitions > 3 { ", ..." } else { "" };
        format!("{} {noun} ({sample}{more})", risk.partitions)
    }
}
