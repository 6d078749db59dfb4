//! FindCoordinator (10), versions 0–6: who coordinates a group or the transactions of a producer.
//!
//! * v1 adds the type of key: 0 is a group, 1 a transactional id. Share groups (2) are not served and answered
//!   with `INVALID_REQUEST`.
//! * v4 asks for several keys at once.
//! * The coordinator is the leader of the key's partition of `__consumer_offsets` or `__transaction_state`. That topic is
//!   created on the first question; until it has leaders the answer is `COORDINATOR_NOT_AVAILABLE`,
//!   which clients retry.

use std::time::Duration;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;
use kring_controller::Endpoint;
use kring_io::{BrokerId, Now};
use kring_wire::ErrorCode;

use crate::auto_create;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::calls::Done;
use crate::cluster;
use crate::event::Output;
use crate::route::coordinators::Kind;
use crate::text::text;

/// How long an answer waits for the coordinators' topic to be created.
const CREATE_WAIT: Duration = Duration::from_secs(2);

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: FindCoordinatorRequest = call.decode()?;
    let caller = call.caller;
    let Some(kind) = kind_of(request.key_type) else {
        answer(broker, caller, &request, out);
        return Ok(());
    };
    with_coordinators(
        broker,
        now,
        kind,
        Box::new(move |broker, _now, (), out| answer(broker, caller, &request, out)),
        out,
    );
    Ok(())
}

/// Goes on when the topic of the coordinators is there, or could not be made in time.
pub(super) fn with_coordinators(
    broker: &mut Broker,
    now: Now,
    kind: Kind,
    done: Done<()>,
    out: &mut Output,
) {
    if cluster::topic_by_name(broker.image(), kind.topic()).is_some() {
        done(broker, now, (), out);
        return;
    }
    auto_create::create_and_wait(
        broker,
        now,
        vec![kind.topic().to_owned()],
        CREATE_WAIT,
        Box::new(move |broker, now, _refused, out| done(broker, now, (), out)),
        out,
    );
}

fn kind_of(key_type: i8) -> Option<Kind> {
    match key_type {
        0 => Some(Kind::Groups),
        1 => Some(Kind::Transactions),
        _ => None,
    }
}

fn answer(broker: &Broker, caller: Caller, request: &FindCoordinatorRequest, out: &mut Output) {
    let mut answer = FindCoordinatorResponse::default();
    if caller.version >= 4 {
        answer.coordinators = request
            .coordinator_keys
            .iter()
            .map(|key| one(broker, request.key_type, key))
            .collect();
    } else {
        let found = one(broker, request.key_type, &request.key);
        answer.error_code = found.error_code;
        answer.error_message = found.error_message;
        answer.node_id = found.node_id;
        answer.host = found.host;
        answer.port = found.port;
    }
    caller.answer(&answer, out);
}

fn one(broker: &Broker, key_type: i8, key: &StrBytes) -> Coordinator {
    let answer = Coordinator::default().with_key(key.clone());
    let Some(kind) = kind_of(key_type) else {
        return answer
            .with_node_id((-1).into())
            .with_port(-1)
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_error_message(Some(text(format!(
                "coordinators of key type {key_type} are not served; those of groups (0) and transactions (1) are"
            ))));
    };
    match find(broker, kind, key) {
        Some((id, endpoint)) => answer
            .with_node_id(id.0.into())
            .with_host(text(&endpoint.host))
            .with_port(i32::from(endpoint.port)),
        None => answer
            .with_node_id((-1).into())
            .with_port(-1)
            .with_error_code(ErrorCode::CoordinatorNotAvailable.code())
            .with_error_message(Some(text(ErrorCode::CoordinatorNotAvailable.message()))),
    }
}

fn find<'a>(broker: &'a Broker, kind: Kind, key: &str) -> Option<(BrokerId, &'a Endpoint)> {
    let image = broker.image();
    let tp = broker.coordinator_of(kind, key)?;
    let leader = image.partition(tp)?.leader?;
    let member = image.brokers.get(&leader).filter(|b| !b.fenced)?;
    Some((leader, cluster::client_endpoint(member)?))
}
