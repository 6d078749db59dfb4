//! Looks at the engines while they run, for what breaks a promise long before a client could see it.
//! It changes nothing, and takes no part in what happens: a run is the same without it.

use std::time::Duration;

use kring_controller::{ClusterImage, PartitionImage};
use kring_io::{BrokerId, Instant};
use kring_log::Log;
use kring_requests::Broker;
use kring_wire::ids::TopicPartition;

use super::World;
use crate::checks::Violation;

/// A process gives nothing up that its disk has kept.
pub(super) const KEPT: &str = "kept data";
/// Who is in sync durably has all that is committed.
const IN_SYNC: &str = "in-sync replica";
/// What follows a leader in its epoch is the beginning of its log.
const MATCHING: &str = "log matching";
/// Time between two looks.
const LOOK_AGAIN: Duration = Duration::from_millis(25);
/// Facts that are kept; one is enough to fail a run.
const FACTS_MAX: usize = 20;

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Watch {
    next_at: Instant,
    seen: Vec<Violation>,
}

impl Watch {
    /// Keeps a fact, unless it is the last one again.
    pub(super) fn saw(&mut self, check: &'static str, fact: String) {
        let again = self.seen.last().is_some_and(|last| last.fact == fact);
        if !again && self.seen.len() < FACTS_MAX {
            self.seen.push(Violation { check, fact });
        }
    }
}

impl World {
    /// What was seen in the engines that must never be.
    pub fn take_seen(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.watch.seen)
    }

    /// Looks, when it is time.
    pub(super) fn watch(&mut self) {
        if self.now < self.watch.next_at {
            return;
        }
        self.watch.next_at = self.now + LOOK_AGAIN;
        if let Some(fact) = self.lacks_committed() {
            self.watch.saw(IN_SYNC, fact);
        }
        let followers = self.machines.values().filter_map(|m| m.engine());
        if let Some(fact) = followers.filter_map(|f| self.parted(f)).next() {
            self.watch.saw(MATCHING, fact);
        }
    }

    /// A member of an ISR that durably lacks something below the leader's high watermark, or has
    /// something else there. Asked only where the newest metadata, the leader's and the member's
    /// registration agree: else the member may already be out, and the news under way.
    fn lacks_committed(&self) -> Option<String> {
        let engines = self.machines.values().filter_map(|m| m.engine());
        let newest = engines.map(Broker::image).max_by_key(|i| i.epoch)?;
        let partitions = newest.topics.values().flat_map(|topic| {
            let numbered = (0..).zip(&topic.partitions);
            numbered.map(move |(number, partition)| (topic, number, partition))
        });
        for (topic, number, partition) in partitions {
            let tp = TopicPartition {
                topic: topic.id,
                partition: number,
            };
            let Some(leader) = self.leader_log(tp, partition) else {
                continue;
            };
            let leading = leader.state(tp)?;
            let committed = leading.high_watermark;
            for member in &partition.isr {
                let Some(member_log) = self.member_log(*member, newest) else {
                    continue;
                };
                let Some(state) = member_log.state(tp) else {
                    continue;
                };
                let name = &topic.name;
                let end = state.durable_end.min(state.log_end);
                if end < committed {
                    return Some(format!(
                        "{name}-{number}: broker {member} is in sync, but its disk has no more than offset {end}, and {committed} is committed"
                    ));
                }
                let last = committed - 1;
                if last >= state.log_start.max(leading.log_start)
                    && parts(tp, last, leader, member_log)
                {
                    return Some(format!(
                        "{name}-{number}: broker {member} is in sync, but its record at {last} is none that is committed"
                    ));
                }
            }
        }
        None
    }

    /// The log of a partition's leader, if it knows the newest state.
    fn leader_log(&self, tp: TopicPartition, newest: &PartitionImage) -> Option<&Log> {
        let broker = self.machines.get(&newest.leader?)?.engine()?;
        let known = broker.image().partition(tp)?;
        let knows = known.partition_epoch == newest.partition_epoch;
        (knows && broker.seen_replication().is_leader(tp)).then_some(broker.seen_log())
    }

    /// The log of a member that is registered as it runs now.
    fn member_log(&self, member: BrokerId, newest: &ClusterImage) -> Option<&Log> {
        let machine = self.machines.get(&member)?;
        let registered = newest.brokers.get(&member)?;
        if registered.fenced || registered.incarnation != machine.incarnation() {
            return None;
        }
        let log = machine.engine()?.seen_log();
        log.recovered().then_some(log)
    }

    /// A partition whose log here is not the beginning of its leader's, although the leader of this
    /// epoch has told that it is.
    fn parted(&self, follower: &Broker) -> Option<String> {
        let replication = follower.seen_replication();
        for tp in replication.followed() {
            let Some(following) = replication.following(tp) else {
                continue;
            };
            let leader = self.machines.get(&following.leader);
            let Some(leader) = leader.and_then(|machine| machine.engine()) else {
                continue;
            };
            let leads = leader.seen_replication();
            let leads = leads.leader_state(tp, leader.seen_log());
            if following.leader_high_watermark < 0
                || leads.is_none_or(|leads| leads.epoch != following.epoch)
            {
                continue;
            }
            let (own, theirs) = (follower.seen_log(), leader.seen_log());
            let (Some(state), Some(leading)) = (own.state(tp), theirs.state(tp)) else {
                continue;
            };
            let last = state.log_end - 1;
            let holds_some = last >= state.log_start.max(leading.log_start);
            if state.log_end > leading.log_end || holds_some && parts(tp, last, theirs, own) {
                return Some(format!(
                    "{tp}: broker {} follows {} in epoch {}, and its log up to {} is not the beginning of the leader's up to {}",
                    follower.id(),
                    following.leader,
                    following.epoch,
                    state.log_end,
                    leading.log_end
                ));
            }
        }
        None
    }
}

/// Whether two logs have records of different epochs at an offset.
fn parts(tp: TopicPartition, offset: i64, one: &Log, other: &Log) -> bool {
    one.epoch_at(tp, offset) != other.epoch_at(tp, offset)
}
