//! A leader's proposal for its ISR (AlterPartition, KIP-497; broker epochs: KIP-903).
//! Whether a follower has caught up is the leader's judgement; whether it may join is decided here.

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_wire::TopicPartition;

use super::Draft;
use crate::error::ControllerError;
use crate::image::PartitionImage;
use crate::request::AlterPartition;

impl Draft<'_> {
    pub(super) fn alter_partition(
        &mut self,
        asker: BrokerId,
        proposal: &AlterPartition,
    ) -> Result<PartitionImage, ControllerError> {
        let partition = proposal.partition;
        let unknown = ControllerError::UnknownPartition { partition };
        let state = self.image.partition(partition).ok_or(unknown)?;
        if state.leader_epoch != proposal.leader_epoch || state.leader != Some(asker) {
            return Err(ControllerError::FencedLeaderEpoch {
                partition,
                given: proposal.leader_epoch,
                current: state.leader_epoch,
            });
        }
        if state.partition_epoch != proposal.partition_epoch {
            return Err(ControllerError::InvalidUpdateVersion {
                partition,
                given: proposal.partition_epoch,
                current: state.partition_epoch,
            });
        }
        let mut isr: Vec<BrokerId> = proposal.isr.iter().map(|(broker, _)| *broker).collect();
        isr.sort_unstable();
        isr.dedup();
        if isr.len() != proposal.isr.len() || !isr.contains(&asker) {
            return Err(ControllerError::InvalidRequest {
                reason: format!(
                    "the ISR {isr:?} of {partition} lacks its leader {asker} or names a broker twice"
                ),
            });
        }
        for (broker, epoch) in &proposal.isr {
            self.check_may_join(partition, state, *broker, *epoch)?;
        }
        // To propose the ISR that stands is to take back what was proposed before: the epoch moves even so,
        // and a copy that still travels is late.
        self.revise(partition, |state| {
            state.isr = isr;
            state.partition_epoch += 1;
        });
        let state = self.image.partition(partition);
        Ok(state.expect("the partition was there before").clone())
    }

    fn check_may_join(
        &self,
        partition: TopicPartition,
        state: &PartitionImage,
        broker: BrokerId,
        epoch: i64,
    ) -> Result<(), ControllerError> {
        let reason = match self.image.brokers.get(&broker) {
            _ if !state.replicas.contains(&broker) => "it has no replica",
            _ if state.leader == Some(broker) => return Ok(()),
            None => "it is not registered",
            Some(known) if known.fenced => "it is fenced",
            // A leader that does not know the epoch may repeat a member, never add one.
            Some(_) if epoch == -1 && state.isr.contains(&broker) => return Ok(()),
            Some(known)
                if known.epoch != epoch && !canary::is_on(Canary::StaleBrokerEpochJoins) =>
            {
                "it has restarted since the leader heard it"
            }
            Some(known) if known.shutting_down && !state.isr.contains(&broker) => {
                "it is about to stop"
            }
            Some(_) => return Ok(()),
        };
        Err(ControllerError::IneligibleReplica {
            partition,
            broker,
            reason: reason.to_owned(),
        })
    }
}
