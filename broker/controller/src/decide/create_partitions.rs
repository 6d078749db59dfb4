//! CreatePartitions: raises the number of partitions of a topic. Every topic succeeds or fails alone.
//! Existing partitions stay where they are.

use kring_io::BrokerId;
use kring_wire::TopicPartition;

use super::Draft;
use super::create_topics::PARTITIONS_PER_REQUEST_MAX;
use super::place::Placement;
use crate::error::ControllerError;
use crate::request::{Each, NewPartitions};

impl Draft<'_> {
    pub(super) fn create_partitions(
        &mut self,
        topics: Vec<NewPartitions>,
        validate_only: bool,
    ) -> Each<String> {
        let mut placement = Placement::new(self.image, self.random);
        let mut results = Vec::with_capacity(topics.len());
        let mut room = PARTITIONS_PER_REQUEST_MAX;
        for topic in topics {
            let result = self.add_partitions(&topic, &mut placement, &mut room, validate_only);
            results.push((topic.name, result));
        }
        results
    }

    fn add_partitions(
        &mut self,
        topic: &NewPartitions,
        placement: &mut Placement,
        room: &mut usize,
        validate_only: bool,
    ) -> Result<(), ControllerError> {
        let Some(known) = self.image.topic_by_name(&topic.name) else {
            let name = topic.name.clone();
            return Err(ControllerError::UnknownTopic { name });
        };
        let id = known.id;
        let now = known.partitions.len();
        let wrong = |reason: String| ControllerError::InvalidPartitions { reason };
        let count = usize::try_from(topic.count).unwrap_or(0);
        if count <= now {
            return Err(wrong(format!(
                "topic {:?} has {now} partitions, so {} are not possible: the number can only grow",
                topic.name, topic.count
            )));
        }
        let more = count - now;
        *room = room
            .checked_sub(more)
            .ok_or_else(|| ControllerError::PolicyViolation {
                reason: format!(
                    "more than {PARTITIONS_PER_REQUEST_MAX} new partitions in one request"
                ),
            })?;
        let factor = known
            .partitions
            .first()
            .map_or(1, |p| p.target_replicas().len());
        let assignments: Vec<Vec<BrokerId>> = match &topic.assignments {
            Some(given) => self.check_new_assignments(given, more, factor)?,
            None if factor > placement.len() => {
                return Err(ControllerError::InvalidReplicationFactor {
                    reason: format!(
                        "topic {:?} has {factor} replicas, and only {} brokers take replicas",
                        topic.name,
                        placement.len()
                    ),
                });
            }
            None => {
                placement.begin(Some(known));
                (0..more).map(|_| placement.place(factor)).collect()
            }
        };
        if !validate_only {
            let first = i32::try_from(now).expect("partition numbers are 32 bits");
            for (number, replicas) in (first..).zip(assignments) {
                self.push_new_partition(TopicPartition::new(id, number), replicas);
            }
            self.cut();
        }
        Ok(())
    }

    fn check_new_assignments(
        &self,
        given: &[Vec<BrokerId>],
        more: usize,
        factor: usize,
    ) -> Result<Vec<Vec<BrokerId>>, ControllerError> {
        let wrong = |reason: String| ControllerError::InvalidReplicaAssignment { reason };
        if given.len() != more {
            return Err(wrong(format!(
                "{} assignments for {more} new partitions",
                given.len()
            )));
        }
        for replicas in given {
            if replicas.len() != factor {
                return Err(wrong(format!(
                    "{} replicas in an assignment of a topic with {factor}",
                    replicas.len()
                )));
            }
            self.check_replicas(replicas)?;
        }
        Ok(given.to_vec())
    }
}
