//! How a member comes to own partitions: find the coordinator, join, sync, fetch the offsets; and how it ends.
//! Reading and committing are in `member`.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::{
    FindCoordinatorRequest, JoinGroupRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;
use kring_io::{BrokerId, Instant};
use kring_wire::ErrorCode;

use super::super::calls::Call;
use super::super::{ClientOutput, codec};
use super::{About, BACKOFF, Member, Owned, PATIENCE, Phase, requests};
use crate::history::{Happened, Outcome};

/// JoinGroup is answered when all have joined or the rebalance time is over.
const JOIN_PATIENCE: Duration = Duration::from_secs(8);

impl Member {
    /// The next step towards owning partitions.
    pub(super) fn advance(&mut self, now: Instant, out: &mut ClientOutput) {
        let Some(coordinator) = self.coordinator else {
            let broker = self.metadata.any_broker();
            let request = self.identity.find();
            self.send(now, broker, requests::FIND, &request, About::Find, out);
            return;
        };
        match &self.phase {
            Phase::Joining => {
                let request = self.identity.join(self.topic);
                let about = About::Join;
                self.calls.send(
                    now,
                    coordinator,
                    requests::JOIN,
                    &request,
                    JOIN_PATIENCE,
                    about,
                    out,
                );
            }
            Phase::Syncing(members) => {
                let request = self.identity.sync(self.topic, members);
                self.send(now, coordinator, requests::SYNC, &request, About::Sync, out);
            }
            Phase::Starting => {
                let partitions = self.owned.keys().copied().collect();
                let request = self.identity.offsets(self.topic, partitions);
                self.send(
                    now,
                    coordinator,
                    requests::OFFSETS,
                    &request,
                    About::Offsets,
                    out,
                );
            }
            Phase::Away | Phase::Reading => {}
        }
    }

    pub(super) fn send<R: kafka_protocol::protocol::Request>(
        &mut self,
        now: Instant,
        broker: BrokerId,
        version: i16,
        request: &R,
        about: About,
        out: &mut ClientOutput,
    ) {
        self.calls
            .send(now, broker, version, request, PATIENCE, about, out);
    }

    pub(super) fn found(&mut self, now: Instant, answer: &Bytes) {
        match codec::answer::<FindCoordinatorRequest>(requests::FIND, answer) {
            Some(found) if found.error_code == 0 => {
                self.coordinator = Some(BrokerId(found.node_id.0));
            }
            _ => self.try_at = now + BACKOFF,
        }
    }

    pub(super) fn joined(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let Some(joined) = codec::answer::<JoinGroupRequest>(requests::JOIN, answer) else {
            return self.unreadable("JoinGroup", out);
        };
        match ErrorCode::from_code(joined.error_code) {
            Some(ErrorCode::None) => {
                self.identity.member = joined.member_id;
                self.identity.generation = joined.generation_id;
                out.happened.push(Happened::Joined {
                    client: self.name,
                    group: self.group,
                    generation: joined.generation_id,
                    since: call.since,
                });
                self.phase = Phase::Syncing(joined.members);
            }
            Some(ErrorCode::MemberIdRequired) => self.identity.member = joined.member_id,
            code => self.refused(now, code, out),
        }
    }

    pub(super) fn synced(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let Some(synced) = codec::answer::<SyncGroupRequest>(requests::SYNC, answer) else {
            return self.unreadable("SyncGroup", out);
        };
        match ErrorCode::from_code(synced.error_code) {
            Some(ErrorCode::None) => {
                let Some(partitions) = requests::assigned(synced.assignment) else {
                    return self.unreadable("SyncGroup", out);
                };
                out.happened.push(Happened::Synced {
                    client: self.name,
                    group: self.group,
                    generation: self.identity.generation,
                    since: call.since,
                });
                for index in partitions {
                    self.owned.insert(index, Owned::default());
                    out.happened.push(Happened::Owned {
                        client: self.name,
                        group: self.group,
                        generation: self.identity.generation,
                        partition: self.topic.partition(index),
                    });
                }
                self.phase = Phase::Starting;
                self.beat_at = now;
            }
            code => self.refused(now, code, out),
        }
    }

    pub(super) fn offsets(
        &mut self,
        now: Instant,
        call: &Call<About>,
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let response = codec::answer::<OffsetFetchRequest>(requests::OFFSETS, answer);
        let Some(response) = response else {
            return self.unreadable("OffsetFetch", out);
        };
        let partitions: Vec<_> = response
            .topics
            .into_iter()
            .flat_map(|t| t.partitions)
            .collect();
        let errors = partitions.iter().map(|partition| partition.error_code);
        let error = errors.chain([response.error_code]).find(|code| *code != 0);
        if let Some(error) = error {
            return self.refused(now, ErrorCode::from_code(error), out);
        }
        for found in partitions {
            let partition = self.topic.partition(found.partition_index);
            out.happened.push(Happened::OffsetFetched {
                client: self.name,
                group: self.group,
                partition,
                since: call.since,
                offset: found.committed_offset,
            });
            let position = found.committed_offset.max(0);
            out.happened.push(Happened::Positioned {
                client: self.name,
                partition,
                offset: position,
            });
            if let Some(owned) = self.owned.get_mut(&found.partition_index) {
                owned.position = position;
                owned.committed = found.committed_offset;
            }
        }
        self.phase = Phase::Reading;
    }

    /// The coordinator does not do what was asked: look for another, try again, or begin anew.
    pub(super) fn refused(
        &mut self,
        now: Instant,
        code: Option<ErrorCode>,
        out: &mut ClientOutput,
    ) {
        self.try_at = now + BACKOFF;
        match code {
            Some(ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable) => {
                self.coordinator = None;
            }
            // A coordinator that has just started may not know the topic yet.
            Some(
                ErrorCode::CoordinatorLoadInProgress
                | ErrorCode::RequestTimedOut
                | ErrorCode::UnknownTopicOrPartition,
            ) => {}
            Some(ErrorCode::RebalanceInProgress) => self.rejoin(out),
            Some(ErrorCode::UnknownMemberId) => {
                self.identity.member = StrBytes::default();
                self.rejoin(out);
            }
            Some(ErrorCode::IllegalGeneration) => self.rejoin(out),
            code => out.complaints.push(format!(
                "member {} of group {} at {} ms: {code:?}",
                self.name,
                self.group,
                now.0 / 1_000_000
            )),
        }
    }

    /// Gives everything up that it owns and joins again.
    pub(super) fn rejoin(&mut self, out: &mut ClientOutput) {
        for index in std::mem::take(&mut self.owned).into_keys() {
            out.happened.push(Happened::Revoked {
                client: self.name,
                group: self.group,
                generation: self.identity.generation,
                partition: self.topic.partition(index),
            });
        }
        self.phase = Phase::Joining;
    }

    /// Ends as a process does: with or without leaving the group first, and another begins later.
    pub(super) fn end(&mut self, now: Instant, out: &mut ClientOutput) {
        let leaves = self.random.below(2) == 0;
        if let Some(coordinator) = self.coordinator.filter(|_| leaves) {
            let request = self.identity.leave();
            self.send(
                now,
                coordinator,
                requests::LEAVE,
                &request,
                About::Leave,
                out,
            );
        }
        let calls = self.calls.drain();
        for call in calls {
            self.forgotten(&call.about, Outcome::Unknown, out);
        }
        self.rejoin(out);
        self.identity.member = StrBytes::default();
        self.phase = Phase::Away;
        let away = if self.finishing {
            0
        } else {
            self.random.below(8_000)
        };
        self.try_at = now + Duration::from_millis(100 + away);
        self.end_at = self.try_at + self.draw_life();
    }

    /// What the leader was told of the members.
    fn unreadable(&mut self, api: &str, out: &mut ClientOutput) {
        out.complaints.push(format!(
            "member {} of group {}: an answer to {api} cannot be read",
            self.name, self.group
        ));
        self.rejoin(out);
    }
}

/// Members as a leader is told of them.
pub(super) type Told = Vec<JoinGroupResponseMember>;
