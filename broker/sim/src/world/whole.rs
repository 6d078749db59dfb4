//! Whether the cluster is whole: every process serves, every replica is in sync, everybody knows the same.
//! It waits for nothing; whoever asks, asks again.

use kring_io::BrokerId;

use super::World;
use crate::machine::Machine;

impl World {
    /// Whether the cluster is whole.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.wanting().is_none()
    }

    /// How often each running broker with a damaged disk has verified all its segments.
    pub fn scrubs_of_damaged(&mut self) -> Vec<(BrokerId, u64)> {
        let damaged = self
            .machines
            .values_mut()
            .filter(|m| m.disk().damaged_sectors() > 0);
        damaged
            .filter_map(|m| Some((m.id(), m.broker()?.log().stats().scrub_passes)))
            .collect()
    }

    /// What the cluster lacks to be whole, if anything.
    #[must_use]
    pub fn wanting(&self) -> Option<String> {
        let mut epoch = None;
        for machine in self.machines.values() {
            let id = machine.id();
            let Some(engine) = machine.engine() else {
                return Some(format!("broker {id} is down"));
            };
            if machine.is_paused(self.now) {
                return Some(format!("broker {id} stands still"));
            }
            if let Some(reason) = engine.not_ready_reason() {
                return Some(format!("broker {id} does not serve: {reason}"));
            }
            let image = engine.image();
            if *epoch.get_or_insert(image.epoch) != image.epoch {
                return Some(format!(
                    "broker {id} has metadata {}, another has {epoch:?}",
                    image.epoch
                ));
            }
        }
        self.machines.values().find_map(wanting_replicas)
    }
}

fn wanting_replicas(machine: &Machine) -> Option<String> {
    let image = machine.engine()?.image();
    let partitions = image.topics.values().flat_map(|topic| {
        let numbered = topic.partitions.iter().enumerate();
        numbered.map(move |(number, partition)| (&topic.name, number, partition))
    });
    for (topic, number, partition) in partitions {
        if partition.leader.is_none() {
            return Some(format!("{topic}-{number} has no leader"));
        }
        if partition.isr.len() < partition.replicas.len() {
            return Some(format!(
                "{topic}-{number} has the in-sync replicas {:?} of {:?}",
                partition.isr, partition.replicas
            ));
        }
    }
    None
}
