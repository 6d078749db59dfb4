//! FindCoordinator (10), versions 0–6: who coordinates a group.
//!
//! * v1 adds the type of key: 0 is a group. Transactions (1) and share groups (2) are not served and
//!   answered with `INVALID_REQUEST`.
//! * v4 asks for several keys at once.
//! * The coordinator is the leader of the group's partition of `__consumer_offsets`. That topic is
//!   created on the first question; until it has leaders the answer is `COORDINATOR_NOT_AVAILABLE`,
//!   which clients retry.

use std::time::Duration;

use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{FindCoordinatorRequest, FindCoordinatorResponse};
use kafka_protocol::protocol::StrBytes;
use kring_controller::Endpoint;
use kring_groups::partition_for;
use kring_io::{BrokerId, Now};
use kring_wire::ErrorCode;

use crate::auto_create;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::cluster::{self, CONSUMER_OFFSETS};
use crate::event::Output;
use crate::text::text;

const KEY_GROUP: i8 = 0;
/// How long an answer waits for `__consumer_offsets` to be created.
const CREATE_WAIT: Duration = Duration::from_secs(2);

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: FindCoordinatorRequest = call.decode()?;
    let caller = call.caller;
    let known = cluster::topic_by_name(broker.image(), CONSUMER_OFFSETS).is_some();
    if known || request.key_type != KEY_GROUP {
        answer(broker, caller, &request, out);
        return Ok(());
    }
    auto_create::create_and_wait(
        broker,
        now,
        vec![CONSUMER_OFFSETS.to_owned()],
        CREATE_WAIT,
        Box::new(move |broker, _now, _refused, out| answer(broker, caller, &request, out)),
        out,
    );
    Ok(())
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
    if key_type != KEY_GROUP {
        return answer
            .with_node_id((-1).into())
            .with_port(-1)
            .with_error_code(ErrorCode::InvalidRequest.code())
            .with_error_message(Some(text(format!(
                "coordinators of key type {key_type} are not served; only groups (0) are"
            ))));
    }
    match find(broker, key) {
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

fn find<'a>(broker: &'a Broker, group: &str) -> Option<(BrokerId, &'a Endpoint)> {
    let image = broker.image();
    let (_, topic) = cluster::topic_by_name(image, CONSUMER_OFFSETS)?;
    let partitions = i32::try_from(topic.partitions.len()).ok()?;
    let partition = usize::try_from(partition_for(group, partitions)).ok()?;
    let leader = topic.partitions.get(partition)?.leader?;
    let member = image.brokers.get(&leader).filter(|b| !b.fenced)?;
    Some((leader, cluster::client_endpoint(member)?))
}
