//! AlterReplicaLogDirs (34), versions 1–2: moves replicas of this broker to another of its directories.
//!
//! * There is one directory, so a replica is either there already, which is a success, or cannot go.
//! * Another directory is `LOG_DIR_NOT_FOUND`, a partition without a replica here `REPLICA_NOT_AVAILABLE`,
//!   one that does not exist `UNKNOWN_TOPIC_OR_PARTITION`.

use std::collections::BTreeMap;

use kafka_protocol::messages::alter_replica_log_dirs_response::{
    AlterReplicaLogDirPartitionResult, AlterReplicaLogDirTopicResult,
};
use kafka_protocol::messages::{
    AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse, TopicName,
};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: AlterReplicaLogDirsRequest = call.decode()?;
    let mut results: BTreeMap<String, Vec<AlterReplicaLogDirPartitionResult>> = BTreeMap::new();
    for dir in request.dirs {
        let is_own = dir.path.as_str() == broker.identity.log_dir;
        for topic in dir.topics {
            let name = topic.name.to_string();
            let rows = topic.partitions.into_iter().map(|partition| {
                let error = if is_own {
                    verdict(broker, &name, partition)
                } else {
                    ErrorCode::LogDirNotFound
                };
                AlterReplicaLogDirPartitionResult::default()
                    .with_partition_index(partition)
                    .with_error_code(error.code())
            });
            results.entry(name.clone()).or_default().extend(rows);
        }
    }
    let results = results.into_iter().map(|(name, partitions)| {
        AlterReplicaLogDirTopicResult::default()
            .with_topic_name(TopicName(text(name)))
            .with_partitions(partitions)
    });
    let answer = AlterReplicaLogDirsResponse::default().with_results(results.collect());
    call.caller.answer(&answer, out);
    Ok(())
}

fn verdict(broker: &Broker, topic: &str, partition: i32) -> ErrorCode {
    match broker.resolve(&TopicRef::from(topic), partition) {
        Err(error) => error,
        Ok(tp) if broker.log.state(tp).is_some() => ErrorCode::None,
        Ok(_) => ErrorCode::ReplicaNotAvailable,
    }
}
