//! How the state of a partition changes: the one place where ISR, eligible replicas, leader and epochs are set together.
//! Why it changes is decided elsewhere.
//!
//! * PARTITION-1: a leader is in the ISR; the ISR and the eligible replicas are replicas, and apart.
//! * PARTITION-2: without an unclean election, whoever leads was in the ISR or eligible before.
//! * PARTITION-3: a fenced broker is in an ISR only where nobody else is.
//! * PARTITION-4: a broker that loses its replica, and so deletes its copy, knows the next one under a later
//!   leader epoch.

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_wire::{TopicId, TopicPartition};

use super::Draft;
use crate::image::{ClusterImage, PartitionImage, Record};

impl Draft<'_> {
    /// Edits a partition, then repairs what follows from the edit and the state of the brokers.
    /// Whether anything changed.
    pub(super) fn revise(
        &mut self,
        partition: TopicPartition,
        edit: impl FnOnce(&mut PartitionImage),
    ) -> bool {
        self.revise_without(partition, None, edit)
    }

    /// [`Draft::revise`] in the same entry as the records before it.
    pub(super) fn revise_in_entry(
        &mut self,
        partition: TopicPartition,
        edit: impl FnOnce(&mut PartitionImage),
    ) {
        if self.revise_without(partition, None, edit) {
            self.cuts.pop();
        }
    }

    /// [`Draft::revise`] where `lost` has no longer what it had: it leaves the ISR and is not eligible.
    pub(super) fn revise_without(
        &mut self,
        partition: TopicPartition,
        lost: Option<BrokerId>,
        edit: impl FnOnce(&mut PartitionImage),
    ) -> bool {
        let Some(old) = self.image.partition(partition) else {
            return false;
        };
        let old = old.clone();
        let mut new = old.clone();
        edit(&mut new);
        new.isr.retain(|b| Some(*b) != lost);
        let min_isr = self.min_isr(partition.topic);
        complete_reassignment(&mut new, min_isr);
        let left = old.isr.iter().copied();
        new.eligible.extend(left);
        settle_eligible(&mut new, min_isr, lost);
        self.settle_leader(&mut new, min_isr);
        assert_partition(&new);
        if new == old {
            return false;
        }
        // PARTITION-4: what it said of the first copy may still be under way when it has the second.
        let deletes = old.replicas.iter().any(|b| !new.replicas.contains(b));
        let raised =
            (new.leader != old.leader && !canary::is_on(Canary::LeaderEpochKept)) || deletes;
        // The edit may have begun an epoch already.
        new.leader_epoch = new.leader_epoch.max(old.leader_epoch + i32::from(raised));
        new.partition_epoch = old.partition_epoch + 1;
        self.push(Record::Partition {
            partition,
            state: new,
        });
        self.cut();
        true
    }

    /// CTL-3: keeps the leader if it can lead, else elects one: of the ISR, else an eligible replica, which
    /// then is the ISR.
    fn settle_leader(&self, state: &mut PartitionImage, min_isr: usize) {
        let keeps = |leader: BrokerId| {
            let broker = self.image.brokers.get(&leader);
            state.isr.contains(&leader) && broker.is_some_and(|b| b.may_lead())
        };
        if state.leader.is_some_and(keeps) {
            return;
        }
        if canary::is_on(Canary::UncleanElection) {
            state.leader = best_leader(self.image, &state.replicas, &state.replicas, None);
            state.isr = state.leader.into_iter().collect();
            state.eligible.clear();
            return;
        }
        if let Some(leader) = best_leader(self.image, &state.replicas, &state.isr, None) {
            state.leader = Some(leader);
            return;
        }
        state.leader = best_leader(self.image, &state.replicas, &state.eligible, None);
        if let Some(leader) = state.leader {
            // The high watermark has stood still since the ISR fell below its minimum, so its old
            // members still have everything below it.
            state.eligible.append(&mut state.isr);
            state.isr = vec![leader];
            settle_eligible(state, min_isr, None);
        }
    }

    pub(super) fn min_isr(&self, topic: TopicId) -> usize {
        self.image.min_insync_replicas(topic, self.defaults())
    }
}

/// The broker of `among` that should lead: not fenced, rather not in maintenance, rather not about to
/// stop, and of those the first in the order of `replicas`.
pub(super) fn best_leader(
    image: &ClusterImage,
    replicas: &[BrokerId],
    among: &[BrokerId],
    but: Option<BrokerId>,
) -> Option<BrokerId> {
    let able = replicas
        .iter()
        .filter(|b| among.contains(b) && Some(**b) != but);
    let ranked = able.filter_map(|id| {
        let broker = image.brokers.get(id).filter(|b| !b.fenced)?;
        Some(((broker.shutting_down, broker.maintenance.is_some()), *id))
    });
    // The first of equals is the preferred one.
    let best = ranked.reduce(|best, next| if next.0 < best.0 { next } else { best });
    best.map(|(_, id)| id)
}

/// Ends a reassignment once every added replica is in sync and enough of the others are.
fn complete_reassignment(state: &mut PartitionImage, min_isr: usize) {
    if !state.is_reassigning() {
        return;
    }
    let target = state.target_replicas();
    let in_sync = target.iter().filter(|b| state.isr.contains(b)).count();
    let added = state.adding.iter().all(|b| state.isr.contains(b));
    if added && in_sync >= min_isr.min(target.len()) {
        state.isr.retain(|b| target.contains(b));
        state.replicas = target;
        state.adding.clear();
        state.removing.clear();
    }
}

fn settle_eligible(state: &mut PartitionImage, min_isr: usize, lost: Option<BrokerId>) {
    let (isr, replicas) = (&state.isr, &state.replicas);
    state
        .eligible
        .retain(|b| replicas.contains(b) && !isr.contains(b) && Some(*b) != lost);
    state.eligible.sort_unstable();
    state.eligible.dedup();
    if isr.len() >= min_isr.min(replicas.len()) {
        state.eligible.clear();
    }
}

fn assert_partition(state: &PartitionImage) {
    let replica = |b: &BrokerId| state.replicas.contains(b);
    let led = state.leader.is_none_or(|b| state.isr.contains(&b));
    let apart = !state.eligible.iter().any(|b| state.isr.contains(b));
    assert!(
        led && apart && state.isr.iter().all(replica) && state.eligible.iter().all(replica),
        "PARTITION-1: {state:?}"
    );
}
