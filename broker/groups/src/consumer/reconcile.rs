//! One step of a member towards the target: it gives back before it gets, and gets only what nobody else has any more.
//! It is Kafka's state machine of KIP-848 as a pure function; who calls it stores what comes out.

use std::collections::{BTreeMap, BTreeSet};

use kring_wire::{ErrorCode, TopicId};

use super::partitions::{Assignment, Owned, TopicPartitionsList, meets};
use super::state::{Current, MemberState};

/// Where a member shall get to.
pub(super) struct Goal<'a> {
    /// Epoch of the target assignment.
    pub(super) epoch: i32,
    /// The member's part of it.
    pub(super) target: &'a Assignment,
    /// What others have not given back.
    pub(super) held: &'a dyn Fn() -> BTreeSet<(TopicId, i32)>,
}

/// The member's next state, or its own again when it cannot move. `says` is what the member says that it has, if it does.
pub(super) fn step(
    current: &Current,
    goal: &Goal<'_>,
    says: Option<&TopicPartitionsList>,
) -> Result<Current, ErrorCode> {
    let still_has = |owned: &Owned| says.is_none_or(|list| meets(list, owned));
    match current.state {
        MemberState::Stable if current.epoch == goal.epoch => Ok(current.clone()),
        MemberState::UnrevokedPartitions if still_has(&current.revoking) => Ok(current.clone()),
        MemberState::Unknown if says.is_none_or(|list| !list.is_empty()) => {
            // It must begin again with nothing.
            Err(ErrorCode::FencedMemberEpoch)
        }
        _ => Ok(next(current, goal, &still_has)),
    }
}

fn next(current: &Current, goal: &Goal<'_>, still_has: &dyn Fn(&Owned) -> bool) -> Current {
    let (mut assigned, revoking) = split(&current.assigned, goal.target);
    if !revoking.is_empty() && still_has(&revoking) {
        return Current {
            state: MemberState::UnrevokedPartitions,
            assigned,
            revoking,
            ..current.clone()
        };
    }
    let mut waits = false;
    let lacks = goal.target.iter().any(|(topic, partitions)| {
        let has = assigned.get(topic).map_or(0, BTreeMap::len);
        has < partitions.len()
    });
    if lacks {
        // GRP-3: what another has not given back is waited for.
        let held = (goal.held)();
        for (topic, partitions) in goal.target {
            for partition in partitions {
                if held.contains(&(*topic, *partition)) {
                    waits = true;
                } else {
                    let topic = assigned.entry(*topic).or_default();
                    topic.entry(*partition).or_insert(goal.epoch);
                }
            }
        }
    }
    Current {
        epoch: goal.epoch,
        previous_epoch: if current.epoch == goal.epoch {
            current.previous_epoch
        } else {
            current.epoch
        },
        state: if waits {
            MemberState::UnreleasedPartitions
        } else {
            MemberState::Stable
        },
        assigned,
        revoking: Owned::new(),
    }
}

/// What of `owned` is in `target`, and what is not.
fn split(owned: &Owned, target: &Assignment) -> (Owned, Owned) {
    let (mut stays, mut goes) = (Owned::new(), Owned::new());
    for (topic, partitions) in owned {
        let wanted = target.get(topic);
        for (partition, epoch) in partitions {
            let side = if wanted.is_some_and(|wanted| wanted.contains(partition)) {
                &mut stays
            } else {
                &mut goes
            };
            side.entry(*topic).or_default().insert(*partition, *epoch);
        }
    }
    (stays, goes)
}
