//! ConsumerGroupDescribe and ListGroups: the group as administrators see it.
//! It changes nothing.

use kring_wire::ErrorCode;

use super::partitions::{TopicPartitionsList, assigned_list, list};
use super::{Assignment, ConsumerGroup};
use crate::response::{DescribedConsumer, DescribedConsumerGroup, ListedGroup, NamedPartitions};
use crate::step::Step;
use crate::subscription::CONSUMER;

impl ConsumerGroup {
    /// The group with its members.
    pub(crate) fn describe(&self, step: &Step<'_>) -> DescribedConsumerGroup {
        let none = Assignment::new();
        let members = self.state.members.iter().map(|(id, member)| {
            let current = self.state.current_of(id);
            let target = self.state.targets.get(id).unwrap_or(&none);
            DescribedConsumer {
                member_id: id.clone(),
                instance_id: member.instance_id.clone(),
                rack_id: member.rack_id.clone(),
                member_epoch: current.epoch,
                client_id: member.client_id.clone(),
                client_host: member.client_host.clone(),
                subscribed_topic_names: member.topics.iter().cloned().collect(),
                subscribed_topic_regex: member.regex.clone(),
                assignment: named(list(&current.assigned), step),
                target: named(assigned_list(target), step),
            }
        });
        DescribedConsumerGroup {
            error: ErrorCode::None,
            group_id: self.id.clone(),
            state: self.state(),
            group_epoch: self.state.group_epoch(),
            assignment_epoch: self.state.assignment_epoch(),
            assignor: self.assignor(step),
            members: members.collect(),
        }
    }

    /// The group in one line.
    pub(crate) fn list(&self) -> ListedGroup {
        ListedGroup {
            group_id: self.id.clone(),
            protocol_type: CONSUMER.to_owned(),
            state: self.state(),
            group_type: ListedGroup::CONSUMER,
        }
    }
}

/// With names; what was deleted has none and is left out, as in Kafka.
fn named(partitions: TopicPartitionsList, step: &Step<'_>) -> Vec<NamedPartitions> {
    let named = partitions.into_iter().filter_map(|(topic_id, partitions)| {
        let topic = step.topics.name(topic_id)?.to_owned();
        Some(NamedPartitions {
            topic_id,
            topic,
            partitions,
        })
    });
    named.collect()
}
