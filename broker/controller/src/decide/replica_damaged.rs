//! A replica whose disk lost a part of what it had: it must count for nothing before it is dropped.
//! What is damaged, and when it is dropped, is that broker's matter.

use kring_io::BrokerId;

use super::Draft;
use super::revise::best_leader;
use crate::error::ControllerError;
use crate::request::{ControllerResponse, ReplicaDamaged};

impl Draft<'_> {
    /// Takes a damaged replica out of the ISR and of those that are eligible, in a new leader epoch:
    /// what its leader heard of it in an older one cannot bring it back.
    pub(super) fn replica_damaged(
        &mut self,
        broker: BrokerId,
        damaged: ReplicaDamaged,
    ) -> Result<ControllerResponse, ControllerError> {
        let ReplicaDamaged {
            partition,
            leader_epoch,
        } = damaged;
        let unknown = ControllerError::UnknownPartition { partition };
        let state = self.image.partition(partition).ok_or(unknown)?;
        let counts = state.isr.contains(&broker) || state.eligible.contains(&broker);
        if !counts && state.leader_epoch > leader_epoch {
            return Ok(ControllerResponse::ReplicaDamaged);
        }
        let heir = |among: &[BrokerId]| {
            best_leader(self.image, &state.replicas, among, Some(broker)).is_some()
        };
        if state.isr.contains(&broker) && !heir(&state.isr) && !heir(&state.eligible) {
            return Err(ControllerError::EligibleLeadersNotAvailable { partition });
        }
        self.revise_without(partition, Some(broker), |state| {
            state.isr.retain(|b| *b != broker);
            state.leader_epoch += 1;
        });
        Ok(ControllerResponse::ReplicaDamaged)
    }
}
