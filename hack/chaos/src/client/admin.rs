//! What an administrator does in a run: creates and deletes topics, makes a broker lead everything, looks at the ISR.
//! Every request is repeated until it has its effect or its time is up.

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::Duration;

use kafka_protocol::messages::alter_partition_reassignments_request::{
    ReassignablePartition, ReassignableTopic,
};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::elect_leaders_request::TopicPartitions;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;
use kafka_protocol::messages::{
    AlterPartitionReassignmentsRequest, BrokerId, CreateTopicsRequest, DeleteTopicsRequest,
    ElectLeadersRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use kring_wire::ErrorCode;

use super::connection::Connection;
use super::directory::Directory;
use crate::patience::Patience;

/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Time between tries.
const BACKOFF: Duration = Duration::from_millis(100);
const CREATE_VERSION: i16 = 5;
const DELETE_VERSION: i16 = 4;
const REASSIGN_VERSION: i16 = 0;
const ELECT_VERSION: i16 = 2;

/// Creates a topic whose partitions every broker has.
///
/// # Errors
/// When no broker does so within `within`.
pub(crate) fn create_topic(
    brokers: &[SocketAddr],
    name: &str,
    partitions: i32,
    configs: &[(&str, &str)],
    within: Duration,
) -> Result<(), String> {
    let configs = configs.iter().map(|(name, value)| {
        CreatableTopicConfig::default()
            .with_name(StrBytes::from_string((*name).to_owned()))
            .with_value(Some(StrBytes::from_string((*value).to_owned())))
    });
    let topic = CreatableTopic::default()
        .with_name(TopicName(StrBytes::from_string(name.to_owned())))
        .with_num_partitions(partitions)
        .with_replication_factor(i16::try_from(brokers.len()).expect("a run has few brokers"))
        .with_configs(configs.collect());
    let request = CreateTopicsRequest::default()
        .with_topics(vec![topic])
        .with_timeout_ms(2_000);
    let mut last = "no broker answered".to_owned();
    let patience = Patience::new(within);
    for address in brokers.iter().cycle() {
        let answer = Connection::open(*address, PATIENCE)
            .and_then(|mut connection| connection.call(CREATE_VERSION, &request));
        match answer.map(|response| response.topics.into_iter().next()) {
            Ok(Some(topic)) => match ErrorCode::from_code(topic.error_code) {
                Some(ErrorCode::None | ErrorCode::TopicAlreadyExists) => return Ok(()),
                code => last = format!("{code:?} ({:?})", topic.error_message),
            },
            Ok(None) => last = "an answer without the topic".to_owned(),
            Err(error) => last = error.to_string(),
        }
        if patience.is_over() {
            break;
        }
        sleep(BACKOFF);
    }
    Err(format!(
        "topic {name} could not be created within {} s: {last}",
        within.as_secs()
    ))
}

/// Deletes a topic; that it is kept only takes space.
pub(crate) fn delete_topic(brokers: &[SocketAddr], name: &str) {
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![TopicName(StrBytes::from_string(name.to_owned()))])
        .with_timeout_ms(2_000);
    for address in brokers {
        let answer = Connection::open(*address, PATIENCE)
            .and_then(|mut connection| connection.call(DELETE_VERSION, &request));
        if answer.is_ok_and(|a| a.responses.iter().all(|topic| topic.error_code == 0)) {
            return;
        }
    }
}

/// Waits until all brokers say that every partition has a leader and all its replicas in sync.
///
/// # Errors
/// When that is not so in time; with what was seen last.
pub(crate) fn wait_until_whole(
    directory: &Directory,
    brokers: usize,
    partitions: i32,
    patience: Patience,
) -> Result<Vec<MetadataResponsePartition>, String> {
    wait(directory, brokers, partitions, patience, "whole", |seen| {
        seen.leader_id.0 >= 0 && seen.isr_nodes.len() == brokers
    })
}

fn wait(
    directory: &Directory,
    brokers: usize,
    partitions: i32,
    patience: Patience,
    wanted: &str,
    is_well: impl Fn(&MetadataResponsePartition) -> bool,
) -> Result<Vec<MetadataResponsePartition>, String> {
    let mut seen = Vec::new();
    loop {
        let mut all = true;
        for broker in 0..brokers {
            match directory.ask(broker) {
                Ok(answer) => {
                    all &= answer.len() == partitions.unsigned_abs() as usize
                        && answer.iter().all(&is_well);
                    seen = answer;
                }
                Err(_) => all = false,
            }
        }
        if all {
            return Ok(seen);
        }
        if patience.is_over() {
            let each: Vec<String> = seen
                .iter()
                .map(|p| {
                    let isr: Vec<i32> = p.isr_nodes.iter().map(|b| b.0).collect();
                    format!("{} led by {} isr {isr:?}", p.partition_index, p.leader_id.0)
                })
                .collect();
            return Err(format!(
                "not {wanted} within {} s; seen last: {}",
                patience.elapsed().as_secs(),
                each.join("; ")
            ));
        }
        sleep(BACKOFF);
    }
}

/// Makes a broker the preferred leader of every partition and elects it.
///
/// # Errors
/// When it does not lead all of them within `within`.
pub(crate) fn make_leader(
    directory: &Directory,
    brokers: usize,
    partitions: i32,
    leader: usize,
    within: Duration,
) -> Result<(), String> {
    let order = (0..brokers).map(|n| (leader + n) % brokers);
    let replicas: Vec<BrokerId> = order
        .map(|broker| BrokerId(i32::try_from(broker).expect("a run has few brokers")))
        .collect();
    let reassigned = (0..partitions)
        .map(|partition| {
            ReassignablePartition::default()
                .with_partition_index(partition)
                .with_replicas(Some(replicas.clone()))
        })
        .collect();
    let reassign = AlterPartitionReassignmentsRequest::default()
        .with_timeout_ms(2_000)
        .with_topics(vec![
            ReassignableTopic::default()
                .with_name(directory.topic())
                .with_partitions(reassigned),
        ]);
    let elect = ElectLeadersRequest::default()
        .with_election_type(0)
        .with_timeout_ms(2_000)
        .with_topic_partitions(Some(vec![
            TopicPartitions::default()
                .with_topic(directory.topic())
                .with_partitions((0..partitions).collect()),
        ]));
    let wanted = leader;
    let patience = Patience::new(within);
    loop {
        for broker in 0..brokers {
            let Ok(mut connection) = Connection::open(directory.address(broker), PATIENCE) else {
                continue;
            };
            let _ = connection.call(REASSIGN_VERSION, &reassign);
            let _ = connection.call(ELECT_VERSION, &elect);
        }
        let led = wait(
            directory,
            brokers,
            partitions,
            Patience::new(BACKOFF * 5),
            "led by one",
            |seen| usize::try_from(seen.leader_id.0) == Ok(wanted),
        );
        match led {
            Ok(_) => return Ok(()),
            Err(reason) if patience.is_over() => {
                return Err(format!(
                    "broker {leader} could not be made the leader: {reason}"
                ));
            }
            Err(_) => {}
        }
    }
}
