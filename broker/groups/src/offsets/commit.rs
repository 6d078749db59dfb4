//! OffsetCommit and TxnOffsetCommit: who may commit, and what is stored.
//! The answer goes out when the records have reached the high watermark, not before.
//! When offsets of a transaction count is for the committed layer, which sees its marker.

use kring_io::canary::{self, Canary};
use kring_wire::{ErrorCode, ProducerId};

use crate::classic::{ClassicGroup, ClassicState};
use crate::committed::CommittedOffset;
use crate::consumer::{Commits, ConsumerGroup};
use crate::record::Record;
use crate::request::{OffsetCommit, TopicCommit, TxnOffsetCommit};
use crate::response::{CommitOutcome, GroupResponse};
use crate::step::Step;
use crate::writes::Then;

/// Who commits, as the request says.
struct Committer<'a> {
    member_id: &'a str,
    instance: Option<&'a str>,
    generation_id: i32,
    /// Within a producer's transaction.
    transactional: bool,
}

/// What to store.
struct Offsets {
    group_id: String,
    topics: Vec<TopicCommit>,
    expire_timestamp_ms: Option<i64>,
    transaction: Option<(ProducerId, i16)>,
}

impl ClassicGroup {
    /// As Kafka's `ClassicGroup.validateOffsetCommit`.
    fn check_commit(&self, by: &Committer<'_>) -> Result<(), ErrorCode> {
        let anonymous = by.generation_id < 0;
        match self.state() {
            // Administrators, and consumers that assign partitions themselves.
            ClassicState::Empty if anonymous => return Ok(()),
            _ => {}
        }
        if anonymous && by.member_id.is_empty() && by.instance.is_none() {
            // Producers from before KIP-447 do not say for which member they commit: only the
            // transactional id keeps a former owner of the partition out.
            return if by.transactional {
                Ok(())
            } else {
                Err(ErrorCode::UnknownMemberId)
            };
        }
        if canary::is_on(Canary::GenerationUnchecked) {
            return Ok(());
        }
        self.check_generation(by.member_id, by.instance, by.generation_id)?;
        if !by.transactional && self.state() == ClassicState::CompletingRebalance {
            // The member is of this generation and has no assignment in it yet: what it read
            // belongs to the one before. As in Kafka, this does not hold for a transaction: who
            // gets the partition next waits for its end before reading the offset (KIP-447).
            return Err(ErrorCode::RebalanceInProgress);
        }
        Ok(())
    }

    /// Handles an OffsetCommit.
    pub(crate) fn commit(&mut self, id: u64, request: OffsetCommit, step: &mut Step<'_>) {
        let by = Committer {
            member_id: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation_id: request.generation_id,
            transactional: false,
        };
        if let Err(error) = self.check_commit(&by) {
            return refuse(id, &request.topics, error, step);
        }
        if matches!(
            self.state(),
            ClassicState::Stable | ClassicState::PreparingRebalance
        ) {
            self.touch(&request.member_id, step.now.mono);
        }
        let expire_timestamp_ms = (request.retention_ms >= 0)
            .then(|| step.now.wall_ms.saturating_add(request.retention_ms));
        let offsets = Offsets {
            group_id: request.group_id,
            topics: request.topics,
            expire_timestamp_ms,
            transaction: None,
        };
        offsets.store(id, step);
    }

    /// Handles a TxnOffsetCommit (KIP-98, KIP-447). It does not count as a sign of life of the
    /// member: it comes from the producer.
    pub(crate) fn commit_in_transaction(
        &mut self,
        id: u64,
        request: TxnOffsetCommit,
        step: &mut Step<'_>,
    ) {
        let by = Committer {
            member_id: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            generation_id: request.generation_id,
            transactional: true,
        };
        if let Err(error) = self.check_commit(&by) {
            return refuse(id, &request.topics, error, step);
        }
        Offsets::from(request).store(id, step);
    }
}

impl ConsumerGroup {
    /// Handles an OffsetCommit. It is no sign of life, as in Kafka: heartbeats are.
    pub(crate) fn commit(&self, id: u64, request: OffsetCommit, step: &mut Step<'_>) {
        let commits = Commits {
            member_id: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            epoch: request.generation_id,
            transactional: false,
            topics: &request.topics,
        };
        if let Err(error) = self.check_commit(&commits) {
            return refuse(id, &request.topics, error, step);
        }
        let offsets = Offsets {
            group_id: request.group_id,
            topics: request.topics,
            expire_timestamp_ms: None,
            transaction: None,
        };
        offsets.store(id, step);
    }

    /// Handles a TxnOffsetCommit.
    pub(crate) fn commit_in_transaction(
        &self,
        id: u64,
        request: TxnOffsetCommit,
        step: &mut Step<'_>,
    ) {
        let commits = Commits {
            member_id: &request.member_id,
            instance: request.group_instance_id.as_deref(),
            epoch: request.generation_id,
            transactional: true,
            topics: &request.topics,
        };
        if let Err(error) = self.check_commit(&commits) {
            return refuse(id, &request.topics, error, step);
        }
        Offsets::from(request).store(id, step);
    }
}

fn refuse(id: u64, topics: &[TopicCommit], error: ErrorCode, step: &mut Step<'_>) {
    let outcome = CommitOutcome::all(topics, error);
    step.respond(id, GroupResponse::Commit(outcome));
}

impl From<TxnOffsetCommit> for Offsets {
    fn from(request: TxnOffsetCommit) -> Offsets {
        Offsets {
            group_id: request.group_id,
            topics: request.topics,
            expire_timestamp_ms: None,
            transaction: Some((request.producer_id, request.producer_epoch)),
        }
    }
}

impl Offsets {
    /// Appends the offsets and answers request `id` when they are stored.
    fn store(self, id: u64, step: &mut Step<'_>) {
        let mut outcome = CommitOutcome::all(&self.topics, ErrorCode::None);
        let mut records = Vec::new();
        for (topic, answers) in self.topics.into_iter().zip(&mut outcome.topics) {
            for (commit, answer) in topic.partitions.into_iter().zip(&mut answers.partitions) {
                let metadata = commit.metadata.unwrap_or_default();
                if metadata.len() > step.config.offset_metadata_max_bytes {
                    answer.error = ErrorCode::OffsetMetadataTooLarge;
                    continue;
                }
                records.push(Record::Offset {
                    group: self.group_id.clone(),
                    topic: topic.topic.clone(),
                    partition: commit.partition,
                    value: Some(CommittedOffset {
                        offset: commit.offset,
                        leader_epoch: commit.leader_epoch,
                        metadata,
                        commit_timestamp_ms: step.now.wall_ms,
                        expire_timestamp_ms: self.expire_timestamp_ms,
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
        step.write_in(self.transaction, &self.group_id, records, then);
    }
}
