//! Steps of the replicas and what follows from them: messages, ISR proposals, high watermarks.
//! Who leads is the controller's decision and comes with `route::partitions`.

use std::collections::BTreeMap;

use bytes::Bytes;
use kring_controller::request::AlterPartition;
use kring_controller::{ControllerError, ControllerRequest, PartitionImage};
use kring_io::{BrokerId, Now};
use kring_log::{ReadError, ReadId};
use kring_replication::{
    AlterIsr, IsrRejection, PartitionRole, ReplicaEvent, ReplicaOut, Replication, ReplicationConfig,
};
use kring_wire::{LeaderEpoch, Offset, TopicPartition};

use super::peers;
use crate::api::delete_records;
use crate::broker::Broker;
use crate::event::Output;
use crate::timers::Part;
use crate::{fetch, produce, transactions};

/// A partition that this broker leads, as far as each Produce and Fetch asks.
#[derive(Clone, Copy, Debug)]
struct Led {
    epoch: LeaderEpoch,
    has_min_isr: bool,
}

/// The replicas of this broker.
pub(crate) struct Replicas {
    engine: Replication,
    led: BTreeMap<TopicPartition, Led>,
}

impl Replicas {
    /// Without any partition.
    pub(crate) fn new(id: BrokerId, config: ReplicationConfig) -> Replicas {
        Replicas {
            engine: Replication::new(id, config),
            led: BTreeMap::new(),
        }
    }

    /// The engine, for metrics.
    pub(crate) fn engine(&self) -> &Replication {
        &self.engine
    }

    /// Partitions that this broker leads.
    pub(crate) fn led(&self) -> impl Iterator<Item = TopicPartition> {
        self.led.keys().copied()
    }
}

impl Broker {
    /// The epoch in which this broker leads a partition.
    pub(crate) fn led_epoch(&self, tp: TopicPartition) -> Option<LeaderEpoch> {
        self.replicas.led.get(&tp).map(|led| led.epoch)
    }

    /// Whether acks=all appends may be taken: this broker leads and enough replicas are in sync.
    pub(crate) fn has_min_isr(&self, tp: TopicPartition) -> bool {
        self.replicas
            .led
            .get(&tp)
            .is_some_and(|led| led.has_min_isr)
    }

    /// Takes the role that the image gives this broker.
    pub(crate) fn take_role(
        &mut self,
        now: Now,
        tp: TopicPartition,
        partition: &PartitionImage,
        out: &mut Output,
    ) {
        let min_isr = self.min_isr(tp);
        let id = self.id();
        let own_broker_epoch = self.image().brokers.get(&id).map_or(-1, |own| own.epoch);
        if partition.leader == Some(id) {
            let needed = min_isr.min(partition.replicas.len());
            let led = Led {
                epoch: partition.leader_epoch,
                has_min_isr: partition.isr.len() >= needed,
            };
            self.replicas.led.insert(tp, led);
        } else {
            self.replicas.led.remove(&tp);
        }
        let role = PartitionRole {
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            partition_epoch: partition.partition_epoch,
            own_broker_epoch,
        };
        let mut said = ReplicaOut::default();
        self.replicas
            .engine
            .apply(now, tp, &role, min_isr, &mut self.log, &mut said);
        self.replicas_said(now, said, out);
    }

    /// Forgets the role in a partition whose log is about to be removed.
    pub(crate) fn leave_role(&mut self, tp: TopicPartition) {
        self.replicas.led.remove(&tp);
        self.replicas.engine.remove(tp);
    }

    /// Records were appended to a partition that this broker leads.
    pub(crate) fn replicas_appended(&mut self, now: Now, tp: TopicPartition, out: &mut Output) {
        self.step_replicas(now, ReplicaEvent::Appended(tp), out);
    }

    /// More is on this broker's disk.
    pub(crate) fn replicas_durable(
        &mut self,
        now: Now,
        partitions: &[(TopicPartition, Offset)],
        out: &mut Output,
    ) {
        self.step_replicas(now, ReplicaEvent::Durable(partitions), out);
    }

    /// A read that nobody else asked for came back.
    pub(crate) fn replicas_read_done(
        &mut self,
        now: Now,
        id: ReadId,
        result: Result<Vec<Bytes>, ReadError>,
        out: &mut Output,
    ) {
        if self.replicas.engine.owns_read(id) {
            self.step_replicas(now, ReplicaEvent::ReadDone { id, result }, out);
        }
    }

    /// The start of a log moved.
    pub(crate) fn replicas_log_start_moved(
        &mut self,
        now: Now,
        tp: TopicPartition,
        out: &mut Output,
    ) {
        self.step_replicas(now, ReplicaEvent::LogStartMoved(tp), out);
    }

    /// A link is up.
    pub(crate) fn replicas_connected(&mut self, now: Now, peer: BrokerId, out: &mut Output) {
        self.step_replicas(now, ReplicaEvent::PeerConnected(peer), out);
    }

    /// A message of another broker's replicas.
    pub(crate) fn replicas_message(
        &mut self,
        now: Now,
        from: BrokerId,
        bytes: Bytes,
        out: &mut Output,
    ) {
        self.step_replicas(now, ReplicaEvent::Message { from, bytes }, out);
    }

    /// The time the replicas wished for has come.
    pub(crate) fn replicas_wake(&mut self, now: Now, out: &mut Output) {
        self.step_replicas(now, ReplicaEvent::Wake, out);
    }

    /// Sends what has come together in this batch of events.
    pub(crate) fn finish_replicas(&mut self, now: Now, out: &mut Output) {
        let mut said = ReplicaOut::default();
        self.replicas
            .engine
            .finish(now, &mut self.log, &mut out.effects, &mut said);
        self.timers.set(Part::Replication, said.wake_at);
        self.replicas_said(now, said, out);
    }

    fn step_replicas(&mut self, now: Now, event: ReplicaEvent<'_>, out: &mut Output) {
        let mut said = ReplicaOut::default();
        self.replicas
            .engine
            .step(now, event, &mut self.log, &mut said);
        self.replicas_said(now, said, out);
    }

    fn replicas_said(&mut self, now: Now, said: ReplicaOut, out: &mut Output) {
        for (to, message) in said.sends {
            peers::send_replication(to, message, out);
        }
        for proposal in said.alter_isr {
            self.propose_isr(now, proposal, out);
        }
        if !said.log_starts.is_empty() {
            delete_records::answer_ready(self, out);
        }
        for (tp, high_watermark) in said.high_watermarks {
            produce::committed(self, tp, high_watermark, out);
            fetch::wake(self, tp);
            self.coordinator_committed(now, tp, high_watermark, out);
            transactions::committed(self, now, tp, high_watermark, out);
        }
    }

    fn propose_isr(&mut self, now: Now, proposal: AlterIsr, out: &mut Output) {
        let (tp, partition_epoch) = (proposal.tp, proposal.partition_epoch);
        let request = ControllerRequest::AlterPartition(AlterPartition {
            partition: tp,
            leader_epoch: proposal.leader_epoch,
            partition_epoch,
            isr: proposal.isr,
        });
        self.ask_controller(
            now,
            request,
            Box::new(move |broker, now, answered, out| {
                // What was taken comes with the image.
                if let Err(error) = answered {
                    let rejection = rejection(&error);
                    tracing::debug!(partition = %tp, %error, ?rejection, "ISR proposal not taken");
                    let event = ReplicaEvent::IsrRejected {
                        tp,
                        partition_epoch,
                        rejection,
                    };
                    broker.step_replicas(now, event, out);
                }
            }),
            out,
        );
    }
}

fn rejection(error: &ControllerError) -> IsrRejection {
    match error {
        ControllerError::IneligibleReplica { .. } => IsrRejection::Refused,
        ControllerError::FencedLeaderEpoch { .. }
        | ControllerError::InvalidUpdateVersion { .. }
        | ControllerError::UnknownPartition { .. }
        | ControllerError::UnknownTopicId { .. }
        | ControllerError::UnknownTopic { .. } => IsrRejection::Stale,
        // The proposal may have been committed: only the image can tell.
        _ => IsrRejection::Unknown,
    }
}
