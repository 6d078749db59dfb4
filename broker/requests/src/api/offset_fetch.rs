//! OffsetFetch (9), versions 1–10: how far groups have read.
//!
//! * v1 asks for named partitions; from v2 on null asks for everything a group has committed, and an
//!   error of the whole group has a field of its own. v7 adds `require_stable` (an offset that a transaction may change is
//!   `UNSTABLE_OFFSET_COMMIT`, KIP-447), v8 several groups,
//!   v9 member ids of the new protocol (ignored for classic groups, as in Kafka), v10 topic ids.
//! * Nothing committed is offset −1 and no error.
//! * Beside `NOT_COORDINATOR` for a group stand the partitions that were asked about, as not yet stable, where
//!   Apache Kafka has none. Whoever looks at the group's error first (Java, franz-go) does not see them. librdkafka asks
//!   again only for such partitions: without them its consumer has partitions that it never reads (its issue 5586).
//! * Version 10 is read here, because `kafka-protocol` has it up to 9.

use std::collections::BTreeMap;

use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use kafka_protocol::messages::{GroupId, OffsetFetchRequest, OffsetFetchResponse, TopicName};
use kring_groups::{
    FetchedOffset, GroupRequest, GroupResponse, OffsetFetch, OffsetFetchOutcome, PartitionsOf,
};
use kring_io::Now;
use kring_wire::{DecodeError, Decoder, ErrorCode, TopicId};

use crate::broker::Broker;
use crate::call::{Call, Caller, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::text::{owned, text};

/// The last version whose request `kafka-protocol` reads.
const DECODED_VERSION_MAX: i16 = 9;
/// From here on several groups can be asked about.
const GROUPS_FROM: i16 = 8;
/// From here on topics are named by id.
const TOPIC_ID_FROM: i16 = 10;
/// From here on clients know `UNSTABLE_OFFSET_COMMIT`.
const UNSTABLE_FROM: i16 = 7;
/// What stands for an offset that must be asked for again: `RD_KAFKA_OFFSET_STORED`. At −1, librdkafka would begin where
/// `auto.offset.reset` says if its assignment changed meanwhile.
const ASK_AGAIN: i64 = -1000;
/// Bytes of the smallest element of each list.
const GROUP_BYTES_MIN: usize = 8;
const TOPIC_BYTES_MIN: usize = 18;
const PARTITION_BYTES: usize = 4;

/// One group of a request.
struct Asked {
    fetch: OffsetFetch,
    /// Topics that the broker does not know by their ids.
    unknown: Vec<(TopicId, Vec<i32>)>,
}

/// One group of an answer.
struct Fetched {
    outcome: OffsetFetchOutcome,
    unknown: Vec<(TopicId, Vec<i32>)>,
    asked: Option<Vec<PartitionsOf>>,
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let groups = if caller.version > DECODED_VERSION_MAX {
        read_by_id(broker, &call)?
    } else {
        from_message(caller.version, call.decode()?)
    };
    let ids: BTreeMap<String, TopicId> = if caller.version >= TOPIC_ID_FROM {
        broker.image().by_name.clone()
    } else {
        BTreeMap::new()
    };
    let gather = Gather::new(groups.len(), move |fetched: Vec<Fetched>, out| {
        answer(caller, fetched, &ids, out);
    });
    gather.complete_if_empty(out);
    for (slot, asked) in groups.into_iter().enumerate() {
        let gather = gather.clone();
        let Asked { fetch, unknown } = asked;
        let group_id = fetch.group_id.clone();
        let topics = fetch.topics.clone();
        broker.ask_group(
            now,
            GroupRequest::Fetch(fetch),
            Box::new(move |_, _, response, out| {
                let outcome = match response {
                    GroupResponse::Fetch(outcome) => outcome,
                    _ => OffsetFetchOutcome {
                        group_id,
                        error: ErrorCode::UnknownServerError,
                        topics: Vec::new(),
                    },
                };
                let fetched = Fetched {
                    outcome,
                    unknown,
                    asked: topics,
                };
                gather.put(slot, fetched, out);
            }),
            out,
        );
    }
    Ok(())
}

fn from_message(version: i16, request: OffsetFetchRequest) -> Vec<Asked> {
    let require_stable = request.require_stable;
    if version < GROUPS_FROM {
        let topics = request.topics.map(|topics| {
            topics
                .into_iter()
                .map(|topic| PartitionsOf {
                    topic: topic.name.to_string(),
                    partitions: topic.partition_indexes,
                })
                .collect()
        });
        return vec![Asked::by_name(OffsetFetch {
            group_id: request.group_id.to_string(),
            member_id: None,
            member_epoch: -1,
            topics,
            require_stable,
        })];
    }
    request
        .groups
        .into_iter()
        .map(|group| {
            let topics = group.topics.map(|topics| {
                topics
                    .into_iter()
                    .map(|topic| PartitionsOf {
                        topic: topic.name.to_string(),
                        partitions: topic.partition_indexes,
                    })
                    .collect()
            });
            Asked::by_name(OffsetFetch {
                group_id: group.group_id.to_string(),
                member_id: owned(group.member_id),
                member_epoch: group.member_epoch,
                topics,
                require_stable,
            })
        })
        .collect()
}

impl Asked {
    fn by_name(fetch: OffsetFetch) -> Asked {
        Asked {
            fetch,
            unknown: Vec::new(),
        }
    }
}

fn read_by_id(broker: &Broker, call: &Call) -> Result<Vec<Asked>, DecodeError> {
    let mut body = Decoder::new(call.body.clone());
    let count = body.array("groups", true, GROUP_BYTES_MIN)?;
    let mut groups = Vec::with_capacity(count);
    for _ in 0..count {
        groups.push(read_group(broker, &mut body)?);
    }
    let require_stable = body.i8("require stable")? != 0;
    for group in &mut groups {
        group.fetch.require_stable = require_stable;
    }
    body.skip_tags(true)?;
    Ok(groups)
}

fn read_group(broker: &Broker, body: &mut Decoder) -> Result<Asked, DecodeError> {
    let group_id = body.string("group id", true)?.to_string();
    let member_id = body.nullable_string("member id", true)?;
    let member_epoch = body.i32("member epoch")?;
    let mut unknown = Vec::new();
    let topics = match body.nullable_array("topics", true, TOPIC_BYTES_MIN)? {
        None => None,
        Some(count) => {
            let mut topics = Vec::with_capacity(count);
            for _ in 0..count {
                let (id, partitions) = read_topic(body)?;
                match broker.image().topics.get(&id) {
                    Some(topic) => topics.push(PartitionsOf {
                        topic: topic.name.clone(),
                        partitions,
                    }),
                    None => unknown.push((id, partitions)),
                }
            }
            Some(topics)
        }
    };
    body.skip_tags(true)?;
    Ok(Asked {
        fetch: OffsetFetch {
            group_id,
            member_id: member_id.map(|id| id.to_string()),
            member_epoch,
            topics,
            require_stable: false,
        },
        unknown,
    })
}

fn read_topic(body: &mut Decoder) -> Result<(TopicId, Vec<i32>), DecodeError> {
    let id = body.topic_id("topic id")?;
    let count = body.array("partitions", true, PARTITION_BYTES)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        partitions.push(body.i32("partition")?);
    }
    body.skip_tags(true)?;
    Ok((id, partitions))
}

fn answer(
    caller: Caller,
    fetched: Vec<Fetched>,
    ids: &BTreeMap<String, TopicId>,
    out: &mut Output,
) {
    let answer = if caller.version < GROUPS_FROM {
        match fetched.into_iter().next() {
            Some(group) => one_group(caller.version, group),
            None => OffsetFetchResponse::default(),
        }
    } else {
        let groups = fetched
            .into_iter()
            .map(|group| group_row(caller.version, group, ids))
            .collect();
        OffsetFetchResponse::default().with_groups(groups)
    };
    caller.answer(&answer, out);
}

impl Fetched {
    /// What each partition that was asked about says if the group's offsets are with another broker.
    fn asked_elsewhere(&mut self, version: i16) -> Option<Vec<PartitionsOf>> {
        let elsewhere = matches!(
            self.outcome.error,
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable
        );
        if elsewhere && version >= UNSTABLE_FROM {
            self.asked.take()
        } else {
            None
        }
    }
}

fn one_group(version: i16, mut group: Fetched) -> OffsetFetchResponse {
    let error = group.outcome.error;
    let mut answer = OffsetFetchResponse::default();
    if version >= 2 {
        answer.error_code = error.code();
    } else if !error.is_ok() {
        // Version 1 has no field for the whole group: each partition repeats the error.
        answer.topics = refused_topics(group.asked.unwrap_or_default(), -1, error);
        return answer;
    }
    if let Some(asked) = group.asked_elsewhere(version) {
        answer.topics = refused_topics(asked, ASK_AGAIN, ErrorCode::UnstableOffsetCommit);
        return answer;
    }
    answer.topics = group
        .outcome
        .topics
        .into_iter()
        .map(|(name, offsets)| {
            OffsetFetchResponseTopic::default()
                .with_name(TopicName(text(name)))
                .with_partitions(offsets.into_iter().map(old_row).collect())
        })
        .collect();
    answer
}

fn refused_topics(
    asked: Vec<PartitionsOf>,
    offset: i64,
    error: ErrorCode,
) -> Vec<OffsetFetchResponseTopic> {
    asked
        .into_iter()
        .map(|topic| {
            let rows = topic.partitions.into_iter().map(|partition| {
                OffsetFetchResponsePartition::default()
                    .with_partition_index(partition)
                    .with_committed_offset(offset)
                    .with_metadata(Some(text("")))
                    .with_error_code(error.code())
            });
            OffsetFetchResponseTopic::default()
                .with_name(TopicName(text(topic.topic)))
                .with_partitions(rows.collect())
        })
        .collect()
}

fn old_row(offset: FetchedOffset) -> OffsetFetchResponsePartition {
    OffsetFetchResponsePartition::default()
        .with_partition_index(offset.partition)
        .with_committed_offset(offset.offset)
        .with_committed_leader_epoch(offset.leader_epoch)
        .with_metadata(Some(text(offset.metadata)))
        .with_error_code(offset.error.code())
}

fn group_row(
    version: i16,
    mut group: Fetched,
    ids: &BTreeMap<String, TopicId>,
) -> OffsetFetchResponseGroup {
    let named = |name: String, rows| {
        let topic = OffsetFetchResponseTopics::default().with_partitions(rows);
        if version >= TOPIC_ID_FROM {
            // Offsets of a deleted topic have no id that the client could mean.
            Some(topic.with_topic_id((*ids.get(&name)?).into()))
        } else {
            Some(topic.with_name(TopicName(text(name))))
        }
    };
    let elsewhere = group.asked_elsewhere(version).unwrap_or_default();
    let elsewhere = elsewhere.into_iter().filter_map(|topic| {
        let rows = topic
            .partitions
            .into_iter()
            .map(|partition| refused_row(partition, ASK_AGAIN, ErrorCode::UnstableOffsetCommit));
        named(topic.topic, rows.collect())
    });
    let known = group.outcome.topics.into_iter();
    let known =
        known.filter_map(|(name, offsets)| named(name, offsets.into_iter().map(new_row).collect()));
    let unknown = group.unknown.into_iter().map(|(id, partitions)| {
        let rows = partitions
            .into_iter()
            .map(|partition| refused_row(partition, -1, ErrorCode::UnknownTopicId));
        OffsetFetchResponseTopics::default()
            .with_topic_id(id.into())
            .with_partitions(rows.collect())
    });
    OffsetFetchResponseGroup::default()
        .with_group_id(GroupId(text(group.outcome.group_id)))
        .with_error_code(group.outcome.error.code())
        .with_topics(known.chain(elsewhere).chain(unknown).collect())
}

fn refused_row(partition: i32, offset: i64, error: ErrorCode) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(partition)
        .with_committed_offset(offset)
        .with_committed_leader_epoch(-1)
        .with_metadata(Some(text("")))
        .with_error_code(error.code())
}

fn new_row(offset: FetchedOffset) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions::default()
        .with_partition_index(offset.partition)
        .with_committed_offset(offset.offset)
        .with_committed_leader_epoch(offset.leader_epoch)
        .with_metadata(Some(text(offset.metadata)))
        .with_error_code(offset.error.code())
}
