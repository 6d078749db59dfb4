//! The answer to a Produce request while it is being put together, and its way out.
//! It decides no error.

use kring_wire::produce::{ProducePartitionResponse, ProduceResponse, ProduceTopicResponse};
use kring_wire::{ErrorCode, TopicRef};

use super::waiting::Slot;
use crate::call::Caller;
use crate::event::Output;

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

    /// Where the leaders named in the answer listen.
    pub(super) fn endpoints(&mut self, endpoints: Vec<kring_wire::NodeEndpoint>) {
        self.response.node_endpoints = endpoints;
    }

    /// Leaders named in the answer.
    pub(super) fn leaders(&self) -> impl Iterator<Item = i32> {
        self.response
            .topics
            .iter()
            .flat_map(|topic| &topic.partitions)
            .filter_map(|partition| partition.current_leader.map(|leader| leader.leader_id))
    }
}

/// Sends the answer.
pub(super) fn send(caller: Caller, answer: Answer, out: &mut Output) {
    let frame = answer
        .response
        .encode(caller.version, caller.correlation_id);
    caller.answer_parts(vec![frame], out);
}
