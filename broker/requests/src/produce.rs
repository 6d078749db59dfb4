//! Produce (0), versions 0–13: appends batches and promises what the client's `acks` asks for.
//!
//! * acks=0 has no answer; an error closes the connection, so that the client notices.
//! * acks=1 waits for the leader's own disk: nothing is acknowledged that is not durable.
//! * acks=all waits until the high watermark has passed the records, within the client's time-out:
//!   then every in-sync replica has them on disk. With fewer in-sync replicas than
//!   `min.insync.replicas` nothing is appended (`NOT_ENOUGH_REPLICAS`); when they leave afterwards
//!   the answer is `NOT_ENOUGH_REPLICAS_AFTER_APPEND`.
//! * A duplicate of an idempotent producer is answered with the offset of the first time, under
//!   the same rules.
//! * A batch behind one that was refused a moment ago is refused with the same error, also where the log knows
//!   nothing of its producer and would take any sequence (`refusals`).
//! * Batches in Zstandard need v7: before it is `UNSUPPORTED_COMPRESSION_TYPE` (KIP-110).
//! * From v8 on an error comes with a text that says what to do.
//! * v3–v13 are served; v13 names topics by id. Versions 0–2 get `UNSUPPORTED_VERSION`.
//! * From v10 on a broker that does not lead says who does (KIP-951).
//! * A transactional batch is taken once the partition is known to be part of the transaction (KIP-890): from v12 on the
//!   coordinator makes it so, before that it is asked whether the producer has. Until it has answered, what the connection
//!   produces waits (`transactional`).

mod append;
pub(crate) mod append_error;
mod refusals;
mod refused;
mod respond;
mod transactional;
mod waiting;

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::Now;
use kring_log::Lsn;
use kring_wire::produce::ProduceRequest;
use kring_wire::{ErrorCode, Offset, TopicPartition};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use append::Acks;
pub(crate) use refusals::Refusals;
use transactional::Membership;
pub(crate) use transactional::{Held, retry_held};
pub(crate) use waiting::Waiting;
use waiting::{Complete, Need};

/// Handles a request.
pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    if let Some(call) = broker.held.queue(call) {
        return begin(broker, now, call, out);
    }
    Ok(())
}

/// Takes a request up that has none of its connection before it.
fn begin(broker: &mut Broker, now: Now, call: Call, out: &mut Output) -> Result<(), Unreadable> {
    let caller = call.caller;
    let request = ProduceRequest::parse(caller.version, call.body)?;
    match transactional::question(broker, caller.version, &request) {
        Some(question) => transactional::hold(broker, now, caller, request, question, out),
        None => finish(broker, now, caller, request, &Membership::default(), out),
    }
    Ok(())
}

/// Appends, and answers now or when it is safe enough.
fn finish(
    broker: &mut Broker,
    now: Now,
    caller: Caller,
    request: ProduceRequest,
    membership: &Membership,
    out: &mut Output,
) {
    let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
    let acks = Acks::from_code(request.acks);
    let mut needs = BTreeMap::new();
    let how = append::How {
        version: caller.version,
        acks,
        membership,
    };
    let answer = append::append_all(broker, now, request, how, &mut needs, out);
    if acks == Some(Acks::None) {
        if answer.has_error() {
            caller.close(out);
        } else {
            caller.no_answer(out);
        }
    } else if needs.is_empty() {
        respond::send(broker, caller, answer, out);
    } else {
        broker
            .produce
            .add(caller, now.mono + timeout, answer, needs);
    }
}

/// The high watermark of a partition moved.
pub(crate) fn committed(
    broker: &mut Broker,
    tp: TopicPartition,
    high_watermark: Offset,
    out: &mut Output,
) {
    let complete = broker.produce.committed(tp, high_watermark);
    send_all(broker, complete, out);
}

/// Everything up to `lsn` is on this broker's disk.
pub(crate) fn durable(broker: &mut Broker, _now: Now, lsn: Lsn, out: &mut Output) {
    let complete = broker.produce.durable(lsn);
    send_all(broker, complete, out);
}

/// This broker's term as the leader of a partition ended.
pub(crate) fn leadership_ended(
    broker: &mut Broker,
    _now: Now,
    tp: TopicPartition,
    out: &mut Output,
) {
    let complete = broker.produce.leadership_lost(tp);
    send_all(broker, complete, out);
}

/// Ends what has waited too long. The records stay; whether they will be committed is open.
pub(crate) fn expire(broker: &mut Broker, now: Now, out: &mut Output) {
    if broker
        .produce
        .next_deadline()
        .is_none_or(|at| at > now.mono)
    {
        return;
    }
    let mut waiting = std::mem::take(&mut broker.produce);
    let complete = waiting.expire(now.mono, |need| match need {
        Need::Committed { tp, .. } if !broker.has_min_isr(tp) => {
            ErrorCode::NotEnoughReplicasAfterAppend
        }
        Need::Committed { .. } | Need::Durable { .. } => ErrorCode::RequestTimedOut,
    });
    broker.produce = waiting;
    send_all(broker, complete, out);
}

fn send_all(broker: &Broker, complete: Vec<Complete>, out: &mut Output) {
    for Complete { caller, answer } in complete {
        respond::send(broker, caller, answer, out);
    }
}
