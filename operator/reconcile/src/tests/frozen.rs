//! A spec that is refused, paused or changed while a rollout is under way.
//! The machine's own part is in `rollout/scenarios`.

use kring_crds::conditions::{READY, RECONCILING, STALLED};
use kring_crds::kafka_cluster::Phase;
use serde_json::json;

use super::toy::Toy;

/// A roll to 0.2.0 whose first broker is starting.
fn starting() -> Toy {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    for _ in 0..50 {
        toy.round();
        let rollout = toy.status().rollout;
        let grant = rollout.and_then(|rollout| rollout.grant);
        if grant.is_some_and(|grant| grant.phase == Phase::Start) {
            return toy;
        }
    }
    panic!("no broker starts: {:#?}", toy.status().rollout);
}

/// Rounds until nothing is granted; answers what `Reconciling` said meanwhile.
fn until_nothing_is_granted(toy: &Toy) -> Vec<String> {
    let mut said = Vec::new();
    for _ in 0..50 {
        toy.round();
        said.extend(toy.condition(RECONCILING).map(|(_, _, message)| message));
        if toy.status().rollout.unwrap().grant.is_none() {
            return said;
        }
    }
    panic!("it does not end: {:#?}", toy.status().rollout);
}

#[test]
fn a_bad_setting_in_the_middle_lets_the_granted_broker_finish_and_says_what_is_wrong() {
    let toy = starting();
    toy.user(|spec| spec["config"] = json!({"num.partition": 6}));
    let said = until_nothing_is_granted(&toy);
    let wrong = "num.partition is not a broker setting; did you mean num.partitions?";
    assert!(
        said[0].contains("the rollout takes no other broker after 1") && said[0].contains(wrong),
        "{said:?}"
    );
    for _ in 0..10 {
        toy.round();
    }
    let rollout = toy.status().rollout.unwrap();
    assert_eq!((rollout.progress.as_str(), rollout.id), ("1/3", 1));
    assert_eq!(toy.events("StoppingPod").len(), 1);
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "UnknownConfigKey");
    assert!(message.contains(wrong), "{message}");
    assert_eq!(toy.condition(RECONCILING), None);
    let broker = toy.memory.state().brokers[&1].clone();
    assert!(!broker.maintenance, "it is left in maintenance");
    assert_eq!(broker.leaders, broker.preferred_leaders);

    toy.user(|spec| spec["config"] = json!({}));
    toy.settle();
    let rollout = toy.status().rollout.unwrap();
    assert_eq!((rollout.progress.as_str(), rollout.id), ("3/3", 1));
    assert_eq!(toy.events("StoppingPod").len(), 3, "nobody twice");
}

#[test]
fn a_pause_in_the_middle_lets_the_granted_broker_finish_and_takes_no_other() {
    let toy = starting();
    toy.user(|spec| spec["pause"] = json!(true));
    let said = until_nothing_is_granted(&toy);
    assert!(said[0].contains("spec.pause is true"), "{said:?}");
    for _ in 0..10 {
        toy.round();
    }
    let (state, reason, message) = toy.condition(READY).unwrap();
    assert_eq!((state.as_str(), reason.as_str()), ("True", "Paused"));
    assert_eq!(
        message,
        "3 of 3 brokers serve; the rollout stands at 1/3: spec.pause is true; set it to false to go on"
    );
    assert_eq!(toy.condition(RECONCILING), None);
    assert_eq!(toy.events("StoppingPod").len(), 1);
    toy.user(|spec| spec["pause"] = json!(false));
    toy.settle();
    assert_eq!(toy.status().rollout.unwrap().progress, "3/3");
}

#[test]
fn a_bad_setting_during_the_drain_gives_the_leaders_back() {
    let toy = Toy::with_cluster();
    toy.user(|spec| spec["version"] = json!("0.2.0"));
    while toy
        .status()
        .rollout
        .and_then(|r| r.grant)
        .is_none_or(|g| g.phase != Phase::Drain)
    {
        toy.round();
    }
    toy.user(|spec| spec["config"] = json!({"num.partitions": "many"}));
    until_nothing_is_granted(&toy);
    assert!(toy.events("StoppingPod").is_empty());
    let (_, reason, message) = toy.condition(STALLED).unwrap();
    assert_eq!(reason, "InvalidConfigValue");
    assert!(
        message.contains("num.partitions is many; allowed is a whole number"),
        "{message}"
    );
    let broker = toy.memory.state().brokers[&1].clone();
    assert!(!broker.maintenance && broker.leaders == broker.preferred_leaders);
    assert_eq!(toy.status().rollout.unwrap().progress, "0/3");
}

#[test]
fn a_change_in_the_middle_adds_its_reason() {
    let toy = starting();
    toy.user(|spec| spec["config"] = json!({"num.partitions": 6}));
    toy.settle();
    let rollout = toy.status().rollout.unwrap();
    assert_eq!(rollout.id, 1);
    assert!(
        rollout.reasons.contains(&"config".to_owned())
            && rollout
                .reasons
                .contains(&"version 0.1.0 -> 0.2.0".to_owned()),
        "{:?}",
        rollout.reasons
    );
    assert_eq!(
        toy.events("RolloutChanged"),
        ["brokers are restarted for this too: config"]
    );
    let stops = toy.events("StoppingPod");
    assert_eq!(stops.len(), 4, "the first broker once more: {stops:?}");
}
