//! Leaderships that move on request or by themselves: ElectLeaders, hand-over, return to the preferred broker.
//! Elections that follow from a broker's death are part of `revise`.

use std::collections::BTreeMap;

use kring_admin_api::ReturnLeaders;
use kring_io::BrokerId;
use kring_wire::TopicPartition;

use super::Draft;
use crate::error::ControllerError;
use crate::image::PartitionImage;
use crate::request::{Each, ElectionKind};

impl Draft<'_> {
    pub(super) fn elect_leaders(
        &mut self,
        kind: ElectionKind,
        partitions: Option<Vec<TopicPartition>>,
    ) -> Each<TopicPartition> {
        let all = partitions.is_none();
        let partitions = partitions.unwrap_or_else(|| match kind {
            ElectionKind::Preferred => self.select(|p| p.leader != p.replicas.first().copied()),
            ElectionKind::Unclean => self.select(|p| p.leader.is_none()),
        });
        let mut results = Vec::with_capacity(partitions.len());
        for partition in partitions {
            let result = match kind {
                ElectionKind::Preferred => self.elect_preferred(partition),
                ElectionKind::Unclean => self.elect_unclean(partition),
            };
            // Kafka leaves out of an answer about all partitions those that need no election.
            let needless = matches!(result, Err(ControllerError::ElectionNotNeeded { .. }));
            if !(all && needless) {
                results.push((partition, result));
            }
        }
        results
    }

    fn elect_preferred(&mut self, partition: TopicPartition) -> Result<(), ControllerError> {
        let state = self.image.partition(partition);
        let state = state.ok_or(ControllerError::UnknownPartition { partition })?;
        let preferred = state.replicas.first().copied();
        if state.leader == preferred {
            return Err(ControllerError::ElectionNotNeeded { partition });
        }
        let able = preferred.filter(|b| state.isr.contains(b) && self.takes_leaders(*b));
        let Some(leader) = able else {
            return Err(ControllerError::PreferredLeaderNotAvailable { partition });
        };
        self.revise(partition, |state| state.leader = Some(leader));
        Ok(())
    }

    fn elect_unclean(&mut self, partition: TopicPartition) -> Result<(), ControllerError> {
        let state = self.image.partition(partition);
        let state = state.ok_or(ControllerError::UnknownPartition { partition })?;
        if state.leader.is_some() {
            return Err(ControllerError::ElectionNotNeeded { partition });
        }
        let able = |b: &&BrokerId| self.image.brokers.get(b).is_some_and(|b| b.may_lead());
        let Some(leader) = state.replicas.iter().find(able).copied() else {
            return Err(ControllerError::EligibleLeadersNotAvailable { partition });
        };
        self.revise(partition, |state| {
            state.isr = vec![leader];
            state.leader = Some(leader);
        });
        Ok(())
    }

    /// Moves up to `batch` leaderships to `broker`, of partitions that prefer it.
    pub(super) fn return_leaders(
        &mut self,
        broker: BrokerId,
        batch: usize,
    ) -> Result<ReturnLeaders, ControllerError> {
        let known = self.image.brokers.get(&broker);
        let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
        let hindrance = if known.maintenance.is_some() {
            Some("in maintenance; end that first")
        } else if !known.may_lead() {
            Some("fenced or about to stop; wait until it is unfenced")
        } else {
            None
        };
        if let Some(hindrance) = hindrance {
            let reason = format!("broker {broker} is {hindrance}");
            return Err(ControllerError::Conflict { reason });
        }
        let due = self.select(|p| prefers(p, broker));
        let moved = due.len().min(batch);
        for partition in &due[..moved] {
            self.revise(*partition, |state| state.leader = Some(broker));
        }
        Ok(ReturnLeaders {
            moved: moved as u64,
            remaining: (due.len() - moved) as u64,
        })
    }

    /// Moves up to `batch` leaderships to the preferred brokers that may have them. Whether any moved.
    pub(crate) fn rebalance_leaders(&mut self, batch: usize) -> bool {
        let due = self.select(|p| {
            let preferred = p.replicas.first().copied();
            p.leader.is_some() && preferred.is_some_and(|b| prefers(p, b) && self.takes_leaders(b))
        });
        for partition in due.iter().take(batch) {
            self.revise(*partition, |state| {
                state.leader = state.replicas.first().copied();
            });
        }
        !due.is_empty()
    }

    /// Moves up to `batch` leaderships from `broker` to other members of the ISRs, to those that
    /// lead least. Whether any moved.
    pub(crate) fn hand_over(&mut self, broker: BrokerId, batch: usize) -> bool {
        let due = self.select(|p| p.leader == Some(broker) && p.isr.len() > 1);
        if due.is_empty() {
            return false;
        }
        let mut leads: BTreeMap<BrokerId, u64> = BTreeMap::new();
        for (_, state) in self.image.partitions() {
            if let Some(leader) = state.leader {
                *leads.entry(leader).or_default() += 1;
            }
        }
        let mut moved = 0;
        for partition in due {
            if moved == batch {
                break;
            }
            let state = self.image.partition(partition).expect("it was selected");
            let heirs = state
                .isr
                .iter()
                .filter(|b| **b != broker && self.takes_leaders(**b));
            let heir = heirs
                .min_by_key(|b| leads.get(b).copied().unwrap_or(0))
                .copied();
            if let Some(heir) = heir {
                *leads.entry(heir).or_default() += 1;
                self.revise(partition, |state| state.leader = Some(heir));
                moved += 1;
            }
        }
        moved > 0
    }

    /// Whether a broker may be given leaderships it need not have.
    pub(super) fn takes_leaders(&self, broker: BrokerId) -> bool {
        let known = self.image.brokers.get(&broker);
        known.is_some_and(|b| b.may_lead() && b.maintenance.is_none())
    }
}

fn prefers(state: &PartitionImage, broker: BrokerId) -> bool {
    state.replicas.first() == Some(&broker)
        && state.leader != Some(broker)
        && state.isr.contains(&broker)
}
