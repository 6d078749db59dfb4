//! Single decisions on an image, outside of any quorum: what is refused and why, and what changes.
//! When a decision is made is tested with the whole controller.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::{BrokerId, Random};
use kring_wire::{TopicId, TopicPartition};

use super::Draft;
use super::place::Placement;
use crate::config::{ControllerConfig, Registration};
use crate::error::ControllerError;
use crate::image::{ClusterImage, PartitionImage, Record};
use crate::request::{
    AlterConfigs, AlterPartition, ConfigOp, ConfigOpKind, ConfigResource, ElectionKind,
    NewPartitions, NewTopic, ReplaceClusterConfig, ReplaceConfigs, ReplicaDamaged,
};

/// A cluster of unfenced brokers, outside of any quorum.
struct Fixture {
    image: ClusterImage,
    config: ControllerConfig,
    random: Random,
}

impl Fixture {
    fn new(racks: &[&str]) -> Fixture {
        let mut config = ControllerConfig::new(BrokerId(0), vec![(BrokerId(0), String::new())]);
        config.defaults.min_insync_replicas = 2;
        let mut fixture = Fixture {
            image: ClusterImage::default(),
            config,
            random: Random::new(1),
        };
        for (id, rack) in (0..).zip(racks) {
            fixture.run(|draft| {
                draft.register(registration(id, rack)).unwrap();
                draft.unfence(BrokerId(id));
            });
        }
        fixture
    }

    fn run<T>(&mut self, act: impl FnOnce(&mut Draft<'_>) -> T) -> T {
        act(&mut Draft::new(
            &mut self.image,
            &self.config,
            &mut self.random,
        ))
    }

    fn create(&mut self, topic: NewTopic) -> Result<TopicId, ControllerError> {
        let created = self.run(|draft| draft.create_topics(vec![topic], false))?;
        created.into_iter().next().unwrap().1.map(|topic| topic.id)
    }

    /// One partition on these brokers.
    fn assigned(&mut self, name: &str, replicas: &[i32]) -> TopicPartition {
        let mut topic = topic(name, -1, -1);
        topic.assignments = BTreeMap::from([(0, ids(replicas))]);
        TopicPartition::new(self.create(topic).unwrap(), 0)
    }

    fn state(&self, partition: TopicPartition) -> &PartitionImage {
        self.image.partition(partition).unwrap()
    }

    fn propose(
        &mut self,
        asker: i32,
        partition: TopicPartition,
        isr: &[i32],
    ) -> Result<PartitionImage, ControllerError> {
        let state = self.state(partition).clone();
        let epoch = |id: &i32| {
            self.image
                .brokers
                .get(&BrokerId(*id))
                .map_or(-1, |b| b.epoch)
        };
        let proposal = AlterPartition {
            partition,
            leader_epoch: state.leader_epoch,
            partition_epoch: state.partition_epoch,
            isr: isr.iter().map(|id| (BrokerId(*id), epoch(id))).collect(),
        };
        self.run(|draft| draft.alter_partition(BrokerId(asker), &proposal))
    }

    fn alter(&mut self, op: ConfigOpKind, key: &str, value: &str) -> Result<(), ControllerError> {
        let op = ConfigOp {
            name: key.to_owned(),
            kind: op,
            value: Some(value.to_owned()),
        };
        let resource = ConfigResource::Topic("orders".to_owned());
        let resources = vec![AlterConfigs {
            resource,
            ops: vec![op],
        }];
        self.run(|draft| draft.alter_configs(resources, false))
            .remove(0)
            .1
    }
}

fn registration(id: i32, rack: &str) -> Registration {
    Registration {
        broker: BrokerId(id),
        incarnation: [id as u8; 16],
        disk_id: [id as u8; 16],
        version: "0.1.0".to_owned(),
        rack: Some(rack.to_owned()),
        listeners: Vec::new(),
        peer_address: format!("broker-{id}:9093"),
        clean_start: true,
        journal_intact: true,
    }
}

fn topic(name: &str, partitions: i32, replication_factor: i16) -> NewTopic {
    NewTopic {
        name: name.to_owned(),
        partitions,
        replication_factor,
        ..NewTopic::default()
    }
}

fn ids(ids: &[i32]) -> Vec<BrokerId> {
    ids.iter().copied().map(BrokerId).collect()
}

#[test]
fn a_topic_name_is_refused_for_the_reasons_kafka_has() {
    let mut fixture = Fixture::new(&["a"]);
    fixture.create(topic("a.b", 1, 1)).unwrap();
    let long = "x".repeat(250);
    for (name, reason) in [
        ("", "empty"),
        (".", "empty"),
        ("..", "empty"),
        ("a b", "letters"),
        ("ü", "letters"),
        (long.as_str(), "249"),
        ("a_b", "only by"),
    ] {
        let error = fixture.create(topic(name, 1, 1)).unwrap_err();
        assert!(
            matches!(error, ControllerError::InvalidTopic { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(reason), "{name}: {error}");
    }
    let taken = fixture.create(topic("a.b", 1, 1)).unwrap_err();
    assert_eq!(
        taken,
        ControllerError::TopicExists {
            name: "a.b".to_owned()
        }
    );
    fixture.create(topic(&"x".repeat(249), 1, 1)).unwrap();
}

#[test]
fn numbers_that_are_not_possible_are_refused_with_those_that_are() {
    let mut fixture = Fixture::new(&["a", "b"]);
    let error = fixture.create(topic("orders", 1, 3)).unwrap_err();
    assert!(matches!(
        error,
        ControllerError::InvalidReplicationFactor { .. }
    ));
    assert!(error.to_string().contains("from 1 to 2"), "{error}");
    for partitions in [0, -2] {
        let error = fixture.create(topic("orders", partitions, 1)).unwrap_err();
        assert!(matches!(error, ControllerError::InvalidPartitions { .. }));
    }
    let error = fixture.create(topic("orders", 10_001, 1)).unwrap_err();
    assert!(matches!(error, ControllerError::PolicyViolation { .. }));
}

#[test]
fn a_topic_twice_in_a_request_fails_and_the_others_succeed() {
    let mut fixture = Fixture::new(&["a"]);
    let topics = vec![topic("x", 1, 1), topic("y", 1, 1), topic("x", 1, 1)];
    let each = fixture
        .run(|draft| draft.create_topics(topics, false))
        .unwrap();
    let ok: Vec<bool> = each.iter().map(|(_, result)| result.is_ok()).collect();
    assert_eq!(ok, [false, true, false]);
    assert!(fixture.image.topic_by_name("x").is_none());
}

#[test]
fn validation_changes_nothing_and_gives_no_id() {
    let mut fixture = Fixture::new(&["a"]);
    let before = fixture.image.clone();
    let each = fixture
        .run(|draft| draft.create_topics(vec![topic("x", 2, 1)], true))
        .unwrap();
    let created = each[0].1.as_ref().unwrap();
    assert_eq!((created.id, created.partitions), (TopicId::ZERO, 2));
    assert_eq!(fixture.image, before);
}

#[test]
fn a_manual_assignment_is_checked_and_kept() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let mut wrong = |assignments: &[(i32, &[i32])]| {
        let mut topic = topic("orders", -1, -1);
        topic.assignments = assignments.iter().map(|(n, b)| (*n, ids(b))).collect();
        fixture.create(topic).unwrap_err().to_string()
    };
    assert!(wrong(&[(0, &[0, 0])]).contains("twice"));
    assert!(wrong(&[(0, &[0, 9])]).contains("9 is not registered"));
    assert!(wrong(&[(1, &[0])]).contains("partition 0 has no assignment"));
    assert!(wrong(&[(0, &[0]), (1, &[0, 1])]).contains("2 replicas"));
    assert!(wrong(&[(0, &[])]).contains("without replicas"));
    let partition = fixture.assigned("orders", &[2, 0]);
    assert_eq!(fixture.state(partition).replicas, ids(&[2, 0]));
    assert_eq!(fixture.state(partition).leader, Some(BrokerId(2)));
}

#[test]
fn replicas_are_apart_by_rack_and_leaders_and_replicas_even() {
    let racks = ["a", "a", "b", "b", "c", "c"];
    let mut fixture = Fixture::new(&racks);
    for round in 0..5 {
        fixture
            .create(topic(&format!("topic-{round}"), 12, 3))
            .unwrap();
    }
    let mut leaders: BTreeMap<BrokerId, u64> = BTreeMap::new();
    let mut replicas: BTreeMap<BrokerId, u64> = BTreeMap::new();
    for (partition, state) in fixture.image.partitions() {
        let used: BTreeSet<&str> = state.replicas.iter().map(|b| racks[b.0 as usize]).collect();
        assert_eq!(used.len(), 3, "{partition}: {:?}", state.replicas);
        *leaders.entry(state.replicas[0]).or_default() += 1;
        state
            .replicas
            .iter()
            .for_each(|b| *replicas.entry(*b).or_default() += 1);
    }
    assert!(leaders.values().all(|n| *n == 10), "{leaders:?}");
    assert!(replicas.values().all(|n| *n == 30), "{replicas:?}");
}

#[test]
fn the_followers_of_one_leader_differ_so_that_its_load_spreads_when_it_stops() {
    let mut fixture = Fixture::new(&["a", "a", "a", "a"]);
    let mut placement = Placement::new(&fixture.image, &mut fixture.random);
    placement.begin(None);
    let placed: Vec<_> = (0..24).map(|_| placement.place(3)).collect();
    let of_first = placed.iter().filter(|r| r[0] == BrokerId(0));
    let seconds: BTreeSet<BrokerId> = of_first.map(|replicas| replicas[1]).collect();
    assert!(seconds.len() > 1, "{placed:?}");
}

#[test]
fn added_partitions_keep_the_replication_factor_and_a_smaller_number_is_refused() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    fixture.create(topic("orders", 2, 2)).unwrap();
    let mut grow = |count, assignments| {
        let topics = vec![NewPartitions {
            name: "orders".to_owned(),
            count,
            assignments,
        }];
        fixture
            .run(|draft| draft.create_partitions(topics, false))
            .remove(0)
            .1
    };
    for count in [1, 2, -1] {
        let error = grow(count, None).unwrap_err().to_string();
        assert!(error.contains("has 2 partitions"), "{error}");
    }
    assert!(
        grow(3, Some(vec![ids(&[0])]))
            .unwrap_err()
            .to_string()
            .contains("1 replicas")
    );
    assert!(
        grow(3, Some(Vec::new()))
            .unwrap_err()
            .to_string()
            .contains("0 assignments")
    );
    grow(5, None).unwrap();
    let partitions = &fixture.image.topic_by_name("orders").unwrap().partitions;
    assert_eq!(partitions.len(), 5);
    assert!(
        partitions
            .iter()
            .all(|p| p.replicas.len() == 2 && p.leader.is_some())
    );
}

#[test]
fn only_the_leader_of_the_current_epochs_changes_an_isr() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    let stranger = fixture.propose(1, partition, &[0, 1]).unwrap_err();
    assert!(
        matches!(stranger, ControllerError::FencedLeaderEpoch { .. }),
        "{stranger}"
    );
    let state = fixture.propose(0, partition, &[0, 1]).unwrap();
    assert_eq!(
        (state.isr, state.partition_epoch, state.leader_epoch),
        (ids(&[0, 1]), 1, 0)
    );
    let stale = AlterPartition {
        partition,
        leader_epoch: 0,
        partition_epoch: 0,
        isr: vec![],
    };
    let stale = fixture
        .run(|draft| draft.alter_partition(BrokerId(0), &stale))
        .unwrap_err();
    assert!(
        matches!(stale, ControllerError::InvalidUpdateVersion { .. }),
        "{stale}"
    );
    let without_itself = fixture.propose(0, partition, &[1]).unwrap_err();
    assert!(matches!(
        without_itself,
        ControllerError::InvalidRequest { .. }
    ));
}

#[test]
fn to_propose_the_isr_that_stands_takes_back_what_was_proposed_before() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    fixture.propose(0, partition, &[0, 1]).unwrap();
    let own = fixture.image.brokers[&BrokerId(0)].epoch;
    let delayed = AlterPartition {
        partition,
        leader_epoch: 0,
        partition_epoch: 1,
        isr: vec![(BrokerId(0), own)],
    };
    let state = fixture.propose(0, partition, &[0, 1]).unwrap();
    assert_eq!((state.isr, state.partition_epoch), (ids(&[0, 1]), 2));
    let late = fixture
        .run(|draft| draft.alter_partition(BrokerId(0), &delayed))
        .unwrap_err();
    assert!(
        matches!(late, ControllerError::InvalidUpdateVersion { .. }),
        "{late}"
    );
}

#[test]
fn a_replica_that_is_fenced_stopping_restarted_or_none_does_not_join_an_isr() {
    let mut fixture = Fixture::new(&["a", "b", "c", "d"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    fixture.propose(0, partition, &[0]).unwrap();
    let none = fixture
        .propose(0, partition, &[0, 3])
        .unwrap_err()
        .to_string();
    assert!(none.contains("no replica"), "{none}");
    fixture.run(|draft| draft.fence(BrokerId(1)));
    let fenced = fixture
        .propose(0, partition, &[0, 1])
        .unwrap_err()
        .to_string();
    assert!(fenced.contains("fenced"), "{fenced}");
    fixture.run(|draft| draft.shut_down(BrokerId(2))).unwrap();
    let stopping = fixture
        .propose(0, partition, &[0, 2])
        .unwrap_err()
        .to_string();
    assert!(stopping.contains("about to stop"), "{stopping}");
    let state = fixture.state(partition).clone();
    let (leader_epoch, partition_epoch) = (state.leader_epoch, state.partition_epoch);
    fixture.run(|draft| draft.unfence(BrokerId(1)));
    let own = fixture.image.brokers[&BrokerId(0)].epoch;
    let isr = vec![(BrokerId(0), own), (BrokerId(1), 0)];
    let proposal = AlterPartition {
        partition,
        leader_epoch,
        partition_epoch,
        isr,
    };
    let old = fixture
        .run(|draft| draft.alter_partition(BrokerId(0), &proposal))
        .unwrap_err();
    assert!(old.to_string().contains("restarted"), "{old}");
}

#[test]
fn a_broker_in_maintenance_rejoins_the_isr_but_leads_only_as_the_last() {
    let mut fixture = Fixture::new(&["a", "b"]);
    let partition = fixture.assigned("orders", &[0, 1]);
    fixture
        .run(|draft| draft.maintain(BrokerId(1), true, 1, 60))
        .unwrap();
    fixture.propose(0, partition, &[0]).unwrap();
    fixture.propose(0, partition, &[0, 1]).unwrap();
    fixture.run(|draft| draft.fence(BrokerId(0)));
    assert_eq!(fixture.state(partition).leader, Some(BrokerId(1)));
}

#[test]
fn eligibility_ends_when_a_smaller_minimum_lets_the_high_watermark_move() {
    let mut fixture = Fixture::new(&["a", "b"]);
    let partition = fixture.assigned("orders", &[0, 1]);
    fixture.propose(0, partition, &[0]).unwrap();
    assert_eq!(fixture.state(partition).eligible, ids(&[1]));
    fixture
        .alter(ConfigOpKind::Set, "min.insync.replicas", "1")
        .unwrap();
    assert_eq!(fixture.state(partition).eligible, ids(&[]));
    // Raising it again does not make the replica eligible: the watermark may have moved.
    fixture
        .alter(ConfigOpKind::Set, "min.insync.replicas", "2")
        .unwrap();
    assert_eq!(fixture.state(partition).eligible, ids(&[]));
}

#[test]
fn a_partition_with_fewer_replicas_than_the_minimum_needs_all_of_them() {
    let mut fixture = Fixture::new(&["a", "b"]);
    let partition = fixture.assigned("orders", &[0, 1]);
    fixture
        .alter(ConfigOpKind::Set, "min.insync.replicas", "3")
        .unwrap();
    let defaults = fixture.config.defaults.clone();
    assert_eq!(fixture.image.health(&defaults).under_min_isr, 0);
    let check = super::restart_check(&fixture.image, &defaults, &ids(&[1]), false);
    assert_eq!(check.below_min_isr.sample, ["orders-0"]);
    fixture.propose(0, partition, &[0]).unwrap();
    assert_eq!(fixture.state(partition).eligible, ids(&[1]));
    assert_eq!(fixture.image.health(&defaults).under_min_isr, 1);
}

#[test]
fn lists_grow_from_their_default_and_shrink_by_word() {
    let mut fixture = Fixture::new(&["a"]);
    fixture.create(topic("orders", 1, 1)).unwrap();
    let policy = |fixture: &Fixture| {
        let topic = fixture.image.topic_by_name("orders").unwrap();
        topic.config.get("cleanup.policy").cloned()
    };
    fixture
        .alter(ConfigOpKind::Append, "cleanup.policy", "compact")
        .unwrap();
    assert_eq!(policy(&fixture).as_deref(), Some("delete,compact"));
    fixture
        .alter(ConfigOpKind::Subtract, "cleanup.policy", "delete")
        .unwrap();
    assert_eq!(policy(&fixture).as_deref(), Some("compact"));
    fixture
        .alter(ConfigOpKind::Delete, "cleanup.policy", "")
        .unwrap();
    assert_eq!(policy(&fixture), None);
    let error = fixture
        .alter(ConfigOpKind::Append, "retention.ms", "5")
        .unwrap_err();
    assert!(error.to_string().contains("is no list"), "{error}");
    let error = fixture
        .alter(ConfigOpKind::Set, "retention", "5")
        .unwrap_err();
    assert!(
        error.to_string().contains("unknown topic setting"),
        "{error}"
    );
}

#[test]
fn all_settings_of_a_resource_are_replaced_at_once_or_none() {
    let mut fixture = Fixture::new(&["a"]);
    fixture.create(topic("orders", 1, 1)).unwrap();
    fixture
        .alter(ConfigOpKind::Set, "retention.ms", "5")
        .unwrap();
    let mut replace = |pairs: &[(&str, &str)], validate_only| {
        let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let request = ReplaceConfigs {
            resource: ConfigResource::Topic("orders".to_owned()),
            config: pairs.iter().map(owned).collect(),
        };
        let result = fixture
            .run(|draft| draft.replace_configs(vec![request], validate_only))
            .remove(0)
            .1;
        let topic = fixture.image.topic_by_name("orders").unwrap();
        let config: Vec<_> = topic.config.clone().into_iter().collect();
        (result, config)
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let before = vec![pair("retention.ms", "5")];
    let (result, config) = replace(&[("segment.ms", "7")], true);
    assert_eq!((result, config), (Ok(()), before.clone()));
    let (result, config) = replace(&[("segment.ms", "7"), ("retention.ms", "soon")], false);
    result.unwrap_err();
    assert_eq!(config, before);
    let (result, config) = replace(&[("segment.ms", "7")], false);
    assert_eq!((result, config), (Ok(()), vec![pair("segment.ms", "7")]));

    let unknown = ReplaceConfigs {
        resource: ConfigResource::Topic("nothing".to_owned()),
        config: BTreeMap::new(),
    };
    let mut results = fixture.run(|draft| draft.replace_configs(vec![unknown], false));
    assert!(matches!(
        results.remove(0).1,
        Err(ControllerError::UnknownTopic { .. })
    ));
}

#[test]
fn what_all_replicas_must_agree_about_is_not_set_on_one_broker() {
    let mut fixture = Fixture::new(&["a"]);
    let mut set = |resource, name: &str, value: &str| {
        let op = ConfigOp {
            name: name.to_owned(),
            kind: ConfigOpKind::Set,
            value: Some(value.to_owned()),
        };
        let request = AlterConfigs {
            resource,
            ops: vec![op],
        };
        fixture
            .run(|draft| draft.alter_configs(vec![request], false))
            .remove(0)
            .1
    };
    let one = || ConfigResource::Broker(BrokerId(0));
    set(one(), "log.retention.ms", "5").unwrap();
    set(ConfigResource::Cluster, "min.insync.replicas", "2").unwrap();
    let error = set(one(), "min.insync.replicas", "2").unwrap_err();
    assert_eq!(
        error.to_string(),
        "min.insync.replicas is one for the whole cluster; set it on all brokers (the default entity), not on broker 0"
    );
}

#[test]
fn a_broker_setting_that_is_unknown_is_refused_but_may_be_removed() {
    let mut fixture = Fixture::new(&["a"]);
    let mut alter = |kind, name: &str| {
        let op = ConfigOp {
            name: name.to_owned(),
            kind,
            value: Some("5".to_owned()),
        };
        let resource = ConfigResource::Broker(BrokerId(0));
        let request = AlterConfigs {
            resource,
            ops: vec![op],
        };
        fixture
            .run(|draft| draft.alter_configs(vec![request], false))
            .remove(0)
            .1
    };
    let throttle = "leader.replication.throttled.rate";
    alter(ConfigOpKind::Delete, throttle).unwrap();
    let error = alter(ConfigOpKind::Set, throttle).unwrap_err();
    assert!(
        error.to_string().contains("unknown broker setting"),
        "{error}"
    );
    // Known, but only read at the start.
    alter(ConfigOpKind::Set, "log.dirs").unwrap_err();
}

#[test]
fn a_cluster_setting_holds_for_topics_without_their_own() {
    let mut fixture = Fixture::new(&["a"]);
    fixture.create(topic("orders", 1, 1)).unwrap();
    let config = BTreeMap::from([("log.retention.ms".to_owned(), "1000".to_owned())]);
    fixture
        .run(|draft| draft.set_cluster_config(config))
        .unwrap();
    let retention = |fixture: &Fixture| {
        let topic = fixture.image.topic_by_name("orders").unwrap();
        fixture
            .image
            .topic_setting(topic, "retention.ms", &fixture.config.defaults)
    };
    assert_eq!(retention(&fixture).as_deref(), Some("1000"));
    fixture
        .alter(ConfigOpKind::Set, "retention.ms", "5")
        .unwrap();
    assert_eq!(retention(&fixture).as_deref(), Some("5"));
    fixture
        .run(|draft| draft.set_cluster_config(BTreeMap::new()))
        .unwrap();
    fixture
        .alter(ConfigOpKind::Delete, "retention.ms", "")
        .unwrap();
    assert_eq!(retention(&fixture).as_deref(), Some("604800000"));
}

#[test]
fn settings_replace_only_those_they_were_decided_on() {
    let mut fixture = Fixture::new(&["a"]);
    let retention =
        |value: &str| BTreeMap::from([("log.retention.ms".to_owned(), value.to_owned())]);
    let mut replace = |config: BTreeMap<String, String>, replaces: BTreeMap<String, String>| {
        fixture.run(|draft| draft.replace_cluster_config(ReplaceClusterConfig { config, replaces }))
    };
    replace(retention("1000"), BTreeMap::new()).unwrap();
    replace(retention("2000"), retention("1000")).unwrap();
    let late = replace(retention("1000"), BTreeMap::new()).unwrap_err();
    assert!(matches!(late, ControllerError::Conflict { .. }), "{late:?}");
    replace(BTreeMap::new(), retention("1000")).unwrap_err();
    assert_eq!(fixture.image.cluster_config, retention("2000"));
}

#[test]
fn a_reassignment_ends_when_the_added_replicas_are_in_sync() {
    let mut fixture = Fixture::new(&["a", "b", "c", "d"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    let target = vec![(partition, Some(ids(&[3, 1, 2])))];
    fixture.run(|draft| draft.alter_reassignments(target))[0]
        .1
        .clone()
        .unwrap();
    let state = fixture.state(partition).clone();
    assert_eq!(state.replicas, ids(&[3, 1, 2, 0]));
    assert_eq!((state.adding, state.removing), (ids(&[3]), ids(&[0])));
    assert_eq!(state.leader, Some(BrokerId(0)));
    let state = fixture.propose(0, partition, &[0, 1, 2, 3]).unwrap();
    assert_eq!(state.replicas, ids(&[3, 1, 2]));
    assert_eq!((state.leader, state.leader_epoch), (Some(BrokerId(3)), 1));
    assert!(!state.is_reassigning());
}

#[test]
fn a_cancelled_reassignment_leaves_the_replicas_as_they_were() {
    let mut fixture = Fixture::new(&["a", "b", "c", "d"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    let mut alter = |target| {
        fixture
            .run(|draft| draft.alter_reassignments(vec![(partition, target)]))
            .remove(0)
            .1
    };
    let error = alter(None).unwrap_err();
    assert_eq!(
        error,
        ControllerError::NoReassignmentInProgress { partition }
    );
    alter(Some(ids(&[3, 1, 2]))).unwrap();
    // A second one replaces the first.
    alter(Some(ids(&[0, 3]))).unwrap();
    alter(None).unwrap();
    assert_eq!(fixture.state(partition).replicas, ids(&[0, 1, 2]));
    assert!(!fixture.state(partition).is_reassigning());
}

#[test]
fn removing_replicas_alone_is_done_at_once_and_never_below_the_minimum() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    let shrink = vec![(partition, Some(ids(&[1, 2])))];
    fixture.run(|draft| draft.alter_reassignments(shrink));
    assert_eq!(fixture.state(partition).replicas, ids(&[1, 2]));
    assert_eq!(fixture.state(partition).leader, Some(BrokerId(1)));
    assert_eq!(fixture.state(partition).leader_epoch, 1);
    let other = fixture.assigned("other", &[0, 1, 2]);
    fixture.propose(0, other, &[0, 1]).unwrap();
    // Broker 2 is not in sync, so the one that is must stay until it is.
    let shrink = vec![(other, Some(ids(&[0, 2])))];
    fixture.run(|draft| draft.alter_reassignments(shrink));
    assert_eq!(fixture.state(other).removing, ids(&[1]));
    fixture.propose(0, other, &[0, 1, 2]).unwrap();
    assert_eq!(fixture.state(other).replicas, ids(&[0, 2]));
}

#[test]
fn a_reassignment_that_is_replaced_or_cancelled_leaves_as_many_in_sync_as_the_minimum() {
    for replaced in [true, false] {
        let mut fixture = Fixture::new(&["a", "b", "c"]);
        let partition = fixture.assigned("orders", &[0, 1]);
        fixture.propose(0, partition, &[0]).unwrap();
        let alter = |fixture: &mut Fixture, target| {
            fixture.run(|draft| draft.alter_reassignments(vec![(partition, target)]));
            fixture.state(partition).clone()
        };
        alter(&mut fixture, Some(ids(&[2, 1])));
        let state = fixture.propose(0, partition, &[0, 2]).unwrap();
        assert!(state.is_reassigning(), "broker 1 is not in sync");
        // What was acknowledged since is on brokers 0 and 2 alone.
        let state = alter(&mut fixture, replaced.then(|| ids(&[0, 1])));
        assert_eq!(state.isr, ids(&[0, 2]), "{replaced}");
        assert_eq!((state.adding, state.removing), (ids(&[]), ids(&[2])));
        let mut state = fixture.propose(0, partition, &[0, 1, 2]).unwrap();
        state.replicas.sort_unstable();
        assert_eq!((state.replicas, state.isr), (ids(&[0, 1]), ids(&[0, 1])));
        assert!(state.removing.is_empty());
    }
}

#[test]
fn a_broker_that_loses_its_replica_knows_the_next_one_under_a_later_leader_epoch() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let partition = fixture.assigned("orders", &[0, 1, 2]);
    let mut assign = |replicas: &[i32]| {
        let target = vec![(partition, Some(ids(replicas)))];
        fixture.run(|draft| draft.alter_reassignments(target));
        let state = fixture.state(partition).clone();
        (state.leader, state.leader_epoch, state.adding)
    };
    let leader = Some(BrokerId(0));
    assert_eq!(assign(&[0, 1]), (leader, 1, ids(&[])));
    assert_eq!(assign(&[0, 1, 2]), (leader, 1, ids(&[2])));
    // Its second copy is given up before it is whole.
    assert_eq!(assign(&[0, 1]), (leader, 2, ids(&[])));
}

#[test]
fn preferred_and_unclean_elections_say_why_they_do_nothing() {
    let mut fixture = Fixture::new(&["a", "b"]);
    let partition = fixture.assigned("orders", &[0, 1]);
    let elect = |fixture: &mut Fixture, kind| {
        let each = fixture.run(|draft| draft.elect_leaders(kind, Some(vec![partition])));
        each[0].1.clone()
    };
    let needless = Err(ControllerError::ElectionNotNeeded { partition });
    assert_eq!(elect(&mut fixture, ElectionKind::Preferred), needless);
    assert_eq!(elect(&mut fixture, ElectionKind::Unclean), needless);
    fixture
        .alter(ConfigOpKind::Set, "min.insync.replicas", "1")
        .unwrap();
    fixture.run(|draft| draft.fence(BrokerId(0)));
    let away = Err(ControllerError::PreferredLeaderNotAvailable { partition });
    assert_eq!(elect(&mut fixture, ElectionKind::Preferred), away);
    fixture.run(|draft| draft.fence(BrokerId(1)));
    let nobody = Err(ControllerError::EligibleLeadersNotAvailable { partition });
    assert_eq!(elect(&mut fixture, ElectionKind::Unclean), nobody);
    // Only the broker that is not in sync is back: nothing but an explicit order makes it lead.
    fixture.run(|draft| draft.unfence(BrokerId(0)));
    assert_eq!(fixture.state(partition).leader, None);
    assert_eq!(elect(&mut fixture, ElectionKind::Unclean), Ok(()));
    assert_eq!(fixture.state(partition).isr, ids(&[0]));
}

#[test]
fn a_long_decision_becomes_several_entries_and_a_topic_never_is_in_two() {
    let mut fixture = Fixture::new(&["a"]);
    let topics = (0..5)
        .map(|n| topic(&format!("topic-{n}"), 700, 1))
        .collect();
    let mut draft = Draft::new(&mut fixture.image, &fixture.config, &mut fixture.random);
    draft.create_topics(topics, false).unwrap();
    let entries = draft.into_entries();
    assert_eq!(entries.len(), 3);
    for entry in &entries {
        assert!(matches!(entry[0], Record::Topic { .. }), "{:?}", entry[0]);
    }
    assert_eq!(entries.iter().map(Vec::len).sum::<usize>(), 5 * 701);
}

fn damaged(partition: TopicPartition, leader_epoch: i32) -> ReplicaDamaged {
    ReplicaDamaged {
        partition,
        leader_epoch,
    }
}

#[test]
fn a_damaged_replica_leaves_isr_and_eligible_in_a_new_epoch_where_another_can_lead() {
    let mut fixture = Fixture::new(&["a", "b", "c"]);
    let tp = fixture.assigned("t", &[0, 1, 2]);
    let before = fixture.image.partition(tp).unwrap().clone();
    assert_eq!(before.leader, Some(BrokerId(0)));
    // A follower: the leader stays, in a new epoch.
    fixture
        .run(|draft| draft.replica_damaged(BrokerId(1), damaged(tp, before.leader_epoch)))
        .unwrap();
    let state = fixture.image.partition(tp).unwrap().clone();
    assert_eq!(state.isr, ids(&[0, 2]));
    assert_eq!(state.leader, Some(BrokerId(0)));
    assert_eq!(state.leader_epoch, before.leader_epoch + 1);
    // Asked again with the old epoch there is nothing to do.
    fixture
        .run(|draft| draft.replica_damaged(BrokerId(1), damaged(tp, before.leader_epoch)))
        .unwrap();
    assert_eq!(*fixture.image.partition(tp).unwrap(), state);
    // Told in the new epoch, it may have been heard in it.
    fixture
        .run(|draft| draft.replica_damaged(BrokerId(1), damaged(tp, state.leader_epoch)))
        .unwrap();
    let state = fixture.image.partition(tp).unwrap().clone();
    assert_eq!(state.leader_epoch, before.leader_epoch + 2);
    // The leader, below the minimum afterwards: it is not even eligible.
    fixture
        .run(|draft| draft.replica_damaged(BrokerId(0), damaged(tp, state.leader_epoch)))
        .unwrap();
    let state = fixture.image.partition(tp).unwrap().clone();
    assert_eq!((state.isr, state.leader), (ids(&[2]), Some(BrokerId(2))));
    assert_eq!(state.eligible, ids(&[]));
    assert_eq!(state.leader_epoch, before.leader_epoch + 3);
    // The last one stays.
    let refused =
        fixture.run(|draft| draft.replica_damaged(BrokerId(2), damaged(tp, state.leader_epoch)));
    assert!(matches!(
        refused,
        Err(ControllerError::EligibleLeadersNotAvailable { .. })
    ));
}
