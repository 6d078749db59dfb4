//! WriteTxnMarkers (27), versions 1–2: ends transactions in partitions, for administrators that abort one that hangs.
//!
//! * Coordinators of this cluster have a message of their own for it. v2 adds the version of the transaction (KIP-1228),
//!   which changes nothing here: a marker with an epoch below the known one is refused whatever its version.
//! * Each partition answers for itself, when its marker is committed.
//! * The request is read here, because `kafka-protocol` has version 1 only.

use kafka_protocol::messages::write_txn_markers_response::{
    WritableTxnMarkerPartitionResult, WritableTxnMarkerResult, WritableTxnMarkerTopicResult,
};
use kafka_protocol::messages::{TopicName, WriteTxnMarkersResponse};
use kring_io::Now;
use kring_wire::{DecodeError, Decoder, EndTxnMarker, ErrorCode, TopicRef, TransactionOutcome};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::Output;
use crate::gather::Gather;
use crate::text::text;
use crate::transactions::{self, Topics};

/// Both versions of the answer have these bytes.
const ENCODED_VERSION: i16 = 1;
/// From here on a marker says which version its transaction has.
const TRANSACTION_VERSION_FROM: i16 = 2;
/// Bytes of the smallest element of each list.
const MARKER_BYTES_MIN: usize = 17;
const TOPIC_BYTES_MIN: usize = 3;
const PARTITION_BYTES: usize = 4;

struct Asked {
    end: EndTxnMarker,
    topics: Topics,
}

pub(crate) fn handle(
    broker: &mut Broker,
    now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let markers = read(&call)?;
    let count = markers.iter().flat_map(|marker| &marker.topics);
    let count = count.map(|(_, partitions)| partitions.len()).sum();
    let shape: Vec<_> = markers
        .iter()
        .map(|marker| (marker.end.producer_id, marker.topics.clone()))
        .collect();
    let gather = Gather::new(count, move |errors: Vec<ErrorCode>, out| {
        let answer = WriteTxnMarkersResponse::default().with_markers(rows(shape, &errors));
        caller.answer_as(&answer, ENCODED_VERSION, out);
    });
    gather.complete_if_empty(out);
    let mut slot = 0;
    for Asked { end, topics } in markers {
        for (topic, partitions) in topics {
            let topic = TopicRef::from(topic.as_str());
            for partition in partitions {
                let (gather, at) = (gather.clone(), slot);
                slot += 1;
                match broker.resolve(&topic, partition) {
                    Ok(tp) => transactions::write_marker(
                        broker,
                        now,
                        tp,
                        &end,
                        Box::new(move |_, _, result, out| {
                            gather.put(at, result.err().unwrap_or(ErrorCode::None), out);
                        }),
                        out,
                    ),
                    Err(error) => gather.put(at, error, out),
                }
            }
        }
    }
    Ok(())
}

fn read(call: &Call) -> Result<Vec<Asked>, DecodeError> {
    let mut body = Decoder::new(call.body.clone());
    let count = body.array("markers", true, MARKER_BYTES_MIN)?;
    let mut markers = Vec::with_capacity(count);
    for _ in 0..count {
        let producer_id = body.i64("producer id")?;
        let producer_epoch = body.i16("producer epoch")?;
        let outcome = match body.i8("transaction result")? {
            0 => TransactionOutcome::Abort,
            _ => TransactionOutcome::Commit,
        };
        let topics = read_topics(&mut body)?;
        let coordinator_epoch = body.i32("coordinator epoch")?;
        if call.caller.version >= TRANSACTION_VERSION_FROM {
            body.i8("transaction version")?;
        }
        body.skip_tags(true)?;
        let end = EndTxnMarker {
            producer_id,
            producer_epoch,
            coordinator_epoch,
            outcome,
        };
        markers.push(Asked { end, topics });
    }
    body.skip_tags(true)?;
    Ok(markers)
}

fn read_topics(body: &mut Decoder) -> Result<Topics, DecodeError> {
    let count = body.array("topics", true, TOPIC_BYTES_MIN)?;
    let mut topics = Vec::with_capacity(count);
    for _ in 0..count {
        let name = body.string("name", true)?.to_string();
        let count = body.array("partitions", true, PARTITION_BYTES)?;
        let partitions = (0..count).map(|_| body.i32("partition"));
        let partitions = partitions.collect::<Result<_, _>>()?;
        body.skip_tags(true)?;
        topics.push((name, partitions));
    }
    Ok(topics)
}

fn rows(shape: Vec<(i64, Topics)>, errors: &[ErrorCode]) -> Vec<WritableTxnMarkerResult> {
    let mut errors = errors.iter();
    let rows = shape.into_iter().map(|(producer_id, topics)| {
        let topics = topics.into_iter().map(|(name, partitions)| {
            let partitions = partitions.into_iter().map(|partition| {
                let error = errors
                    .next()
                    .copied()
                    .unwrap_or(ErrorCode::UnknownServerError);
                WritableTxnMarkerPartitionResult::default()
                    .with_partition_index(partition)
                    .with_error_code(error.code())
            });
            WritableTxnMarkerTopicResult::default()
                .with_name(TopicName(text(name)))
                .with_partitions(partitions.collect())
        });
        WritableTxnMarkerResult::default()
            .with_producer_id(producer_id.into())
            .with_topics(topics.collect())
    });
    rows.collect()
}
