//! The state as a checkpoint holds it, and back.
//! It writes no file: `checkpoint` does.
//!
//! ```text
//!  0 magic u32 | 4 format u16 | 6 zero u16 | 8 number u64 | 16 body_bytes u64 | 24 crc32c u32
//! 28 zero u32 | 32 body: postcard of Snapshot
//! ```
//! Little-endian; the CRC covers bytes 0..24 and the body.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use kring_wire::ids::{Offset, TopicPartition};
use postcard::ser_flavors::Flavor;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::TopicLogConfig;
use crate::journal::ring::{Geometry, Position};
use crate::lsn::Lsn;
use crate::partition::epochs::Epochs;
use crate::partition::producers::Producers;
use crate::partition::{Active, Partition};
use crate::segment::Segment;
use crate::state::State;

/// "KRCP", read as a little-endian number.
pub(crate) const MAGIC: u32 = 0x5043_524b;
/// Version of the checkpoint.
pub(crate) const FORMAT: u16 = 2;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 32;

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
        partition.reset(end, Producers::default());
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
        }
    }

    /// The state it holds.
    pub(crate) fn restore(self, now_ms: i64) -> Result<State, String> {
        let mut state = State::default();
        for partition in self.partitions {
            partition.restore(&mut state, now_ms)?;
        }
        for (key, value) in self.values {
            state.values.insert(key.into_owned(), value.into_owned());
        }
        Ok(state)
    }

    /// The whole file of checkpoint `number`.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        let start = File(vec![0; HEADER_BYTES]);
        let mut file = postcard::serialize_with_flavor(self, start)
            .expect("snapshots hold no type that postcard refuses");
        let body_bytes = (file.len() - HEADER_BYTES) as u64;
        file[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        file[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        file[8..16].copy_from_slice(&number.to_le_bytes());
        file[16..24].copy_from_slice(&body_bytes.to_le_bytes());
        let crc = checksum(&file);
        file[24..28].copy_from_slice(&crc.to_le_bytes());
        file
    }
}

/// A file that grows by whole slices; what postcard has for a vector appends byte by byte.
struct File(Vec<u8>);

impl Flavor for File {
    type Output = Vec<u8>;

    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }

    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        self.0.push(byte);
        Ok(())
    }

    fn finalize(self) -> postcard::Result<Vec<u8>> {
        Ok(self.0)
    }
}

/// Why a file is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    /// Torn, damaged or never written.
    Invalid(String),
    /// Written by another version.
    OtherFormat(u16),
}

/// Verifies a file and reads number and snapshot.
pub(crate) fn decode(file: &[u8]) -> Result<(u64, Snapshot<'static>), SnapshotError> {
    let invalid = |reason: &str| SnapshotError::Invalid(reason.to_owned());
    if file.len() < HEADER_BYTES {
        return Err(invalid("it is shorter than its header"));
    }
    if file[0..4] != MAGIC.to_le_bytes() {
        return Err(invalid("it does not begin like a checkpoint"));
    }
    let u64_at = |at: usize| {
        u64::from_le_bytes(
            file[at..at + 8]
                .try_into()
                .expect("the header was measured"),
        )
    };
    let end = usize::try_from(u64_at(16))
        .ok()
        .and_then(|body| body.checked_add(HEADER_BYTES))
        .filter(|end| *end <= file.len())
        .ok_or_else(|| invalid("it is cut off"))?;
    if checksum(&file[..end]).to_le_bytes() != file[24..28] {
        return Err(invalid("its checksum does not match"));
    }
    // Only now: a flipped bit must not look like another version.
    let format = u16::from_le_bytes([file[4], file[5]]);
    if format != FORMAT {
        return Err(SnapshotError::OtherFormat(format));
    }
    let snapshot = postcard::from_bytes(&file[HEADER_BYTES..end])
        .map_err(|e| SnapshotError::Invalid(e.to_string()))?;
    Ok((u64_at(8), snapshot))
}

fn checksum(file: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(&file[..24]);
    digest.update(&file[HEADER_BYTES..]);
    digest.finalize() as u32
}
