//! What is done about each difference between spec and topic.
//! Doing it is tested with the reconcile.

use serde_json::json;

use super::*;

fn topic(change: impl FnOnce(&mut serde_json::Value)) -> Topic {
    let mut object = json!({
        "apiVersion": "kring.io/v1alpha1", "kind": "Topic",
        "metadata": {"name": "orders", "namespace": "shop", "generation": 1},
        "spec": {"clusterRef": {"name": "demo"}, "partitions": 6, "replicationFactor": 3},
        "status": {"observedGeneration": 1, "topicId": "id"},
    });
    change(&mut object);
    serde_json::from_value(object).unwrap()
}

fn have(partitions: i32) -> TopicDescription {
    TopicDescription {
        name: "orders".into(),
        topic_id: "id".into(),
        partitions,
        replication_factor: 3,
        ..TopicDescription::default()
    }
}

fn refusal(topic: &Topic, have: &TopicDescription) -> String {
    match plan(topic, Some(have)) {
        Plan::Refuse { reason, message } => format!("{reason}: {message}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_topic_as_asked_is_kept() {
    assert_eq!(
        plan(&topic(|_| ()), Some(&have(6))),
        Plan::Keep { drift: Vec::new() }
    );
}

#[test]
fn a_setting_that_is_the_default_anyway_is_not_written_again_and_again() {
    let explicit = topic(|t| t["spec"]["config"] = json!({"retention.ms": 604_800_000}));
    assert_eq!(
        plan(&explicit, Some(&have(6))),
        Plan::Keep { drift: Vec::new() }
    );
}

#[test]
fn more_partitions_than_asked_are_refused_with_what_to_do() {
    let text = refusal(&topic(|_| ()), &have(9));
    assert!(text.starts_with("PartitionsCannotShrink"), "{text}");
    assert!(text.ends_with("set spec.partitions to 9"), "{text}");
}

#[test]
fn a_topic_created_anew_behind_our_back_is_not_taken_silently() {
    let mut other = have(6);
    other.topic_id = "other".into();
    assert!(refusal(&topic(|_| ()), &other).starts_with("TopicReplaced"));
    let always = topic(|t| t["spec"]["adopt"] = json!("Always"));
    assert_eq!(
        plan(&always, Some(&other)),
        Plan::Keep { drift: Vec::new() }
    );
}

#[test]
fn a_topic_that_exists_already_is_adopted_only_as_allowed() {
    let first = |adopt: &str| {
        topic(|t| {
            t["spec"]["adopt"] = json!(adopt);
            t.as_object_mut().unwrap().remove("status");
        })
    };
    assert_eq!(
        plan(&first("IfMatches"), Some(&have(6))),
        Plan::Keep { drift: Vec::new() }
    );
    assert!(refusal(&first("IfMatches"), &have(4)).contains("exists already with 4 partitions"));
    assert!(refusal(&first("Never"), &have(6)).contains("adopt is Never"));
    assert!(matches!(
        plan(&first("Always"), Some(&have(4))),
        Plan::Alter { .. }
    ));
}

#[test]
fn a_topic_deleted_behind_our_back_is_created_again_only_by_revert() {
    assert!(matches!(
        plan(&topic(|_| ()), None),
        Plan::Create { again: true, .. }
    ));
    let report = topic(|t| t["spec"]["driftPolicy"] = json!("Report"));
    assert!(matches!(plan(&report, None), Plan::Keep { .. }));
}

#[test]
fn ignore_leaves_settings_the_spec_does_not_name() {
    let ignore = topic(|t| t["spec"]["driftPolicy"] = json!("Ignore"));
    let mut changed = have(6);
    changed.config.insert("segment.ms".into(), "7".into());
    assert_eq!(
        plan(&ignore, Some(&changed)),
        Plan::Keep { drift: Vec::new() }
    );
}
