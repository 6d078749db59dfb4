//! DeleteGroups (42), versions 0–3: forgets groups without members, with their offsets.
//!
//! * v3 adds a text to each error; its bytes are written here.

use bytes::BufMut;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::{DeleteGroupsRequest, DeleteGroupsResponse, GroupId};
use kring_groups::{DeleteGroup, GroupRequest, GroupResponse};
use kring_io::Now;
use kring_wire::{ErrorCode, encode};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::text::text;

/// The last version whose answer `kafka-protocol` writes; the requests are the same.
const ENCODED_VERSION_MAX: i16 = 2;

#[derive(Clone)]
struct Deleted {
    group_id: String,
    error: ErrorCode,
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let request: DeleteGroupsRequest = call.decode_as(caller.version.min(ENCODED_VERSION_MAX))?;
    let gather = Gather::new(request.groups_names.len(), move |deleted, out| {
        answer(caller, deleted, out);
    });
    gather.complete_if_empty(out);
    for (slot, group) in request.groups_names.into_iter().enumerate() {
        let gather = gather.clone();
        let group_id = group.to_string();
        broker.ask_group(
            now,
            GroupRequest::Delete(DeleteGroup {
                group_id: group_id.clone(),
            }),
            Box::new(move |_, _, response, out| {
                let error = match response {
                    GroupResponse::Delete(outcome) => outcome.error,
                    _ => ErrorCode::UnknownServerError,
                };
                gather.put(slot, Deleted { group_id, error }, out);
            }),
            out,
        );
    }
    Ok(())
}

fn answer(caller: Caller, deleted: Vec<Deleted>, out: &mut Output) {
    if caller.version <= ENCODED_VERSION_MAX {
        let results = deleted
            .into_iter()
            .map(|deleted| {
                DeletableGroupResult::default()
                    .with_group_id(GroupId(text(deleted.group_id)))
                    .with_error_code(deleted.error.code())
            })
            .collect();
        caller.answer(&DeleteGroupsResponse::default().with_results(results), out);
        return;
    }
    caller.answer_with(
        true,
        |body| {
            body.put_i32(0);
            encode::array(body, true, Some(deleted.len()));
            for deleted in &deleted {
                encode::string(body, true, Some(&deleted.group_id));
                body.put_i16(deleted.error.code());
                let message = (!deleted.error.is_ok()).then(|| deleted.error.message());
                encode::string(body, true, message);
                encode::no_tags(body, true);
            }
            encode::no_tags(body, true);
        },
        out,
    );
}
