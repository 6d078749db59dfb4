//! Appends that have not reached the high watermark, and what each one is for.
//! It sends nothing and applies nothing.

use std::collections::{BTreeMap, BTreeSet};

use kring_io::Instant;
use kring_wire::{ErrorCode, Offset, ProducerId};

use crate::classic::Member;
use crate::committed::Committed;
use crate::record::Record;
use crate::response::{ConsumerHeartbeatOutcome, GroupResponse, JoinOutcome, LeaveOutcome};
use crate::{OffsetDeleteOutcome, Token};

/// What happens when an append completes.
#[derive(Clone, Debug)]
pub(crate) enum Then {
    /// Nothing.
    Nothing,
    /// A client gets its answer.
    Respond {
        id: u64,
        response: Box<GroupResponse>,
    },
    /// Clients get their answers.
    RespondAll(Vec<(u64, GroupResponse)>),
    /// The generation's assignment is handed out.
    Assign { generation: i32 },
    /// A static member that came back under a new id gets its answer, or is put back (KIP-345).
    Replace(Box<Replacement>),
}

/// A static member that came back under a new id in a stable group.
#[derive(Clone, Debug)]
pub(crate) struct Replacement {
    /// The waiting request.
    pub(crate) id: u64,
    /// The member as it was.
    pub(crate) old: Member,
    /// Its new id.
    pub(crate) new_member_id: String,
    /// The answer when it is stored.
    pub(crate) outcome: JoinOutcome,
}

/// One append under way.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) group: String,
    pub(crate) records: Vec<Record>,
    /// The producer whose transaction the records are in.
    pub(crate) transaction: Option<ProducerId>,
    pub(crate) then: Then,
    /// When the client is told to retry, whatever becomes of the append.
    pub(crate) respond_by: Instant,
}

/// The appends of a partition in the order of the log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes {
    by_token: BTreeMap<Token, Write>,
    /// The tokens of those in a transaction, by group: an OffsetFetch looks at no others.
    transactional: BTreeMap<String, BTreeSet<Token>>,
    /// Tokens up to here have been timed out. All appends have the same time, so the order of
    /// tokens is the order of deadlines.
    timed_out: Option<Token>,
}

impl Writes {
    pub(crate) fn len(&self) -> usize {
        self.by_token.len()
    }

    pub(crate) fn insert(&mut self, token: Token, write: Write) {
        if write.transaction.is_some() {
            let tokens = self.transactional.entry(write.group.clone()).or_default();
            tokens.insert(token);
        }
        self.by_token.insert(token, write);
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<Write> {
        let write = self.by_token.remove(&token)?;
        if write.transaction.is_some()
            && let Some(tokens) = self.transactional.get_mut(&write.group)
        {
            tokens.remove(&token);
            if tokens.is_empty() {
                self.transactional.remove(&write.group);
            }
        }
        Some(write)
    }

    /// All of them, in order, for a coordinator that resigns.
    pub(crate) fn drain(self) -> impl Iterator<Item = Write> {
        self.by_token.into_values()
    }

    fn waiting(&self) -> impl Iterator<Item = (&Token, &Write)> {
        let after = match self.timed_out {
            Some(token) => std::ops::Bound::Excluded(token),
            None => std::ops::Bound::Unbounded,
        };
        self.by_token.range((after, std::ops::Bound::Unbounded))
    }

    /// When the next one times out.
    pub(crate) fn first_deadline(&self) -> Option<Instant> {
        self.waiting().next().map(|(_, write)| write.respond_by)
    }

    /// Takes what one overdue append is for; its records stay until it completes.
    pub(crate) fn pop_overdue(&mut self, now: Instant) -> Option<(String, Then)> {
        let (token, write) = self.waiting().next()?;
        if write.respond_by > now {
            return None;
        }
        let token = *token;
        self.timed_out = Some(token);
        let write = self.by_token.get_mut(&token)?;
        Some((
            write.group.clone(),
            std::mem::replace(&mut write.then, Then::Nothing),
        ))
    }

    /// Groups with an append under way.
    pub(crate) fn groups(&self) -> BTreeSet<&str> {
        self.by_token.values().map(|w| w.group.as_str()).collect()
    }

    /// Topics and partitions of `group` whose offsets are under way.
    pub(crate) fn offset_keys<'a>(
        &'a self,
        group: &'a str,
    ) -> impl Iterator<Item = (&'a str, i32)> + 'a {
        self.records().filter_map(move |record| match record {
            Record::Offset { group: of, .. } if of == group => offset_key(record),
            _ => None,
        })
    }

    /// Topics and partitions of `group` whose offsets are under way in a transaction. They are
    /// pending from when they are appended: once the log has them, no answer that lacks them is stable.
    pub(crate) fn transactional_keys(&self, group: &str) -> impl Iterator<Item = (&str, i32)> {
        let tokens = self.transactional.get(group).into_iter().flatten();
        let writes = tokens.filter_map(|token| self.by_token.get(token));
        writes
            .flat_map(|write| &write.records)
            .filter_map(offset_key)
    }

    /// Every record under way.
    pub(crate) fn records(&self) -> impl Iterator<Item = &Record> {
        self.by_token.values().flat_map(|write| &write.records)
    }
}

impl Write {
    /// Applies its records, which lie in the log up to `last_offset` and below the high watermark.
    pub(crate) fn apply(&mut self, last_offset: Offset, committed: &mut Committed) {
        let records = std::mem::take(&mut self.records);
        let count = Offset::try_from(records.len()).expect("records in memory are below 2^63");
        for (offset, record) in (last_offset + 1 - count..).zip(records) {
            committed.apply(offset, self.transaction, record);
        }
        committed.next_offset = last_offset + 1;
    }
}

/// Topic and partition of a record that commits an offset.
fn offset_key(record: &Record) -> Option<(&str, i32)> {
    match record {
        Record::Offset {
            topic,
            partition,
            value: Some(_),
            ..
        } => Some((topic, *partition)),
        _ => None,
    }
}

/// What a client is told when its append failed with `error`, as Kafka maps it
/// (`GroupCoordinatorService.handleOperationException`).
pub(crate) fn error_for_client(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::UnknownTopicId
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower
        | ErrorCode::FencedLeaderEpoch
        | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge
        | ErrorCode::RecordListTooLarge
        | ErrorCode::InvalidFetchSize => ErrorCode::UnknownServerError,
        other => other,
    }
}

/// `response` after its append failed: what had worked has not.
pub(crate) fn failed_response(response: GroupResponse, error: ErrorCode) -> GroupResponse {
    let mapped = error_for_client(error);
    match response {
        GroupResponse::Commit(mut outcome) => {
            let too_large = matches!(
                error,
                ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge
            );
            let error = if too_large {
                ErrorCode::InvalidCommitOffsetSize
            } else {
                mapped
            };
            let partitions = outcome.topics.iter_mut().flat_map(|t| &mut t.partitions);
            for partition in partitions.filter(|p| p.error.is_ok()) {
                partition.error = error;
            }
            GroupResponse::Commit(outcome)
        }
        GroupResponse::OffsetDelete(_) => GroupResponse::OffsetDelete(OffsetDeleteOutcome {
            error: mapped,
            topics: Vec::new(),
        }),
        GroupResponse::Delete(mut outcome) => {
            outcome.error = mapped;
            GroupResponse::Delete(outcome)
        }
        GroupResponse::Leave(_) => GroupResponse::Leave(LeaveOutcome::refused(mapped)),
        GroupResponse::ConsumerHeartbeat(_) => {
            GroupResponse::ConsumerHeartbeat(ConsumerHeartbeatOutcome::refused(mapped))
        }
        // Nothing else is prepared before its append completes.
        other => other,
    }
}
