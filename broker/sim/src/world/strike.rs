//! Carries faults out on machines and links.
//! It draws none; see `faults`.

use std::time::Duration;

use kring_io::BrokerId;

use super::{Due, World};
use crate::faults::Fault;

impl World {
    /// Carries a fault out.
    pub(super) fn strike(&mut self, fault: Fault) {
        self.trace
            .add(self.now, 7, 0, format!("{fault:?}").as_bytes());
        match fault {
            Fault::PowerLoss(brokers) => {
                self.counts.blackouts += u64::from(brokers.len() == self.machines.len());
                for (broker, down) in brokers {
                    self.lose_power(broker);
                    self.start_at(self.now + down, broker);
                }
            }
            Fault::Isolate(broker) => {
                self.counts.partitions += 1;
                let others: Vec<BrokerId> = self
                    .machines
                    .keys()
                    .copied()
                    .filter(|o| *o != broker)
                    .collect();
                for other in others {
                    self.network.cut(broker, other);
                    self.network.cut(other, broker);
                }
            }
            Fault::Deafen { from, to } => {
                self.counts.partitions += 1;
                self.network.cut(from, to);
            }
            Fault::Heal => self.network.heal(self.now),
            Fault::Pause(broker, pause) => {
                self.counts.pauses += 1;
                if let Some(machine) = self.machines.get_mut(&broker) {
                    machine.pause(self.now + pause);
                }
            }
        }
    }

    fn lose_power(&mut self, broker: BrokerId) {
        let Some(machine) = self
            .machines
            .get_mut(&broker)
            .filter(|machine| machine.is_up())
        else {
            return;
        };
        machine.lose_power();
        self.counts.power_losses += 1;
        self.network.stop(broker);
        for client in 0..self.clients.len() {
            self.later(
                self.now + Duration::from_millis(1),
                Due::Disconnect {
                    client,
                    from: broker,
                },
            );
        }
    }
}
