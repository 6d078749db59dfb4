//! How a record changes the image.
//! It refuses nothing: on every broker the same record has the same effect, or none where its subject is gone.

use std::collections::BTreeMap;

use kring_io::BrokerId;
use kring_wire::TopicPartition;

use super::{
    BrokerImage, ClusterImage, ImageChange, Maintenance, PartitionImage, Record, TopicImage,
};
use crate::config::Registration;
use crate::request::ConfigResource;

impl ClusterImage {
    /// Applies one record and says what changed.
    pub fn apply(&mut self, record: Record, changes: &mut Vec<ImageChange>) {
        match record {
            Record::ClusterId(id) => {
                self.cluster_id = Some(id);
                changes.push(ImageChange::ClusterId);
            }
            Record::RegisterBroker {
                registration,
                epoch,
            } => self.apply_registration(registration, epoch, changes),
            Record::UnregisterBroker(broker) => {
                self.brokers.remove(&broker);
                self.broker_configs.remove(&broker);
                changes.push(ImageChange::Broker(broker));
            }
            Record::FenceBroker { broker, fenced } => {
                self.change_broker(broker, changes, |b| b.fenced = fenced);
            }
            Record::ShutDownBroker(broker) => {
                self.change_broker(broker, changes, |b| b.shutting_down = true);
            }
            Record::Maintenance {
                broker,
                maintenance,
                epoch,
            } => self.apply_maintenance(broker, maintenance, epoch, changes),
            Record::Decommission { broker, on } => {
                self.change_broker(broker, changes, |b| b.decommissioning = on);
            }
            Record::Topic { id, name } => {
                self.by_name.insert(name.clone(), id);
                let topic = TopicImage {
                    id,
                    name,
                    partitions: Vec::new(),
                    config: BTreeMap::new(),
                };
                self.topics.insert(id, topic);
                changes.push(ImageChange::TopicCreated(id));
            }
            Record::RemoveTopic(id) => {
                if let Some(topic) = self.topics.remove(&id) {
                    self.by_name.remove(&topic.name);
                    changes.push(topic.deleted());
                }
            }
            Record::Partition { partition, state } => {
                self.apply_partition(partition, state, changes);
            }
            Record::Config {
                resource,
                name,
                value,
            } => self.apply_config(resource, name, value, changes),
            Record::ProducerIds { next } => self.next_producer_id = next,
        }
    }

    fn apply_registration(
        &mut self,
        registration: Registration,
        epoch: i64,
        changes: &mut Vec<ImageChange>,
    ) {
        let id = registration.broker;
        let mut broker = BrokerImage::new(registration, epoch);
        if let Some(before) = self.brokers.get(&id) {
            broker.maintenance = before.maintenance;
            broker.decommissioning = before.decommissioning;
        }
        self.brokers.insert(id, broker);
        self.next_broker_epoch = self.next_broker_epoch.max(epoch + 1);
        changes.push(ImageChange::Broker(id));
    }

    fn apply_maintenance(
        &mut self,
        broker: BrokerId,
        maintenance: Option<Maintenance>,
        epoch: i64,
        changes: &mut Vec<ImageChange>,
    ) {
        self.maintenance_epoch = self.maintenance_epoch.max(epoch);
        self.change_broker(broker, changes, |b| b.maintenance = maintenance);
    }

    fn change_broker(
        &mut self,
        id: BrokerId,
        changes: &mut Vec<ImageChange>,
        change: impl FnOnce(&mut BrokerImage),
    ) {
        if let Some(broker) = self.brokers.get_mut(&id) {
            change(broker);
            changes.push(ImageChange::Broker(id));
        }
    }

    fn apply_partition(
        &mut self,
        partition: TopicPartition,
        state: PartitionImage,
        changes: &mut Vec<ImageChange>,
    ) {
        let Some(topic) = self.topics.get_mut(&partition.topic) else {
            return;
        };
        let number =
            usize::try_from(partition.partition).expect("partition numbers are not negative");
        if number == topic.partitions.len() {
            topic.partitions.push(state);
        } else {
            topic.partitions[number] = state;
        }
        changes.push(ImageChange::Partition(partition));
    }

    fn apply_config(
        &mut self,
        resource: ConfigResource,
        name: String,
        value: Option<String>,
        changes: &mut Vec<ImageChange>,
    ) {
        let (config, change) = match resource {
            ConfigResource::Topic(topic) => {
                let Some(id) = self.by_name.get(&topic) else {
                    return;
                };
                let Some(topic) = self.topics.get_mut(id) else {
                    return;
                };
                (&mut topic.config, ImageChange::TopicConfig(*id))
            }
            ConfigResource::Broker(broker) => (
                self.broker_configs.entry(broker).or_default(),
                ImageChange::BrokerConfig(broker),
            ),
            ConfigResource::Cluster => (&mut self.cluster_config, ImageChange::ClusterConfig),
        };
        match value {
            Some(value) => config.insert(name, value),
            None => config.remove(&name),
        };
        self.broker_configs.retain(|_, config| !config.is_empty());
        changes.push(change);
    }
}
