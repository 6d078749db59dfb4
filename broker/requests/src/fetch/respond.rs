//! The answer to a fetch whose partitions have all been looked at.
//! It reads nothing.

use std::collections::BTreeSet;

use kring_io::Now;
use kring_wire::batch::batches;
use kring_wire::fetch::{FetchPartitionResponse, FetchResponse, FetchTopicResponse};
use kring_wire::{Compression, ErrorCode};

use super::plan::{Ask, Isolation};
use super::session::Row;
use super::sessions::{Context, NO_SESSION};
use super::waiting::{Open, Slot};
use crate::broker::Broker;
use crate::call::Caller;
use crate::cluster;

/// From here on clients read Zstandard (KIP-110).
const ZSTD_FROM: i16 = 10;
/// From here on an answer may say who leads (KIP-951).
const LEADER_HINT_FROM: i16 = 16;

/// Puts the answer together, topics and partitions in the order of the request or of its session.
pub(super) fn respond(broker: &mut Broker, now: Now, open: Open) -> (Caller, FetchResponse) {
    let (caller, context) = (open.caller, open.context);
    let rows = rows(broker, open);
    let (session_id, rows) = match context {
        Context::Sessionless => (NO_SESSION, rows),
        Context::Full => {
            let limits = broker.config.fetch_session_limits();
            let (sessions, random) = (&mut broker.fetch.sessions, &mut broker.random);
            let id = sessions.create(now.mono, limits, random, caller.version, &rows);
            (id, rows)
        }
        Context::Incremental { id, .. } => match broker.fetch.sessions.get_mut(id) {
            Some(session) => (id, session.tell(rows)),
            None => (id, rows),
        },
    };
    let leaders: BTreeSet<i32> = rows
        .iter()
        .filter_map(|(_, answer)| answer.current_leader.map(|leader| leader.leader_id))
        .collect();
    let node_endpoints = if caller.version >= LEADER_HINT_FROM {
        cluster::node_endpoints(broker.image(), leaders)
    } else {
        Vec::new()
    };
    let response = FetchResponse {
        session_id,
        topics: by_topic(rows),
        node_endpoints,
        ..FetchResponse::default()
    };
    (caller, response)
}

fn rows(broker: &Broker, open: Open) -> Vec<Row> {
    let isolation = open.plan.isolation;
    let version = open.caller.version;
    let mut rows = Vec::with_capacity(open.slots.len());
    let slots = open.slots.into_iter().zip(open.aborted);
    for (ask, (slot, aborted)) in open.plan.asks.into_iter().zip(slots) {
        let slot = if version < ZSTD_FROM {
            without_zstd(slot)
        } else {
            slot
        };
        let mut partition = answer(broker, &ask, slot);
        if isolation == Isolation::ReadCommitted {
            partition.aborted = Some(aborted);
        }
        rows.push((ask, partition));
    }
    rows
}

fn by_topic(rows: Vec<Row>) -> Vec<FetchTopicResponse> {
    let mut topics: Vec<FetchTopicResponse> = Vec::new();
    for (ask, partition) in rows {
        match topics.last_mut() {
            Some(last) if last.topic == ask.topic => last.partitions.push(partition),
            _ => topics.push(FetchTopicResponse {
                topic: ask.topic,
                partitions: vec![partition],
            }),
        }
    }
    topics
}

/// Records up to the first batch in Zstandard, or an error when there is none before it.
fn without_zstd(slot: Slot) -> Slot {
    let Slot::Records(parts) = slot else {
        return slot;
    };
    let mut readable = Vec::with_capacity(parts.len());
    for part in parts {
        let mut bytes = 0;
        for batch in batches(&part) {
            match batch {
                Ok((header, _)) if header.attributes.compression_id() == Compression::Zstd.id() => {
                    if bytes > 0 {
                        readable.push(part.slice(..bytes));
                    }
                    return if readable.is_empty() {
                        Slot::Error(ErrorCode::UnsupportedCompressionType)
                    } else {
                        Slot::Records(readable)
                    };
                }
                Ok((header, _)) => bytes += header.total_bytes,
                // The log verified what it gives.
                Err(_) => break,
            }
        }
        readable.push(part);
    }
    Slot::Records(readable)
}

fn answer(broker: &Broker, ask: &Ask, slot: Slot) -> FetchPartitionResponse {
    let index = ask.partition.partition;
    let error = match slot {
        Slot::Error(error) => error,
        Slot::Records(_) | Slot::Diverging(_) | Slot::Nearby(_) | Slot::Reading => ErrorCode::None,
    };
    let mut answer = FetchPartitionResponse::failed(index, error);
    let state = ask.tp.ok().and_then(|tp| broker.log.state(tp));
    let shows_offsets = error.is_ok() || error == ErrorCode::OffsetOutOfRange;
    if let Some(state) = state
        && shows_offsets
    {
        answer.high_watermark = state.high_watermark;
        answer.last_stable_offset = state.last_stable_offset;
        answer.log_start = state.log_start;
    }
    match slot {
        Slot::Records(parts) => answer.records = parts,
        Slot::Diverging(end) => answer.diverging_epoch = Some(end),
        Slot::Nearby(replica) => answer.preferred_read_replica = replica.0,
        Slot::Error(ErrorCode::NotLeaderOrFollower) => {
            answer.current_leader = broker.other_leader(&ask.topic, index);
        }
        // The epoch is what the client lacks, also where this broker leads.
        Slot::Error(ErrorCode::FencedLeaderEpoch) => {
            answer.current_leader = broker.known_leader(&ask.topic, index);
        }
        Slot::Error(_) | Slot::Reading => {}
    }
    answer
}
