//! The answer to a Produce request while it is being put together, and its way out.
//! It decides no error.

use std::collections::BTreeSet;

use kring_wire::produce::{ProducePartitionResponse, ProduceResponse, ProduceTopicResponse};
use kring_wire::{ErrorCode, TopicRef};

use super::waiting::Slot;
use crate::broker::Broker;
use crate::call::Caller;
use crate::cluster;
use crate::event::Output;

/// From here on an answer may say who leads (KIP-951).
const LEADER_HINT_FROM: i16 = 10;

/// An answer in which every partition has its place.
#[derive(Debug, Default)]
pub(super) struct Answer {
    response: ProduceResponse,
    places: Vec<(usize, usize)>,
}

impl Answer {
    /// Begins the next topic.
    pub(super) fn topic(&mut self, topic: TopicRef) {
        self.response.topics.push(ProduceTopicResponse {
            topic,
            partitions: Vec::new(),
        });
    }

    /// Adds a partition to the last topic.
    pub(super) fn partition(&mut self, partition: ProducePartitionResponse) -> Slot {
        let at = self.response.topics.len() - 1;
        let topic = &mut self.response.topics[at];
        self.places.push((at, topic.partitions.len()));
        topic.partitions.push(partition);
        Slot(u32::try_from(self.places.len() - 1).expect("partitions of a frame"))
    }

    /// Turns a partition's success into an error: the client must not take the offset for granted.
    pub(super) fn fail(&mut self, slot: Slot, error: ErrorCode) {
        let (topic, partition) = self.places[slot.0 as usize];
        let place = &mut self.response.topics[topic].partitions[partition];
        *place = ProducePartitionResponse::failed(place.index, error, None);
    }

    /// Whether any partition failed.
    pub(super) fn has_error(&self) -> bool {
        let partitions = self.response.topics.iter().flat_map(|t| &t.partitions);
        partitions.into_iter().any(|p| !p.error.is_ok())
    }

    /// What came of each partition.
    #[cfg(test)]
    pub(super) fn errors(&self) -> Vec<ErrorCode> {
        let partitions = self.response.topics.iter().flat_map(|t| &t.partitions);
        partitions.map(|partition| partition.error).collect()
    }

    /// Says who leads what this broker does not, and where the leaders listen: also of records that it had
    /// appended, when it ceased to lead before they were safe.
    fn name_leaders(&mut self, broker: &Broker) {
        let mut leaders = BTreeSet::new();
        for topic in &mut self.response.topics {
            for partition in &mut topic.partitions {
                if partition.error == ErrorCode::NotLeaderOrFollower {
                    let leader = broker.other_leader(&topic.topic, partition.index);
                    leaders.extend(leader.map(|leader| leader.leader_id));
                    partition.current_leader = leader;
                }
            }
        }
        self.response.node_endpoints = cluster::node_endpoints(broker.image(), leaders);
    }
}

/// Sends the answer.
pub(super) fn send(broker: &Broker, caller: Caller, mut answer: Answer, out: &mut Output) {
    if caller.version >= LEADER_HINT_FROM {
        answer.name_leaders(broker);
    }
    let frame = answer
        .response
        .encode(caller.version, caller.correlation_id);
    caller.answer_parts(vec![frame], out);
}
