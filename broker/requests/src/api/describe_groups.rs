//! DescribeGroups (15), versions 0–6: state and members of groups.
//!
//! * v3 adds authorised operations, v4 static members, v6 `GROUP_ID_NOT_FOUND` with a text for a group
//!   that does not exist; versions below say state `Dead` and no error.

use kafka_protocol::messages::describe_groups_response::{
    DescribedGroup as Described, DescribedGroupMember,
};
use kafka_protocol::messages::{DescribeGroupsRequest, DescribeGroupsResponse, GroupId};
use kring_groups::{DescribeGroup, DescribedGroup, GroupRequest, GroupResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::operations::{GROUP_OPERATIONS, NOT_ASKED};
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: DescribeGroupsRequest = call.decode()?;
    let caller = call.caller;
    let operations = request.include_authorized_operations;
    let gather = Gather::new(request.groups.len(), move |groups: Vec<Described>, out| {
        let answer = DescribeGroupsResponse::default().with_groups(groups);
        caller.answer(&answer, out);
    });
    gather.complete_if_empty(out);
    for (slot, group) in request.groups.into_iter().enumerate() {
        let gather = gather.clone();
        let group_id = group.to_string();
        broker.ask_group(
            now,
            GroupRequest::Describe(DescribeGroup { group_id }),
            Box::new(move |_, _, response, out| {
                let described = match response {
                    GroupResponse::Describe(group) => describe(group, caller.version, operations),
                    _ => Described::default().with_error_code(ErrorCode::UnknownServerError.code()),
                };
                gather.put(slot, described, out);
            }),
            out,
        );
    }
    Ok(())
}

fn describe(group: DescribedGroup, version: i16, operations: bool) -> Described {
    let unknown = group.error == ErrorCode::GroupIdNotFound;
    let error = if unknown && version < 6 {
        ErrorCode::None
    } else {
        group.error
    };
    let members = group
        .members
        .into_iter()
        .map(|member| {
            DescribedGroupMember::default()
                .with_member_id(text(member.member_id))
                .with_group_instance_id(member.group_instance_id.map(text))
                .with_client_id(text(member.client_id))
                .with_client_host(text(member.client_host))
                .with_member_metadata(member.metadata)
                .with_member_assignment(member.assignment)
        })
        .collect();
    let mut described = Described::default()
        .with_error_code(error.code())
        .with_group_state(text(group.state.name()))
        .with_protocol_type(text(group.protocol_type))
        .with_protocol_data(text(group.protocol))
        .with_members(members)
        .with_authorized_operations(if operations && error.is_ok() {
            GROUP_OPERATIONS
        } else {
            NOT_ASKED
        });
    if unknown && version >= 6 {
        described.error_message = Some(text(format!("Group {} not found.", group.group_id)));
    }
    described.with_group_id(GroupId(text(group.group_id)))
}
