//! Whether a member may commit or read the group's offsets.
//! What is stored and answered is in `offsets`.

use kring_wire::ErrorCode;

use super::ConsumerGroup;
use super::partitions::epoch_of;
use crate::request::{OffsetFetch, TopicCommit};

/// Who commits what, as the request says.
pub(crate) struct Commits<'a> {
    pub(crate) member_id: &'a str,
    pub(crate) instance: Option<&'a str>,
    pub(crate) epoch: i32,
    /// Within a producer's transaction.
    pub(crate) transactional: bool,
    pub(crate) topics: &'a [TopicCommit],
}

impl ConsumerGroup {
    /// As Kafka's `ConsumerGroup.validateOffsetCommit`. A member whose epoch has grown since may commit for what it had all the
    /// time (KIP-1251).
    pub(crate) fn check_commit(&self, commits: &Commits<'_>) -> Result<(), ErrorCode> {
        if commits.epoch < 0 && self.state.members.is_empty() {
            return Ok(());
        }
        let anonymous = commits.member_id.is_empty() && commits.instance.is_none();
        if commits.transactional && commits.epoch < 0 && anonymous {
            return Ok(());
        }
        if !self.state.members.contains_key(commits.member_id) {
            return Err(ErrorCode::UnknownMemberId);
        }
        let current = self.state.current_of(commits.member_id);
        let had_since_then = |topic: &TopicCommit, partition: i32| {
            let assigned = epoch_of(&current.assigned, topic.topic_id, partition);
            let since = assigned.or_else(|| epoch_of(&current.revoking, topic.topic_id, partition));
            since.is_some_and(|since| since <= commits.epoch)
        };
        let all_had = || {
            commits.topics.iter().all(|topic| {
                let mut partitions = topic.partitions.iter();
                partitions.all(|commit| had_since_then(topic, commit.partition))
            })
        };
        let is_older = (0..current.epoch).contains(&commits.epoch);
        if commits.epoch == current.epoch || (is_older && all_had()) {
            return Ok(());
        }
        Err(if commits.transactional {
            ErrorCode::IllegalGeneration
        } else {
            ErrorCode::StaleMemberEpoch
        })
    }

    /// As Kafka's `ConsumerGroup.validateOffsetFetch`.
    pub(crate) fn check_fetch(&self, request: &OffsetFetch) -> Result<(), ErrorCode> {
        let member_id = request.member_id.as_deref().unwrap_or("");
        if member_id.is_empty() && request.member_epoch < 0 {
            return Ok(());
        }
        if !self.state.members.contains_key(member_id) {
            return Err(ErrorCode::UnknownMemberId);
        }
        if request.member_epoch == self.state.current_of(member_id).epoch {
            Ok(())
        } else {
            Err(ErrorCode::StaleMemberEpoch)
        }
    }
}
