//! Partitions whose copy on this broker is damaged: the controller is asked to let it count for
//! nothing, and once the image says so the copy is dropped and fetched again like any follower's.
//! It finds no damage; the log does.
//!
//! REP-4: a damaged copy is dropped only in a leader epoch in which this broker has told nobody how
//! much it has, and in which it is neither in the ISR nor eligible. So nobody can count on what is
//! dropped, nor bring this broker back for what it once had.

use std::collections::BTreeMap;
use std::time::Duration;

use kring_controller::request::ReplicaDamaged;
use kring_controller::{ControllerRequest, PartitionImage};
use kring_io::{Instant, Now};
use kring_wire::{LeaderEpoch, TopicPartition};

use crate::broker::Broker;
use crate::event::Output;

/// After a request to the controller, before the next.
const ASK_AGAIN: Duration = Duration::from_secs(5);

#[derive(Debug)]
struct Repair {
    /// The newest epoch in which this broker may have told how much it has.
    told_in: LeaderEpoch,
    ask_at: Instant,
    /// The controller refused, and the log says so: once.
    refused: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Repairs(BTreeMap<TopicPartition, Repair>);

impl Repairs {
    /// The partition is no longer here.
    pub(crate) fn forget(&mut self, tp: TopicPartition) {
        self.0.remove(&tp);
    }

    /// When the controller is to be asked next.
    fn next_deadline(&self) -> Option<Instant> {
        self.0.values().map(|repair| repair.ask_at).min()
    }
}

impl Broker {
    /// The log found damage.
    pub(crate) fn damage_found(&mut self, now: Now, tp: TopicPartition) {
        let epoch = self.image().partition(tp).map_or(-1, |p| p.leader_epoch);
        let repair = self.repairs.0.entry(tp).or_insert(Repair {
            told_in: epoch,
            ask_at: now.mono,
            refused: false,
        });
        repair.told_in = repair.told_in.max(epoch);
    }

    /// Before this broker takes a role in a partition: drops the copy if it is damaged and counts for
    /// nothing, else remembers that others hear of it in this epoch too.
    pub(crate) fn role_of_damaged(
        &mut self,
        now: Now,
        tp: TopicPartition,
        partition: &PartitionImage,
    ) {
        let id = self.id();
        let Some(repair) = self.repairs.0.get_mut(&tp) else {
            return;
        };
        let counts = partition.isr.contains(&id) || partition.eligible.contains(&id);
        if counts || partition.leader_epoch <= repair.told_in {
            if partition.leader_epoch > repair.told_in {
                repair.told_in = partition.leader_epoch;
                repair.ask_at = now.mono;
            }
            return;
        }
        match self.log.discard_damaged(now, tp) {
            Ok(_) => {
                self.repairs.0.remove(&tp);
            }
            Err(error) => tracing::warn!(partition = %tp, %error, "the damaged copy stays"),
        }
    }

    /// When the controller is asked next. A broker that is not in the cluster cannot ask, and a wish for
    /// a time that has passed would keep it busy until it is.
    pub(crate) fn repair_deadline(&self) -> Option<Instant> {
        self.repairs.next_deadline().filter(|_| self.opened)
    }

    /// Asks the controller where it is time.
    pub(crate) fn ask_for_repairs(&mut self, now: Now, out: &mut Output) {
        if self.repair_deadline().is_none_or(|at| at > now.mono) {
            return;
        }
        // Retention may have passed the damage.
        let log = &self.log;
        self.repairs
            .0
            .retain(|tp, _| log.damaged_from(*tp).is_some());
        let due = self.repairs.0.iter_mut();
        let due = due.filter(|(_, repair)| repair.ask_at <= now.mono);
        let due: Vec<(TopicPartition, LeaderEpoch)> = due
            .map(|(tp, repair)| {
                repair.ask_at = now.mono + ASK_AGAIN;
                (*tp, repair.told_in)
            })
            .collect();
        for (tp, leader_epoch) in due {
            self.ask_for_repair(now, tp, leader_epoch, out);
        }
    }

    fn ask_for_repair(
        &mut self,
        now: Now,
        tp: TopicPartition,
        leader_epoch: LeaderEpoch,
        out: &mut Output,
    ) {
        let request = ControllerRequest::ReplicaDamaged(ReplicaDamaged {
            partition: tp,
            leader_epoch,
        });
        self.ask_controller(
            now,
            request,
            Box::new(move |broker, _, answered, _| {
                // What was granted comes with the image.
                let Some(repair) = broker.repairs.0.get_mut(&tp) else {
                    return;
                };
                if let Err(error) = answered
                    && !repair.refused
                {
                    repair.refused = true;
                    tracing::error!(
                        partition = %tp,
                        %error,
                        "a damaged partition is not repaired: no other replica is in sync; what is intact is served, and it is tried again"
                    );
                }
            }),
            out,
        );
    }
}
