//! OffsetCommit (8), versions 2–10: stores how far a group has read.
//!
//! * v2–4 may carry a retention of the commit's own, v6 adds the leader epoch, v7 static members,
//!   v9 the member epoch of the new protocol (read as a generation here), v10 topic ids.
//! * A topic or partition that does not exist is `UNKNOWN_TOPIC_OR_PARTITION` (`UNKNOWN_TOPIC_ID` by id).
//! * The answer comes when the offsets are committed in `__consumer_offsets`.
//! * Version 10 is read here, because `kafka-protocol` has it up to 9.

use kafka_protocol::messages::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use kafka_protocol::messages::{OffsetCommitRequest, OffsetCommitResponse, TopicName};
use kring_groups::{
    CommitOutcome, GroupRequest, GroupResponse, OffsetCommit, PartitionCommit, TopicCommit,
};
use kring_io::Now;
use kring_wire::{DecodeError, Decoder, ErrorCode, TopicId, TopicPartition};

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster;
use crate::event::Output;
use crate::text::{owned, text};

/// The last version whose request `kafka-protocol` reads.
const DECODED_VERSION_MAX: i16 = 9;
/// From here on topics are named by id.
const TOPIC_ID_FROM: i16 = 10;
/// Bytes of the smallest element: id and empty list; number, offset, epoch and null text.
const TOPIC_BYTES_MIN: usize = 17;
const PARTITION_BYTES_MIN: usize = 17;

/// Where a partition of the request gets its error from, in the order of the request.
enum Place {
    /// The coordinator was not asked about it.
    Here(ErrorCode),
    /// The coordinator answers, in order.
    Coordinator,
}

struct Row {
    name: String,
    id: TopicId,
    partitions: Vec<(i32, Place)>,
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let mut commit = if caller.version > DECODED_VERSION_MAX {
        read_by_id(&call)?
    } else {
        from_message(call.decode()?)
    };
    let rows = set_unknown_aside(broker, caller.version, &mut commit);
    if commit.topics.is_empty() {
        answer(caller, rows, CommitOutcome { topics: Vec::new() }, out);
        return Ok(());
    }
    broker.ask_group(
        now,
        GroupRequest::Commit(commit),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Commit(outcome) => answer(caller, rows, outcome, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}

fn from_message(request: OffsetCommitRequest) -> OffsetCommit {
    let topics = request.topics.into_iter().map(|topic| TopicCommit {
        topic: topic.name.to_string(),
        topic_id: TopicId::ZERO,
        partitions: topic
            .partitions
            .into_iter()
            .map(|partition| PartitionCommit {
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: owned(partition.committed_metadata),
            })
            .collect(),
    });
    OffsetCommit {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id_or_member_epoch,
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id),
        retention_ms: request.retention_time_ms,
        topics: topics.collect(),
    }
}

fn read_by_id(call: &Call) -> Result<OffsetCommit, DecodeError> {
    let mut body = Decoder::new(call.body.clone());
    let group_id = body.string("group id", true)?.to_string();
    let generation_id = body.i32("generation")?;
    let member_id = body.string("member id", true)?.to_string();
    let instance = body.nullable_string("group instance id", true)?;
    let count = body.array("topics", true, TOPIC_BYTES_MIN)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        topics.push(read_topic(&mut body)?);
    }
    body.skip_tags(true)?;
    Ok(OffsetCommit {
        group_id,
        generation_id,
        member_id,
        group_instance_id: instance.map(|name| name.to_string()),
        retention_ms: -1,
        topics,
    })
}

fn read_topic(body: &mut Decoder) -> Result<TopicCommit, DecodeError> {
    let topic_id = body.topic_id("topic id")?;
    let count = body.array("partitions", true, PARTITION_BYTES_MIN)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        partitions.push(PartitionCommit {
            partition: body.i32("partition")?,
            offset: body.i64("offset")?,
            leader_epoch: body.i32("leader epoch")?,
            metadata: body
                .nullable_string("metadata", true)?
                .map(|text| text.to_string()),
        });
        body.skip_tags(true)?;
    }
    body.skip_tags(true)?;
    Ok(TopicCommit {
        topic: String::new(),
        topic_id,
        partitions,
    })
}

/// Takes what does not exist out of the commit, fills names or ids in, and remembers the order.
fn set_unknown_aside(broker: &Broker, version: i16, commit: &mut OffsetCommit) -> Vec<Row> {
    let image = broker.image();
    let mut rows = Vec::with_capacity(commit.topics.len());
    for topic in &mut commit.topics {
        let (found, unknown) = if version >= TOPIC_ID_FROM {
            let found = image.topics.get(&topic.topic_id);
            (found, ErrorCode::UnknownTopicId)
        } else {
            let found = cluster::topic_by_name(image, &topic.topic).map(|(_, topic)| topic);
            (found, ErrorCode::UnknownTopicOrPartition)
        };
        let mut row = Row {
            name: topic.topic.clone(),
            id: topic.topic_id,
            partitions: Vec::with_capacity(topic.partitions.len()),
        };
        if let Some(found) = found {
            topic.topic.clone_from(&found.name);
            topic.topic_id = found.id;
        }
        topic.partitions.retain(|commit| {
            let place = match found {
                None => Place::Here(unknown),
                Some(found) => {
                    let tp = TopicPartition::new(found.id, commit.partition);
                    match image.partition(tp) {
                        Some(_) => Place::Coordinator,
                        None => Place::Here(ErrorCode::UnknownTopicOrPartition),
                    }
                }
            };
            let keep = matches!(place, Place::Coordinator);
            row.partitions.push((commit.partition, place));
            keep
        });
        rows.push(row);
    }
    commit.topics.retain(|topic| !topic.partitions.is_empty());
    rows
}

fn answer(caller: Caller, rows: Vec<Row>, outcome: CommitOutcome, out: &mut Output) {
    let mut errors = outcome
        .topics
        .into_iter()
        .flat_map(|topic| topic.partitions)
        .map(|partition| partition.error);
    let topics = rows
        .into_iter()
        .map(|row| {
            let partitions = row
                .partitions
                .into_iter()
                .map(|(index, place)| {
                    let error = match place {
                        Place::Here(error) => error,
                        Place::Coordinator => {
                            errors.next().unwrap_or(ErrorCode::UnknownServerError)
                        }
                    };
                    OffsetCommitResponsePartition::default()
                        .with_partition_index(index)
                        .with_error_code(error.code())
                })
                .collect();
            let topic = OffsetCommitResponseTopic::default().with_partitions(partitions);
            if caller.version >= TOPIC_ID_FROM {
                topic.with_topic_id(row.id.into())
            } else {
                topic.with_name(TopicName(text(row.name)))
            }
        })
        .collect();
    let answer = OffsetCommitResponse::default().with_topics(topics);
    caller.answer(&answer, out);
}
