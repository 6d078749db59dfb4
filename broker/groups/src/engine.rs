//! The group engine: its partitions, and the step that leads each event to one of them.
//! It decides nothing about groups; `partition` and what is below it do.

use std::collections::BTreeMap;

use kring_io::{Now, Random};
use kring_wire::Offset;

use crate::committed::CommittedOffset;
use crate::consumer::Topics;
use crate::event::{GroupEvent, GroupOut};
use crate::partition::Partition;
use crate::response::{GroupResponse, ListedGroup};
use crate::{GroupConfig, GroupRequest, GroupState};
use kring_wire::ErrorCode;

/// Group coordinator of one broker: every partition of `__consumer_offsets` it has a replica of.
#[derive(Clone, Debug)]
pub struct Groups {
    config: GroupConfig,
    random: Random,
    next_token: u64,
    rebalances: u64,
    topics: Topics,
    partitions: BTreeMap<i32, Partition>,
}

/// What a step lends to a partition.
pub(crate) struct Env<'a> {
    pub(crate) now: Now,
    pub(crate) config: &'a GroupConfig,
    pub(crate) topics: &'a Topics,
    pub(crate) random: &'a mut Random,
    pub(crate) next_token: &'a mut u64,
    pub(crate) rebalances: &'a mut u64,
    pub(crate) out: &'a mut GroupOut,
}

/// A committed offset with its key: what lag is computed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommittedEntry<'a> {
    /// The group.
    pub group_id: &'a str,
    /// The topic's name.
    pub topic: &'a str,
    /// The partition.
    pub partition: i32,
    /// What is committed.
    pub committed: &'a CommittedOffset,
}

/// Counts for metrics, of the partitions led here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupsStats {
    /// Partitions that are coordinated.
    pub partitions_led: usize,
    /// Partitions elected to lead and still loading.
    pub partitions_loading: usize,
    /// Groups in each state, in the order of [`GroupState::ALL`].
    pub groups: [usize; GroupState::ALL.len()],
    /// Members of all groups.
    pub members: usize,
    /// Appends that have not reached the high watermark.
    pub writes_under_way: usize,
    /// Rebalances begun since the start.
    pub rebalances_total: u64,
}

impl Groups {
    /// An engine without partitions.
    #[must_use]
    pub fn new(config: GroupConfig, seed: u64) -> Groups {
        Groups {
            config,
            random: Random::new(seed),
            next_token: 0,
            rebalances: 0,
            topics: Topics::default(),
            partitions: BTreeMap::new(),
        }
    }

    /// Handles one event.
    pub fn step(&mut self, now: Now, event: GroupEvent, out: &mut GroupOut) {
        self.learn(&event);
        let mut env = Env {
            now,
            config: &self.config,
            topics: &self.topics,
            random: &mut self.random,
            next_token: &mut self.next_token,
            rebalances: &mut self.rebalances,
            out,
        };
        let partitions = &mut self.partitions;
        let index = match event {
            GroupEvent::Load {
                partition,
                records,
                next_offset,
            } => {
                replica(partitions, partition).load(records, next_offset);
                partition
            }
            GroupEvent::Loading { partition } => {
                replica(partitions, partition).begin_loading(&mut env);
                partition
            }
            GroupEvent::BecomeLeader { partition, epoch } => {
                replica(partitions, partition).become_leader(epoch, &mut env);
                partition
            }
            GroupEvent::Resign { partition } => {
                if let Some(replica) = partitions.get_mut(&partition) {
                    replica.resign(&mut env);
                }
                partition
            }
            GroupEvent::Unload { partition } => {
                if let Some(mut replica) = partitions.remove(&partition) {
                    replica.resign(&mut env);
                }
                partition
            }
            GroupEvent::Request {
                id,
                partition,
                request,
            } => {
                match partitions.get_mut(&partition) {
                    Some(replica) => replica.request(id, request, &mut env),
                    None => refuse(id, &request, &mut env),
                }
                partition
            }
            GroupEvent::Appended { token, result } => {
                if let Some(replica) = partitions.get_mut(&token.partition) {
                    replica.appended(token, result, &mut env);
                }
                token.partition
            }
            GroupEvent::Marker {
                partition,
                offset,
                producer_id,
                committed,
            } => {
                if let Some(replica) = partitions.get_mut(&partition) {
                    replica.marker(offset, producer_id, committed);
                }
                partition
            }
            GroupEvent::TopicDeleted { topic } => return forget(partitions, &topic, &mut env),
            GroupEvent::Topic { .. } => return,
            GroupEvent::Wake => return each(partitions, &mut env, Partition::on_wake),
        };
        if let Some(replica) = partitions.get(&index) {
            replica.wake_at(env.out);
        }
    }

    fn learn(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::Topic {
                name,
                id,
                partitions,
            } => self.topics.put(name.clone(), *id, *partitions),
            GroupEvent::TopicDeleted { topic } => self.topics.remove(topic),
            _ => {}
        }
    }

    /// Whether the engine knows a topic as it is; if not, [`GroupEvent::Topic`] is due.
    #[must_use]
    pub fn knows_topic(&self, name: &str, id: kring_wire::TopicId, partitions: i32) -> bool {
        self.topics.knows(name, id, partitions)
    }

    /// The offset at which the next [`GroupEvent::Load`] of a partition begins. After a
    /// [`GroupEvent::Resign`] it is behind the last append that completed.
    #[must_use]
    pub fn replayed_to(&self, partition: i32) -> Offset {
        self.partitions
            .get(&partition)
            .map_or(0, |p| p.committed().next_offset)
    }

    /// Whether this broker coordinates the groups of a partition.
    #[must_use]
    pub fn is_coordinator(&self, partition: i32) -> bool {
        self.leader(partition).is_some()
    }

    /// Partitions that are coordinated here, with their leader epochs, in order.
    pub fn led(&self) -> impl Iterator<Item = (i32, kring_wire::LeaderEpoch)> {
        let led = |(index, p): (&i32, &Partition)| p.leader().map(|l| (*index, l.epoch()));
        self.partitions.iter().filter_map(led)
    }

    /// Whether a list of groups would miss those of a partition that is still loading.
    #[must_use]
    pub fn is_loading(&self) -> bool {
        self.partitions.values().any(Partition::is_loading)
    }

    /// ListGroups: every group coordinated here, in the order of partitions and ids.
    #[must_use]
    pub fn list(&self) -> Vec<ListedGroup> {
        let leaders = self.partitions.values().filter_map(Partition::leader);
        leaders.flat_map(crate::partition::Leader::list).collect()
    }

    /// How many members each group has that is coordinated here, in order.
    pub fn member_counts(&self) -> impl Iterator<Item = (&str, usize)> {
        let leaders = self.partitions.values().filter_map(|p| p.leader());
        leaders.flat_map(|leader| leader.member_counts())
    }

    /// Everything that groups coordinated here have committed, in order. Offsets of open
    /// transactions are not among it.
    pub fn committed_offsets(&self) -> impl Iterator<Item = CommittedEntry<'_>> {
        self.partitions
            .values()
            .filter(|p| p.leader().is_some())
            .flat_map(|p| &p.committed().offsets)
            .flat_map(|(group_id, topics)| {
                topics.iter().flat_map(move |(topic, partitions)| {
                    partitions
                        .iter()
                        .map(move |(partition, logged)| CommittedEntry {
                            group_id,
                            topic,
                            partition: *partition,
                            committed: &logged.value,
                        })
                })
            })
    }

    /// Counts for metrics.
    #[must_use]
    pub fn stats(&self) -> GroupsStats {
        let mut stats = GroupsStats {
            rebalances_total: self.rebalances,
            ..GroupsStats::default()
        };
        for partition in self.partitions.values() {
            stats.partitions_loading += usize::from(partition.is_loading());
            let Some(leader) = partition.leader() else {
                continue;
            };
            stats.partitions_led += 1;
            stats.writes_under_way += leader.writes_under_way();
            for (state, members) in leader.states() {
                stats.groups[state as usize] += 1;
                stats.members += members;
            }
        }
        stats
    }

    fn leader(&self, partition: i32) -> Option<&crate::partition::Leader> {
        self.partitions.get(&partition)?.leader()
    }
}

fn refuse(id: u64, request: &GroupRequest, env: &mut Env<'_>) {
    let response = GroupResponse::refused(request, ErrorCode::NotCoordinator);
    env.out.responses.push((id, response));
}

fn forget(partitions: &mut BTreeMap<i32, Partition>, topic: &str, env: &mut Env<'_>) {
    each(partitions, env, |replica, env| {
        replica.topic_deleted(topic, env);
    });
}

/// Steps every partition, in order.
fn each(
    partitions: &mut BTreeMap<i32, Partition>,
    env: &mut Env<'_>,
    mut step: impl FnMut(&mut Partition, &mut Env<'_>),
) {
    for replica in partitions.values_mut() {
        step(replica, env);
        replica.wake_at(env.out);
    }
}

fn replica(partitions: &mut BTreeMap<i32, Partition>, index: i32) -> &mut Partition {
    partitions
        .entry(index)
        .or_insert_with(|| Partition::new(index))
}
