//! Reads the groups' lag out of the brokers' metrics, as a scraper does, into the history.
//! It asks every broker that runs; one that coordinates nothing says nothing.

use crate::client::member;
use crate::history::Happened;
use crate::topics;
use crate::world::World;

/// Groups of a run are numbered from 0 to this.
pub const GROUPS: u32 = 2;

/// Reads every lag there is; gives whether every group is said to have read everything.
pub fn read(world: &mut World) -> bool {
    let at = world.now();
    let mut read = Vec::new();
    for machine in world.machines() {
        let from = machine.id();
        let Some(broker) = machine.broker() else {
            continue;
        };
        for offset in broker.metrics().group_offsets {
            let group = (0..GROUPS).find(|group| member::group_id(*group) == offset.group);
            let topic = topics::WRITTEN.iter().find(|t| t.name == offset.topic);
            let (Some(group), Some(topic), Some(lag)) = (group, topic, offset.lag_records) else {
                continue;
            };
            read.push(Happened::LagRead {
                group,
                partition: topic.partition(offset.partition),
                from,
                since: at,
                lag,
            });
        }
    }
    let lagging =
        |happened: &Happened| matches!(happened, Happened::LagRead { lag, .. } if *lag > 0);
    let done = !read.is_empty() && !read.iter().any(lagging);
    for happened in read {
        world.history.push(at, happened);
    }
    done
}
