//! What must hold in every state of the modelled quorum; the names are those of the TLA+ models of KRaft.
//! A state that breaks one of them says which, and keeps saying it.

use bytes::Bytes;
use kring_io::BrokerId;

use super::State;
use super::node::{Node, Seen};
use crate::quorum::store;
use crate::quorum::{Entry, Index, Message, Quorum};

/// What a snapshot of these entries says.
pub(super) fn content(entries: &[Entry]) -> Bytes {
    let text = entries.iter().flat_map(|entry| {
        let epoch = u8::try_from(entry.epoch).expect("few epochs");
        [epoch].into_iter().chain(entry.payload.iter().copied())
    });
    text.collect()
}

/// Of one member over one step: MonotonicEpoch, MonotonicHighWatermark, and that it promises
/// nothing that its disk does not have.
pub(super) fn check_step(
    node: &Node,
    before: Seen,
    sends: &[(BrokerId, Message)],
    committed: &[Entry],
    broken: &mut Option<String>,
) {
    let now = node.seen();
    if now.epoch < before.epoch {
        *broken = Some("MonotonicEpoch".to_owned());
    }
    if now.commit < before.commit {
        *broken = Some("MonotonicHighWatermark".to_owned());
    }
    for (to, message) in sends {
        let kept = match message {
            Message::VoteReply {
                epoch,
                granted: true,
            } => now.ballot.epoch == *epoch && now.ballot.voted == Some(*to),
            Message::Vote { epoch, .. } => {
                now.ballot.epoch > *epoch || now.ballot.voted == Some(node.quorum.config.id)
            }
            Message::Matched { index, .. } => has_durable(node, *index, committed),
            _ => true,
        };
        if !kept {
            *broken = Some(format!("DurableBeforeSaid: {message:?}"));
        }
    }
}

/// MonotonicVote: what the disk knows of epoch and vote never goes back.
pub(super) fn check_votes(node: &Node, before: Seen, broken: &mut Option<String>) {
    let (was, is) = (before.ballot, node.seen().ballot);
    let same_vote = was.voted.is_none() || is.voted == was.voted;
    if is.epoch < was.epoch || (is.epoch == was.epoch && !same_vote) {
        *broken = Some(format!("MonotonicVote: {was:?}, then {is:?}"));
    }
}

/// A member that starts knows what its disk knew before, and no more.
pub(super) fn check_restart(node: &Node, before: Seen, broken: &mut Option<String>) {
    check_votes(node, before, broken);
    if node.quorum.epoch() != before.ballot.epoch {
        *broken = Some("MonotonicVote: of a member that starts".to_owned());
    }
}

/// Of all members after a step of one.
pub(super) fn check(state: &mut State, id: BrokerId) {
    let broken = find(state, id).err();
    if state.broken.is_none() {
        state.broken = broken;
    }
}

fn find(state: &mut State, id: BrokerId) -> Result<(), String> {
    let node = state.nodes[id.0 as usize].clone();
    let quorum = &node.quorum;
    if quorum.is_leader() && *state.leaders.entry(quorum.epoch()).or_insert(id) != id {
        return Err("ElectionSafety".to_owned());
    }
    committed_immutable(state, quorum)?;
    snapshot_at_log_start(state, quorum)?;
    for other in state.nodes.iter().filter(|n| n.quorum.config.id != id) {
        log_matching(quorum, &other.quorum)?;
    }
    committed_on_quorum(state)?;
    leader_completeness(state)
}

fn committed_immutable(state: &mut State, quorum: &Quorum) -> Result<(), String> {
    for index in quorum.log.first()..=quorum.commit() {
        let entry = quorum.entry(index);
        let entry = entry.ok_or("CommittedImmutable: a committed entry is gone")?;
        match state.committed.get(index as usize - 1) {
            Some(committed) if committed == entry => {}
            Some(_) => return Err(format!("CommittedImmutable: {index}")),
            None => state.committed.push(entry.clone()),
        }
    }
    Ok(())
}

fn snapshot_at_log_start(state: &State, quorum: &Quorum) -> Result<(), String> {
    let Some(snapshot) = quorum.snapshot() else {
        return Ok(());
    };
    let committed = state.committed.get(..snapshot.end.index as usize);
    let committed = committed.ok_or("SnapshotAtLogStart: of uncommitted entries")?;
    let same = snapshot.data == content(committed)
        && committed.last().map(|entry| entry.epoch) == Some(snapshot.end.epoch);
    let in_place = quorum.log.meets_snapshot() && snapshot.end.index <= quorum.commit();
    (same && in_place)
        .then_some(())
        .ok_or_else(|| "SnapshotAtLogStart".to_owned())
}

/// Two logs that have an entry of the same index and epoch are equal up to it.
fn log_matching(one: &Quorum, other: &Quorum) -> Result<(), String> {
    let first = one.log.first().max(other.log.first());
    let last = one.end().index.min(other.end().index);
    let met = (first..=last)
        .rev()
        .find(|index| one.log.epoch_at(*index) == other.log.epoch_at(*index));
    let differs = |index: Index| one.entry(index) != other.entry(index);
    match met {
        Some(met) if (first..=met).any(differs) => Err("LogMatching".to_owned()),
        _ => Ok(()),
    }
}

/// What is committed is on the disks of a majority, from then on.
fn committed_on_quorum(state: &State) -> Result<(), String> {
    for (index, entry) in (1..).zip(&state.committed) {
        let has = |node: &&std::sync::Arc<Node>| store::holds(&node.stored, index, entry.epoch);
        if state.nodes.iter().filter(has).count() <= state.nodes.len() / 2 {
            return Err(format!("CommittedOnQuorum: {index}"));
        }
    }
    Ok(())
}

/// The leader of the newest epoch has all that is committed.
fn leader_completeness(state: &State) -> Result<(), String> {
    let Some((epoch, leader)) = state.leaders.last_key_value() else {
        return Ok(());
    };
    let leader = &state.nodes[leader.0 as usize].quorum;
    if !leader.is_leader() || leader.epoch() != *epoch {
        return Ok(());
    }
    let lacks = |(index, entry): (Index, &Entry)| {
        index >= leader.log.first() && leader.entry(index) != Some(entry)
    };
    let short = leader.end().index < state.committed.len() as Index;
    if short || (1..).zip(&state.committed).any(lacks) {
        return Err("LeaderCompleteness".to_owned());
    }
    Ok(())
}

/// Whether a disk has the member's log up to here; what memory no longer has is committed.
fn has_durable(node: &Node, upto: Index, committed: &[Entry]) -> bool {
    let log = &node.quorum.log;
    (1..=upto).all(|index| {
        let old = || committed.get(index as usize - 1).map(|entry| entry.epoch);
        let epoch = log.epoch_at(index).or_else(old);
        epoch.is_some_and(|epoch| store::holds(&node.stored, index, epoch))
    })
}
