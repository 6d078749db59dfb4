//! The admin API through the engine.
//! Paths, tokens and status codes are the node's.

use std::collections::BTreeMap;

use kring_admin_api as api;
use kring_requests::{AdminRequest, AdminResponse};

use crate::harness::OneBroker;

#[test]
fn identity_and_health_tell_who_and_how() {
    let mut one = OneBroker::new();
    let AdminResponse::Identity(identity) = one.admin(AdminRequest::Identity).unwrap() else {
        panic!("an identity");
    };
    assert_eq!((identity.broker_id, identity.cluster_id.len()), (1, 22));
    assert_eq!(identity.io_driver, "simulated");
    let AdminResponse::Health(health) = one.admin(AdminRequest::Health).unwrap() else {
        panic!("health");
    };
    assert!(health.ready, "{health:?}");
    assert_eq!(health.controller_id, Some(1));
}

#[test]
fn topics_are_created_altered_described_and_deleted() {
    let mut one = OneBroker::new();
    let create = api::CreateTopicRequest {
        name: "orders".to_owned(),
        partitions: Some(2),
        replication_factor: Some(1),
        config: BTreeMap::from([("retention.ms".to_owned(), "1000".to_owned())]),
    };
    let AdminResponse::Topic(topic) = one
        .admin(AdminRequest::CreateTopic(create.clone()))
        .unwrap()
    else {
        panic!("a topic");
    };
    assert_eq!((topic.partitions, topic.replication_factor), (2, 1));
    let taken = one.admin(AdminRequest::CreateTopic(create)).unwrap_err();
    assert_eq!(taken.error, api::error::CONFLICT);

    let change = api::AlterTopicRequest {
        partitions: Some(3),
        set_config: BTreeMap::from([("segment.ms".to_owned(), "5000".to_owned())]),
        unset_config: vec!["retention.ms".to_owned()],
        replication_factor: None,
    };
    let name = "orders".to_owned();
    let alter = AdminRequest::AlterTopic {
        name: name.clone(),
        change,
    };
    let AdminResponse::Topic(topic) = one.admin(alter).unwrap() else {
        panic!("a topic");
    };
    assert_eq!(topic.partitions, 3);
    assert_eq!(
        topic.config,
        BTreeMap::from([("segment.ms".to_owned(), "5000".to_owned())])
    );

    let mut delete = |topic_id: Option<&str>| {
        one.admin(AdminRequest::DeleteTopic {
            name: name.clone(),
            topic_id: topic_id.map(str::to_owned),
        })
    };
    let other = delete(Some("AAAAAAAAAAAAAAAAAAAAAQ")).unwrap_err();
    assert_eq!(other.error, api::error::NOT_FOUND);
    let no_id = delete(Some("orders")).unwrap_err();
    assert_eq!(no_id.error, api::error::INVALID);
    delete(Some(&topic.topic_id)).unwrap();
    delete(None).unwrap_err();
    let gone = one.admin(AdminRequest::Topic { name }).unwrap_err();
    assert_eq!(gone.error, api::error::NOT_FOUND);
}

#[test]
fn the_controllers_answers_come_through() {
    let mut one = OneBroker::new();
    let AdminResponse::Brokers(list) = one.admin(AdminRequest::Brokers).unwrap() else {
        panic!("brokers");
    };
    assert_eq!((list.controller_id, list.brokers.len()), (1, 1));
    crate::topics::create(&mut one, "t", 2, &[]);
    let check = api::RestartCheckRequest { brokers: vec![1] };
    let AdminResponse::RestartCheck(check) = one.admin(AdminRequest::RestartCheck(check)).unwrap()
    else {
        panic!("a check");
    };
    assert_eq!(check.single_replica.partitions, 2);
    let AdminResponse::ConfigSchema(keys) = one.admin(AdminRequest::ConfigSchema).unwrap() else {
        panic!("a schema");
    };
    assert!(keys.iter().any(|key| key.name == "min.insync.replicas"));
}
