//! What administrators ask about the cluster as such: its quorum, its features, its directories.
//! Topics and settings have files of their own.

use kafka_protocol::messages::alter_replica_log_dirs_request::{
    AlterReplicaLogDir, AlterReplicaLogDirTopic,
};
use kafka_protocol::messages::describe_quorum_request::{PartitionData, TopicData};
use kafka_protocol::messages::update_features_request::FeatureUpdateKey;
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, DescribeQuorumRequest, TopicName, UpdateFeaturesRequest,
    UpdateFeaturesResponse,
};

use crate::harness::{OneBroker, text};
use crate::topics::create;

fn quorum_of(topic: &str, partitions: &[i32]) -> DescribeQuorumRequest {
    let partition = |index: &i32| PartitionData::default().with_partition_index(*index);
    let topic = TopicData::default()
        .with_topic_name(TopicName(text(topic)))
        .with_partitions(partitions.iter().map(partition).collect());
    DescribeQuorumRequest::default().with_topics(vec![topic])
}

#[test]
fn a_broker_alone_is_its_quorum() {
    let mut one = OneBroker::new();
    let before = one.ask(2, &quorum_of("__cluster_metadata", &[0]));
    assert_eq!(
        (before.error_code, before.error_message.as_deref()),
        (0, Some(""))
    );
    let partition = &before.topics[0].partitions[0];
    assert_eq!((partition.error_code, partition.leader_id.0), (0, 1));
    assert!(partition.leader_epoch > 0 && partition.observers.is_empty());
    let [voter] = partition.current_voters.as_slice() else {
        panic!("{partition:?}");
    };
    assert_eq!(voter.replica_id.0, 1);
    assert_eq!(voter.log_end_offset, partition.high_watermark);
    assert!(voter.last_fetch_timestamp > 0 && voter.last_caught_up_timestamp > 0);
    assert_eq!(before.nodes.len(), 1);

    create(&mut one, "t", 1, &[]);
    let after = one.ask(2, &quorum_of("__cluster_metadata", &[0]));
    let later = after.topics[0].partitions[0].high_watermark;
    assert!(later > partition.high_watermark);
}

#[test]
fn no_other_partition_is_a_quorums() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    for (topic, partitions) in [
        ("t", [0].as_slice()),
        ("__cluster_metadata", &[1]),
        ("__cluster_metadata", &[0, 1]),
    ] {
        let answer = one.ask(2, &quorum_of(topic, partitions));
        let rows = &answer.topics[0].partitions;
        assert_eq!(rows.len(), partitions.len());
        assert!(rows.iter().all(|row| row.error_code == 3), "{rows:?}");
    }
}

fn update(one: &mut OneBroker, version: i16, asked: &[(&str, i16)]) -> UpdateFeaturesResponse {
    let update = |(name, level): &(&str, i16)| {
        FeatureUpdateKey::default()
            .with_feature(text(name))
            .with_max_version_level(*level)
    };
    let request =
        UpdateFeaturesRequest::default().with_feature_updates(asked.iter().map(update).collect());
    one.ask(version, &request)
}

#[test]
fn a_feature_has_the_level_of_the_brokers_version_and_no_other() {
    let mut one = OneBroker::new();
    for version in 0..=2 {
        let answer = update(&mut one, version, &[("transaction.version", 2)]);
        assert_eq!((answer.error_code, answer.error_message), (0, None));
        let codes: Vec<i16> = answer.results.iter().map(|row| row.error_code).collect();
        assert_eq!(codes, if version < 2 { vec![0] } else { vec![] });
        for (asked, error, word) in [
            (vec![("transaction.version", 1)], 95, "level 1"),
            (vec![("transaction.version", 3)], 95, "level 3"),
            (
                vec![("transaction.version", 2), ("metadata.version", 30)],
                95,
                "metadata.version",
            ),
            (
                vec![("transaction.version", 2), ("transaction.version", 2)],
                42,
                "more than once",
            ),
        ] {
            let answer = update(&mut one, version, &asked);
            assert_eq!((answer.error_code, answer.results.len()), (error, 0));
            let message = answer.error_message.unwrap();
            assert!(message.contains(word), "{message}");
        }
    }
}

#[test]
fn a_replica_is_in_the_one_directory_and_goes_to_no_other() {
    let mut one = OneBroker::new();
    create(&mut one, "t", 1, &[]);
    let mut to = |path: &str, topic: &str, partition: i32| {
        let topic = AlterReplicaLogDirTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![partition]);
        let dir = AlterReplicaLogDir::default()
            .with_path(text(path))
            .with_topics(vec![topic]);
        let request = AlterReplicaLogDirsRequest::default().with_dirs(vec![dir]);
        one.ask(2, &request).results[0].partitions[0].error_code
    };
    assert_eq!(to("/data", "t", 0), 0);
    assert_eq!(to("/data", "t", 1), 3);
    assert_eq!(to("/data", "nothing", 0), 3);
    assert_eq!(to("/other", "t", 0), 57);
}
