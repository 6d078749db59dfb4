//! SyncGroup (14), versions 0–5: a member fetches its assignment, the leader brings all of them.
//!
//! * v3 adds static members, v5 the protocol type and name, which must be the group's.

use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};
use kring_groups::{GroupRequest, GroupResponse, SyncGroup};
use kring_io::Now;

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::{owned, text};

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: SyncGroupRequest = call.decode()?;
    let caller = call.caller;
    let sync = SyncGroup {
        group_id: request.group_id.to_string(),
        generation_id: request.generation_id,
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id),
        protocol_type: owned(request.protocol_type),
        protocol_name: owned(request.protocol_name),
        assignments: request
            .assignments
            .into_iter()
            .map(|a| (a.member_id.to_string(), a.assignment))
            .collect(),
    };
    broker.ask_group(
        now,
        GroupRequest::Sync(sync),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Sync(outcome) => {
                let answer = SyncGroupResponse::default()
                    .with_error_code(outcome.error.code())
                    .with_protocol_type(outcome.protocol_type.map(text))
                    .with_protocol_name(outcome.protocol_name.map(text))
                    .with_assignment(outcome.assignment);
                caller.answer(&answer, out);
            }
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}
