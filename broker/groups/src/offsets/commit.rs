//! OffsetCommit: who may commit, and what is stored.
//! The answer goes out when the records have reached the high watermark, not before.

use kring_io::canary::{self, Canary};
use kring_wire::ErrorCode;

use crate::classic::{ClassicGroup, GroupState};
use crate::committed::CommittedOffset;
use crate::record::Record;
use crate::request::OffsetCommit;
use crate::response::{CommitOutcome, GroupResponse};
use crate::step::Step;
use crate::writes::Then;

impl ClassicGroup {
    /// As Kafka's `ClassicGroup.validateOffsetCommit`.
    fn check_commit(&self, request: &OffsetCommit) -> Result<(), ErrorCode> {
        let instance = request.group_instance_id.as_deref();
        let anonymous = request.generation_id < 0;
        match self.state() {
            GroupState::Dead => return Err(ErrorCode::CoordinatorNotAvailable),
            // Administrators, and consumers that assign partitions themselves.
            GroupState::Empty if anonymous => return Ok(()),
            _ => {}
        }
        if anonymous && request.member_id.is_empty() && instance.is_none() {
            return Err(ErrorCode::UnknownMemberId);
        }
        if canary::is_on(Canary::GenerationUnchecked) {
            return Ok(());
        }
        self.check_generation(&request.member_id, instance, request.generation_id)?;
        if self.state() == GroupState::CompletingRebalance {
            // The member is of this generation and has no assignment in it yet: what it read
            // belongs to the one before.
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Handles an OffsetCommit.
    pub(crate) fn commit(&mut self, id: u64, request: OffsetCommit, step: &mut Step<'_>) {
        if let Err(error) = self.check_commit(&request) {
            let outcome = CommitOutcome::all(&request, error);
            return step.respond(id, GroupResponse::Commit(outcome));
        }
        if matches!(
            self.state(),
            GroupState::Stable | GroupState::PreparingRebalance
        ) {
            self.touch(&request.member_id, step.now.mono);
        }
        let mut outcome = CommitOutcome::all(&request, ErrorCode::None);
        let mut records = Vec::new();
        let expire_timestamp_ms = (request.retention_ms >= 0)
            .then(|| step.now.wall_ms.saturating_add(request.retention_ms));
        for (topic, answers) in request.topics.into_iter().zip(&mut outcome.topics) {
            for (commit, answer) in topic.partitions.into_iter().zip(&mut answers.partitions) {
                let metadata = commit.metadata.unwrap_or_default();
                if metadata.len() > step.config.offset_metadata_max_bytes {
                    answer.error = ErrorCode::OffsetMetadataTooLarge;
                    continue;
                }
                records.push(Record::Offset {
                    group: request.group_id.clone(),
                    topic: topic.topic.clone(),
                    partition: commit.partition,
                    value: Some(CommittedOffset {
                        offset: commit.offset,
                        leader_epoch: commit.leader_epoch,
                        metadata,
                        commit_timestamp_ms: step.now.wall_ms,
                        expire_timestamp_ms,
                        topic_id: topic.topic_id,
                    }),
                });
            }
        }
        let response = GroupResponse::Commit(outcome);
        if records.is_empty() {
            return step.respond(id, response);
        }
        let then = if canary::is_on(Canary::CommitAnsweredEarly) {
            step.respond(id, response);
            Then::Nothing
        } else {
            Then::Respond {
                id,
                response: Box::new(response),
            }
        };
        step.write(&request.group_id, records, then);
    }
}
