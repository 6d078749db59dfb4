//! Which broker is next.
//! It says nothing about whether that broker may be taken now.

use crate::snapshot::Snapshot;

/// The brokers that are to be restarted, in order: those that serve nothing, then the others by id,
/// the active controller last, so that the metadata quorum changes its leader once.
pub(crate) fn candidates(snapshot: &Snapshot) -> Vec<i32> {
    let mut candidates: Vec<_> = snapshot
        .brokers
        .iter()
        .filter(|broker| broker.is_outdated())
        .map(|broker| {
            let serves = !snapshot.serves_nothing(broker);
            (serves, snapshot.is_controller(broker.id), broker.id)
        })
        .collect();
    candidates.sort_unstable();
    candidates.into_iter().map(|(_, _, id)| id).collect()
}
