//! CreateTopics: names, numbers, assignments and settings are checked as Kafka checks them, then replicas are placed.
//! Every topic succeeds or fails alone. Authorization and quotas are not decided here.

use std::collections::BTreeMap;

use kring_io::BrokerId;
use kring_wire::{TopicId, TopicPartition};

use super::Draft;
use super::place::Placement;
use super::revise::best_leader;
use crate::config_schema;
use crate::error::ControllerError;
use crate::image::{OFFSETS_TOPIC, PartitionImage, Record, TRANSACTIONS_TOPIC};
use crate::request::{ConfigResource, CreatedTopic, Each, NewTopic};

/// Longest name of a topic; with `-` and a partition number it still is a file name.
const NAME_BYTES_MAX: usize = 249;
/// Most partitions that one request creates, as in Kafka (KIP-779).
pub(super) const PARTITIONS_PER_REQUEST_MAX: usize = 10_000;

impl Draft<'_> {
    pub(super) fn create_topics(
        &mut self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Result<Each<String, CreatedTopic>, ControllerError> {
        let asked: usize = topics.iter().map(|t| self.asked_partitions(t)).sum();
        if asked > PARTITIONS_PER_REQUEST_MAX {
            return Err(ControllerError::PolicyViolation {
                reason: format!(
                    "{asked} partitions in one request; at most {PARTITIONS_PER_REQUEST_MAX} are allowed"
                ),
            });
        }
        let mut placement = Placement::new(self.image, self.random);
        let mut names: BTreeMap<String, usize> = BTreeMap::new();
        for topic in &topics {
            *names.entry(topic.name.clone()).or_default() += 1;
        }
        let mut results = Vec::with_capacity(topics.len());
        for topic in topics {
            let name = topic.name.clone();
            let result = if names[&name] > 1 {
                let reason = format!("topic {name:?} stands more than once in the request");
                Err(ControllerError::InvalidRequest { reason })
            } else {
                self.create_topic(topic, &mut placement, validate_only)
            };
            results.push((name, result));
        }
        Ok(results)
    }

    fn asked_partitions(&self, topic: &NewTopic) -> usize {
        let default = usize::try_from(self.defaults().num_partitions).unwrap_or(1);
        match usize::try_from(topic.partitions) {
            Ok(partitions) => partitions,
            Err(_) if topic.assignments.is_empty() => default,
            Err(_) => topic.assignments.len(),
        }
    }

    fn create_topic(
        &mut self,
        topic: NewTopic,
        placement: &mut Placement,
        validate_only: bool,
    ) -> Result<CreatedTopic, ControllerError> {
        self.check_name(&topic.name)?;
        let config = self.initial_config(&topic)?;
        let assignments = if topic.assignments.is_empty() {
            self.place_topic(&topic, placement)?
        } else {
            self.check_assignments(&topic)?
        };
        let replicas = assignments.first().map_or(0, Vec::len);
        let mut created = CreatedTopic {
            id: TopicId::ZERO,
            partitions: i32::try_from(assignments.len()).expect("at most 10,000"),
            replication_factor: i16::try_from(replicas).expect("at most as many as brokers"),
            configs: config.clone(),
        };
        if !validate_only {
            created.id = self.new_topic_id();
            self.push_topic(created.id, topic.name, assignments, config);
        }
        Ok(created)
    }

    fn push_topic(
        &mut self,
        id: TopicId,
        name: String,
        assignments: Vec<Vec<BrokerId>>,
        config: BTreeMap<String, String>,
    ) {
        self.push(Record::Topic {
            id,
            name: name.clone(),
        });
        for (key, value) in config {
            self.push(Record::Config {
                resource: ConfigResource::Topic(name.clone()),
                name: key,
                value: Some(value),
            });
        }
        for (number, replicas) in (0..).zip(assignments) {
            let partition = TopicPartition::new(id, number);
            self.push_new_partition(partition, replicas);
        }
        self.cut();
    }

    pub(super) fn push_new_partition(
        &mut self,
        partition: TopicPartition,
        replicas: Vec<BrokerId>,
    ) {
        let alive = |b: &BrokerId| self.image.brokers.get(b).is_some_and(|b| b.may_lead());
        let mut isr: Vec<BrokerId> = replicas.iter().copied().filter(alive).collect();
        // A replica that is away is in sync with an empty log, but it cannot lead.
        if isr.is_empty() {
            isr.extend(replicas.first());
        }
        let leader = best_leader(self.image, &replicas, &isr, None);
        isr.sort_unstable();
        let state = PartitionImage {
            replicas,
            isr,
            leader,
            ..PartitionImage::default()
        };
        self.push(Record::Partition { partition, state });
    }

    fn new_topic_id(&mut self) -> TopicId {
        // Kafka keeps the first ids for itself; 128 random bits do not meet them or each other.
        TopicId(self.random.id())
    }

    fn check_name(&self, name: &str) -> Result<(), ControllerError> {
        let invalid = |reason: &str| ControllerError::InvalidTopic {
            name: name.to_owned(),
            reason: reason.to_owned(),
        };
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name == "." || name == ".." {
            return Err(invalid("it must not be empty, \".\" or \"..\""));
        }
        if name.len() > NAME_BYTES_MAX {
            return Err(invalid("it must not be longer than 249 characters"));
        }
        if !name.chars().all(allowed) {
            return Err(invalid(
                "it may have ASCII letters and digits, \".\", \"_\" and \"-\"",
            ));
        }
        if self.image.by_name.contains_key(name) {
            let name = name.to_owned();
            return Err(ControllerError::TopicExists { name });
        }
        // Metric names have "_" for ".", so two such topics would be one there.
        let like = |other: &&String| other.replace('.', "_") == name.replace('.', "_");
        if name.contains(['.', '_'])
            && let Some(other) = self.image.by_name.keys().find(like)
        {
            return Err(invalid(&format!(
                "it differs from topic {other:?} only by \".\" and \"_\""
            )));
        }
        Ok(())
    }

    fn initial_config(
        &self,
        topic: &NewTopic,
    ) -> Result<BTreeMap<String, String>, ControllerError> {
        let mut config: BTreeMap<String, String> = BTreeMap::new();
        if self.coordinators_topic(&topic.name).is_some() {
            for (key, value) in [
                ("cleanup.policy", "compact"),
                ("compression.type", "producer"),
                ("segment.bytes", "104857600"),
            ] {
                config.insert(key.to_owned(), value.to_owned());
            }
        }
        for (key, value) in &topic.configs {
            match value {
                Some(value) => config.insert(key.clone(), value.clone()),
                None => config.remove(key),
            };
        }
        config_schema::check_topic_config(&config)
            .map_err(|reason| ControllerError::InvalidConfig { reason })?;
        Ok(config)
    }

    fn place_topic(
        &self,
        topic: &NewTopic,
        placement: &mut Placement,
    ) -> Result<Vec<Vec<BrokerId>>, ControllerError> {
        let (default_partitions, default_replicas) =
            self.coordinators_topic(&topic.name).unwrap_or((
                self.defaults().num_partitions,
                self.defaults().default_replication_factor,
            ));
        let partitions = match topic.partitions {
            -1 => default_partitions,
            asked => asked,
        };
        if partitions < 1 {
            return Err(ControllerError::InvalidPartitions {
                reason: format!("{partitions} partitions are not possible; at least 1 is"),
            });
        }
        let replicas = match topic.replication_factor {
            -1 => default_replicas,
            asked => asked,
        };
        let possible = placement.len();
        let replicas = usize::try_from(replicas).unwrap_or(0);
        if replicas < 1 || replicas > possible {
            return Err(ControllerError::InvalidReplicationFactor {
                reason: format!(
                    "replication factor {} is not possible: from 1 to {possible}, the number of registered brokers that take replicas",
                    topic.replication_factor
                ),
            });
        }
        placement.begin(None);
        Ok((0..partitions).map(|_| placement.place(replicas)).collect())
    }

    /// Partitions and replicas of a topic whose partitions are coordinators, by default. Replicas are as configured, but
    /// no more than the cluster can have: a cluster of one broker works with the default, and one of three
    /// waits for the third.
    fn coordinators_topic(&self, name: &str) -> Option<(i32, i16)> {
        let defaults = self.defaults();
        let (partitions, replicas) = match name {
            OFFSETS_TOPIC => (
                defaults.offsets_topic_partitions,
                defaults.offsets_topic_replication_factor,
            ),
            TRANSACTIONS_TOPIC => (
                defaults.transaction_state_partitions,
                defaults.transaction_state_replication_factor,
            ),
            _ => return None,
        };
        let brokers = self.image.brokers.len().max(self.config.voters.len());
        let brokers = i16::try_from(brokers).unwrap_or(i16::MAX);
        Some((partitions, replicas.min(brokers)))
    }

    fn check_assignments(&self, topic: &NewTopic) -> Result<Vec<Vec<BrokerId>>, ControllerError> {
        if topic.partitions != -1 || topic.replication_factor != -1 {
            return Err(ControllerError::InvalidRequest {
                reason: "with an assignment the number of partitions and of replicas must be -1"
                    .to_owned(),
            });
        }
        let wrong = |reason: String| ControllerError::InvalidReplicaAssignment { reason };
        let replicas = topic.assignments.values().next().map_or(0, Vec::len);
        for (expected, (number, assigned)) in (0..).zip(&topic.assignments) {
            if *number != expected {
                return Err(wrong(format!(
                    "partition {expected} has no assignment; numbers begin at 0 and have no gap"
                )));
            }
            if assigned.len() != replicas {
                return Err(wrong(format!(
                    "partition {number} has {} replicas and partition 0 has {replicas}",
                    assigned.len()
                )));
            }
            self.check_replicas(assigned)?;
        }
        Ok(topic.assignments.values().cloned().collect())
    }

    /// Whether these can be the replicas of a partition: registered, not empty, none twice.
    pub(super) fn check_replicas(&self, replicas: &[BrokerId]) -> Result<(), ControllerError> {
        let wrong = |reason: String| Err(ControllerError::InvalidReplicaAssignment { reason });
        if replicas.is_empty() {
            return wrong("an assignment without replicas".to_owned());
        }
        for (position, broker) in replicas.iter().enumerate() {
            if replicas[..position].contains(broker) {
                return wrong(format!("broker {broker} stands twice in an assignment"));
            }
            match self.image.brokers.get(broker) {
                None => return wrong(format!("broker {broker} is not registered")),
                Some(known) if known.decommissioning => {
                    return wrong(format!("broker {broker} is being decommissioned"));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}
