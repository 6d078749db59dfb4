//! Topics and partitions of OffsetCommit and TxnOffsetCommit: read by id, looked up, and answered in the order of the request.
//! It commits nothing.

use kring_groups::{CommitOutcome, PartitionCommit, TopicCommit};
use kring_wire::{DecodeError, Decoder, ErrorCode, TopicId, TopicPartition};

use crate::broker::Broker;
use crate::cluster;

/// Bytes of the smallest element: id and empty list; number, offset, epoch and null text.
const TOPIC_BYTES_MIN: usize = 17;
const PARTITION_BYTES_MIN: usize = 17;

/// Where a partition of the request gets its error from, in the order of the request.
enum Place {
    /// The coordinator was not asked about it.
    Here(ErrorCode),
    /// The coordinator answers, in order.
    Coordinator,
}

struct Row {
    name: String,
    id: TopicId,
    partitions: Vec<(i32, Place)>,
}

/// What was asked, in the order of the request, while the coordinator is asked about what exists.
pub(super) struct Rows(Vec<Row>);

/// A topic of the answer.
pub(super) struct Answered {
    /// As the client named it, empty when it did by id.
    pub(super) name: String,
    /// As the client named it.
    pub(super) id: TopicId,
    /// Each partition with its error.
    pub(super) partitions: Vec<(i32, ErrorCode)>,
}

impl Rows {
    /// Takes what does not exist out of the commit, fills names or ids in, and remembers the order.
    pub(super) fn set_unknown_aside(
        broker: &Broker,
        by_id: bool,
        topics: &mut Vec<TopicCommit>,
    ) -> Rows {
        let image = broker.image();
        let mut rows = Vec::with_capacity(topics.len());
        for topic in topics.iter_mut() {
            let (found, unknown) = if by_id {
                let found = image.topics.get(&topic.topic_id);
                (found, ErrorCode::UnknownTopicId)
            } else {
                let found = cluster::topic_by_name(image, &topic.topic).map(|(_, topic)| topic);
                (found, ErrorCode::UnknownTopicOrPartition)
            };
            let mut row = Row {
                name: topic.topic.clone(),
                id: topic.topic_id,
                partitions: Vec::with_capacity(topic.partitions.len()),
            };
            if let Some(found) = found {
                topic.topic.clone_from(&found.name);
                topic.topic_id = found.id;
            }
            topic.partitions.retain(|commit| {
                let place = match found {
                    None => Place::Here(unknown),
                    Some(found) => {
                        let tp = TopicPartition::new(found.id, commit.partition);
                        match image.partition(tp) {
                            Some(_) => Place::Coordinator,
                            None => Place::Here(ErrorCode::UnknownTopicOrPartition),
                        }
                    }
                };
                let keep = matches!(place, Place::Coordinator);
                row.partitions.push((commit.partition, place));
                keep
            });
            rows.push(row);
        }
        topics.retain(|topic| !topic.partitions.is_empty());
        Rows(rows)
    }

    /// With what the coordinator answered, in the order in which it was asked.
    pub(super) fn fill(self, outcome: CommitOutcome) -> impl Iterator<Item = Answered> {
        let mut errors = outcome
            .topics
            .into_iter()
            .flat_map(|topic| topic.partitions)
            .map(|partition| partition.error);
        self.0.into_iter().map(move |row| {
            let mut error = |place| match place {
                Place::Here(error) => error,
                Place::Coordinator => errors.next().unwrap_or(ErrorCode::UnknownServerError),
            };
            let partitions = row.partitions.into_iter();
            Answered {
                name: row.name,
                id: row.id,
                partitions: partitions.map(|(p, place)| (p, error(place))).collect(),
            }
        })
    }
}

/// Reads topics that are named by id, with their partitions.
pub(super) fn read_by_id(body: &mut Decoder) -> Result<Vec<TopicCommit>, DecodeError> {
    let count = body.array("topics", true, TOPIC_BYTES_MIN)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        topics.push(read_topic(body)?);
    }
    Ok(topics)
}

fn read_topic(body: &mut Decoder) -> Result<TopicCommit, DecodeError> {
    let topic_id = body.topic_id("topic id")?;
    let count = body.array("partitions", true, PARTITION_BYTES_MIN)?;
    let mut partitions = Vec::with_capacity(count);
    for _ in 0..count {
        partitions.push(PartitionCommit {
            partition: body.i32("partition")?,
            offset: body.i64("offset")?,
            leader_epoch: body.i32("leader epoch")?,
            metadata: body
                .nullable_string("metadata", true)?
                .map(|text| text.to_string()),
        });
        body.skip_tags(true)?;
    }
    body.skip_tags(true)?;
    Ok(TopicCommit {
        topic: String::new(),
        topic_id,
        partitions,
    })
}
