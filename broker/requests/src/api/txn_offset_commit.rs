//! TxnOffsetCommit (28), versions 0–6: stores how far a group has read as part of a transaction.
//!
//! * The offsets hold once the transaction is committed; until then readers of stable offsets are told to wait (KIP-447).
//! * v3 adds the member and its generation, v6 topic ids (KIP-1319). From v5 on (transactions v2, KIP-890) the group's partition of
//!   `__consumer_offsets` becomes part of the transaction by this request; before, it must be.
//! * An error of the transaction's coordinator that passes is `COORDINATOR_LOAD_IN_PROGRESS`, as any other would send the client
//!   to look for another coordinator of the group.
//! * Version 6 is read here, because `kafka-protocol` has it up to 5.

use bytes::BufMut;
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{TopicName, TxnOffsetCommitRequest, TxnOffsetCommitResponse};
use kring_groups::{
    CommitOutcome, GroupRequest, GroupResponse, PartitionCommit, TopicCommit, TxnOffsetCommit,
};
use kring_io::Now;
use kring_wire::{DecodeError, Decoder, ErrorCode, TopicId, encode};

use super::commit_rows::{self, Answered, Rows};
use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster::CONSUMER_OFFSETS;
use crate::event::Output;
use crate::route::coordinators::Kind;
use crate::text::{owned, text};
use crate::transactions::{self, Asked, Question};

/// The last version that `kafka-protocol` knows.
const KNOWN_VERSION_MAX: i16 = 5;
/// From here on topics are named by id.
const TOPIC_ID_FROM: i16 = 6;
/// From here on the request makes the group's partition part of the transaction.
const ADDS_FROM: i16 = 5;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let (transactional_id, mut commit) = if caller.version > KNOWN_VERSION_MAX {
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
    let Some(tp) = broker.coordinator_of(Kind::Groups, &commit.group_id) else {
        let outcome = refused(&commit, ErrorCode::NotCoordinator);
        answer(caller, rows, outcome, out);
        return Ok(());
    };
    let (producer_id, producer_epoch) = (commit.producer_id, commit.producer_epoch);
    if !broker.groups.is_coordinator(tp.partition)
        || broker.is_in_transaction(tp, producer_id, producer_epoch)
    {
        store(broker, now, caller, rows, commit, out);
        return Ok(());
    }
    let question = Question {
        adds: caller.version >= ADDS_FROM,
        transactional_id,
        producer_id,
        producer_epoch,
        topics: vec![(CONSUMER_OFFSETS.to_owned(), vec![tp.partition])],
    };
    transactions::ask_coordinator(
        broker,
        now,
        question,
        Box::new(move |broker, now, asked, out| match refusal(&asked) {
            None => store(broker, now, caller, rows, commit, out),
            Some(error) => answer(caller, rows, refused(&commit, error), out),
        }),
        out,
    );
    Ok(())
}

/// Why the group's partition is not part of the transaction, if it is not.
fn refusal(asked: &Asked) -> Option<ErrorCode> {
    match asked.values().next().copied() {
        Some(ErrorCode::None) => None,
        Some(
            ErrorCode::ConcurrentTransactions
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NotCoordinator
            | ErrorCode::RequestTimedOut,
        )
        | None => Some(ErrorCode::CoordinatorLoadInProgress),
        Some(ErrorCode::ProducerFenced) => Some(ErrorCode::InvalidProducerEpoch),
        Some(error) => Some(error),
    }
}

fn refused(commit: &TxnOffsetCommit, error: ErrorCode) -> CommitOutcome {
    CommitOutcome::all(&commit.topics, error)
}

fn store(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    rows: Rows,
    commit: TxnOffsetCommit,
    out: &mut Output,
) {
    broker.ask_group(
        now,
        GroupRequest::TxnCommit(commit),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Commit(outcome) => answer(caller, rows, outcome, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
}

fn from_message(request: TxnOffsetCommitRequest) -> (String, TxnOffsetCommit) {
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
    let commit = TxnOffsetCommit {
        group_id: request.group_id.to_string(),
        producer_id: request.producer_id.0,
        producer_epoch: request.producer_epoch,
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id),
        topics: topics.collect(),
    };
    (request.transactional_id.to_string(), commit)
}

fn read_by_id(call: &Call) -> Result<(String, TxnOffsetCommit), DecodeError> {
    let mut body = Decoder::new(call.body.clone());
    let transactional_id = body.string("transactional id", true)?.to_string();
    let group_id = body.string("group id", true)?.to_string();
    let producer_id = body.i64("producer id")?;
    let producer_epoch = body.i16("producer epoch")?;
    let generation_id = body.i32("generation")?;
    let member_id = body.string("member id", true)?.to_string();
    let instance = body.nullable_string("group instance id", true)?;
    let topics = commit_rows::read_by_id(&mut body)?;
    body.skip_tags(true)?;
    let commit = TxnOffsetCommit {
        group_id,
        producer_id,
        producer_epoch,
        generation_id,
        member_id,
        group_instance_id: instance.map(|name| name.to_string()),
        topics,
    };
    Ok((transactional_id, commit))
}

fn answer(caller: Caller, rows: Rows, outcome: CommitOutcome, out: &mut Output) {
    let topics: Vec<Answered> = rows.fill(outcome).collect();
    if caller.version > KNOWN_VERSION_MAX {
        caller.answer_with(true, |buf| write_by_id(buf, &topics), out);
        return;
    }
    let topics = topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|(index, error)| {
            TxnOffsetCommitResponsePartition::default()
                .with_partition_index(index)
                .with_error_code(error.code())
        });
        TxnOffsetCommitResponseTopic::default()
            .with_name(TopicName(text(topic.name)))
            .with_partitions(partitions.collect())
    });
    let answer = TxnOffsetCommitResponse::default().with_topics(topics.collect());
    caller.answer(&answer, out);
}

fn write_by_id(buf: &mut bytes::BytesMut, topics: &[Answered]) {
    buf.put_i32(0);
    encode::array(buf, true, Some(topics.len()));
    for topic in topics {
        encode::topic_id(buf, topic.id);
        encode::array(buf, true, Some(topic.partitions.len()));
        for (index, error) in &topic.partitions {
            buf.put_i32(*index);
            buf.put_i16(error.code());
            encode::no_tags(buf, true);
        }
        encode::no_tags(buf, true);
    }
    encode::no_tags(buf, true);
}
