//! Questions to the cluster image that several APIs ask.
//! It changes nothing and knows no request.

use kring_controller::{BrokerImage, ClusterImage, Endpoint, PartitionImage, TopicImage};
use kring_io::BrokerId;
use kring_wire::{NodeEndpoint, TopicId};

/// The topic whose partitions are the group coordinators.
pub(crate) const CONSUMER_OFFSETS: &str = "__consumer_offsets";

/// The topic whose partitions are the transaction coordinators.
pub(crate) const TRANSACTION_STATE: &str = "__transaction_state";

const TOPIC_NAME_BYTES_MAX: usize = 249;

/// Whether a topic may have this name, as Kafka's `Topic.validate`.
pub(crate) fn is_topic_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= TOPIC_NAME_BYTES_MAX
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}

/// Whether clients see the topic as internal.
pub(crate) fn is_internal(name: &str) -> bool {
    matches!(
        name,
        CONSUMER_OFFSETS | TRANSACTION_STATE | "__share_group_state"
    )
}

/// A topic by its name.
pub(crate) fn topic_by_name<'a>(
    image: &'a ClusterImage,
    name: &str,
) -> Option<(TopicId, &'a TopicImage)> {
    image.topic_by_name(name).map(|topic| (topic.id, topic))
}

/// All topics, in the order of their names.
pub(crate) fn topics_in_name_order(
    image: &ClusterImage,
) -> impl Iterator<Item = (TopicId, &TopicImage)> {
    image
        .by_name
        .values()
        .filter_map(|id| image.topics.get(id).map(|topic| (*id, topic)))
}

/// Whether a broker is registered and not fenced.
pub(crate) fn is_live(image: &ClusterImage, id: BrokerId) -> bool {
    image.brokers.get(&id).is_some_and(|broker| !broker.fenced)
}

/// Where clients reach a broker: its first listener.
pub(crate) fn client_endpoint(broker: &BrokerImage) -> Option<&Endpoint> {
    broker.listeners.first()
}

/// Where brokers listen for clients, for answers that name leaders.
pub(crate) fn node_endpoints(
    image: &ClusterImage,
    ids: impl IntoIterator<Item = i32>,
) -> Vec<NodeEndpoint> {
    ids.into_iter()
        .filter_map(|id| {
            let broker = image.brokers.get(&BrokerId(id))?;
            let endpoint = client_endpoint(broker)?;
            Some(NodeEndpoint {
                node_id: id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: broker.rack.clone(),
            })
        })
        .collect()
}

/// Replicas on brokers that are not alive.
pub(crate) fn offline_replicas(image: &ClusterImage, partition: &PartitionImage) -> Vec<BrokerId> {
    partition
        .replicas
        .iter()
        .copied()
        .filter(|id| !is_live(image, *id))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topic_names_are_kafkas() {
        for name in ["a", "a.b_c-D9", "__consumer_offsets", &"x".repeat(249)] {
            assert!(is_topic_name(name), "{name}");
        }
        for name in ["", ".", "..", "a b", "a/b", "ü", &"x".repeat(250)] {
            assert!(!is_topic_name(name), "{name}");
        }
    }
}
