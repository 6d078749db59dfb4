//! Brokers whose pod can never start on the template they have get the new one at once.
//! It takes nothing away from anybody, so it needs no grant.

use crate::snapshot::Snapshot;

/// The first broker to repair: outdated, not ready, and either stuck by itself or down together
/// with all others, which then could never form a quorum one by one.
///
/// A broker that is merely restarting keeps its old template: a new version that turns out bad must
/// not take a second broker with it.
pub(crate) fn broker_to_repair(snapshot: &Snapshot, granted: Option<i32>) -> Option<i32> {
    let nobody_serves =
        snapshot.cluster.is_none() && !snapshot.brokers.iter().any(|broker| broker.is_ready());
    let broken = snapshot.brokers.iter().find(|broker| {
        let stuck = broker.pod.as_ref().is_some_and(|pod| pod.stuck.is_some());
        Some(broker.id) != granted
            && broker.is_outdated()
            && snapshot.serves_nothing(broker)
            && (stuck || nobody_serves)
    })?;
    Some(broken.id)
}
