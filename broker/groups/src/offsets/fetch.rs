//! OffsetFetch: what a group has committed.
//! Nothing that is not below the high watermark is ever answered.

use kring_wire::ErrorCode;

use crate::committed::{Committed, CommittedOffset};
use crate::request::OffsetFetch;
use crate::response::{FetchedOffset, OffsetFetchOutcome};

/// Answers an OffsetFetch. An unknown group has committed nothing, which is no error.
pub(crate) fn fetch(request: OffsetFetch, committed: &Committed) -> OffsetFetchOutcome {
    let known = committed.offsets.get(&request.group_id);
    let topics = match request.topics {
        Some(asked) => asked
            .into_iter()
            .map(|topic| {
                let partitions = topic.partitions.iter().map(|partition| {
                    let offset = committed.offset(&request.group_id, &topic.topic, *partition);
                    fetched(*partition, offset)
                });
                let partitions = partitions.collect();
                (topic.topic, partitions)
            })
            .collect(),
        None => known
            .into_iter()
            .flatten()
            .map(|(topic, partitions)| {
                let partitions = partitions
                    .iter()
                    .map(|(p, offset)| fetched(*p, Some(offset)));
                (topic.clone(), partitions.collect())
            })
            .collect(),
    };
    OffsetFetchOutcome {
        group_id: request.group_id,
        error: ErrorCode::None,
        topics,
    }
}

fn fetched(partition: i32, committed: Option<&CommittedOffset>) -> FetchedOffset {
    match committed {
        Some(committed) => FetchedOffset {
            partition,
            offset: committed.offset,
            leader_epoch: committed.leader_epoch,
            metadata: committed.metadata.clone(),
        },
        None => FetchedOffset {
            partition,
            offset: -1,
            leader_epoch: -1,
            metadata: String::new(),
        },
    }
}
