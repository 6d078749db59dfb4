//! LeaveGroup (13), versions 0–5: members leave before their session ends.
//!
//! * v0–2 name one member and get one error; v3 takes a list, with an error each (KIP-345); v5 adds
//!   reasons (KIP-800).

use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{LeaveGroupRequest, LeaveGroupResponse};
use kring_groups::{
    GroupRequest, GroupResponse, LeaveGroup, LeaveOutcome, LeavingMember, MemberIdentity,
};
use kring_io::Now;
use kring_wire::ErrorCode;

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
    let request: LeaveGroupRequest = call.decode()?;
    let caller = call.caller;
    let leaving: Vec<LeavingMember> = if caller.version >= 3 {
        request
            .members
            .into_iter()
            .map(|member| LeavingMember {
                member: MemberIdentity {
                    member_id: member.member_id.to_string(),
                    group_instance_id: owned(member.group_instance_id),
                },
                reason: owned(member.reason),
            })
            .collect()
    } else {
        vec![LeavingMember {
            member: MemberIdentity {
                member_id: request.member_id.to_string(),
                group_instance_id: None,
            },
            reason: None,
        }]
    };
    let members = leaving.iter().map(|l| l.member.clone()).collect();
    let leave = LeaveGroup {
        group_id: request.group_id.to_string(),
        members: leaving,
    };
    broker.ask_group(
        now,
        GroupRequest::Leave(leave),
        Box::new(move |_, _, response, out| match response {
            GroupResponse::Leave(outcome) => answer(caller, outcome, members, out),
            other => wrong_kind(caller, &other, out),
        }),
        out,
    );
    Ok(())
}

fn answer(caller: Caller, outcome: LeaveOutcome, members: Vec<MemberIdentity>, out: &mut Output) {
    let mut answer = LeaveGroupResponse::default();
    if caller.version >= 3 && outcome.error == ErrorCode::UnknownMemberId {
        // Nobody is a member of a group that does not exist; as in Kafka each member is told so.
        let gone = members.into_iter().map(|member| {
            MemberResponse::default()
                .with_member_id(text(member.member_id))
                .with_group_instance_id(member.group_instance_id.map(text))
                .with_error_code(ErrorCode::UnknownMemberId.code())
        });
        answer.members = gone.collect();
    } else if caller.version >= 3 {
        answer.error_code = outcome.error.code();
        answer.members = outcome
            .members
            .into_iter()
            .map(|member| {
                MemberResponse::default()
                    .with_member_id(text(member.member_id))
                    .with_group_instance_id(member.group_instance_id.map(text))
                    .with_error_code(member.error.code())
            })
            .collect();
    } else {
        let own = outcome.members.first().map(|member| member.error);
        let error = match outcome.error {
            ErrorCode::None => own.unwrap_or(ErrorCode::None),
            error => error,
        };
        answer.error_code = error.code();
    }
    caller.answer(&answer, out);
}
