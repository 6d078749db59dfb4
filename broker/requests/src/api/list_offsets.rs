//! ListOffsets (2), versions 1–11: offsets by timestamp, and the special ones.
//!
//! * −1 is the high watermark, or the last stable offset for a reader of committed transactions (v2), −2 the log start, −3 (v7) the record with the largest timestamp.
//! * −4 (v8) is the start of the local log, which is the whole log here. −5 (v9) and −6 (v11) ask
//!   about tiered storage, of which there is none: offset −1. Any other negative timestamp, and each of these
//!   in a version before its own, is `UNSUPPORTED_VERSION`.
//! * A partition that is named twice is `INVALID_REQUEST` both times.
//! * A timestamp gives the first record at or after it, with its timestamp; −1 and −1 when there is none.
//! * From v4 on an offset comes with the leader epoch of its record; where there is no record yet,
//!   it is the epoch of the leader.
//! * Only committed records are found; a reader of committed transactions finds those below the last stable offset. Only the leader answers, in the epoch that the client knows (v4).
//! * A new leader that does not yet know what was committed answers `OFFSET_NOT_AVAILABLE` (v5, KIP-207)
//!   or `LEADER_NOT_AVAILABLE` but to −2 and −4; a leader that may have been replaced without hearing
//!   of it answers `NOT_LEADER_OR_FOLLOWER` to all: offsets never seem to go back.

use std::collections::{BTreeMap, BTreeSet};

use kafka_protocol::messages::list_offsets_request::ListOffsetsPartition;
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use kafka_protocol::messages::{ListOffsetsRequest, ListOffsetsResponse, TopicName};
use kring_io::canary::{self, Canary};
use kring_io::{ConnId, Now};
use kring_log::{Lookup, OffsetAndTimestamp, ReadError, TimestampQuery};
use kring_wire::{ErrorCode, LeaderEpoch, Offset, TopicPartition, TopicRef};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::fetch::Isolation;
use crate::route::reads::Reader;

/// The last version `kafka-protocol` knows; version 11 has the same bytes.
const ENCODED_VERSION_MAX: i16 = 10;

/// Older clients do not know the error and retry `LEADER_NOT_AVAILABLE` (KIP-207).
const OFFSET_NOT_AVAILABLE_SINCE: i16 = 5;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// The special timestamps, and from which version on each may be asked for.
const SPECIAL_SINCE: [(i64, i16); 6] = [
    (LATEST, 1),
    (EARLIEST, 1),
    (MAX_TIMESTAMP, 7),
    (EARLIEST_LOCAL, 8),
    (LATEST_TIERED, 9),
    (EARLIEST_PENDING_UPLOAD, 11),
];

/// What is asked of a partition.
#[derive(Clone, Copy)]
struct Asked {
    index: i32,
    /// Why it is not looked up at all.
    refused: Option<ErrorCode>,
    leader_epoch: LeaderEpoch,
    timestamp: i64,
    isolation: Isolation,
}

/// What is known of a partition.
enum Found {
    Offset(OffsetAndTimestamp),
    Nothing,
    Error(ErrorCode),
    /// The disk is asked.
    Pending,
}

struct Slot {
    index: i32,
    tp: Option<TopicPartition>,
    found: Found,
}

struct Open {
    caller: Caller,
    /// Topics with the number of their partitions, in the order of the request.
    topics: Vec<(TopicName, usize)>,
    slots: Vec<Slot>,
}

/// Requests that wait for the disk.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    open: BTreeMap<u64, Open>,
    by_conn: BTreeSet<(ConnId, u64)>,
}

impl Waiting {
    /// Forgets the requests of a connection that is gone.
    pub(crate) fn close(&mut self, conn: ConnId) {
        let range = (conn, 0)..=(conn, u64::MAX);
        let gone: Vec<_> = self.by_conn.range(range).copied().collect();
        for key in gone {
            self.by_conn.remove(&key);
            self.open.remove(&key.1);
        }
    }
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let request: ListOffsetsRequest = call.decode_as(caller.version.min(ENCODED_VERSION_MAX))?;
    broker.list_offsets.next += 1;
    let id = broker.list_offsets.next;
    let mut open = Open {
        caller,
        topics: Vec::new(),
        slots: Vec::new(),
    };
    let isolation = Isolation::from_code(request.isolation_level);
    let twice = named_twice(&request);
    let asked = |topic: &TopicName, partition: &ListOffsetsPartition| Asked {
        index: partition.partition_index,
        refused: if twice.contains(&(topic.clone(), partition.partition_index)) {
            Some(ErrorCode::InvalidRequest)
        } else if !has_meaning(partition.timestamp, caller.version) {
            Some(ErrorCode::UnsupportedVersion)
        } else {
            None
        },
        leader_epoch: partition.current_leader_epoch,
        timestamp: partition.timestamp,
        isolation,
    };
    for topic in request.topics {
        open.topics
            .push((topic.name.clone(), topic.partitions.len()));
        let name = TopicRef::from(topic.name.0.as_str());
        for partition in topic.partitions {
            let at = open.slots.len();
            open.slots.push(look_up(
                broker,
                now,
                &name,
                asked(&topic.name, &partition),
                (id, at),
                out,
            ));
        }
    }
    if open.slots.iter().any(Slot::is_pending) {
        broker
            .list_offsets
            .by_conn
            .insert((caller.request.conn, id));
        broker.list_offsets.open.insert(id, open);
    } else {
        answer(broker, open, out);
    }
    Ok(())
}

/// A look-up came back from the disk.
pub(crate) fn lookup_done(
    broker: &mut Broker,
    id: u64,
    slot: usize,
    result: Result<Option<OffsetAndTimestamp>, ReadError>,
    out: &mut Output,
) {
    let Some(open) = broker.list_offsets.open.get_mut(&id) else {
        return;
    };
    open.slots[slot].found = match result {
        Ok(found) => Found::from(found),
        Err(error) => {
            tracing::error!(%error, "timestamp look-up failed");
            Found::Error(ErrorCode::KafkaStorageError)
        }
    };
    if !open.slots.iter().any(Slot::is_pending)
        && let Some(open) = broker.list_offsets.open.remove(&id)
    {
        let key = (open.caller.request.conn, id);
        broker.list_offsets.by_conn.remove(&key);
        answer(broker, open, out);
    }
}

impl Slot {
    fn is_pending(&self) -> bool {
        matches!(self.found, Found::Pending)
    }
}

impl From<Option<OffsetAndTimestamp>> for Found {
    fn from(found: Option<OffsetAndTimestamp>) -> Found {
        found.map_or(Found::Nothing, Found::Offset)
    }
}

/// Partitions that a request names more than once.
fn named_twice(request: &ListOffsetsRequest) -> BTreeSet<(TopicName, i32)> {
    let mut once = BTreeSet::new();
    let mut twice = BTreeSet::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let named = (topic.name.clone(), partition.partition_index);
            if !once.insert(named.clone()) {
                twice.insert(named);
            }
        }
    }
    twice
}

fn has_meaning(timestamp: i64, version: i16) -> bool {
    let mut special = SPECIAL_SINCE.iter();
    timestamp >= 0 || special.any(|(what, since)| *what == timestamp && version >= *since)
}

fn look_up(
    broker: &mut Broker,
    now: Now,
    topic: &TopicRef,
    asked: Asked,
    place: (u64, usize),
    out: &mut Output,
) -> Slot {
    let index = asked.index;
    let refused = asked.refused.map_or(Ok(()), Err);
    let result = refused.and_then(|()| {
        let tp = broker.resolve(topic, index)?;
        broker.check_leader(tp, asked.leader_epoch)?;
        Ok(tp)
    });
    match result {
        Err(error) => Slot {
            index,
            tp: None,
            found: Found::Error(error),
        },
        Ok(tp) => Slot {
            index,
            tp: Some(tp),
            found: find(broker, now, tp, asked, place, out),
        },
    }
}

fn find(
    broker: &mut Broker,
    now: Now,
    tp: TopicPartition,
    asked: Asked,
    (request, slot): (u64, usize),
    out: &mut Output,
) -> Found {
    let Some(state) = broker.log.state(tp) else {
        return Found::Error(ErrorCode::NotLeaderOrFollower);
    };
    if broker.may_be_outdated(now, tp) {
        // Another may lead by now, have told of a later end, and have deleted records.
        return Found::Error(ErrorCode::NotLeaderOrFollower);
    }
    let upto = match asked.isolation {
        Isolation::ReadUncommitted => state.high_watermark,
        Isolation::ReadCommitted => state.last_stable_offset,
    };
    let query = match asked.timestamp {
        EARLIEST | EARLIEST_LOCAL => return Found::Offset((state.log_start, -1)),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => return Found::Nothing,
        _ if !broker.high_watermark_is_current(tp) => {
            return Found::Error(ErrorCode::OffsetNotAvailable);
        }
        LATEST if canary::is_on(Canary::LatestIsLogEnd) => {
            return Found::Offset((state.log_end, -1));
        }
        LATEST => return Found::Offset((upto, -1)),
        MAX_TIMESTAMP => TimestampQuery::Max,
        at => TimestampQuery::At(at),
    };
    match broker
        .log
        .lookup_timestamp(now, tp, query, upto, &mut out.effects)
    {
        Lookup::Ready(found) => Found::from(found),
        Lookup::Pending(id) => {
            broker.reads.add(id, Reader::ListOffsets { request, slot });
            Found::Pending
        }
        // Retriable on every client.
        Lookup::Busy => Found::Error(ErrorCode::LeaderNotAvailable),
        Lookup::UnknownPartition => Found::Error(ErrorCode::NotLeaderOrFollower),
    }
}

fn answer(broker: &Broker, open: Open, out: &mut Output) {
    let version = open.caller.version;
    let mut slots = open.slots.into_iter();
    let topics = open
        .topics
        .into_iter()
        .map(|(name, count)| {
            ListOffsetsTopicResponse::default()
                .with_name(name)
                .with_partitions(
                    slots
                        .by_ref()
                        .take(count)
                        .map(|slot| row(broker, &slot, version))
                        .collect(),
                )
        })
        .collect();
    let answer = ListOffsetsResponse::default().with_topics(topics);
    let encoded = version.min(ENCODED_VERSION_MAX);
    open.caller.answer_as(&answer, encoded, out);
}

/// The epoch of the record at an offset, or of the leader that will write it.
fn epoch_at(broker: &Broker, slot: &Slot, offset: Offset) -> LeaderEpoch {
    let Some(tp) = slot.tp else {
        return -1;
    };
    match broker.log.epoch_at(tp, offset) {
        -1 => broker.led_epoch(tp).unwrap_or(-1),
        epoch => epoch,
    }
}

fn row(broker: &Broker, slot: &Slot, version: i16) -> ListOffsetsPartitionResponse {
    let row = ListOffsetsPartitionResponse::default().with_partition_index(slot.index);
    match slot.found {
        Found::Offset((offset, timestamp)) => {
            let row = row.with_offset(offset).with_timestamp(timestamp);
            if version >= 4 {
                row.with_leader_epoch(epoch_at(broker, slot, offset))
            } else {
                row
            }
        }
        Found::Nothing => row.with_offset(-1).with_timestamp(-1),
        Found::Error(ErrorCode::OffsetNotAvailable) if version < OFFSET_NOT_AVAILABLE_SINCE => row
            .with_offset(-1)
            .with_timestamp(-1)
            .with_error_code(ErrorCode::LeaderNotAvailable.code()),
        Found::Error(error) => row
            .with_offset(-1)
            .with_timestamp(-1)
            .with_error_code(error.code()),
        Found::Pending => unreachable!("answered only when nothing is pending"),
    }
}
