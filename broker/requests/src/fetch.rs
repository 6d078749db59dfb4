//! Fetch (1), versions 4–18: committed batches as they were produced, or waiting until there are some.
//!
//! * Data below the high watermark only, whole batches, the first holding the offset asked for.
//! * The answer comes when `min_bytes` are there, a partition has an error, or `max_wait_ms` is over.
//! * `max_bytes` and each partition's limit hold, but for the first batch found (KIP-74), so that
//!   a consumer never gets stuck. Partitions are served in the order of the request.
//! * What clients have not taken of their answers is bounded (`kring.untaken.answer.bytes`): the more of
//!   that there is, the less a next answer holds, and one connection has one large answer at a time.
//! * A session (v7, KIP-227) keeps what its client reads: a request says what changes of that, and the answer
//!   names the partitions that have records, an error, or another high watermark, last stable offset or log start
//!   than the client was told. It begins with the answer to a whole request (epoch 0) if there is room for it,
//!   and otherwise, by id 0, the client goes on with whole requests. Those that get records are
//!   served last the next time. It outlives its connection.
//! * v12 adds the epoch of the last record fetched: when the log diverges there, the answer says
//!   where the epoch ends instead of giving records. v13 names topics by id. v16 says who leads
//!   (KIP-951) when this broker does not.
//! * With `replica.selector.class` set, a client that names its rack (v11, KIP-392) is sent to an in-sync follower
//!   there by the leader, in an answer without records, and that follower gives it what it knows to be committed, or
//!   waits for more. An offset outside of the follower's log is `OFFSET_OUT_OF_RANGE`, with which the client returns
//!   to the leader. A client without a rack gets `NOT_LEADER_OR_FOLLOWER` of a follower whatever its version: it
//!   was sent by nobody and has outdated metadata. So does every client where nothing is set.
//! * Before v10 no batch in Zstandard is given: what lies before it is, then
//!   `UNSUPPORTED_COMPRESSION_TYPE` (KIP-110).
//! * A reader of committed transactions (`isolation_level` 1) gets what lies below the last stable offset, with the
//!   transactions among it that were aborted (KIP-98).
//! * Replicas do not fetch here: brokers replicate among themselves by another protocol.

mod aborted;
mod look;
mod nearby;
mod plan;
mod respond;
mod session;
mod sessions;
mod untaken;
mod waiting;

use std::time::Duration;

use bytes::Bytes;
use kring_io::Now;
use kring_log::ReadError;
use kring_wire::fetch::{FetchRequest, FetchResponse};
use kring_wire::{ErrorCode, TopicPartition};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
pub(crate) use plan::Isolation;
pub(crate) use sessions::Limits as SessionLimits;
use waiting::Open;
pub(crate) use waiting::Waiting;

/// Handles a request.
pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let request = FetchRequest::parse(caller.version, call.body)?;
    let limits = broker.config.fetch_session_limits();
    let sessions = &mut broker.fetch.sessions;
    let context = match sessions.begin(now.mono, limits, caller.version, &request) {
        Ok(context) => context,
        Err(error) => {
            refuse(caller, error, out);
            return Ok(());
        }
    };
    // Before this one waits, which need not look again.
    broker.fetch.wake_outdated();
    let wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let plan = plan::Plan::new(broker, &request, context);
    let open = Open::new(caller, now.mono + wait, plan, context);
    let id = broker.fetch.add(open);
    serve_one(broker, now, id, out);
    Ok(())
}

/// Answers a request as a whole with an error, which is about its session.
fn refuse(caller: Caller, error: ErrorCode, out: &mut Output) {
    let response = FetchResponse {
        error,
        ..FetchResponse::default()
    };
    let parts = response.encode(caller.version, caller.correlation_id);
    caller.answer_parts(parts, out);
}

/// Something about a partition changed: fetches that wait for it look again at the end of the batch.
pub(crate) fn wake(broker: &mut Broker, tp: TopicPartition) {
    broker.fetch.wake(tp);
}

/// A read for a waiting fetch came back from the disk.
pub(crate) fn read_done(
    broker: &mut Broker,
    fetch: u64,
    slot: usize,
    result: Result<Vec<Bytes>, ReadError>,
) {
    broker.fetch.read_done(&broker.log, fetch, slot, result);
}

/// Serves every fetch that was woken or whose time is over.
pub(crate) fn serve(broker: &mut Broker, now: Now, out: &mut Output) {
    loop {
        let ready = broker.fetch.take_ready(now.mono);
        if ready.is_empty() {
            return;
        }
        // Their answers may begin sessions for which others go, whose fetches are then ready.
        for id in ready {
            serve_one(broker, now, id, out);
        }
    }
}

fn serve_one(broker: &mut Broker, now: Now, id: u64, out: &mut Output) {
    let Some(mut open) = broker.fetch.take(id) else {
        return;
    };
    if let Some(error) = broker.fetch.sessions.outdated(open.context) {
        return refuse(open.caller, error, out);
    }
    if !open.waits_for_disk() {
        open.read_all(broker, now, id, out);
    }
    let over = open.deadline <= now.mono;
    if open.waits_for_disk() || !(over || open.is_complete()) {
        broker.fetch.put_back(id, open, over);
        return;
    }
    let (caller, response) = respond::respond(broker, now, open);
    broker.counters.fetched(response.record_bytes() as u64);
    let parts = response.encode(caller.version, caller.correlation_id);
    let bytes = parts.iter().map(Bytes::len).sum();
    if broker.fetch.answered(caller.request, bytes) {
        caller.answer_and_hear(parts, out);
    } else {
        caller.answer_parts(parts, out);
    }
}
