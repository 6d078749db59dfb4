//! Steps of the group engine, and the way of a client's request to the coordinator of its group.
//! Where a coordinator stands is in `coordinators`.

use kring_groups::{GroupEvent, GroupOut, GroupRequest, GroupResponse};
use kring_io::Now;
use kring_wire::ErrorCode;

use crate::broker::{Broker, Work};
use crate::calls::Done;
use crate::event::Output;
use crate::route::coordinators::{Awaited, Kind, Place};
use crate::timers::Part;

/// Requests that wait for the group engine at most.
const CALLS_MAX: usize = 100_000;

impl Broker {
    /// Asks the coordinator of the request's group, if it is here; `done` gets the answer once.
    pub(crate) fn ask_group(
        &mut self,
        now: Now,
        request: GroupRequest,
        done: Done<GroupResponse>,
        out: &mut Output,
    ) {
        let tp = self.coordinator_of(Kind::Groups, request.group_id());
        let led = tp.filter(|tp| !self.may_be_replaced(now, *tp));
        let found = if request.group_id().is_empty() && !may_be_unnamed(&request) {
            Err(ErrorCode::InvalidGroupId)
        } else if self.group_calls.len() >= CALLS_MAX {
            Err(ErrorCode::CoordinatorNotAvailable)
        } else {
            led.ok_or(ErrorCode::NotCoordinator)
        };
        let partition = match found {
            Ok(tp) => tp.partition,
            Err(error) => {
                let response = GroupResponse::refused(&request, error);
                done(self, now, response, out);
                return;
            }
        };
        let id = self.group_calls.open(done);
        self.work.push_back(Work::Groups(GroupEvent::Request {
            id,
            partition,
            request,
        }));
    }

    /// One step of the group engine.
    pub(crate) fn step_groups(&mut self, now: Now, event: GroupEvent, out: &mut Output) {
        let mut said = GroupOut::default();
        self.groups.step(now, event, &mut said);
        self.timers.wish(Part::Groups, said.wake_at);
        for append in said.appends {
            let place = Place {
                kind: Kind::Groups,
                partition: append.partition,
            };
            let awaited = Awaited::Group(append.token);
            let transaction = append.transaction;
            self.append_for_coordinator(now, place, awaited, &append.records, transaction, out);
        }
        for (id, response) in said.responses {
            if let Some(done) = self.group_calls.take(id) {
                done(self, now, response, out);
            }
        }
    }
}

/// Offsets of the group with the empty name can be stored, as in Kafka; it cannot have members.
fn may_be_unnamed(request: &GroupRequest) -> bool {
    matches!(
        request,
        GroupRequest::Commit(_)
            | GroupRequest::Fetch(_)
            | GroupRequest::Describe(_)
            | GroupRequest::Delete(_)
            | GroupRequest::OffsetDelete(_)
    )
}
