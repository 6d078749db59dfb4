//! The ends of transactions: from the coordinator to the leaders of the partitions that were written to, and from there
//! to the high watermark.
//! When one is written again, the transaction engine decides.

use std::collections::BTreeMap;

use kring_io::{BrokerId, Now};
use kring_transactions::{MarkerId, TransactionEvent, TransactionVersion, WriteMarker};
use kring_wire::{EndTxnMarker, ErrorCode, Offset, TopicPartition, TopicRef, TransactionOutcome};

use super::message::{Marker, Message, Run, Topics};
use crate::broker::{Broker, Work};
use crate::calls::Done;
use crate::cluster;
use crate::event::Output;
use crate::route::peers::send_transactions;

/// Markers that were appended here and are not committed yet, by partition and the offset behind each.
#[derive(Default)]
pub(crate) struct MarkersUnderWay {
    next: u64,
    open: BTreeMap<(TopicPartition, Offset, u64), Done<Result<(), ErrorCode>>>,
}

impl MarkersUnderWay {
    /// Takes the first one of a partition that ends at or before `end`.
    fn take(&mut self, tp: TopicPartition, end: Offset) -> Option<Done<Result<(), ErrorCode>>> {
        let range = (tp, Offset::MIN, 0)..=(tp, end, u64::MAX);
        let key = *self.open.range(range).next()?.0;
        self.open.remove(&key)
    }
}

impl Marker {
    fn end(&self) -> EndTxnMarker {
        EndTxnMarker {
            producer_id: self.producer_id,
            producer_epoch: self.producer_epoch,
            coordinator_epoch: self.coordinator_epoch,
            outcome: if self.commit {
                TransactionOutcome::Commit
            } else {
                TransactionOutcome::Abort
            },
        }
    }
}

/// Writes the end of a transaction to a partition. `done` is called once: when the high watermark has passed it, when this
/// broker's term ends, or at once with the reason why it was not written.
pub(crate) fn write(
    broker: &mut Broker,
    now: Now,
    tp: TopicPartition,
    end: &EndTxnMarker,
    done: Done<Result<(), ErrorCode>>,
    out: &mut Output,
) {
    match broker.append_marker(now, tp, end, out) {
        Ok(last) if broker.high_watermark(tp) > last => done(broker, now, Ok(()), out),
        Ok(last) => {
            broker.markers.next += 1;
            let key = (tp, last + 1, broker.markers.next);
            broker.markers.open.insert(key, done);
        }
        Err(error) => done(broker, now, Err(error), out),
    }
}

/// Carries out what the engine asks: here where this broker leads, by a message where another does.
pub(super) fn send(broker: &mut Broker, now: Now, marker: &WriteMarker, out: &mut Output) {
    let mut by_leader: BTreeMap<BrokerId, Topics> = BTreeMap::new();
    for (topic, partitions) in &marker.topics {
        for partition in partitions {
            match leader_of(broker, topic, *partition) {
                Ok(leader) => add(by_leader.entry(leader).or_default(), topic, *partition),
                Err(error) => tell_engine(broker, marker.id, topic, *partition, Err(error)),
            }
        }
    }
    let own = broker.id();
    let run = broker.identity.incarnation;
    let id = marker.id.0;
    for (leader, topics) in by_leader {
        let marker = Marker {
            producer_id: marker.producer_id,
            producer_epoch: marker.producer_epoch,
            coordinator_epoch: marker.coordinator_epoch,
            commit: marker.commit,
            raises_epoch: marker.version == TransactionVersion::V2,
            topics,
        };
        if leader == own {
            write_here(broker, now, id, &marker, out);
        } else {
            let message = Message::Write { run, id, marker };
            send_transactions(leader, message.encode(), out);
        }
    }
}

fn add(topics: &mut Topics, topic: &str, partition: i32) {
    match topics.last_mut() {
        Some((last, partitions)) if last == topic => partitions.push(partition),
        _ => topics.push((topic.to_owned(), vec![partition])),
    }
}

/// A topic that this broker does not know was deleted: who wrote to it knew it, and so did the coordinator then.
fn leader_of(broker: &Broker, topic: &str, partition: i32) -> Result<BrokerId, ErrorCode> {
    let unknown = ErrorCode::UnknownTopicOrPartition;
    let (id, _) = cluster::topic_by_name(broker.image(), topic).ok_or(unknown)?;
    let state = broker.image().partition(TopicPartition::new(id, partition));
    state
        .ok_or(unknown)?
        .leader
        .ok_or(ErrorCode::LeaderNotAvailable)
}

fn tell_engine(
    broker: &mut Broker,
    id: MarkerId,
    topic: &str,
    partition: i32,
    result: Result<(), ErrorCode>,
) {
    broker
        .work
        .push_back(Work::Transactions(TransactionEvent::MarkerWritten {
            id,
            topic: topic.to_owned(),
            partition,
            result,
        }));
}

fn write_here(broker: &mut Broker, now: Now, id: u64, marker: &Marker, out: &mut Output) {
    each(broker, now, marker, out, |topic, partition| {
        let topic = topic.to_owned();
        Box::new(move |broker, _, result, _| {
            tell_engine(broker, MarkerId(id), &topic, partition, result);
        })
    });
}

/// Another broker coordinates a transaction that wrote to partitions of this one.
pub(super) fn asked(
    broker: &mut Broker,
    now: Now,
    from: BrokerId,
    run: Run,
    id: u64,
    marker: &Marker,
    out: &mut Output,
) {
    each(broker, now, marker, out, |topic, partition| {
        let topic = topic.to_owned();
        Box::new(move |_, _, result, out| {
            let error = result.err().unwrap_or(ErrorCode::None).code();
            let message = Message::Written {
                run,
                id,
                topic,
                partition,
                error,
            };
            send_transactions(from, message.encode(), out);
        })
    });
}

fn each(
    broker: &mut Broker,
    now: Now,
    marker: &Marker,
    out: &mut Output,
    done: impl Fn(&str, i32) -> Done<Result<(), ErrorCode>>,
) {
    let end = marker.end();
    for (topic, partitions) in &marker.topics {
        let name = TopicRef::from(topic.as_str());
        for partition in partitions {
            let done = done(topic, *partition);
            match broker.resolve(&name, *partition) {
                // The next transaction is under way, so the marker was written: this is an attempt that was late.
                Ok(tp)
                    if marker.raises_epoch
                        && broker.is_in_transaction(tp, end.producer_id, end.producer_epoch) =>
                {
                    done(broker, now, Ok(()), out);
                }
                Ok(tp) => write(broker, now, tp, &end, done, out),
                // This broker may lag behind the coordinator's image: only that one knows what was deleted.
                Err(_) => done(broker, now, Err(ErrorCode::NotLeaderOrFollower), out),
            }
        }
    }
}

/// Another broker has written a marker, or not.
pub(super) fn written_there(
    broker: &mut Broker,
    run: Run,
    id: u64,
    topic: String,
    partition: i32,
    error: i16,
) {
    if run != broker.identity.incarnation {
        return;
    }
    let result = match ErrorCode::from_code(error) {
        Some(ErrorCode::None) => Ok(()),
        Some(error) => Err(error),
        None => Err(ErrorCode::UnknownServerError),
    };
    tell_engine(broker, MarkerId(id), &topic, partition, result);
}

/// The high watermark of a partition moved.
pub(crate) fn committed(
    broker: &mut Broker,
    now: Now,
    tp: TopicPartition,
    high_watermark: Offset,
    out: &mut Output,
) {
    while let Some(done) = broker.markers.take(tp, high_watermark) {
        done(broker, now, Ok(()), out);
    }
}

/// This broker's term as the leader of a partition ended: whether its markers stay, the next leader knows.
pub(crate) fn leadership_ended(
    broker: &mut Broker,
    now: Now,
    tp: TopicPartition,
    out: &mut Output,
) {
    while let Some(done) = broker.markers.take(tp, Offset::MAX) {
        done(broker, now, Err(ErrorCode::NotLeaderOrFollower), out);
    }
}
