//! The controller of the model: the real decisions on a real image, one after the other, each committed at once.
//! When it decides, and who hears of it when, is the model's.

use std::hash::{DefaultHasher, Hash, Hasher};

use kring_controller::image::Record;
use kring_controller::request::{AlterPartition, ConfigResource};
use kring_controller::testing::{Decision, decide};
use kring_controller::{
    ClusterImage, ControllerConfig, ControllerError, ControllerRequest, PartitionImage,
    Registration,
};
use kring_io::BrokerId;

use super::{BROKERS, MIN_ISR, TP};
use crate::{AlterIsr, IsrRejection, PartitionRole};

#[derive(Clone, Debug)]
pub(super) struct Controller {
    config: ControllerConfig,
    image: ClusterImage,
    pub(super) digest: u64,
}

impl PartialEq for Controller {
    fn eq(&self, other: &Controller) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Controller {}

/// A broker's question.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Proposal {
    leader_epoch: i32,
    pub(super) partition_epoch: i32,
    pub(super) isr: Vec<(BrokerId, i64)>,
    /// The run of the broker that asked still waits.
    pub(super) awaited: bool,
}

impl Proposal {
    pub(super) fn new(alter: AlterIsr) -> Proposal {
        Proposal {
            leader_epoch: alter.leader_epoch,
            partition_epoch: alter.partition_epoch,
            isr: alter.isr,
            awaited: true,
        }
    }
}

/// What the controller tells a broker.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Word {
    Role(Role),
    Rejected {
        partition_epoch: i32,
        rejection: Rejection,
    },
}

/// [`PartitionRole`] without the replicas, which never change here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Role {
    isr: Vec<BrokerId>,
    leader: Option<BrokerId>,
    leader_epoch: i32,
    partition_epoch: i32,
    own_broker_epoch: i64,
}

impl From<Role> for PartitionRole {
    fn from(role: Role) -> PartitionRole {
        PartitionRole {
            replicas: (0..BROKERS).map(BrokerId).collect(),
            isr: role.isr,
            leader: role.leader,
            leader_epoch: role.leader_epoch,
            partition_epoch: role.partition_epoch,
            own_broker_epoch: role.own_broker_epoch,
        }
    }
}

/// [`IsrRejection`] with a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Rejection {
    Refused,
    Stale,
    Unknown,
}

impl From<IsrRejection> for Rejection {
    fn from(rejection: IsrRejection) -> Rejection {
        match rejection {
            IsrRejection::Refused => Rejection::Refused,
            IsrRejection::Stale => Rejection::Stale,
            IsrRejection::Unknown => Rejection::Unknown,
        }
    }
}

impl From<Rejection> for IsrRejection {
    fn from(rejection: Rejection) -> IsrRejection {
        match rejection {
            Rejection::Refused => IsrRejection::Refused,
            Rejection::Stale => IsrRejection::Stale,
            Rejection::Unknown => IsrRejection::Unknown,
        }
    }
}

impl Controller {
    /// Three live brokers with one partition, all in sync, the first leads.
    pub(super) fn new() -> Controller {
        let id = BrokerId(0);
        let mut controller = Controller {
            config: ControllerConfig::new(id, vec![(id, String::new())]),
            image: ClusterImage::default(),
            digest: 0,
        };
        for id in (0..BROKERS).map(BrokerId) {
            controller.register(id, true);
            controller.unfence(id);
        }
        let replicas: Vec<BrokerId> = (0..BROKERS).map(BrokerId).collect();
        let name = "t".to_owned();
        let records = [
            Record::Topic {
                id: TP.topic,
                name: name.clone(),
            },
            Record::Config {
                resource: ConfigResource::Topic(name),
                name: "min.insync.replicas".to_owned(),
                value: Some(MIN_ISR.to_string()),
            },
            Record::Partition {
                partition: TP,
                state: PartitionImage {
                    isr: replicas.clone(),
                    leader: replicas.first().copied(),
                    replicas,
                    ..PartitionImage::default()
                },
            },
        ];
        for record in records {
            controller.image.apply(record, &mut Vec::new());
        }
        controller.digest = controller.take_digest();
        controller
    }

    fn decide(&mut self, decision: Decision) -> Result<(), ControllerError> {
        let decided = decide(&self.config, &mut self.image, decision).map(|_| ());
        self.digest = self.take_digest();
        decided
    }

    fn take_digest(&self) -> u64 {
        let mut to = DefaultHasher::new();
        for broker in self.image.brokers.values() {
            (broker.epoch, broker.fenced, broker.shutting_down).hash(&mut to);
        }
        if let Some(state) = self.image.partition(TP) {
            (&state.isr, &state.eligible, state.leader).hash(&mut to);
            (state.leader_epoch, state.partition_epoch).hash(&mut to);
        }
        to.finish()
    }

    pub(super) fn register(&mut self, broker: BrokerId, journal_intact: bool) {
        let run = u8::try_from(self.image.next_broker_epoch).expect("few runs");
        let registration = Registration {
            broker,
            incarnation: [run; 16],
            disk_id: [0; 16],
            version: String::new(),
            rack: None,
            listeners: Vec::new(),
            peer_address: String::new(),
            clean_start: false,
            journal_intact,
        };
        let registered = self.decide(Decision::Register(registration));
        registered.expect("the disk is the same");
    }

    pub(super) fn fence(&mut self, broker: BrokerId) {
        let _ = self.decide(Decision::Fence(broker));
    }

    pub(super) fn unfence(&mut self, broker: BrokerId) {
        let _ = self.decide(Decision::Unfence(broker));
    }

    /// Moves the leadership off a broker; whether it moved. The maintenance ends at once.
    pub(super) fn hand_over(&mut self, broker: BrokerId) -> bool {
        let leader = self.leader();
        for on in [true, false] {
            let request = ControllerRequest::Maintenance {
                broker,
                on,
                epoch: 1,
                ttl_s: 1,
            };
            let _ = self.decide(Decision::Request(broker, request));
        }
        self.leader() != leader
    }

    /// Takes a proposal; what the leader is told when it does not pass.
    pub(super) fn alter(&mut self, asker: BrokerId, proposal: &Proposal) -> Option<IsrRejection> {
        let request = ControllerRequest::AlterPartition(AlterPartition {
            partition: TP,
            leader_epoch: proposal.leader_epoch,
            partition_epoch: proposal.partition_epoch,
            isr: proposal.isr.clone(),
        });
        let error = self.decide(Decision::Request(asker, request)).err()?;
        // As the broker translates it.
        Some(match error {
            ControllerError::IneligibleReplica { .. } => IsrRejection::Refused,
            ControllerError::FencedLeaderEpoch { .. }
            | ControllerError::InvalidUpdateVersion { .. } => IsrRejection::Stale,
            _ => IsrRejection::Unknown,
        })
    }

    pub(super) fn partition(&self) -> &PartitionImage {
        self.image.partition(TP).expect("it is never deleted")
    }

    pub(super) fn leader(&self) -> Option<BrokerId> {
        self.partition().leader
    }

    pub(super) fn is_fenced(&self, broker: BrokerId) -> bool {
        self.image.brokers[&broker].fenced
    }

    pub(super) fn role_of(&self, broker: BrokerId) -> Role {
        let state = self.partition();
        Role {
            isr: state.isr.clone(),
            leader: state.leader,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            own_broker_epoch: self.image.brokers[&broker].epoch,
        }
    }

    /// A bug: a member leaves the ISR and joins it nevertheless.
    pub(super) fn add_to_isr(&mut self, broker: BrokerId) {
        let mut state = self.partition().clone();
        if !state.isr.contains(&broker) {
            state.isr.push(broker);
            state.eligible.retain(|b| *b != broker);
            state.partition_epoch += 1;
            let partition = TP;
            let record = Record::Partition { partition, state };
            self.image.apply(record, &mut Vec::new());
            self.digest = self.take_digest();
        }
    }
}
