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
use kring_wire::{DecodeError, Decoder, TopicId};

use super::commit_rows::{self, Rows};
use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::text::{owned, text};

/// The last version whose request `kafka-protocol` reads.
const DECODED_VERSION_MAX: i16 = 9;
/// From here on topics are named by id.
const TOPIC_ID_FROM: i16 = 10;

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
    let by_id = caller.version >= TOPIC_ID_FROM;
    let rows = Rows::set_unknown_aside(broker, by_id, &mut commit.topics);
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
    let topics = commit_rows::read_by_id(&mut body)?;
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

fn answer(caller: Caller, rows: Rows, outcome: CommitOutcome, out: &mut Output) {
    let topics = rows.fill(outcome).map(|topic| {
        let partitions = topic.partitions.into_iter().map(|(index, error)| {
            OffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(error.code())
        });
        let answer = OffsetCommitResponseTopic::default().with_partitions(partitions.collect());
        if caller.version >= TOPIC_ID_FROM {
            answer.with_topic_id(topic.id.into())
        } else {
            answer.with_name(TopicName(text(topic.name)))
        }
    });
    let answer = OffsetCommitResponse::default().with_topics(topics.collect());
    caller.answer(&answer, out);
}
