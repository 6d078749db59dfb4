//! Random commits, transactions and their markers, deletions, refusals and moves of the coordinator, against the log:
//! what the coordinator answers is what its log below the high watermark adds up to, read anew. Members play no part.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use harness::{Coordinator, Entry, PARTITION};
use kring_groups::{
    DeleteGroup, GroupConfig, GroupEvent, GroupOut, GroupRequest, GroupResponse, Groups,
    OffsetCommit, OffsetDelete, OffsetFetch, PartitionCommit, PartitionsOf, TopicCommit,
    TxnOffsetCommit,
};
use kring_wire::{Decoder, ErrorCode, ProducerId, TopicId};
use proptest::prelude::*;

const GROUPS: [&str; 2] = ["g", "h"];
const TOPICS: [&str; 2] = ["t", "u"];
const PARTITIONS: i32 = 3;
const PRODUCERS: ProducerId = 3;

/// Group, topic, partition.
type Key = (String, String, i32);

#[derive(Clone, Debug)]
enum Action {
    Commit(Target),
    TxnCommit(ProducerId, Target),
    End(ProducerId, bool),
    DeleteOffsets(Target),
    DeleteGroup(usize),
    DeleteTopic(usize),
    Advance(u64),
    Hold,
    CompleteFirst,
    Complete,
    Refuse,
    Accept,
    Follow { replica: usize, entries: usize },
    FailOver { to: usize, kept: usize },
}

/// A group, a topic and some of its partitions.
#[derive(Clone, Debug)]
struct Target {
    group: usize,
    topic: usize,
    partitions: BTreeSet<i32>,
}

fn target() -> impl Strategy<Value = Target> {
    let partitions = proptest::collection::btree_set(0..PARTITIONS, 1..=2);
    (0..GROUPS.len(), 0..TOPICS.len(), partitions).prop_map(|(group, topic, partitions)| Target {
        group,
        topic,
        partitions,
    })
}

fn action() -> impl Strategy<Value = Action> {
    let producer = 1..=PRODUCERS;
    prop_oneof![
        6 => target().prop_map(Action::Commit),
        14 => (producer.clone(), target()).prop_map(|(p, t)| Action::TxnCommit(p, t)),
        8 => (producer, any::<bool>()).prop_map(|(p, committed)| Action::End(p, committed)),
        2 => target().prop_map(Action::DeleteOffsets),
        1 => (0..GROUPS.len()).prop_map(Action::DeleteGroup),
        1 => (0..TOPICS.len()).prop_map(Action::DeleteTopic),
        2 => (1u64..3_000_000).prop_map(Action::Advance),
        3 => Just(Action::Hold),
        4 => Just(Action::CompleteFirst),
        3 => Just(Action::Complete),
        1 => Just(Action::Refuse),
        2 => Just(Action::Accept),
        3 => (0usize..3, 1usize..20).prop_map(|(replica, entries)| Action::Follow { replica, entries }),
        2 => (0usize..3, 0usize..6).prop_map(|(to, kept)| Action::FailOver { to, kept }),
    ]
}

/// What a log says, computed in the plainest way. Offsets are with that of their record.
#[derive(Clone, Debug, Default)]
struct Model {
    committed: BTreeMap<Key, (i64, usize)>,
    pending: Vec<(ProducerId, Key, (i64, usize))>,
}

impl Model {
    fn of(log: &[Entry]) -> Model {
        let mut model = Model::default();
        for (at, entry) in log.iter().enumerate() {
            model.apply(at, entry);
        }
        model
    }

    fn apply(&mut self, at: usize, entry: &Entry) {
        match entry {
            Entry::Marker {
                producer_id,
                committed,
            } => self.end(*producer_id, *committed),
            Entry::Record {
                key,
                value,
                transaction,
            } => {
                let Some(key) = key_of(key) else { return };
                match (value, transaction) {
                    (None, _) => {
                        self.committed.remove(&key);
                        self.pending.retain(|(_, of, _)| *of != key);
                    }
                    (Some(value), Some(producer_id)) => {
                        let offset = (offset_of(value), at);
                        self.pending.push((*producer_id, key, offset));
                    }
                    (Some(value), None) => {
                        self.committed.insert(key, (offset_of(value), at));
                    }
                }
            }
        }
    }

    fn end(&mut self, ended: ProducerId, committed: bool) {
        for (producer_id, key, offset) in std::mem::take(&mut self.pending) {
            if producer_id != ended {
                self.pending.push((producer_id, key, offset));
                continue;
            }
            let newer = self.committed.get(&key).is_none_or(|old| old.1 < offset.1);
            if committed && newer {
                self.committed.insert(key, offset);
            }
        }
    }

    fn offsets(&self) -> BTreeMap<Key, i64> {
        let offsets = self.committed.iter();
        offsets.map(|(key, (o, _))| (key.clone(), *o)).collect()
    }
}

/// The key of an offset's record.
fn key_of(key: &Bytes) -> Option<Key> {
    let mut key = Decoder::new(key.clone());
    if key.i16("version").unwrap() != 1 {
        return None;
    }
    let group = key.string("group", false).unwrap().to_string();
    let topic = key.string("topic", false).unwrap().to_string();
    Some((group, topic, key.i32("partition").unwrap()))
}

fn offset_of(value: &Bytes) -> i64 {
    let mut value = Decoder::new(value.clone());
    value.i16("version").unwrap();
    value.i64("offset").unwrap()
}

fn committed(groups: &Groups) -> BTreeMap<Key, i64> {
    let entries = groups.committed_offsets();
    entries
        .map(|e| {
            let key = (e.group_id.to_owned(), e.topic.to_owned(), e.partition);
            (key, e.committed.offset)
        })
        .collect()
}

struct World {
    coordinator: Coordinator,
    next_offset: i64,
    /// Commits by the request that waits for them.
    asked: BTreeMap<u64, Vec<(Key, i64)>>,
}

impl World {
    fn new() -> World {
        let config = GroupConfig {
            offsets_retention_ms: 3_600_000,
            ..GroupConfig::default()
        };
        World {
            coordinator: Coordinator::new(config, 3),
            next_offset: 0,
            asked: BTreeMap::new(),
        }
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Commit(target) => self.commit(None, &target),
            Action::TxnCommit(producer, target) => self.commit(Some(producer), &target),
            Action::End(producer, committed) => {
                self.coordinator.end_transaction(producer, committed);
            }
            Action::DeleteOffsets(target) => {
                self.coordinator
                    .request(GroupRequest::OffsetDelete(OffsetDelete {
                        group_id: GROUPS[target.group].to_owned(),
                        topics: vec![PartitionsOf {
                            topic: TOPICS[target.topic].to_owned(),
                            partitions: target.partitions.into_iter().collect(),
                        }],
                    }));
            }
            Action::DeleteGroup(group) => {
                self.coordinator.request(GroupRequest::Delete(DeleteGroup {
                    group_id: GROUPS[group].to_owned(),
                }));
            }
            Action::DeleteTopic(topic) => self.coordinator.step(GroupEvent::TopicDeleted {
                topic: TOPICS[topic].to_owned(),
            }),
            Action::Advance(ms) => self.coordinator.advance(ms),
            Action::Hold => self.coordinator.hold = true,
            Action::CompleteFirst => self.coordinator.complete_first(),
            Action::Complete => {
                self.coordinator.hold = false;
                self.coordinator.complete();
            }
            Action::Refuse => self.coordinator.refuse = Some(ErrorCode::NotEnoughReplicas),
            Action::Accept => self.coordinator.refuse = None,
            Action::Follow { replica, entries } => self.coordinator.follow(replica, entries),
            Action::FailOver { to, kept } => self.coordinator.fail_over(to, kept),
        }
        self.check_answers();
        self.check_offsets();
        self.check_groups();
    }

    fn commit(&mut self, producer: Option<ProducerId>, target: &Target) {
        let group = GROUPS[target.group];
        let topic = TOPICS[target.topic];
        let mut asked = Vec::new();
        let mut partitions = Vec::new();
        for partition in &target.partitions {
            let offset = self.next_offset;
            self.next_offset += 1;
            asked.push(((group.to_owned(), topic.to_owned(), *partition), offset));
            partitions.push(PartitionCommit {
                partition: *partition,
                offset,
                leader_epoch: -1,
                metadata: None,
            });
        }
        let topics = vec![TopicCommit {
            topic: topic.to_owned(),
            topic_id: TopicId::ZERO,
            partitions,
        }];
        let request = match producer {
            Some(producer_id) => GroupRequest::TxnCommit(TxnOffsetCommit {
                group_id: group.to_owned(),
                producer_id,
                generation_id: -1,
                topics,
                ..TxnOffsetCommit::default()
            }),
            None => GroupRequest::Commit(OffsetCommit {
                group_id: group.to_owned(),
                generation_id: -1,
                retention_ms: -1,
                topics,
                ..OffsetCommit::default()
            }),
        };
        let id = self.coordinator.request(request);
        self.asked.insert(id, asked);
    }

    /// Who is told that it committed finds its record below the high watermark.
    fn check_answers(&mut self) {
        let responses = std::mem::take(&mut self.coordinator.responses);
        let log = &self.coordinator.log()[..self.coordinator.high_watermark()];
        for (id, response) in responses {
            let GroupResponse::Commit(outcome) = response else {
                continue;
            };
            let asked = self.asked.remove(&id).expect("one answer to each request");
            let answers = outcome.topics.iter().flat_map(|t| &t.partitions);
            for ((key, offset), answer) in asked.into_iter().zip(answers) {
                let stored = log.iter().any(|entry| match entry {
                    Entry::Record {
                        key: of,
                        value: Some(value),
                        ..
                    } => key_of(of).as_ref() == Some(&key) && offset_of(value) == offset,
                    _ => false,
                });
                assert!(stored || !answer.error.is_ok(), "{key:?}@{offset} is lost");
            }
        }
    }

    fn check_offsets(&self) {
        let log = self.coordinator.log();
        let high_watermark = self.coordinator.high_watermark();
        let mut model = Model::of(&log[..high_watermark]);
        let mut leader = self.coordinator.engine().clone();
        let mut reader = self.read_anew();
        assert_eq!(committed(&leader), model.offsets());
        assert_eq!(committed(&reader), model.offsets());

        let pending = model.pending.iter().map(|(_, key, _)| key.clone());
        let pending: BTreeSet<Key> = pending.collect();
        // Nor is it stable before its append has come to an end, even that of a refusal.
        let under_way = log[high_watermark..].iter().cloned();
        let under_way = under_way.chain(self.coordinator.refused());
        let under_way = under_way.filter_map(|entry| match &entry {
            Entry::Record {
                key,
                value: Some(_),
                transaction: Some(_),
            } => key_of(key),
            _ => None,
        });
        let unstable: BTreeSet<Key> = pending.iter().cloned().chain(under_way).collect();
        for group in GROUPS {
            let answer = self.fetch(&mut leader, group, true);
            check_fetched(group, answer, &model.offsets(), &unstable);
            let answer = self.fetch(&mut leader, group, false);
            check_fetched(group, answer, &model.offsets(), &BTreeSet::new());
            let answer = self.fetch(&mut reader, group, true);
            check_fetched(group, answer, &model.offsets(), &pending);
        }

        // What is pending is the same as well.
        for producer_id in 1..=PRODUCERS {
            model.end(producer_id, true);
            for engine in [&mut leader, &mut reader] {
                let marker = GroupEvent::Marker {
                    partition: PARTITION,
                    offset: log.len() as i64 + producer_id,
                    producer_id,
                    committed: true,
                };
                engine.step(self.coordinator.now, marker, &mut GroupOut::default());
            }
        }
        assert_eq!(committed(&leader), model.offsets());
        assert_eq!(committed(&reader), model.offsets());
    }

    /// A coordinator that has everything below the high watermark from the log.
    fn read_anew(&self) -> Groups {
        let mut groups = Groups::new(GroupConfig::default(), 0);
        let load = self.coordinator.load(0, self.coordinator.high_watermark());
        let lead = GroupEvent::BecomeLeader {
            partition: PARTITION,
            epoch: 0,
        };
        for event in [load, lead] {
            groups.step(self.coordinator.now, event, &mut GroupOut::default());
        }
        groups
    }

    /// A group that owns an offset, committed or pending, is known.
    fn check_groups(&self) {
        if !self.coordinator.is_at_rest() {
            return;
        }
        let ids = |groups: &Groups| groups.list().into_iter().map(|group| group.group_id);
        let known: BTreeSet<String> = ids(self.coordinator.engine()).collect();
        for id in ids(&self.read_anew()) {
            assert!(known.contains(&id), "group {id} is forgotten");
        }
    }

    fn fetch(&self, engine: &mut Groups, group: &str, require_stable: bool) -> GroupResponse {
        let topics = TOPICS.map(|topic| PartitionsOf {
            topic: topic.to_owned(),
            partitions: (0..PARTITIONS).collect(),
        });
        let request = GroupRequest::Fetch(OffsetFetch {
            group_id: group.to_owned(),
            topics: Some(topics.into()),
            require_stable,
            ..OffsetFetch::default()
        });
        let mut out = GroupOut::default();
        let event = GroupEvent::Request {
            id: 0,
            partition: PARTITION,
            request,
        };
        engine.step(self.coordinator.now, event, &mut out);
        out.responses.remove(0).1
    }
}

fn check_fetched(
    group: &str,
    answer: GroupResponse,
    committed: &BTreeMap<Key, i64>,
    unstable: &BTreeSet<Key>,
) {
    let GroupResponse::Fetch(answer) = answer else {
        panic!("an OffsetFetch is answered as one")
    };
    for (topic, partitions) in answer.topics {
        for fetched in partitions {
            let key = (group.to_owned(), topic.clone(), fetched.partition);
            let expected = if unstable.contains(&key) {
                (-1, ErrorCode::UnstableOffsetCommit)
            } else {
                (committed.get(&key).copied().unwrap_or(-1), ErrorCode::None)
            };
            assert_eq!((fetched.offset, fetched.error), expected, "{key:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_coordinator_answers_what_its_log_says_whatever_happens(
        actions in proptest::collection::vec(action(), 1..120)
    ) {
        let mut world = World::new();
        for action in actions {
            world.act(action);
        }
        world.act(Action::Accept);
        world.act(Action::Complete);
        prop_assert!(world.asked.is_empty(), "never answered: {:?}", world.asked);
        // A group whose transactions have ended is not kept for ever.
        for producer in 1..=PRODUCERS {
            world.act(Action::End(producer, false));
        }
        world.act(Action::Advance(5 * 3_600_000));
        prop_assert!(world.coordinator.engine().list().is_empty());
        prop_assert!(committed(world.coordinator.engine()).is_empty());
    }
}
