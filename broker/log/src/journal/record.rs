//! What a commit group is made of: batches of a partition, and changes of state.
//! It applies nothing; live changes and replay do, from the same records.
//!
//! ```text
//! 0 kind u8 | 1 body_bytes u32 | 5 body
//! kind 1, batches: 0 topic id 16 bytes | 16 partition i32 | 20 high watermark i64 | 28 batches
//! kind 2, change:  postcard of Change
//! ```

use bytes::{Buf, Bytes};
use kring_wire::ids::{Offset, TopicId, TopicPartition};
use serde::{Deserialize, Serialize};

use crate::config::TopicLogConfig;
use crate::partition::producers::Producers;
use crate::partition::transactions::{MarkersCleaned, Transactions};
use crate::segment::Segment;

const KIND_BATCHES: u8 = 1;
const KIND_CHANGE: u8 = 2;
/// Kind and length before each body.
pub(crate) const RECORD_HEADER_BYTES: usize = 5;
/// Topic id, partition and high watermark before the batches.
const BATCHES_HEADER_BYTES: usize = 28;
/// What a record of batches takes besides the batches.
pub(crate) const BATCHES_OVERHEAD_BYTES: usize = RECORD_HEADER_BYTES + BATCHES_HEADER_BYTES;

/// A change of state that is not batches. The order of the variants is part of the format.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Change {
    /// A run begins.
    Start,
    /// A run ended in order: nothing follows but the start of the next.
    Clean,
    /// A new, empty partition.
    Create {
        tp: TopicPartition,
        topic_name: String,
        config: TopicLogConfig,
    },
    /// Its settings.
    Configure {
        tp: TopicPartition,
        config: TopicLogConfig,
    },
    /// A partition is gone.
    Delete { tp: TopicPartition },
    /// What follows goes to a new segment.
    Roll {
        tp: TopicPartition,
        base_offset: Offset,
        created_ms: i64,
    },
    /// A follower dropped its end.
    Truncate { tp: TopicPartition, to: Offset },
    /// A follower dropped everything.
    Reset { tp: TopicPartition, at: Offset },
    /// Everything below is gone.
    LogStart { tp: TopicPartition, offset: Offset },
    /// Compaction has rewritten neighbouring segments as one.
    Compacted {
        tp: TopicPartition,
        sources: Vec<(Offset, u32)>,
        segment: Segment,
        cleaned_end: Offset,
    },
    /// A value of another engine.
    State { key: Bytes, value: Option<Bytes> },
    /// A follower outside of the ISR dropped what was damaged and everything after it, whether
    /// committed or not.
    Discard { tp: TopicPartition, to: Offset },
    /// As [`Change::Reset`], with what the log before `at` would tell of producers.
    StartAnew {
        tp: TopicPartition,
        at: Offset,
        producers: Producers,
    },
    /// As [`Change::StartAnew`], where transactions are known, too.
    StartAnewWithTransactions {
        tp: TopicPartition,
        at: Offset,
        producers: Producers,
        transactions: Transactions,
    },
    /// As [`Change::Compacted`], where the run met markers of transactions.
    CompactedWithMarkers {
        tp: TopicPartition,
        sources: Vec<(Offset, u32)>,
        segment: Segment,
        cleaned_end: Offset,
        markers: MarkersCleaned,
    },
}

/// A record read back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    Batches {
        tp: TopicPartition,
        high_watermark: Offset,
        bytes: Bytes,
    },
    Change(Change),
}

/// The bytes before the batches of a record.
pub(crate) fn batches_header(
    tp: TopicPartition,
    high_watermark: Offset,
    batches_bytes: usize,
) -> [u8; BATCHES_OVERHEAD_BYTES] {
    let body = u32::try_from(BATCHES_HEADER_BYTES + batches_bytes)
        .expect("a record fits into a journal file");
    let mut header = [0; BATCHES_OVERHEAD_BYTES];
    header[0] = KIND_BATCHES;
    header[1..5].copy_from_slice(&body.to_le_bytes());
    header[5..21].copy_from_slice(&tp.topic.0);
    header[21..25].copy_from_slice(&tp.partition.to_le_bytes());
    header[25..33].copy_from_slice(&high_watermark.to_le_bytes());
    header
}

/// A change as a whole record.
pub(crate) fn encode_change(change: &Change) -> Vec<u8> {
    let start = vec![KIND_CHANGE, 0, 0, 0, 0];
    let mut record =
        postcard::to_extend(change, start).expect("changes hold no type that postcard refuses");
    let body = u32::try_from(record.len() - RECORD_HEADER_BYTES)
        .expect("a record fits into a journal file");
    record[1..5].copy_from_slice(&body.to_le_bytes());
    record
}

/// Takes the next record off a payload. `None`: what is there is not one.
pub(crate) fn take(payload: &mut Bytes) -> Option<Record> {
    if payload.len() < RECORD_HEADER_BYTES {
        return None;
    }
    let kind = payload.get_u8();
    let body_bytes = payload.get_u32_le() as usize;
    if body_bytes > payload.len() {
        return None;
    }
    let mut body = payload.split_to(body_bytes);
    match kind {
        KIND_BATCHES if body.len() >= BATCHES_HEADER_BYTES => {
            let mut topic = [0; 16];
            body.copy_to_slice(&mut topic);
            Some(Record::Batches {
                tp: TopicPartition::new(TopicId(topic), body.get_i32_le()),
                high_watermark: body.get_i64_le(),
                bytes: body,
            })
        }
        KIND_CHANGE => postcard::from_bytes(&body).ok().map(Record::Change),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_read_back_one_after_the_other() {
        let tp = TopicPartition::new(TopicId([3; 16]), 5);
        let change = Change::State {
            key: Bytes::from_static(b"k"),
            value: None,
        };
        let mut payload = batches_header(tp, 42, 3).to_vec();
        payload.extend_from_slice(b"abc");
        payload.extend(encode_change(&change));
        let mut payload = Bytes::from(payload);
        assert_eq!(
            take(&mut payload),
            Some(Record::Batches {
                tp,
                high_watermark: 42,
                bytes: Bytes::from_static(b"abc")
            })
        );
        assert_eq!(take(&mut payload), Some(Record::Change(change)));
        assert_eq!(take(&mut payload), None);
    }

    #[test]
    fn a_length_beyond_the_payload_is_no_record() {
        let mut payload = Bytes::from_static(&[1, 0xff, 0xff, 0xff, 0xff, 0]);
        assert_eq!(take(&mut payload), None);
    }
}
