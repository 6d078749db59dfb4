//! Answers about the whole cluster: the brokers and what they hold, partitions in some trouble, voters at risk.
//! It changes nothing.

use kring_admin_api::{BrokerStatus, Risk};
use kring_io::BrokerId;
use kring_wire::TopicId;

use crate::image::{ClusterImage, PartitionImage, TopicImage};

/// Examples that a [`Risk`] names.
const SAMPLE: usize = 10;

/// Counts the partitions for which `harmed` holds.
pub(super) fn risk(
    image: &ClusterImage,
    harmed: impl Fn(&TopicImage, &PartitionImage) -> bool,
) -> Risk {
    let mut risk = Risk::default();
    for topic in image.topics.values() {
        for (partition, state) in topic.partitions() {
            if harmed(topic, state) {
                risk.partitions += 1;
                if risk.sample.len() < SAMPLE {
                    risk.sample.push(image.display_name(partition));
                }
            }
        }
    }
    risk
}

/// Every broker with what it leads and holds.
pub(crate) fn broker_statuses(image: &ClusterImage) -> Vec<BrokerStatus> {
    let status = |(id, broker): (&BrokerId, &crate::image::BrokerImage)| {
        let count = image.count(*id);
        BrokerStatus {
            id: id.0,
            epoch: broker.epoch,
            fenced: broker.fenced,
            maintenance: broker.maintenance.is_some(),
            decommissioning: broker.decommissioning,
            leaders: count.leaders,
            coordinators: count.coordinators,
            preferred_leaders: count.preferred_leaders,
            replicas: count.replicas,
            in_sync_replicas: count.in_sync_replicas,
            version: broker.version.clone(),
            disk_id: TopicId(broker.disk_id).to_string(),
            rack: broker.rack.clone(),
        }
    };
    image.brokers.iter().map(status).collect()
}

/// Whether the quorum has a majority now and would have none without `brokers`. A quorum of one voter
/// stops with it, whatever is done, so that does not count.
pub(crate) fn voters_at_risk(
    voters: &[BrokerId],
    caught_up: &[BrokerId],
    brokers: &[BrokerId],
) -> bool {
    let majority = voters.len() / 2 + 1;
    let left = caught_up.iter().filter(|b| !brokers.contains(b)).count();
    let concerned = voters.iter().any(|b| brokers.contains(b));
    voters.len() > 1 && concerned && left < majority
}
