//! ListGroups (16), versions 0–5: the groups that this broker coordinates.
//!
//! * v4 filters by state, v5 by type; both without regard to case. Clients ask every broker.
//! * While a coordinator loads, the answer is `COORDINATOR_LOAD_IN_PROGRESS` with what is known.

use kafka_protocol::messages::list_groups_response::ListedGroup as Listed;
use kafka_protocol::messages::{GroupId, ListGroupsRequest, ListGroupsResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::text::text;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let request: ListGroupsRequest = call.decode()?;
    let passes = |filter: &[kafka_protocol::protocol::StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|word| word.eq_ignore_ascii_case(value))
    };
    let groups = broker
        .groups
        .list()
        .into_iter()
        .filter(|group| passes(&request.states_filter, group.state.name()))
        .filter(|group| passes(&request.types_filter, group.group_type))
        .map(|group| {
            Listed::default()
                .with_group_state(text(group.state.name()))
                .with_group_type(text(group.group_type))
                .with_protocol_type(text(group.protocol_type))
                .with_group_id(GroupId(text(group.group_id)))
        })
        .collect();
    let error = if broker.groups.is_loading() {
        ErrorCode::CoordinatorLoadInProgress
    } else {
        ErrorCode::None
    };
    let answer = ListGroupsResponse::default()
        .with_error_code(error.code())
        .with_groups(groups);
    call.caller.answer(&answer, out);
    Ok(())
}
