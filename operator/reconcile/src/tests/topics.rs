//! A Topic from nothing to synced, its drift, its conflicts, its deletion.
//! What is compared with what is tested beside `plan`.

use kring_admin_api::{GroupLag, TopicGroups};
use kring_crds::conditions::{self, READY, STALLED};
use serde_json::json;

use super::toy::{CLUSTER, Toy, topic_path};

fn spec() -> serde_json::Value {
    json!({
        "clusterRef": {"name": "demo"}, "partitions": 6, "replicationFactor": 3,
        "minInsyncReplicas": 2, "config": {"retention.ms": 1000},
    })
}

fn condition(toy: &Toy, topic: &str, kind: &str) -> Option<(String, String, String)> {
    let status = toy.topic(topic)?.status?;
    let condition = conditions::get(&status.conditions, kind)?;
    Some((
        condition.status.clone(),
        condition.reason.clone(),
        condition.message.clone(),
    ))
}

#[test]
fn a_topic_is_created_as_asked() {
    let toy = Toy::with_cluster();
    toy.apply_topic("orders", spec());
    toy.reconcile_topic("orders");
    let made = toy.memory.state().topics["orders"].clone();
    assert_eq!((made.partitions, made.replication_factor), (6, 3));
    assert_eq!(made.config["min.insync.replicas"], "2");
    let topic = toy.topic("orders").unwrap();
    assert_eq!(
        topic.metadata.finalizers, None,
        "nothing to do at deletion, nothing to hold it"
    );
    let status = topic.status.unwrap();
    assert_eq!(status.topic_id, Some(made.topic_id));
    assert!(conditions::is_true(&status.conditions, READY));
    let version = |toy: &Toy| toy.topic("orders").unwrap().metadata.resource_version;
    let before = version(&toy);
    toy.reconcile_topic("orders");
    assert_eq!(
        version(&toy),
        before,
        "the status changed while nothing did"
    );
    assert_eq!(
        toy.memory
            .state()
            .log
            .iter()
            .filter(|call| call.contains("/v1/topics"))
            .count(),
        1
    );
}

#[test]
fn the_groups_of_all_brokers_are_told_worst_first() {
    let toy = Toy::with_cluster();
    toy.apply_topic("orders", spec());
    toy.reconcile_topic("orders");
    assert_eq!(
        toy.topic("orders").unwrap().status.unwrap().consumer_lag,
        None
    );
    let group = |group: &str, lag_records, growing| TopicGroups {
        groups: vec![GroupLag {
            group: group.to_owned(),
            lag_records,
            growing,
            ..GroupLag::default()
        }],
        left_out: 0,
    };
    let put = |broker, told| {
        let mut state = toy.memory.state();
        state.groups.insert((broker, "orders".to_owned()), told);
    };
    put(0, group("billing", 9, false));
    put(2, group("search", 3, true));
    toy.reconcile_topic("orders");
    let groups = |toy: &Toy| {
        let status = toy.topic("orders").unwrap().status.unwrap();
        let groups = status.consumer_lag.unwrap().groups;
        groups
            .into_iter()
            .map(|g| (g.group, g.lag_records, g.growing))
            .collect::<Vec<_>>()
    };
    let both = [
        ("search".to_owned(), 3, true),
        ("billing".to_owned(), 9, false),
    ];
    assert_eq!(groups(&toy), both);
    put(0, group("billing", 10, false));
    toy.reconcile_topic("orders");
    assert_eq!(groups(&toy), both, "numbers alone are not worth a write");
}

#[test]
fn more_partitions_are_added() {
    let toy = Toy::with_cluster();
    toy.apply_topic("orders", spec());
    toy.reconcile_topic("orders");
    let mut more = spec();
    more["partitions"] = json!(12);
    toy.apply_topic("orders", more);
    toy.reconcile_topic("orders");
    assert_eq!(toy.memory.state().topics["orders"].partitions, 12);
    assert_eq!(toy.events("TopicChanged"), ["partitions 6 -> 12"]);
}

#[test]
fn drift_is_told_and_set_back() {
    let toy = Toy::with_cluster();
    toy.apply_topic("orders", spec());
    toy.reconcile_topic("orders");
    let change = |key: &str, value: &str| {
        let mut state = toy.memory.state();
        state
            .topics
            .get_mut("orders")
            .unwrap()
            .config
            .insert(key.into(), value.into());
    };
    change("retention.ms", "5");
    change("segment.ms", "7");
    toy.reconcile_topic("orders");
    let config = toy.memory.state().topics["orders"].config.clone();
    assert_eq!(config["retention.ms"], "1000");
    assert!(!config.contains_key("segment.ms"));
    let told = toy.events("DriftReverted");
    assert!(
        told[0].contains("retention.ms 5 -> 1000, segment.ms 7 -> default"),
        "{told:?}"
    );
}

#[test]
fn with_report_drift_is_shown_and_left() {
    let toy = Toy::with_cluster();
    let mut reporting = spec();
    reporting["driftPolicy"] = json!("Report");
    toy.apply_topic("orders", reporting);
    toy.reconcile_topic("orders");
    toy.memory
        .state()
        .topics
        .get_mut("orders")
        .unwrap()
        .config
        .insert("retention.ms".into(), "5".into());
    toy.reconcile_topic("orders");
    assert_eq!(
        toy.memory.state().topics["orders"].config["retention.ms"],
        "5"
    );
    let drift = toy.topic("orders").unwrap().status.unwrap().drift;
    assert_eq!(
        (drift[0].key.as_str(), drift[0].have.as_deref()),
        ("retention.ms", Some("5"))
    );
    assert_eq!(
        condition(&toy, "orders", "DriftDetected").unwrap().0,
        "True"
    );
}

#[test]
fn a_topic_without_its_cluster_says_so_and_never_blocks() {
    let toy = Toy::new();
    toy.apply_topic("orders", spec());
    toy.reconcile_topic("orders");
    let (state, reason, message) = condition(&toy, "orders", READY).unwrap();
    assert_eq!(
        (state.as_str(), reason.as_str()),
        ("False", "ClusterNotFound")
    );
    assert!(
        message.contains("there is no KafkaCluster demo in namespace shop"),
        "{message}"
    );
    assert_eq!(toy.topic("orders").unwrap().metadata.finalizers, None);
}

#[test]
fn of_two_topics_for_one_name_the_younger_says_conflict() {
    let toy = Toy::with_cluster();
    let mut named = spec();
    named["topicName"] = json!("orders");
    toy.apply_topic("first", named.clone());
    named["partitions"] = json!(9);
    named["deletionPolicy"] = json!("Delete");
    toy.apply_topic("second", named);
    for _ in 0..2 {
        toy.reconcile_topic("second");
        toy.reconcile_topic("first");
    }
    assert_eq!(toy.memory.state().topics["orders"].partitions, 6);
    let (_, reason, message) = condition(&toy, "second", STALLED).unwrap();
    assert_eq!(reason, "Conflict");
    assert!(
        message.contains("Topic first is older and already stands for orders"),
        "{message}"
    );
    toy.kubernetes.store().delete(&topic_path("second"));
    assert!(toy.topic("second").is_none(), "the loser holds nothing");
    assert!(toy.memory.state().topics.contains_key("orders"));
}

#[test]
fn replication_above_the_brokers_is_refused() {
    let toy = Toy::with_cluster();
    let mut wide = spec();
    wide["replicationFactor"] = json!(5);
    toy.apply_topic("orders", wide);
    toy.reconcile_topic("orders");
    let (_, reason, message) = condition(&toy, "orders", STALLED).unwrap();
    assert_eq!(reason, "ReplicationAboveBrokers");
    assert!(
        message.contains("replicationFactor is 5 but KafkaCluster demo has 3 brokers"),
        "{message}"
    );
    assert!(toy.memory.state().topics.is_empty());
}

#[test]
fn min_insync_above_the_replicas_is_refused_wherever_they_are_said() {
    let toy = Toy::with_cluster();
    let above = |name: &str, spec: serde_json::Value| {
        let mut spec = spec;
        spec["clusterRef"] = json!({"name": "demo"});
        toy.apply_topic(name, spec);
        toy.reconcile_topic(name);
        let (_, reason, message) = condition(&toy, name, STALLED).unwrap();
        assert_eq!(reason, "MinInsyncAboveReplication");
        assert!(toy.memory.state().topics.is_empty());
        message
    };
    assert_eq!(
        above("a", json!({"minInsyncReplicas": 4})),
        "minInsyncReplicas is 4 but the default.replication.factor of KafkaCluster demo is 3; no acks=all record could be written, lower it or raise replicationFactor"
    );
    assert_eq!(
        above(
            "b",
            json!({"replicationFactor": 2, "config": {"min.insync.replicas": 3}})
        ),
        "config: min.insync.replicas is 3 but replicationFactor is 2; no acks=all record could be written, lower it or raise replicationFactor"
    );
}

#[test]
fn an_unknown_topic_setting_is_refused_by_name() {
    let toy = Toy::with_cluster();
    let mut wrong = spec();
    wrong["config"] = json!({"retention": 5});
    toy.apply_topic("orders", wrong);
    toy.reconcile_topic("orders");
    let (_, reason, message) = condition(&toy, "orders", STALLED).unwrap();
    assert_eq!(reason, "UnknownConfigKey");
    assert!(
        message.contains("retention is not a topic setting"),
        "{message}"
    );
}

#[test]
fn min_insync_is_said_once() {
    let toy = Toy::with_cluster();
    let mut twice = spec();
    twice["config"] = json!({"min.insync.replicas": 2});
    toy.apply_topic("orders", twice);
    toy.reconcile_topic("orders");
    assert_eq!(
        condition(&toy, "orders", STALLED).unwrap().1,
        "MinInsyncTwice"
    );
}

#[test]
fn deletion_follows_the_policy() {
    for (policy, stays) in [("Retain", true), ("Delete", false)] {
        let toy = Toy::with_cluster();
        let mut with = spec();
        with["deletionPolicy"] = json!(policy);
        toy.apply_topic("orders", with);
        toy.reconcile_topic("orders");
        toy.reconcile_topic("orders");
        toy.kubernetes.store().delete(&topic_path("orders"));
        toy.reconcile_topic("orders");
        assert!(toy.topic("orders").is_none(), "{policy}");
        assert_eq!(
            toy.memory.state().topics.contains_key("orders"),
            stays,
            "{policy}"
        );
    }
}

#[test]
fn a_deleted_cluster_lets_its_topics_go_at_once() {
    let toy = Toy::with_cluster();
    let mut deleting = spec();
    deleting["deletionPolicy"] = json!("Delete");
    toy.apply_topic("orders", deleting);
    toy.reconcile_topic("orders");
    toy.reconcile_topic("orders");
    assert!(toy.topic("orders").unwrap().metadata.finalizers.is_some());
    toy.kubernetes.store().delete(CLUSTER);
    toy.kubernetes.store().delete(&topic_path("orders"));
    toy.reconcile_topic("orders");
    assert!(toy.topic("orders").is_none());
}
