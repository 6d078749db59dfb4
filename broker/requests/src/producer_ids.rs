//! Producer ids out of the block that the controller gave this broker.
//! A block that is not used up when the broker stops is lost; there are 2^63 ids.

use std::collections::VecDeque;

use kring_controller::{ControllerRequest, ControllerResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::calls::Done;
use crate::event::Output;
use crate::route::controller::Answered;

/// Producers that wait for the next block at most.
const WAITING_MAX: usize = 10_000;

/// Gets an id, or why there is none.
pub(crate) type GetsId = Done<Result<i64, ErrorCode>>;

/// What is left of the block, and who waits for the next.
#[derive(Default)]
pub(crate) struct ProducerIds {
    next: i64,
    end: i64,
    waiting: VecDeque<GetsId>,
    asking: bool,
}

/// Gives the next id to `done`, as soon as there is one.
pub(crate) fn next(broker: &mut Broker, now: Now, done: GetsId, out: &mut Output) {
    if broker.producer_ids.waiting.len() >= WAITING_MAX {
        done(broker, now, Err(ErrorCode::CoordinatorLoadInProgress), out);
        return;
    }
    broker.producer_ids.waiting.push_back(done);
    serve(broker, now, out);
}

fn serve(broker: &mut Broker, now: Now, out: &mut Output) {
    while broker.producer_ids.next < broker.producer_ids.end {
        let Some(done) = broker.producer_ids.waiting.pop_front() else {
            return;
        };
        let id = broker.producer_ids.next;
        broker.producer_ids.next += 1;
        done(broker, now, Ok(id), out);
    }
    if broker.producer_ids.waiting.is_empty() || broker.producer_ids.asking {
        return;
    }
    broker.producer_ids.asking = true;
    broker.ask_controller(
        now,
        ControllerRequest::AllocateProducerIds,
        Box::new(answered),
        out,
    );
}

fn answered(broker: &mut Broker, now: Now, answered: Answered, out: &mut Output) {
    broker.producer_ids.asking = false;
    match answered {
        Ok(ControllerResponse::ProducerIds { first, count }) => {
            broker.producer_ids.next = first;
            broker.producer_ids.end = first + i64::from(count);
            serve(broker, now, out);
        }
        other => {
            tracing::warn!(?other, "no block of producer ids");
            // Clients take this as "ask again", which they do after a pause.
            for done in std::mem::take(&mut broker.producer_ids.waiting) {
                done(broker, now, Err(ErrorCode::CoordinatorLoadInProgress), out);
            }
        }
    }
}
