//! What is so in the cluster of brokers, read from the active controller's own state.
//! Checks compare with it; nothing that is checked reads it.

use kring_controller::{ClusterImage, PartitionImage};
use kring_sim::world::World;

/// The image of the active controller; none when there is none.
pub(crate) fn image(world: &mut World) -> Option<ClusterImage> {
    world
        .machines()
        .filter_map(|machine| {
            let broker = machine.broker()?;
            broker
                .is_active_controller()
                .then(|| broker.image().clone())
        })
        .max_by_key(|image| image.epoch)
}

/// Every partition with a name for people.
pub(crate) fn partitions(image: &ClusterImage) -> impl Iterator<Item = (String, &PartitionImage)> {
    image.topics.values().flat_map(|topic| {
        topic
            .partitions
            .iter()
            .enumerate()
            .map(move |(number, partition)| (format!("{}-{number}", topic.name), partition))
    })
}

/// The fewest replicas in sync with which a partition takes acks=all.
pub(crate) fn min_isr(partition: &PartitionImage) -> usize {
    if partition.target_replicas().len() >= 3 {
        2
    } else {
        1
    }
}
