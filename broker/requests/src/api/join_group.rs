//! JoinGroup (11), versions 0–9: a member joins a classic group and waits for the rebalance.
//!
//! * v1 adds the rebalance timeout, v5 static members (KIP-345), v7 the protocol type in the answer,
//!   v8 a reason (KIP-800), v9 `skip_assignment` (KIP-814).
//! * From v4 on a new dynamic member is first given its id with `MEMBER_ID_REQUIRED` (KIP-394).
//! * Below v7 a missing protocol name is written as an empty string, because null does not exist there.

use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{JoinGroupRequest, JoinGroupResponse};
use kring_groups::{GroupRequest, GroupResponse, JoinGroup, JoinOutcome, Protocol};
use kring_io::Now;

use super::wrong_kind;
use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::text::{owned, text};

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: JoinGroupRequest = call.decode()?;
    let caller = call.caller;
    let join = JoinGroup {
        group_id: request.group_id.to_string(),
        member_id: request.member_id.to_string(),
        group_instance_id: owned(request.group_instance_id),
        client_id: call.client_id().to_owned(),
        client_host: broker.sessions.client_host(caller.request.conn),
        require_known_member_id: caller.version >= 4,
        supports_skipping_assignment: caller.version >= 9,
        session_timeout_ms: request.session_timeout_ms,
        rebalance_timeout_ms: request.rebalance_timeout_ms,
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| Protocol {
                name: protocol.name.to_string(),
                metadata: protocol.metadata,
            })
            .collect(),
        reason: owned(request.reason),
    };
    broker.ask_group(
        now,
        GroupRequest::Join(join),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Join(outcome) => answer(caller, outcome, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}

fn answer(caller: Caller, outcome: JoinOutcome, out: &mut Output) {
    let nullable_name = caller.version >= 7;
    let protocol_name = match outcome.protocol_name {
        None if !nullable_name => Some(String::new()),
        name => name,
    };
    let members = outcome
        .members
        .into_iter()
        .map(|member| {
            JoinGroupResponseMember::default()
                .with_member_id(text(member.member_id))
                .with_group_instance_id(member.group_instance_id.map(text))
                .with_metadata(member.metadata)
        })
        .collect();
    let answer = JoinGroupResponse::default()
        .with_error_code(outcome.error.code())
        .with_generation_id(outcome.generation_id)
        .with_protocol_type(outcome.protocol_type.map(text))
        .with_protocol_name(protocol_name.map(text))
        .with_leader(text(outcome.leader))
        .with_skip_assignment(caller.version >= 9 && outcome.skip_assignment)
        .with_member_id(text(outcome.member_id))
        .with_members(members);
    caller.answer(&answer, out);
}
