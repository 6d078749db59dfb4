//! How a member commits what it has read, and what it makes of the answers.
//! When it commits is for `member` to say.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::messages::OffsetCommitRequest;
use kring_io::Instant;
use kring_wire::ErrorCode;

use super::super::{ClientOutput, codec};
use super::{About, Member, Phase, requests};
use crate::history::{Happened, Outcome};

/// `auto.commit.interval.ms`.
const COMMIT: Duration = Duration::from_millis(700);

impl Member {
    /// Commits how far it has read, unless a commit is under way or nothing is new.
    pub(super) fn commit(&mut self, now: Instant, out: &mut ClientOutput) {
        let offsets: Vec<(i32, i64)> = self
            .owned
            .iter()
            .filter(|(_, owned)| owned.position > owned.committed.max(0))
            .map(|(index, owned)| (*index, owned.position))
            .collect();
        let busy = self
            .calls
            .any(|about| matches!(about, About::Commit { .. }));
        let Some(coordinator) = self.coordinator.filter(|_| !busy && !offsets.is_empty()) else {
            return;
        };
        self.commit_at = now + COMMIT;
        let generation = self.identity.generation;
        for (index, offset) in &offsets {
            out.happened.push(Happened::CommitInvoked {
                client: self.name,
                group: self.group,
                generation,
                partition: self.topic.partition(*index),
                offset: *offset,
            });
        }
        let request = self.identity.commit(self.topic, &offsets);
        let about = About::Commit {
            generation,
            offsets,
        };
        self.send(now, coordinator, requests::COMMIT, &request, about, out);
    }

    pub(super) fn committed(
        &mut self,
        now: Instant,
        generation: i32,
        offsets: &[(i32, i64)],
        answer: &Bytes,
        out: &mut ClientOutput,
    ) {
        let response = codec::answer::<OffsetCommitRequest>(requests::COMMIT, answer);
        let results: BTreeMap<i32, i16> = response
            .into_iter()
            .flat_map(|response| response.topics)
            .flat_map(|topic| topic.partitions)
            .map(|partition| (partition.partition_index, partition.error_code))
            .collect();
        let mut refusal = None;
        for (index, offset) in offsets {
            let code = results.get(index).and_then(|c| ErrorCode::from_code(*c));
            let outcome = match code {
                Some(ErrorCode::None) => Outcome::Done,
                Some(
                    ErrorCode::IllegalGeneration
                    | ErrorCode::UnknownMemberId
                    | ErrorCode::RebalanceInProgress,
                ) => Outcome::Refused,
                // The coordinator may have gone while the offset was being replicated.
                _ => Outcome::Unknown,
            };
            self.commit_ended(generation, (*index, *offset), outcome, out);
            let owned = self.owned.get_mut(index);
            let current = generation == self.identity.generation;
            match (outcome, owned) {
                (Outcome::Done, Some(owned)) if current => owned.committed = *offset,
                (Outcome::Done, _) => {}
                _ if current => refusal = Some(code),
                _ => {}
            }
        }
        if let Some(code) = refusal.filter(|_| matches!(self.phase, Phase::Reading)) {
            self.refused(now, code, out);
        }
    }

    pub(super) fn commit_ended(
        &self,
        generation: i32,
        (index, offset): (i32, i64),
        outcome: Outcome,
        out: &mut ClientOutput,
    ) {
        out.happened.push(Happened::Committed {
            client: self.name,
            group: self.group,
            generation,
            partition: self.topic.partition(index),
            offset,
            outcome,
        });
    }
}
