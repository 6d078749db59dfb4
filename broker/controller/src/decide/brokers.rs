//! A broker's life as the controller sees it: registered, unfenced, fenced, about to stop, forgotten.
//! When a broker counts as silent is the session's matter, not decided here.

use kring_io::BrokerId;
use kring_io::canary::{self, Canary};
use kring_wire::TopicPartition;

use super::Draft;
use super::revise::best_leader;
use crate::config::Registration;
use crate::error::ControllerError;
use crate::image::{BrokerImage, PartitionImage, Record};

impl Draft<'_> {
    /// Registers a run of a broker, fenced. If its disk is another one, or lost what it had, the
    /// broker leaves every ISR, even as the last of it: it must not lead what it does not have.
    pub(crate) fn register(&mut self, registration: Registration) -> Result<(), ControllerError> {
        let id = registration.broker;
        let mut lost = (!registration.journal_intact).then_some(id);
        let known = self.image.brokers.get(&id);
        if let Some(known) = known {
            if known.incarnation == registration.incarnation {
                return Ok(());
            }
            if known.disk_id != registration.disk_id && !canary::is_on(Canary::DiskChangeUnnoticed)
            {
                if !known.fenced {
                    return Err(ControllerError::Conflict {
                        reason: format!(
                            "broker {id} is alive with another disk; stop it or give this one another node.id"
                        ),
                    });
                }
                lost = Some(id);
            }
            if !known.fenced {
                let (broker, fenced) = (id, true);
                self.push(Record::FenceBroker { broker, fenced });
            }
            // Before the registration, so that a controller that stops in between has registered
            // nothing, and the broker's next attempt begins anew.
            self.withdraw(id, lost);
        }
        let epoch = self.image.next_broker_epoch;
        self.push(Record::RegisterBroker {
            registration,
            epoch,
        });
        Ok(())
    }

    /// As [`Draft::register`], of the broker that decides: a run of it that still counts as alive is over.
    pub(crate) fn register_own(
        &mut self,
        registration: Registration,
    ) -> Result<(), ControllerError> {
        let known = self.image.brokers.get(&registration.broker);
        let outlived =
            |known: &BrokerImage| !known.fenced && known.incarnation != registration.incarnation;
        if known.is_some_and(outlived) {
            self.fence(registration.broker);
        }
        self.register(registration)
    }

    /// A broker that is silent leads nothing and is in no ISR, but as the last.
    pub(crate) fn fence(&mut self, broker: BrokerId) {
        let fenced = true;
        self.push(Record::FenceBroker { broker, fenced });
        self.withdraw(broker, None);
    }

    /// A broker that is alive again may lead where nobody else can.
    pub(crate) fn unfence(&mut self, broker: BrokerId) {
        let fenced = false;
        self.push(Record::FenceBroker { broker, fenced });
        let leaderless = |p: &PartitionImage| p.leader.is_none() && p.replicas.contains(&broker);
        for partition in self.select(leaderless) {
            self.revise(partition, |_| ());
        }
    }

    /// Repairs partitions whose leader or ISR does not fit the state of the brokers: a former
    /// controller may have stopped between the entries of one decision.
    pub(crate) fn repair(&mut self) {
        let fenced: Vec<BrokerId> = self
            .image
            .brokers
            .iter()
            .filter(|(_, broker)| broker.fenced)
            .map(|(id, _)| *id)
            .collect();
        for broker in fenced {
            self.withdraw(broker, None);
        }
        for partition in self.select(|p| p.leader.is_none()) {
            self.revise(partition, |_| ());
        }
    }

    fn withdraw(&mut self, broker: BrokerId, lost: Option<BrokerId>) {
        let concerned = |p: &PartitionImage| {
            p.leader == Some(broker) || p.isr.contains(&broker) || p.eligible.contains(&broker)
        };
        for partition in self.select(concerned) {
            self.revise_without(partition, lost, |state| {
                if state.isr.len() > 1 {
                    state.isr.retain(|b| *b != broker);
                }
            });
        }
    }

    /// Moves leaderships and ISR memberships off a broker that is about to stop, wherever another
    /// broker can lead. How many partitions it still leads although another could.
    pub(super) fn shut_down(&mut self, broker: BrokerId) -> Result<u64, ControllerError> {
        let known = self.image.brokers.get(&broker);
        let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
        if !known.shutting_down {
            self.push(Record::ShutDownBroker(broker));
        }
        let mut remaining = 0;
        for partition in self.select(|p| p.isr.contains(&broker)) {
            let state = self.image.partition(partition).expect("it was selected");
            let heir = best_leader(self.image, &state.replicas, &state.isr, Some(broker));
            if heir.is_none_or(|heir| !self.image.brokers[&heir].may_lead()) {
                continue;
            }
            self.revise(partition, |state| state.isr.retain(|b| *b != broker));
            let state = self.image.partition(partition).expect("it was selected");
            remaining += u64::from(state.leader == Some(broker));
        }
        Ok(remaining)
    }

    /// Forgets a broker.
    pub(super) fn unregister(&mut self, broker: BrokerId) -> Result<(), ControllerError> {
        let known = self.image.brokers.get(&broker);
        let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
        if !known.fenced {
            return Err(ControllerError::Conflict {
                reason: format!("broker {broker} is alive; stop it first"),
            });
        }
        let replicas = self.image.count(broker).replicas;
        if replicas > 0 {
            return Err(ControllerError::Conflict {
                reason: format!("broker {broker} holds {replicas} replicas; decommission it first"),
            });
        }
        self.push(Record::UnregisterBroker(broker));
        Ok(())
    }

    /// The partitions that fulfil a condition now.
    pub(super) fn select(
        &self,
        condition: impl Fn(&PartitionImage) -> bool,
    ) -> Vec<TopicPartition> {
        let matching = self.image.partitions().filter(|(_, p)| condition(p));
        matching.map(|(partition, _)| partition).collect()
    }
}
