//! Hostile and impossible requests: a clear answer or a closed connection, never a broken broker.

use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{CreateTopicsRequest, MetadataRequest, TopicName};

use crate::harness::{OneBroker, raw_frame, text};

#[test]
fn what_cannot_be_read_closes_the_connection() {
    let mut one = OneBroker::new();
    let frames = [
        // Nothing, half a header, an API that does not exist, a version that does not exist.
        raw_frame(3, 1, false, b"").slice(..0),
        raw_frame(3, 1, false, b"").slice(..6),
        raw_frame(9_999, 0, false, b""),
        raw_frame(3, 99, true, b""),
        // Metadata of version 1 that claims two billion topics.
        raw_frame(3, 1, false, b"\x7f\xff\xff\xff"),
        // Produce that ends in the middle, Fetch that claims a billion topics.
        raw_frame(0, 9, true, b"\x00\xff\xff"),
        raw_frame(1, 12, true, &[0xff; 40]),
    ];
    for (at, frame) in frames.into_iter().enumerate() {
        one.send_frame(frame);
        assert!(one.closes(), "frame {at}");
    }
    assert_eq!(one.metrics().refused_requests, 7);
    let answer = one.ask(9, &MetadataRequest::default().with_topics(None));
    assert_eq!(answer.brokers.len(), 1, "others are served on");
}

#[test]
fn impossible_topics_are_refused_with_a_reason() {
    let mut one = OneBroker::new();
    let create = |name: &str, partitions, replicas| {
        CreatableTopic::default()
            .with_name(TopicName(text(name)))
            .with_num_partitions(partitions)
            .with_replication_factor(replicas)
    };
    let topics = vec![
        create("fine", 1, 1),
        create("a b", 1, 1),
        create("none", 0, 1),
        create("many", 1, 3),
        create("twice", 1, 1),
        create("twice", 1, 1),
    ];
    let answer = one.ask(7, &CreateTopicsRequest::default().with_topics(topics));
    let errors: Vec<_> = answer
        .topics
        .iter()
        .map(|row| (row.name.0.as_str(), row.error_code))
        .collect();
    assert_eq!(
        errors,
        [
            ("fine", 0),
            ("a b", 17),
            ("none", 37),
            ("many", 38),
            ("twice", 42)
        ]
    );
    let many = answer.topics[3].error_message.clone().unwrap();
    assert!(many.contains('3') && many.contains('1'), "{many:?}");
}

#[test]
fn a_bad_topic_name_is_not_created_by_use() {
    let mut one = OneBroker::new();
    let topic = MetadataRequestTopic::default().with_name(Some(TopicName(text("a/b"))));
    let request = MetadataRequest::default()
        .with_topics(Some(vec![topic]))
        .with_allow_auto_topic_creation(true);
    assert_eq!(one.ask(9, &request).topics[0].error_code, 17);
}
