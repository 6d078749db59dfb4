//! From a Produce request to appended batches and a list of what must happen before the answer.
//! It waits for nothing.

use std::collections::BTreeMap;

use kring_io::Now;
use kring_io::canary::{self, Canary};
use kring_log::{AppendError, Appended};
use kring_wire::produce::{ProducePartition, ProducePartitionResponse, ProduceRequest};
use kring_wire::{BatchHeader, Compression, ErrorCode, LeaderEpoch, TopicPartition, TopicRef};

use super::refused::Refused;
use super::respond::Answer;
use super::transactional::Membership;
use super::waiting::{Need, Slot};
use crate::broker::Broker;
use crate::event::Output;
use crate::route::coordinators::Kind;

/// The lowest version whose record format is read.
const VERSION_MIN: i16 = 3;
/// From here on clients write Zstandard (KIP-110).
const ZSTD_FROM: i16 = 7;

/// What a client waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acks {
    /// Nothing: there is no answer.
    None,
    /// The leader's disk.
    Leader,
    /// The disks of all in-sync replicas.
    All,
}

impl Acks {
    /// From the request's number.
    pub(super) fn from_code(code: i16) -> Option<Acks> {
        match code {
            0 => Some(Acks::None),
            1 => Some(Acks::Leader),
            -1 => Some(Acks::All),
            _ => None,
        }
    }
}

/// What holds for all partitions of a request.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// Version of the request.
    pub(super) version: i16,
    /// None for a number that means nothing.
    pub(super) acks: Option<Acks>,
    /// Which partitions are part of the request's transaction.
    pub(super) membership: &'a Membership,
}

/// Appends every partition of a request, each for itself.
pub(super) fn append_all(
    broker: &mut Broker,
    now: Now,
    request: ProduceRequest,
    how: How<'_>,
    needs: &mut BTreeMap<Slot, Need>,
    out: &mut Output,
) -> Answer {
    let refused = refusal_of_all(how.version, how.acks);
    let transactional = request.transactional_id.is_some();
    broker.refusals.expire(now.mono);
    let mut answer = Answer::default();
    for topic in request.topics {
        answer.topic(topic.topic.clone());
        for partition in topic.partitions {
            let index = partition.index;
            let records = partition.records.clone().filter(|_| refused.is_none());
            let result = match refused {
                Some(error) => Err(Refused::from(error)),
                None => {
                    let partition = (partition, transactional);
                    append_one(broker, now, &topic.topic, partition, how, out)
                }
            };
            match result {
                Ok((response, need)) => {
                    let slot = answer.partition(response);
                    if let Some(need) = need {
                        needs.insert(slot, need);
                    }
                }
                Err(refused) => {
                    if let Some(records) = records.filter(|_| refused.leaves_gap()) {
                        broker.refusals.refused(
                            now.mono,
                            &topic.topic,
                            index,
                            &records,
                            refused.error,
                        );
                    }
                    answer.partition(refusal(index, refused));
                }
            }
        }
    }
    answer
}

fn refusal_of_all(version: i16, acks: Option<Acks>) -> Option<ErrorCode> {
    if version < VERSION_MIN {
        Some(ErrorCode::UnsupportedVersion)
    } else if acks.is_none() {
        Some(ErrorCode::InvalidRequiredAcks)
    } else {
        None
    }
}

fn append_one(
    broker: &mut Broker,
    now: Now,
    topic: &TopicRef,
    (partition, transactional): (ProducePartition, bool),
    how: How<'_>,
    out: &mut Output,
) -> Result<(ProducePartitionResponse, Option<Need>), Refused> {
    let acks = how.acks.unwrap_or(Acks::Leader);
    let tp = broker
        .resolve(topic, partition.index)
        .map_err(|error| unknown(broker, topic, partition.index, error))?;
    if let Some(kind) = Kind::of_topic(&broker.image().topics[&tp.topic].name) {
        let message = format!("{} is written by coordinators alone", kind.topic());
        return Err(Refused::new(ErrorCode::InvalidTopicException, message));
    }
    let epoch = broker.led_epoch(tp).ok_or(ErrorCode::NotLeaderOrFollower)?;
    if broker.may_be_replaced(now, tp) {
        return Err(ErrorCode::NotLeaderOrFollower.into());
    }
    if acks == Acks::All && !broker.has_min_isr(tp) {
        return Err(below_min_isr(broker, tp));
    }
    let Some(records) = partition.records else {
        let message = "the request carries no records for this partition";
        return Err(Refused::new(ErrorCode::InvalidRecord, message));
    };
    check_header(how.version, transactional, &records)?;
    if transactional {
        let refusal = how.membership.refusal(broker, tp, how.version, &records);
        if let Some((error, message)) = refusal {
            return Err(Refused::new(error, message));
        }
    }
    let bytes = records.len() as u64;
    let appended = append_to_log(broker, now, tp, epoch, topic, &records)?;
    broker.refusals.appended(topic, tp.partition, &records);
    if !appended.duplicate {
        broker.counters.produced(tp.topic, bytes);
        broker.replicas_appended(now, tp, out);
    }
    let end = appended.last_offset + 1;
    let response = ProducePartitionResponse::appended(
        partition.index,
        appended.base_offset,
        appended.log_append_time_ms,
        appended.log_start,
    );
    let need = match acks {
        Acks::None => None,
        // LOG-1: no answer before the journal block is durable, whatever the acks.
        Acks::Leader if appended.lsn <= broker.log.durable_lsn() => None,
        Acks::Leader => Some(Need::Durable { lsn: appended.lsn }),
        Acks::All if canary::is_on(Canary::AcksAllAfterOwnDisk) => {
            (appended.lsn > broker.log.durable_lsn()).then_some(Need::Durable { lsn: appended.lsn })
        }
        Acks::All if broker.high_watermark(tp) >= end => None,
        Acks::All => Some(Need::Committed { tp, end }),
    };
    Ok((response, need))
}

/// Appends one batch. One behind a batch that was refused a moment ago is refused for a moment, too.
fn append_to_log(
    broker: &mut Broker,
    now: Now,
    tp: TopicPartition,
    epoch: LeaderEpoch,
    topic: &TopicRef,
    records: &bytes::Bytes,
) -> Result<Appended, Refused> {
    let behind = broker.refusals.before(topic, tp.partition, records);
    if let Some(behind) = &behind
        && !broker.log.knows_producer(tp, behind.producer_id)
    {
        return Err(Refused::behind(behind));
    }
    let appended = broker.log.append(now, tp, epoch, records.clone());
    appended.map_err(|error| match (&error, &behind) {
        // The gap that the log sees begins with a refused batch. It need not be the first: that may have been
        // appended by an earlier leader, whose answer got lost.
        (AppendError::OutOfOrderSequence { expected, .. }, Some(behind))
            if *expected < behind.refused_end =>
        {
            Refused::behind(behind)
        }
        (
            AppendError::OutOfOrderSequence {
                producer_id,
                sequence,
                expected,
            },
            _,
        ) => {
            // Its client begins another epoch or gives up: worth a line in what people read afterwards.
            tracing::info!(%tp, producer_id, sequence, expected, "a batch is out of order");
            Refused::from(error)
        }
        _ => Refused::from(error),
    })
}

fn unknown(broker: &Broker, topic: &TopicRef, index: i32, error: ErrorCode) -> Refused {
    let message = match (topic, error) {
        (TopicRef::Id(id), ErrorCode::UnknownTopicId) => {
            format!("no topic has the id {id}; it may have been deleted and created again")
        }
        (TopicRef::Name(name), _) if broker.image().topic_by_name(name).is_none() => {
            format!("topic {name:?} does not exist")
        }
        _ => format!("the topic has no partition {index}"),
    };
    Refused::new(error, message)
}

fn below_min_isr(broker: &Broker, tp: TopicPartition) -> Refused {
    let isr = broker.image().partition(tp).map_or(0, |p| p.isr.len());
    let message = format!(
        "{}: {isr} replicas are in sync and acks=all needs min.insync.replicas = {}; start the missing brokers",
        broker.image().display_name(tp),
        broker.min_isr(tp),
    );
    Refused::new(ErrorCode::NotEnoughReplicas, message)
}

/// What the header alone shows. Control batches are the coordinators' own, and who writes in a transaction says in which.
fn check_header(version: i16, transactional: bool, records: &bytes::Bytes) -> Result<(), Refused> {
    match BatchHeader::parse(records) {
        Ok(header) if header.attributes.is_control() => {
            let message = "control batches are not taken from clients";
            Err(Refused::new(ErrorCode::InvalidRecord, message))
        }
        Ok(header) if header.attributes.is_transactional() != transactional => {
            let message = "a request with a transactional id carries transactional batches, and no other does";
            Err(Refused::new(ErrorCode::InvalidRecord, message))
        }
        Ok(header)
            if version < ZSTD_FROM
                && header.attributes.compression_id() == Compression::Zstd.id() =>
        {
            Err(ErrorCode::UnsupportedCompressionType.into())
        }
        // Everything else is for the log to judge.
        _ => Ok(()),
    }
}

fn refusal(index: i32, refused: Refused) -> ProducePartitionResponse {
    let mut response = ProducePartitionResponse::failed(index, refused.error, refused.message);
    response.record_faults = refused.faults;
    response
}

impl Broker {
    /// A partition as a request means it. A broker that is not in the cluster yet cannot know that
    /// something does not exist; clients ask another one.
    pub(crate) fn resolve(
        &self,
        topic: &TopicRef,
        partition: i32,
    ) -> Result<TopicPartition, ErrorCode> {
        self.look_up(topic, partition).map_err(|unknown| {
            if self.opened {
                unknown
            } else {
                ErrorCode::NotLeaderOrFollower
            }
        })
    }

    fn look_up(&self, topic: &TopicRef, partition: i32) -> Result<TopicPartition, ErrorCode> {
        let image = self.image();
        let topic = match topic {
            TopicRef::Name(name) => image
                .topic_by_name(name)
                .ok_or(ErrorCode::UnknownTopicOrPartition)?,
            TopicRef::Id(id) => image.topics.get(id).ok_or(ErrorCode::UnknownTopicId)?,
        };
        let tp = TopicPartition::new(topic.id, partition);
        match image.partition(tp) {
            Some(_) => Ok(tp),
            None => Err(ErrorCode::UnknownTopicOrPartition),
        }
    }
}
