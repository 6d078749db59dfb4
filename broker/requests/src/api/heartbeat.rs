//! Heartbeat (12), versions 0–4: a member says that it lives and learns of a rebalance.
//!
//! * v3 adds static members.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};
use kring_groups::{GroupRequest, GroupResponse, Heartbeat};
use kring_io::Now;

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::owned;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: HeartbeatRequest = call.decode()?;
    let caller = call.caller;
    let heartbeat = Heartbeat {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id),
    };
    broker.ask_group(
        now,
        GroupRequest::Heartbeat(heartbeat),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Heartbeat(error) => {
                let answer = HeartbeatResponse::default().with_error_code(error.code());
                caller.answer(&answer, out);
            }
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}
