//! A KafkaCluster from nothing to ready, its rolls, its refusals.
//! Scaling has its own file.

use kring_crds::conditions::{READY, RECONCILING, STALLED};
use serde_json::json;

use super::toy::{CLUSTER, Toy};

#[test]
fn a_new_cluster_becomes_ready_with_all_its_objects() {
    let toy = Toy::with_cluster();
    let status = toy.status();
    assert_eq!(status.brokers_ready.as_deref(), Some("3/3"));
    assert_eq!(status.version.as_deref(), Some("0.1.0"));
    assert_eq!(
        status.bootstrap_servers.as_deref(),
        Some("demo-bootstrap.shop.svc:9092")
    );
    assert_eq!(status.cluster_id.as_deref(), Some("memory-cluster-id-0000"));
    assert_eq!(status.voters, [0, 1, 2]);
    assert_eq!(status.observed_generation, Some(1));
    assert_eq!(status.rollout, None, "a first start is no rollout");
    assert_eq!(toy.condition(RECONCILING), None);
    for (part, count) in [
        ("/statefulsets/", 3),
        ("/persistentvolumeclaims/", 3),
        ("/configmaps/", 3),
        ("/services/", 2),
        ("/secrets/", 1),
        ("/serviceaccounts/", 1),
        ("/poddisruptionbudgets/", 1),
        ("/networkpolicies/", 0),
    ] {
        assert_eq!(toy.paths(part).len(), count, "{part}");
    }
}

#[test]
fn while_nothing_changes_the_status_does_not_either() {
    let toy = Toy::with_cluster();
    let version = || toy.kubernetes.store().objects[CLUSTER]["metadata"]["resourceVersion"].clone();
    toy.round();
    let before = version();
    for _ in 0..5 {
        toy.round();
    }
    assert_eq!(version(), before);
}

#[test]
fn a_new_version_rolls_every_broker_drained_and_the_operator_may_die_at_any_point() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    // Each reconcile is a new process; `settle` never keeps anything in memory.
    toy.settle();
    let status = toy.status();
    assert_eq!(status.version.as_deref(), Some("0.2.0"));
    let rollout = status.rollout.unwrap();
    assert_eq!(rollout.progress, "3/3");
    assert_eq!(rollout.reasons, ["version 0.1.0 -> 0.2.0"]);
    assert!(rollout.finished_at.is_some());
    let rolled: Vec<i32> = rollout.brokers.iter().map(|broker| broker.id).collect();
    // Broker 0 is the controller, and hands that on when it stops last.
    assert_eq!(rolled, [1, 2, 0]);
    assert_eq!(
        rollout.brokers[0].times.len(),
        8,
        "{:?}",
        rollout.brokers[0].times
    );
    let stops = toy.events("StoppingPod");
    assert_eq!(stops.len(), 3, "{stops:?}");
    for stop in &stops {
        assert!(stop.ends_with("leaders=0 coordinators=0"), "{stop}");
    }
    let brokers = toy.memory.state().brokers.clone();
    for (id, broker) in brokers {
        assert!(!broker.maintenance, "broker {id} is left in maintenance");
        assert_eq!(
            broker.leaders, broker.preferred_leaders,
            "leaders of {id} did not return"
        );
        assert_eq!(broker.boot, 2, "broker {id} was stopped more than once");
    }
    assert_eq!(
        toy.paths("/configmaps/").len(),
        3,
        "old settings are left behind"
    );
}

#[test]
fn the_cluster_stays_ready_while_it_rolls() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    let mut reasons = Vec::new();
    for _ in 0..30 {
        toy.round();
        let (state, reason, message) = toy.condition(READY).unwrap();
        assert_eq!(state, "True", "{reason}: {message}");
        reasons.push(reason);
    }
    assert!(reasons.contains(&"Rolling".to_owned()), "{reasons:?}");
}

#[test]
fn an_unknown_setting_is_refused_by_name_and_changes_nothing() {
    let toy = Toy::with_cluster();
    toy.user(|spec| {
        spec["version"] = json!("0.2.0");
        spec["config"] = json!({"num.partition": 6});
    });
    for _ in 0..10 {
        toy.round();
    }
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "UnknownConfigKey");
    assert!(
        message.contains("num.partition is not a broker setting; did you mean num.partitions?")
    );
    assert_eq!(toy.condition(READY).unwrap().0, "False");
    assert_eq!(toy.status().version.as_deref(), Some("0.1.0"));
    assert!(toy.events("StoppingPod").is_empty());
    toy.user(|spec| spec["config"] = json!({"offsets.retention.minutes": 60}));
    toy.settle();
    assert_eq!(
        toy.status().version.as_deref(),
        Some("0.2.0"),
        "the mended spec goes on by itself"
    );
}

#[test]
fn a_change_in_the_middle_of_a_roll_ends_with_every_broker_on_the_last_spec() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    while toy.status().rollout.is_none_or(|rollout| rollout.done < 1) {
        toy.round();
    }
    toy.user(|spec| spec["version"] = json!("0.3.0"));
    toy.settle();
    let status = toy.status();
    assert_eq!(status.version.as_deref(), Some("0.3.0"));
    assert!(
        status
            .brokers
            .iter()
            .all(|broker| broker.restart_reasons.is_empty())
    );
}

#[test]
fn a_setting_that_needs_no_restart_restarts_nobody() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["config"] = json!({"log.retention.ms": 3_600_000}));
    toy.settle();
    assert_eq!(toy.memory.state().config["log.retention.ms"], "3600000");
    assert!(toy.events("StoppingPod").is_empty());
    toy.user(|spec| spec["config"] = json!({}));
    toy.settle();
    assert!(
        toy.memory.state().config.is_empty(),
        "it returns to its default"
    );
}

#[test]
fn a_paused_cluster_is_left_alone() {
    let toy = Toy::with_cluster();
    toy.user(|spec| {
        spec["pause"] = json!(true);
        spec["version"] = json!("0.2.0");
        spec["replicas"] = json!(5);
    });
    for _ in 0..10 {
        toy.round();
    }
    assert_eq!(toy.paths("/statefulsets/").len(), 3);
    assert_eq!(toy.status().version.as_deref(), Some("0.1.0"));
}

#[test]
fn a_restart_annotation_restarts_every_broker_once() {
    let toy = Toy::with_cluster();
    let annotated = json!({"metadata": {"annotations": {"kring.io/restart": "monday"}}});
    toy.kubernetes.store().put(CLUSTER, annotated);
    toy.settle();
    let rollout = toy.status().rollout.unwrap();
    assert_eq!(
        (rollout.progress.as_str(), rollout.reasons.as_slice()),
        ("3/3", &["restart annotation".to_owned()][..])
    );
    toy.settle();
    assert_eq!(toy.status().rollout.unwrap().id, 1);
}

#[test]
fn a_lost_status_does_not_change_the_quorum() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(5));
    toy.settle();
    toy.kubernetes
        .store()
        .objects
        .get_mut(CLUSTER)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("status");
    toy.settle();
    assert_eq!(toy.status().voters, [0, 1, 2]);
    assert!(toy.events("StoppingPod").is_empty());
}
