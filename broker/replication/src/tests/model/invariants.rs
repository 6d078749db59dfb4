//! What must hold in every state of the modelled partition; the names are those of the TLA+ model of KIP-966.
//! A state that breaks one of them says which, and keeps saying it.

use kring_io::BrokerId;
use kring_wire::ids::{LeaderEpoch, Offset};

use super::thin_log::Record;
use super::{BROKERS, State};

/// What a broker must not lose in a step.
pub(super) struct Before {
    /// How much of what is committed it has.
    committed: usize,
    high_watermark: Offset,
    leads_in: Option<LeaderEpoch>,
}

impl Before {
    pub(super) fn of(state: &State, id: BrokerId) -> Before {
        let broker = state.broker(id);
        Before {
            committed: shared(broker.log.memory(), &state.committed),
            high_watermark: broker.log.high_watermark(),
            leads_in: broker.leads_in(),
        }
    }
}

/// How many records two logs share from the start.
fn shared(one: &[Record], other: &[Record]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// After a step of a broker.
pub(super) fn check_step(state: &mut State, id: BrokerId, before: &Before) {
    let found = find(state, id, before).err();
    if state.broken.is_none() {
        state.broken = found;
    }
}

/// After a decision of the controller.
pub(super) fn check_decision(state: &mut State) {
    let found = candidates_complete(state).err();
    if state.broken.is_none() {
        state.broken = found;
    }
}

fn find(state: &mut State, id: BrokerId, before: &Before) -> Result<(), String> {
    let broker = state.brokers[id.0 as usize].clone();
    let (log, high_watermark) = (broker.log.memory(), broker.log.high_watermark());
    if high_watermark < before.high_watermark {
        return Err("MonotonicHighWatermark".to_owned());
    }
    if let Some(epoch) = broker.leads_in() {
        if *state.leaders.entry(epoch).or_insert(id) != id {
            return Err(format!("OneLeader: of epoch {epoch}"));
        }
        // What its leader calls committed is committed from then on.
        let said = &log[..high_watermark as usize];
        if shared(said, &state.committed) < said.len().min(state.committed.len()) {
            return Err("CommittedImmutable: a leader calls something else committed".to_owned());
        }
        if said.len() > state.committed.len() {
            state.committed = said.to_vec();
        }
    }
    if shared(log, &state.committed) < before.committed {
        return Err("TruncationOfUncommitted: a committed record was removed".to_owned());
    }
    let readable = &log[..high_watermark as usize];
    if shared(readable, &state.committed) < readable.len() {
        return Err("ConsistentRead: below the high watermark is something else".to_owned());
    }
    for other in (0..BROKERS).map(BrokerId).filter(|other| *other != id) {
        log_matching(log, state.broker(other).log.memory())?;
    }
    if before.leads_in != broker.leads_in() {
        leader_complete(state, id)?;
    }
    candidates_complete(state)
}

/// Two logs that have a record of the same offset and epoch are equal up to it.
fn log_matching(one: &[Record], other: &[Record]) -> Result<(), String> {
    let met = one.iter().zip(other).rposition(|(a, b)| a.epoch == b.epoch);
    match met {
        Some(met) if shared(one, other) <= met => Err("LogMatching".to_owned()),
        _ => Ok(()),
    }
}

/// Who leads in the controller's epoch has all that is committed.
fn leader_complete(state: &State, id: BrokerId) -> Result<(), String> {
    let current = state.controller.partition().leader_epoch;
    let broker = state.broker(id);
    let has = shared(broker.log.memory(), &state.committed);
    if broker.leads_in() == Some(current) && has < state.committed.len() {
        return Err("LeaderCompleteness".to_owned());
    }
    Ok(())
}

/// Whoever may be elected has all that is committed on disk: the ISR and the eligible replicas. And
/// the high watermark is not above what they have, which is the same.
fn candidates_complete(state: &State) -> Result<(), String> {
    let partition = state.controller.partition();
    if partition.isr.is_empty() && partition.eligible.is_empty() {
        return Err("RecoveryQuorum: nobody may be elected".to_owned());
    }
    for id in partition.isr.iter().chain(&partition.eligible) {
        let broker = state.broker(*id);
        // One that lost records is taken from both before it may lead: when it registers.
        let lost = !broker.intact && !broker.open && !broker.up;
        if !lost && shared(broker.log.disk(), &state.committed) < state.committed.len() {
            return Err(format!(
                "LeaderCandidateCompleteness: {id} may be elected and lacks a committed record"
            ));
        }
    }
    Ok(())
}
