//! Decommission: every replica of a broker is moved to others, a bounded number at a time.
//! Moving the data is the replicas' work; a move ends as every reassignment ends.

use kring_admin_api::{DecommissionStatus, Risk};
use kring_io::BrokerId;

use super::Draft;
use super::list::risk;
use super::place::Placement;
use crate::error::ControllerError;
use crate::image::{ClusterImage, PartitionImage, Record};
use crate::request::ControllerResponse;

impl Draft<'_> {
    pub(super) fn decommission(
        &mut self,
        broker: BrokerId,
        on: bool,
    ) -> Result<ControllerResponse, ControllerError> {
        let known = self.image.brokers.get(&broker);
        let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
        if on && !known.decommissioning {
            // What cannot be done is not begun, however often it is asked for.
            let impossible = nowhere_to_go(self.image, broker);
            if impossible.partitions > 0 {
                let status = decommission_status(self.image, broker)?;
                return Ok(ControllerResponse::Decommission(DecommissionStatus {
                    impossible,
                    ..status
                }));
            }
        }
        if known.decommissioning != on {
            self.push(Record::Decommission { broker, on });
            if on {
                self.plan_moves(broker, self.config.move_batch);
            } else {
                self.cancel_moves(broker);
            }
        }
        let status = decommission_status(self.image, broker)?;
        Ok(ControllerResponse::Decommission(status))
    }

    /// Starts moves of replicas away from `broker` until `under_way_max` are under way. Whether any started.
    pub(crate) fn plan_moves(&mut self, broker: BrokerId, under_way_max: usize) -> bool {
        let moving = self.select(|p| p.removing.contains(&broker)).len();
        let due = self.select(|p| p.replicas.contains(&broker) && !p.is_reassigning());
        let mut room = under_way_max.saturating_sub(moving);
        if due.is_empty() || room == 0 {
            return false;
        }
        let mut placement = Placement::new(self.image, self.random);
        let mut topic = None;
        let mut started = false;
        for partition in due {
            if room == 0 {
                break;
            }
            if topic != Some(partition.topic) {
                topic = Some(partition.topic);
                placement.begin(self.image.topics.get(&partition.topic));
            }
            let state = self.image.partition(partition).expect("it was selected");
            let mut target = state.replicas.clone();
            let staying: Vec<BrokerId> = target.iter().copied().filter(|b| *b != broker).collect();
            let Some(heir) = placement.add(&staying) else {
                continue;
            };
            for replica in &mut target {
                if *replica == broker {
                    *replica = heir;
                }
            }
            self.start_reassignment(partition, &target);
            started = true;
            room -= 1;
        }
        started
    }

    fn cancel_moves(&mut self, broker: BrokerId) {
        for partition in self.select(|p| p.removing.contains(&broker)) {
            self.cancel_reassignment(partition);
        }
    }
}

/// How far the emptying is.
pub(crate) fn decommission_status(
    image: &ClusterImage,
    broker: BrokerId,
) -> Result<DecommissionStatus, ControllerError> {
    let known = image.brokers.get(&broker);
    let known = known.ok_or(ControllerError::UnknownBroker { broker })?;
    let moving = image
        .partitions()
        .filter(|(_, p)| p.removing.contains(&broker));
    Ok(DecommissionStatus {
        broker: broker.0,
        on: known.decommissioning,
        replicas: image.count(broker).replicas,
        impossible: if known.decommissioning {
            nowhere_to_go(image, broker)
        } else {
            Risk::default()
        },
        moving: moving.count() as u64,
    })
}

/// Partitions whose replica on `broker` no other broker could take.
fn nowhere_to_go(image: &ClusterImage, broker: BrokerId) -> Risk {
    let usable =
        |b: &BrokerId| *b != broker && image.brokers.get(b).is_some_and(|b| !b.decommissioning);
    let others = image.brokers.keys().filter(|b| usable(b)).count();
    let nowhere = |p: &PartitionImage| {
        let beside = p.replicas.iter().filter(|b| usable(b)).count();
        p.replicas.contains(&broker) && !p.is_reassigning() && beside >= others
    };
    risk(image, |_, p| nowhere(p))
}
