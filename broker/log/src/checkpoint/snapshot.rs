//! The state as a checkpoint holds it, and back.
//! It knows no file: `file` makes one of it, and `checkpoint` writes that.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use kring_wire::ids::{Offset, TopicPartition};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::TopicLogConfig;
use crate::journal::ring::{Geometry, Position};
use crate::lsn::Lsn;
use crate::partition::epochs::Epochs;
use crate::partition::producers::Producers;
use crate::partition::transactions::Transactions;
use crate::partition::{Active, Partition};
use crate::segment::Segment;
use crate::state::State;

/// Everything up to a block of the journal. One that is taken refers to the state, because a copy of
/// all segments would hold up the step that takes it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot<'a> {
    pub(crate) geometry: Geometry,
    /// Where the next block would go.
    pub(crate) position: Position,
    /// The last block that is covered, its CRC and its epoch.
    pub(crate) lsn: Lsn,
    pub(crate) crc: u32,
    pub(crate) epoch: u64,
    /// Whether that block closed the journal in order.
    pub(crate) clean: bool,
    pub(crate) partitions: Vec<PartitionSnapshot<'a>>,
    pub(crate) values: Vec<(Cow<'a, Bytes>, Cow<'a, Bytes>)>,
    /// Of the partitions that know any. They follow the rest, so that format 2 is the same without.
    #[serde(skip)]
    pub(super) transactions: Vec<(TopicPartition, Cow<'a, Transactions>)>,
    /// It was read from a file of an older format.
    #[serde(skip)]
    pub(crate) is_older: bool,
}

/// Which segments a checkpoint refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Segments {
    /// Those that are there; what they lack is in the checkpoint.
    AsTheyAre,
    /// Those that will be there once everything committed is written to them.
    Written,
}

/// A partition in a checkpoint.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PartitionSnapshot<'a> {
    tp: TopicPartition,
    topic_name: Cow<'a, str>,
    config: Cow<'a, TopicLogConfig>,
    log_start: Offset,
    high_watermark: Offset,
    /// Segments hold everything below.
    pub(crate) flushed_end: Offset,
    epochs: Cow<'a, Epochs>,
    producers: Cow<'a, Producers>,
    segments: Covered<'a>,
    cleaned_end: Offset,
    active_base: Offset,
    active_created_ms: i64,
    /// What could not be written to segments because it was not committed: segment and batches.
    unwritten: Vec<(Offset, Bytes)>,
}

/// The segments of a partition as they will be: those that stay as they are, and behind them those
/// that something is still written to.
#[derive(Debug, Default)]
struct Covered<'a> {
    as_they_are: [&'a [Segment]; 2],
    written: Vec<Segment>,
}

impl Covered<'_> {
    fn into_segments(self) -> VecDeque<Segment> {
        let as_they_are = self.as_they_are.into_iter().flatten().cloned();
        as_they_are.chain(self.written).collect()
    }
}

impl Serialize for Covered<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let [one, other] = self.as_they_are;
        let count = one.len() + other.len() + self.written.len();
        let all = one.iter().chain(other).chain(&self.written);
        let mut seq = to.serialize_seq(Some(count))?;
        for segment in all {
            seq.serialize_element(segment)?;
        }
        seq.end()
    }
}

impl<'de> Deserialize<'de> for Covered<'_> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(Covered {
            as_they_are: [&[], &[]],
            written: Vec::deserialize(from)?,
        })
    }
}

/// What a checkpoint says of a partition that differs from how the partition is.
struct Ahead {
    covered: Offset,
    /// How many segments stay as they are.
    kept: usize,
    written: Vec<Segment>,
    unwritten: Vec<(Offset, Bytes)>,
}

impl Ahead {
    /// Of a partition as it is, or as it will be when everything committed is written to segments.
    fn of(partition: &mut Partition, segments: Segments) -> Ahead {
        let flushed_end = match segments {
            Segments::AsTheyAre => partition.flushed_end,
            Segments::Written => partition
                .high_watermark
                .clamp(partition.flushed_end, partition.log_end),
        };
        let mut kept = partition.segments.len();
        let mut written: Vec<Segment> = Vec::new();
        let mut covered = partition.flushed_end;
        for (segment, batch) in partition.tail.batches_from(partition.flushed_end) {
            if batch.next_offset > flushed_end {
                break;
            }
            if written.last().is_none_or(|s| s.base_offset != segment) {
                let last = partition.segments.back();
                match last.filter(|s| written.is_empty() && s.base_offset == segment) {
                    Some(last) => {
                        kept -= 1;
                        written.push(last.clone());
                    }
                    None => written.push(Segment::new(segment, partition.active.created_ms)),
                }
            }
            written
                .last_mut()
                .expect("a segment was just ensured")
                .written(&batch.span());
            covered = batch.next_offset;
        }
        let mut unwritten = Vec::new();
        let mut from = covered;
        while from < partition.log_end {
            let slice = partition.tail.slice(from, Offset::MAX, usize::MAX);
            let Some(next) = slice.next_offset() else {
                break;
            };
            unwritten.push((slice.segment, Bytes::from(slice.parts.concat())));
            from = next;
        }
        Ahead {
            covered,
            kept,
            written,
            unwritten,
        }
    }
}

impl<'a> PartitionSnapshot<'a> {
    pub(crate) fn tp(&self) -> TopicPartition {
        self.tp
    }

    fn take(tp: TopicPartition, partition: &'a Partition, ahead: Ahead) -> PartitionSnapshot<'a> {
        let (one, other) = partition.segments.as_slices();
        let of_one = ahead.kept.min(one.len());
        PartitionSnapshot {
            tp,
            topic_name: Cow::Borrowed(&partition.topic_name),
            config: Cow::Borrowed(&partition.config),
            log_start: partition.log_start,
            high_watermark: partition.high_watermark,
            flushed_end: ahead.covered,
            epochs: Cow::Borrowed(&partition.epochs),
            producers: Cow::Borrowed(&partition.producers),
            segments: Covered {
                as_they_are: [&one[..of_one], &other[..ahead.kept - of_one]],
                written: ahead.written,
            },
            cleaned_end: partition.cleaned_end,
            active_base: partition.active.base_offset,
            active_created_ms: partition.active.created_ms,
            unwritten: ahead.unwritten,
        }
    }

    fn restore(self, state: &mut State, now_ms: i64) -> Result<(), String> {
        let tp = self.tp;
        let segments = self.segments.into_segments();
        let mut partition = Partition::new(tp, &self.topic_name, self.config.into_owned());
        let end = self.flushed_end;
        partition.reset(end, Producers::default(), Transactions::default());
        partition.log_start = self.log_start;
        partition.cleaned_end = self.cleaned_end;
        partition.segment_bytes = segments.iter().map(|s| s.file_bytes).sum();
        partition.dir_made = !segments.is_empty();
        let last = segments.back().map(|s| (s.base_offset, s.file_bytes));
        partition.segments = segments;
        let base_offset = self.unwritten.first().map_or(self.active_base, |(s, _)| *s);
        let bytes = last
            .filter(|(b, _)| *b == base_offset)
            .map_or(0, |(_, n)| n);
        partition.active = Active {
            base_offset,
            bytes,
            created_ms: self.active_created_ms,
            first_timestamp_ms: -1,
        };
        partition.tail = crate::partition::tail::Tail::new(end, base_offset);
        state.partitions.insert(tp, partition);
        for (segment, bytes) in self.unwritten {
            let partition = state.partitions.get_mut(&tp).expect("it was just inserted");
            if segment != partition.active.base_offset {
                partition.roll(self.active_created_ms);
            }
            state.replay_batches(tp, self.high_watermark, &bytes, now_ms)?;
        }
        let partition = state.partitions.get_mut(&tp).expect("it was just inserted");
        if self.active_base != partition.active.base_offset {
            partition.roll(self.active_created_ms);
        }
        partition.epochs = self.epochs.into_owned();
        partition.producers = self.producers.into_owned();
        partition.transactions = Transactions::default();
        partition.high_watermark = self.high_watermark;
        partition.durable_end = partition.log_end;
        Ok(())
    }
}

impl<'a> Snapshot<'a> {
    /// Takes the state as of the block before `position`.
    pub(crate) fn take(
        geometry: Geometry,
        position: Position,
        (lsn, crc, epoch): (Lsn, u32, u64),
        clean: bool,
        segments: Segments,
        state: &'a mut State,
    ) -> Snapshot<'a> {
        let partitions = state.partitions.values_mut();
        let ahead: Vec<Ahead> = partitions.map(|p| Ahead::of(p, segments)).collect();
        let state: &State = state;
        Snapshot {
            geometry,
            position,
            lsn,
            crc,
            epoch,
            clean,
            partitions: state
                .partitions
                .iter()
                .zip(ahead)
                .map(|((tp, partition), ahead)| PartitionSnapshot::take(*tp, partition, ahead))
                .collect(),
            values: state
                .values
                .iter()
                .map(|(key, value)| (Cow::Borrowed(key), Cow::Borrowed(value)))
                .collect(),
            transactions: state
                .partitions
                .iter()
                .filter(|(_, partition)| !partition.transactions.is_empty())
                .map(|(tp, partition)| (*tp, Cow::Borrowed(&partition.transactions)))
                .collect(),
            is_older: false,
        }
    }

    /// The state it holds.
    pub(crate) fn restore(self, now_ms: i64) -> Result<State, String> {
        let mut state = State::default();
        for partition in self.partitions {
            partition.restore(&mut state, now_ms)?;
        }
        for (tp, transactions) in self.transactions {
            let partition = state.partitions.get_mut(&tp);
            let partition =
                partition.ok_or_else(|| format!("transactions of {tp}, which is not there"))?;
            partition.transactions = transactions.into_owned();
        }
        for (key, value) in self.values {
            state.values.insert(key.into_owned(), value.into_owned());
        }
        Ok(state)
    }
}
