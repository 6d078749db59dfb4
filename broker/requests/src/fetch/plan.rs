//! What a Fetch request asks for, partition by partition, in a form that can be tried again.
//! It reads nothing.

use kring_wire::fetch::{FetchPartition, FetchRequest};
use kring_wire::{ErrorCode, TopicPartition, TopicRef};

use super::session::Session;
use super::sessions::Context;
use crate::broker::Broker;

/// A partition that is asked for.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The topic as the client named it.
    pub(super) topic: TopicRef,
    /// What it wants.
    pub(super) partition: FetchPartition,
    /// The partition, or why there is none.
    pub(super) tp: Result<TopicPartition, ErrorCode>,
}

impl Ask {
    fn new(broker: &Broker, topic: &TopicRef, partition: FetchPartition) -> Ask {
        Ask {
            topic: topic.clone(),
            partition,
            tp: broker.resolve(topic, partition.partition),
        }
    }
}

/// A request as it is served.
#[derive(Debug)]
pub(super) struct Plan {
    /// In the order of the request or of its session.
    pub(super) asks: Vec<Ask>,
    /// Answer when so many bytes of records are there.
    pub(super) min_bytes: usize,
    /// Give at most so many, but for the first batch.
    pub(super) max_bytes: usize,
    /// What the client may see of transactions.
    pub(super) isolation: Isolation,
    /// The client's rack, if it has one and followers serve clients of theirs (`replica.selector.class`).
    pub(super) rack: Option<String>,
}

/// What a reader may see of transactions (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    /// Everything that is committed in the log.
    ReadUncommitted,
    /// Up to the last stable offset. The client skips aborted transactions and is told which those are.
    ReadCommitted,
}

impl Isolation {
    /// From a request's number.
    pub(crate) fn from_code(code: i8) -> Isolation {
        match code {
            1 => Isolation::ReadCommitted,
            _ => Isolation::ReadUncommitted,
        }
    }
}

impl Plan {
    /// Resolves the partitions of a request, or those of the session that it goes on with.
    pub(super) fn new(broker: &Broker, request: &FetchRequest, context: Context) -> Plan {
        let asks = match context {
            Context::Incremental { id, .. } => {
                let session = broker.fetch.sessions.get(id);
                let asked = session.into_iter().flat_map(Session::asked);
                asked
                    .map(|(topic, partition)| Ask::new(broker, topic, partition))
                    .collect()
            }
            Context::Full | Context::Sessionless => {
                let asked = request.topics.iter().flat_map(|topic| {
                    let partitions = topic.partitions.iter();
                    partitions.map(|partition| Ask::new(broker, &topic.topic, *partition))
                });
                asked.collect()
            }
        };
        let limit = broker.config.fetch_max_bytes;
        let max_bytes = usize::try_from(request.max_bytes).unwrap_or(0).min(limit);
        Plan {
            asks,
            min_bytes: usize::try_from(request.min_bytes)
                .unwrap_or(0)
                .min(max_bytes),
            max_bytes,
            isolation: Isolation::from_code(request.isolation_level),
            rack: (broker.config.rack_aware_replica_selector && !request.rack_id.is_empty())
                .then(|| request.rack_id.to_string()),
        }
    }
}
