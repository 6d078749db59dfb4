//! OffsetFetch: what a group has committed.
//! Nothing that is not below the high watermark is ever answered, nor an offset of an open transaction.

use std::collections::BTreeSet;

use kring_wire::ErrorCode;

use crate::committed::{Committed, CommittedOffset};
use crate::request::OffsetFetch;
use crate::response::{FetchedOffset, OffsetFetchOutcome};
use crate::writes::Writes;

/// Answers an OffsetFetch. An unknown group has committed nothing, which is no error. Where
/// everything is asked for, that is what is committed, as in Kafka: a partition whose only offset is
/// in an open transaction is not listed.
pub(crate) fn fetch(
    request: OffsetFetch,
    committed: &Committed,
    writes: &Writes,
) -> OffsetFetchOutcome {
    let group = request.group_id.as_str();
    let unstable: BTreeSet<(&str, i32)> = if request.require_stable {
        let pending = committed.pending.keys_of(group);
        pending.chain(writes.transactional_keys(group)).collect()
    } else {
        BTreeSet::new()
    };
    let fetched = |topic: &str, partition: i32, offset: Option<&CommittedOffset>| {
        if unstable.contains(&(topic, partition)) {
            nothing(partition, ErrorCode::UnstableOffsetCommit)
        } else {
            offset.map_or_else(
                || nothing(partition, ErrorCode::None),
                |offset| found(partition, offset),
            )
        }
    };
    let topics = match &request.topics {
        Some(asked) => asked
            .iter()
            .map(|asked| {
                let topic = asked.topic.as_str();
                let partitions = asked.partitions.iter();
                let partitions =
                    partitions.map(|p| fetched(topic, *p, committed.offset(group, topic, *p)));
                (topic.to_owned(), partitions.collect())
            })
            .collect(),
        None => committed
            .offsets
            .get(group)
            .into_iter()
            .flatten()
            .map(|(topic, partitions)| {
                let partitions = partitions
                    .iter()
                    .map(|(p, offset)| fetched(topic, *p, Some(&offset.value)));
                (topic.clone(), partitions.collect())
            })
            .collect(),
    };
    OffsetFetchOutcome {
        topics,
        group_id: request.group_id,
        error: ErrorCode::None,
    }
}

/// Nothing but an error of the whole group.
pub(crate) fn refused(group_id: String, error: ErrorCode) -> OffsetFetchOutcome {
    OffsetFetchOutcome {
        group_id,
        error,
        topics: Vec::new(),
    }
}

fn found(partition: i32, committed: &CommittedOffset) -> FetchedOffset {
    FetchedOffset {
        partition,
        offset: committed.offset,
        leader_epoch: committed.leader_epoch,
        metadata: committed.metadata.clone(),
        error: ErrorCode::None,
    }
}

fn nothing(partition: i32, error: ErrorCode) -> FetchedOffset {
    FetchedOffset {
        partition,
        offset: -1,
        leader_epoch: -1,
        metadata: String::new(),
        error,
    }
}
