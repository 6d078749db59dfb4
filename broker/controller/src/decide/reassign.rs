//! AlterPartitionReassignments (KIP-455): replicas are added, and others leave once the added ones are in sync.
//! Copying is the replicas' work; the end of a reassignment is decided in `revise`.

use kring_io::BrokerId;
use kring_wire::TopicPartition;

use super::Draft;
use super::place::Placement;
use crate::error::ControllerError;
use crate::image::PartitionImage;
use crate::request::Each;

impl Draft<'_> {
    pub(super) fn alter_reassignments(
        &mut self,
        partitions: Vec<(TopicPartition, Option<Vec<BrokerId>>)>,
    ) -> Each<TopicPartition> {
        let mut results = Vec::with_capacity(partitions.len());
        for (partition, target) in partitions {
            let result = match target {
                Some(target) => self.reassign(partition, &target),
                None => self.cancel(partition),
            };
            results.push((partition, result));
        }
        results
    }

    fn reassign(
        &mut self,
        partition: TopicPartition,
        target: &[BrokerId],
    ) -> Result<(), ControllerError> {
        if self.image.partition(partition).is_none() {
            return Err(ControllerError::UnknownPartition { partition });
        }
        self.check_replicas(target)?;
        self.start_reassignment(partition, target);
        Ok(())
    }

    fn cancel(&mut self, partition: TopicPartition) -> Result<(), ControllerError> {
        let state = self.image.partition(partition);
        let state = state.ok_or(ControllerError::UnknownPartition { partition })?;
        if !state.is_reassigning() {
            return Err(ControllerError::NoReassignmentInProgress { partition });
        }
        self.cancel_reassignment(partition);
        Ok(())
    }

    /// A reassignment that replaces another starts from the replicas before it. Those that the other one added
    /// leave at once, but where too few of the rest are in sync: what was acknowledged since is on them, too.
    pub(super) fn start_reassignment(&mut self, partition: TopicPartition, target: &[BrokerId]) {
        let min_isr = self.min_isr(partition.topic);
        self.revise(partition, |state| {
            let original = original_replicas(state);
            let leaving = original.iter().filter(|b| !target.contains(b)).copied();
            let mut removing: Vec<BrokerId> = leaving.collect();
            let stay = |b: &BrokerId| target.contains(b) || original.contains(b);
            let in_sync = state.isr.iter().filter(|b| stay(b)).count();
            if in_sync < min_isr.min(target.len()) {
                removing.extend(state.isr.iter().filter(|b| !stay(b)));
            }
            let adding = target.iter().filter(|b| !original.contains(b)).copied();
            state.adding = adding.collect();
            state.replicas = target.to_vec();
            state.replicas.extend(&removing);
            state.removing = removing;
            let replicas = &state.replicas;
            state.isr.retain(|b| replicas.contains(b));
        });
    }

    pub(super) fn cancel_reassignment(&mut self, partition: TopicPartition) {
        let original = self.image.partition(partition).map(original_replicas);
        if let Some(original) = original {
            self.start_reassignment(partition, &original);
        }
    }

    /// Starts reassignments so that every partition of a topic gets the wanted number of replicas.
    pub(super) fn set_replication_factor(
        &mut self,
        topic: String,
        replication_factor: i16,
    ) -> Result<(), ControllerError> {
        let Some(known) = self.image.topic_by_name(&topic) else {
            return Err(ControllerError::UnknownTopic { name: topic });
        };
        let mut placement = Placement::new(self.image, self.random);
        let factor = usize::try_from(replication_factor).unwrap_or(0);
        if factor < 1 || factor > placement.len() {
            return Err(ControllerError::InvalidReplicationFactor {
                reason: format!(
                    "replication factor {replication_factor} of topic {topic:?} is not possible: from 1 to {}, the number of registered brokers that take replicas",
                    placement.len()
                ),
            });
        }
        placement.begin(Some(known));
        let mut moves = Vec::new();
        for (partition, state) in known.partitions() {
            let mut target = state.target_replicas();
            let before = target.clone();
            while target.len() > factor {
                let surplus = target.iter().rposition(|b| !state.isr.contains(b));
                target.remove(surplus.unwrap_or(target.len() - 1));
            }
            while target.len() < factor
                && let Some(more) = placement.add(&target)
            {
                target.push(more);
            }
            if target != before {
                moves.push((partition, target));
            }
        }
        for (partition, target) in moves {
            self.start_reassignment(partition, &target);
        }
        Ok(())
    }
}

/// The replicas as they were before the reassignment that is under way.
fn original_replicas(state: &PartitionImage) -> Vec<BrokerId> {
    let replicas = state.replicas.iter();
    replicas
        .filter(|b| !state.adding.contains(b))
        .copied()
        .collect()
}
