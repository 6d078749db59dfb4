//! Scaling up and down, and what is refused.
//! How a broker is emptied is the brokers' business.

use kring_crds::conditions::{READY, STALLED};
use serde_json::json;

use super::toy::Toy;

#[test]
fn scaling_up_adds_a_broker_and_restarts_none() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    assert_eq!(toy.status().brokers_ready.as_deref(), Some("4/4"));
    assert_eq!(toy.status().voters, [0, 1, 2], "a new broker observes");
    assert!(toy.events("StoppingPod").is_empty());
}

#[test]
fn scaling_down_empties_the_broker_before_it_stops() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    toy.user(|spec| spec["replicas"] = json!(3));
    toy.reconcile();
    assert_eq!(
        toy.memory.state().brokers[&3].replicas,
        4,
        "two of six moved"
    );
    assert_eq!(
        toy.paths("/statefulsets/").len(),
        4,
        "it runs while it holds replicas"
    );
    toy.settle();
    for _ in 0..5 {
        toy.round();
    }
    assert_eq!(toy.paths("/statefulsets/").len(), 3);
    assert!(
        !toy.memory.state().brokers.contains_key(&3),
        "it is still registered"
    );
    assert_eq!(
        toy.paths("/persistentvolumeclaims/").len(),
        4,
        "reclaim is Retain"
    );
    assert_eq!(
        toy.events("BrokerRemoved"),
        ["broker 3 holds no replica and is removed"]
    );
}

#[test]
fn with_reclaim_delete_the_volume_goes_too() {
    let toy = Toy::with_cluster();
    toy.user(|spec| {
        spec["replicas"] = json!(4);
        spec["storage"]["reclaim"] = json!("Delete");
    });
    toy.settle();
    toy.user(|spec| spec["replicas"] = json!(3));
    for _ in 0..20 {
        toy.round();
    }
    assert_eq!(toy.paths("/persistentvolumeclaims/").len(), 3);
}

#[test]
fn a_broker_wanted_again_takes_part_again() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    toy.user(|spec| spec["replicas"] = json!(3));
    toy.round();
    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    assert!(!toy.memory.state().brokers[&3].decommissioning);
    assert_eq!(toy.paths("/statefulsets/").len(), 4);
}

#[test]
fn scaling_below_the_quorum_is_refused() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(2));
    for _ in 0..5 {
        toy.round();
    }
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "ScaleDownBelowVoters");
    assert!(message.contains("set replicas to 3 or more"), "{message}");
    assert_eq!(toy.paths("/statefulsets/").len(), 3);
}

#[test]
fn a_scale_down_that_cannot_be_is_refused_with_the_partitions() {
    // One voter and three brokers: two would be enough for the quorum, not for three replicas.
    let toy = Toy::new();
    toy.user(|spec| spec["replicas"] = json!(1));
    toy.settle();
    toy.user(|spec| spec["replicas"] = json!(3));
    toy.settle();
    toy.user(|spec| spec["replicas"] = json!(2));
    for _ in 0..30 {
        toy.round();
    }
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "ScaleDownImpossible");
    assert!(
        message.contains("lower their replication factor, or set replicas to 3 again"),
        "{message}"
    );
    let state = toy.memory.state();
    assert!(!state.brokers[&2].decommissioning, "nothing is half done");
    let off = |call: &&String| call.contains("decommission") && call.contains("false");
    assert_eq!(
        state.log.iter().find(off),
        None,
        "nothing was begun that had to be taken back"
    );
    drop(state);
    assert_eq!(toy.paths("/statefulsets/").len(), 3);
    assert_eq!(toy.condition(READY).unwrap().0, "True");
}

#[test]
fn a_scale_down_and_a_roll_asked_at_once_both_end() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["replicas"] = json!(4));
    toy.settle();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    for _ in 0..12 {
        toy.round();
    }
    toy.user(|spec| spec["replicas"] = json!(3));
    toy.settle();
    toy.settle();
    assert_eq!(toy.paths("/statefulsets/").len(), 3);
    assert_eq!(toy.status().version.as_deref(), Some("0.2.0"));
}
