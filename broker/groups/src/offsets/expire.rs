//! Expiry of committed offsets: after the group has been empty, or the consumer without a group silent, for the retention.
//! Offsets that are asked to be deleted are in `delete`.

use std::collections::BTreeSet;

use super::{append_tombstones, offset_tombstone};
use crate::committed::{Committed, CommittedOffset};
use crate::owner::Owner;
use crate::step::Step;
use crate::writes::Then;

fn has_expired(group: Owner<'_>, topic: &str, offset: &CommittedOffset, step: &Step<'_>) -> bool {
    let Some(since_ms) = group.age_counts_from(topic, offset) else {
        return false;
    };
    match offset.expire_timestamp_ms {
        Some(at_ms) => step.now.wall_ms >= at_ms,
        None => step.now.wall_ms.saturating_sub(since_ms) >= step.config.offsets_retention_ms,
    }
}

/// Appends tombstones of what has expired of a group, and of the group itself when it is vacant
/// and nothing remains, not even an offset of an open transaction. Says whether the group is gone.
/// A group with an append under way must not be given: the tombstone would follow a commit that the
/// committed layer does not know yet.
pub(crate) fn expire(
    id: &str,
    group: Owner<'_>,
    committed: &Committed,
    step: &mut Step<'_>,
) -> bool {
    let mut tombstones = Vec::new();
    // A tombstone would drop what an open transaction is about to commit.
    let pending: BTreeSet<(&str, i32)> = committed.pending.keys_of(id).collect();
    let mut kept = !pending.is_empty();
    for (topic, partitions) in committed.offsets.get(id).into_iter().flatten() {
        for (partition, offset) in partitions {
            if !pending.contains(&(topic.as_str(), *partition))
                && has_expired(group, topic, &offset.value, step)
            {
                tombstones.push(offset_tombstone(id, topic, *partition));
            } else {
                kept = true;
            }
        }
    }
    let gone = !kept && group.is_vacant();
    if gone {
        tombstones.extend(group.forget(id, committed));
    }
    if !tombstones.is_empty() {
        tracing::info!(
            group = id,
            tombstones = tombstones.len(),
            gone,
            "offsets expired"
        );
        append_tombstones(id, tombstones, Then::Nothing, step);
    }
    gone
}
