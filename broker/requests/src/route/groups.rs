//! Steps of the group engine, and the way of a client's request to the coordinator of its group.
//! Where a coordinator stands is in `coordinators`.

use kring_groups::{GroupEvent, GroupOut, GroupRequest, GroupResponse, partition_for};
use kring_io::Now;
use kring_wire::{ErrorCode, TopicId, TopicPartition};

use crate::broker::{Broker, Work};
use crate::calls::Done;
use crate::cluster::{self, CONSUMER_OFFSETS};
use crate::event::Output;
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
        let (topic, partitions) = match cluster::topic_by_name(self.image(), CONSUMER_OFFSETS) {
            Some((id, topic)) => (
                id,
                i32::try_from(topic.partitions.len()).unwrap_or(i32::MAX),
            ),
            None => (TopicId::ZERO, 0),
        };
        let partition = partition_for(request.group_id(), partitions);
        let refusal = if request.group_id().is_empty() && !may_be_unnamed(&request) {
            Some(ErrorCode::InvalidGroupId)
        } else if partitions == 0
            || self.may_be_replaced(now, TopicPartition::new(topic, partition))
        {
            Some(ErrorCode::NotCoordinator)
        } else if self.group_calls.len() >= CALLS_MAX {
            Some(ErrorCode::CoordinatorNotAvailable)
        } else {
            None
        };
        if let Some(error) = refusal {
            let response = GroupResponse::refused(&request, error);
            done(self, now, response, out);
            return;
        }
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
            self.append_for_group(now, append, out);
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
