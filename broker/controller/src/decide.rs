//! What the active controller decides: from a request and the image to records and an answer.
//! It neither waits nor sends, and what it decides counts only once the quorum has committed it.

mod alter_partition;
mod brokers;
mod configs;
mod create_partitions;
mod create_topics;
mod decommission;
mod delete_topics;
mod elect;
mod list;
mod maintenance;
mod place;
mod reassign;
mod replica_damaged;
mod restart_check;
mod revise;

use kring_io::{BrokerId, Random};

use crate::config::{ClusterDefaults, ControllerConfig};
use crate::error::ControllerError;
use crate::image::{ClusterImage, Record};
use crate::request::{ControllerRequest, ControllerResponse};

pub(crate) use decommission::decommission_status;
pub(crate) use list::{broker_statuses, voters_at_risk};
pub(crate) use maintenance::maintenance_status;
pub(crate) use restart_check::restart_check;

/// Producer ids of one block.
const PRODUCER_ID_BLOCK: i32 = 1_000;
/// Records after which an entry of the metadata log ends, where it may end.
const ENTRY_RECORDS: usize = 1_000;

/// A decision in the making: the image with everything decided so far, and the records that led there.
pub(crate) struct Draft<'a> {
    pub(crate) image: &'a mut ClusterImage,
    pub(crate) config: &'a ControllerConfig,
    pub(crate) random: &'a mut Random,
    records: Vec<Record>,
    /// Positions in `records` at which one entry may end and the next begin.
    cuts: Vec<usize>,
}

impl<'a> Draft<'a> {
    pub(crate) fn new(
        image: &'a mut ClusterImage,
        config: &'a ControllerConfig,
        random: &'a mut Random,
    ) -> Draft<'a> {
        Draft {
            image,
            config,
            random,
            records: Vec::new(),
            cuts: Vec::new(),
        }
    }

    /// Decides a change. What was decided stays in the draft, whatever the answer says.
    pub(crate) fn decide(
        &mut self,
        asker: BrokerId,
        request: ControllerRequest,
    ) -> Result<ControllerResponse, ControllerError> {
        match request {
            ControllerRequest::AlterPartition(proposal) => self
                .alter_partition(asker, &proposal)
                .map(ControllerResponse::AlterPartition),
            ControllerRequest::CreateTopics {
                topics,
                validate_only,
            } => self
                .create_topics(topics, validate_only)
                .map(ControllerResponse::CreateTopics),
            ControllerRequest::DeleteTopics { topics } => {
                Ok(ControllerResponse::DeleteTopics(self.delete_topics(topics)))
            }
            ControllerRequest::CreatePartitions {
                topics,
                validate_only,
            } => Ok(ControllerResponse::CreatePartitions(
                self.create_partitions(topics, validate_only),
            )),
            ControllerRequest::AlterConfigs {
                resources,
                validate_only,
            } => Ok(ControllerResponse::AlterConfigs(
                self.alter_configs(resources, validate_only),
            )),
            ControllerRequest::SetClusterConfig { config } => self.set_cluster_config(config),
            ControllerRequest::ReplaceClusterConfig(change) => self.replace_cluster_config(change),
            ControllerRequest::ReplaceConfigs {
                resources,
                validate_only,
            } => Ok(ControllerResponse::AlterConfigs(
                self.replace_configs(resources, validate_only),
            )),
            ControllerRequest::AlterReassignments { partitions } => Ok(
                ControllerResponse::AlterReassignments(self.alter_reassignments(partitions)),
            ),
            ControllerRequest::SetReplicationFactor {
                topic,
                replication_factor,
            } => self
                .set_replication_factor(topic, replication_factor)
                .map(|()| ControllerResponse::SetReplicationFactor),
            ControllerRequest::ElectLeaders { kind, partitions } => Ok(
                ControllerResponse::ElectLeaders(self.elect_leaders(kind, partitions)),
            ),
            ControllerRequest::AllocateProducerIds => Ok(self.allocate_producer_ids()),
            ControllerRequest::ReturnLeaders { broker, batch } => self
                .return_leaders(broker, batch as usize)
                .map(ControllerResponse::ReturnLeaders),
            ControllerRequest::Unregister { broker } => self
                .unregister(broker)
                .map(|()| ControllerResponse::Unregister),
            ControllerRequest::ControlledShutdown { broker } => {
                self.shut_down(broker).map(|remaining_leaders| {
                    ControllerResponse::ControlledShutdown { remaining_leaders }
                })
            }
            ControllerRequest::Decommission { broker, on } => self.decommission(broker, on),
            ControllerRequest::Maintenance {
                broker,
                on,
                epoch,
                ttl_s,
            } => self.maintain(broker, on, epoch, ttl_s),
            ControllerRequest::ReplicaDamaged(damaged) => self.replica_damaged(asker, damaged),
            ControllerRequest::MaintenanceStatus { .. }
            | ControllerRequest::DecommissionStatus { .. }
            | ControllerRequest::RestartCheck { .. }
            | ControllerRequest::ClusterConfig
            | ControllerRequest::DescribeQuorum
            | ControllerRequest::BrokerList => Err(ControllerError::InvalidRequest {
                reason: "a question is answered, not decided".to_owned(),
            }),
        }
    }

    fn allocate_producer_ids(&mut self) -> ControllerResponse {
        let first = self.image.next_producer_id;
        let next = first + i64::from(PRODUCER_ID_BLOCK);
        self.push(Record::ProducerIds { next });
        ControllerResponse::ProducerIds {
            first,
            count: PRODUCER_ID_BLOCK,
        }
    }

    /// The records in groups, each of which becomes one entry: applied whole or not at all.
    pub(crate) fn into_entries(self) -> Vec<Vec<Record>> {
        let mut entries = Vec::new();
        let mut entry = Vec::new();
        let mut cuts = self.cuts.into_iter().peekable();
        for (position, record) in self.records.into_iter().enumerate() {
            while cuts.next_if(|cut| *cut <= position).is_some() {
                if entry.len() >= ENTRY_RECORDS {
                    entries.push(std::mem::take(&mut entry));
                }
            }
            entry.push(record);
        }
        if !entry.is_empty() {
            entries.push(entry);
        }
        entries
    }

    pub(crate) fn push(&mut self, record: Record) {
        self.image.apply(record.clone(), &mut Vec::new());
        self.records.push(record);
    }

    /// Another entry may begin here.
    fn cut(&mut self) {
        self.cuts.push(self.records.len());
    }

    fn defaults(&self) -> &'a ClusterDefaults {
        &self.config.defaults
    }
}

#[cfg(test)]
mod tests;
