//! Consumers of KIP-848 that keep to the protocol: they join, send heartbeats, give up what they must, and come back when fenced.
//! It knows no expectation but one: what two of them have at the same time is a fault.

#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use kring_groups::{
    ConsumerDescribe, ConsumerHeartbeat, ConsumerHeartbeatOutcome, DescribedConsumerGroup,
    GroupConfig, GroupEvent, GroupRequest, GroupResponse,
};
use kring_io::Instant;
use kring_wire::{ErrorCode, TopicId};

use crate::harness::Coordinator;

type Partition = (TopicId, i32);

/// For how long after a heartbeat that was served a consumer surely is a member; sessions and rebalances last longer.
const SURE_MS: u128 = 40_000;

/// A consumer and what it believes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Consumer {
    pub(crate) member_id: String,
    pub(crate) epoch: i32,
    pub(crate) instance: Option<String>,
    pub(crate) topics: Vec<String>,
    pub(crate) regex: Option<String>,
    pub(crate) assignor: Option<String>,
    pub(crate) rebalance_timeout_ms: i32,
    pub(crate) owned: BTreeSet<Partition>,
    /// What it gave up since its last heartbeat: it must say what it has left.
    says_all: bool,
    /// The heartbeat that is not answered yet.
    waiting: Option<u64>,
    /// When the last heartbeat was sent, and the last one that was served: who is not served for long may have been put out.
    sent: Option<Instant>,
    served: Option<Instant>,
}

/// A coordinator with consumers.
pub(crate) struct World {
    pub(crate) coordinator: Coordinator,
    pub(crate) consumers: BTreeMap<String, Consumer>,
    topics: BTreeMap<String, (TopicId, i32)>,
    next_topic: u8,
    next_member: u32,
    pub(crate) errors: Vec<(String, ErrorCode)>,
}

impl World {
    pub(crate) fn new(config: GroupConfig, replicas: usize) -> World {
        World {
            coordinator: Coordinator::new(config, replicas),
            consumers: BTreeMap::new(),
            topics: BTreeMap::new(),
            next_topic: 0,
            next_member: 0,
            errors: Vec::new(),
        }
    }

    /// Makes a topic or lets it grow.
    pub(crate) fn topic(&mut self, name: &str, partitions: i32) -> TopicId {
        self.next_topic += 1;
        let new = (TopicId([self.next_topic; 16]), 0);
        let topic = self.topics.entry(name.to_owned()).or_insert(new);
        topic.1 = topic.1.max(partitions);
        let (id, partitions) = *topic;
        self.coordinator.tell_all(&GroupEvent::Topic {
            name: name.to_owned(),
            id,
            partitions,
        });
        id
    }

    pub(crate) fn delete_topic(&mut self, name: &str) {
        self.topics.remove(name);
        let topic = name.to_owned();
        self.coordinator
            .tell_all(&GroupEvent::TopicDeleted { topic });
    }

    pub(crate) fn topics(&self) -> &BTreeMap<String, (TopicId, i32)> {
        &self.topics
    }

    /// A consumer joins; a static one under a new id, as after a restart.
    pub(crate) fn join(&mut self, name: &str, topics: &[&str]) -> &mut Consumer {
        self.next_member += 1;
        let consumer = self.consumers.entry(name.to_owned()).or_default();
        consumer.member_id = format!("{name}-{}", self.next_member);
        consumer.rebalance_timeout_ms = 60_000;
        consumer.topics = topics.iter().map(|t| (*t).to_owned()).collect();
        consumer
    }

    /// Every consumer sends a heartbeat, `rounds` times, with time between.
    pub(crate) fn beat_all(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let names: Vec<String> = self.consumers.keys().cloned().collect();
            for name in names {
                self.beat(&name);
            }
            self.coordinator.advance(100);
            self.hear();
        }
    }

    /// One heartbeat, unless one is under way.
    pub(crate) fn beat(&mut self, name: &str) {
        let Some(consumer) = self.consumers.get(name) else {
            return;
        };
        if consumer.waiting.is_some() {
            return self.hear();
        }
        let request = heartbeat(consumer);
        let id = self
            .coordinator
            .request(GroupRequest::ConsumerHeartbeat(Box::new(request)));
        if let Some(consumer) = self.consumers.get_mut(name) {
            consumer.waiting = Some(id);
            consumer.sent = Some(self.coordinator.now.mono);
            consumer.says_all = false;
        }
        self.hear();
    }

    /// A consumer leaves for good, or for a restart.
    pub(crate) fn leave(&mut self, name: &str, epoch: i32) -> Option<ErrorCode> {
        let consumer = self.consumers.remove(name)?;
        let request = ConsumerHeartbeat {
            member_epoch: epoch,
            ..heartbeat(&consumer)
        };
        let id = self
            .coordinator
            .request(GroupRequest::ConsumerHeartbeat(Box::new(request)));
        let responses = &mut self.coordinator.responses;
        let at = responses.iter().position(|(of, _)| *of == id)?;
        let GroupResponse::ConsumerHeartbeat(outcome) = responses.remove(at).1 else {
            panic!("another answer")
        };
        Some(outcome.error)
    }

    /// A consumer's process is gone.
    pub(crate) fn kill(&mut self, name: &str) {
        self.consumers.remove(name);
    }

    /// Takes answers to their consumers.
    pub(crate) fn hear(&mut self) {
        for (id, response) in std::mem::take(&mut self.coordinator.responses) {
            let GroupResponse::ConsumerHeartbeat(outcome) = response else {
                continue;
            };
            let mut consumers = self.consumers.iter_mut();
            if let Some((name, consumer)) = consumers.find(|(_, c)| c.waiting == Some(id)) {
                consumer.waiting = None;
                if !outcome.error.is_ok() {
                    self.errors.push((name.clone(), outcome.error));
                }
                consumer.hear(outcome);
            }
        }
        self.check_disjoint();
    }

    /// Whatever happens, no partition is read by two.
    fn check_disjoint(&self) {
        let mut owners: BTreeMap<Partition, &str> = BTreeMap::new();
        let now = self.coordinator.now.mono;
        for (name, consumer) in &self.consumers {
            let served = consumer.served;
            if served.is_none_or(|at| now.since(at).as_millis() > SURE_MS) {
                continue;
            }
            for partition in &consumer.owned {
                if let Some(other) = owners.insert(*partition, name) {
                    panic!("{other} and {name} both read {partition:?}");
                }
            }
        }
    }

    pub(crate) fn owned(&self, name: &str) -> usize {
        self.consumers[name].owned.len()
    }

    /// Everything of the topics is with somebody.
    pub(crate) fn all_owned(&self, topics: &[&str]) -> bool {
        let owned: BTreeSet<Partition> = self
            .consumers
            .values()
            .flat_map(|c| &c.owned)
            .copied()
            .collect();
        topics.iter().all(|topic| {
            let (id, partitions) = self.topics[*topic];
            (0..partitions).all(|p| owned.contains(&(id, p)))
        })
    }

    pub(crate) fn ask(&mut self, request: ConsumerHeartbeat) -> ConsumerHeartbeatOutcome {
        match self.answer(GroupRequest::ConsumerHeartbeat(Box::new(request))) {
            GroupResponse::ConsumerHeartbeat(outcome) => outcome,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn describe(&mut self) -> DescribedConsumerGroup {
        let group_id = "g".to_owned();
        match self.answer(GroupRequest::ConsumerDescribe(ConsumerDescribe {
            group_id,
        })) {
            GroupResponse::ConsumerDescribe(group) => group,
            other => panic!("{other:?}"),
        }
    }

    /// The answer to a request, which must come at once.
    pub(crate) fn answer(&mut self, request: GroupRequest) -> GroupResponse {
        let id = self.coordinator.request(request);
        let responses = &mut self.coordinator.responses;
        let at = responses.iter().position(|(of, _)| *of == id);
        responses.remove(at.expect("an answer at once")).1
    }
}

impl Consumer {
    fn hear(&mut self, outcome: ConsumerHeartbeatOutcome) {
        match outcome.error {
            ErrorCode::None => {}
            ErrorCode::FencedMemberEpoch
            | ErrorCode::UnknownMemberId
            | ErrorCode::GroupIdNotFound => {
                self.epoch = 0;
                self.owned.clear();
                return;
            }
            // Whether it was done is not known: everything is said again.
            _ => {
                self.says_all = true;
                return;
            }
        }
        self.served = self.sent;
        self.epoch = outcome.member_epoch;
        if let Some(topics) = outcome.assignment {
            let pairs = topics
                .into_iter()
                .flat_map(|(t, ps)| ps.into_iter().map(move |p| (t, p)));
            self.owned = pairs.collect();
            self.says_all = true;
        }
    }
}

/// What a consumer says, all of it when it joins or is not sure that the coordinator knows.
pub(crate) fn heartbeat(consumer: &Consumer) -> ConsumerHeartbeat {
    let joins = consumer.epoch == 0;
    let all = joins || consumer.says_all;
    let mut owned: BTreeMap<TopicId, Vec<i32>> = BTreeMap::new();
    for (topic, partition) in &consumer.owned {
        owned.entry(*topic).or_default().push(*partition);
    }
    ConsumerHeartbeat {
        group_id: "g".to_owned(),
        member_id: consumer.member_id.clone(),
        member_id_required: true,
        member_epoch: consumer.epoch,
        instance_id: consumer.instance.clone(),
        rack_id: None,
        client_id: "client".to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        rebalance_timeout_ms: if all {
            consumer.rebalance_timeout_ms
        } else {
            -1
        },
        subscribed_topic_names: all.then(|| consumer.topics.clone()),
        subscribed_topic_regex: consumer.regex.clone().filter(|_| all),
        server_assignor: consumer.assignor.clone().filter(|_| all),
        topic_partitions: all.then(|| owned.into_iter().collect()),
    }
}
