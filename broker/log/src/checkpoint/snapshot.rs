//! The state as a checkpoint holds it, and back.
//! It writes no file: `checkpoint` does.
//!
//! ```text
//!  0 magic u32 | 4 format u16 | 6 zero u16 | 8 number u64 | 16 body_bytes u64 | 24 crc32c u32
//! 28 zero u32 | 32 body: postcard of Snapshot
//! ```
//! Little-endian; the CRC covers bytes 0..24 and the body.

use bytes::Bytes;
use kring_wire::ids::{Offset, TopicPartition};
use serde::{Deserialize, Serialize};

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
pub(crate) const FORMAT: u16 = 1;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 32;

/// Everything up to a block of the journal.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Snapshot {
    pub(crate) geometry: Geometry,
    /// Where the next block would go.
    pub(crate) position: Position,
    /// The last block that is covered, its CRC and its epoch.
    pub(crate) lsn: Lsn,
    pub(crate) crc: u32,
    pub(crate) epoch: u64,
    /// Whether that block closed the journal in order.
    pub(crate) clean: bool,
    pub(crate) partitions: Vec<PartitionSnapshot>,
    pub(crate) values: Vec<(Bytes, Bytes)>,
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
pub(crate) struct PartitionSnapshot {
    tp: TopicPartition,
    topic_name: String,
    config: TopicLogConfig,
    log_start: Offset,
    high_watermark: Offset,
    /// Segments hold everything below.
    pub(crate) flushed_end: Offset,
    epochs: Epochs,
    producers: Producers,
    segments: Vec<Segment>,
    cleaned_end: Offset,
    active_base: Offset,
    active_created_ms: i64,
    /// What could not be written to segments because it was not committed: segment and batches.
    unwritten: Vec<(Offset, Bytes)>,
}

impl PartitionSnapshot {
    pub(crate) fn tp(&self) -> TopicPartition {
        self.tp
    }

    /// The partition as it is, or as it will be when everything committed is written to segments.
    fn take(
        tp: TopicPartition,
        partition: &mut Partition,
        segments: Segments,
    ) -> PartitionSnapshot {
        let flushed_end = match segments {
            Segments::AsTheyAre => partition.flushed_end,
            Segments::Written => partition
                .high_watermark
                .clamp(partition.flushed_end, partition.log_end),
        };
        let mut segments: Vec<Segment> = partition.segments.iter().cloned().collect();
        let mut covered = partition.flushed_end;
        for (segment, batch) in partition.tail.batches_from(partition.flushed_end) {
            if batch.next_offset > flushed_end {
                break;
            }
            if segments.last().is_none_or(|s| s.base_offset != segment) {
                segments.push(Segment::new(segment, partition.active.created_ms));
            }
            segments
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
        PartitionSnapshot {
            tp,
            topic_name: partition.topic_name.clone(),
            config: partition.config.clone(),
            log_start: partition.log_start,
            high_watermark: partition.high_watermark,
            flushed_end: covered,
            epochs: partition.epochs.clone(),
            producers: partition.producers.clone(),
            segments,
            cleaned_end: partition.cleaned_end,
            active_base: partition.active.base_offset,
            active_created_ms: partition.active.created_ms,
            unwritten,
        }
    }

    fn restore(self, state: &mut State, now_ms: i64) -> Result<(), String> {
        let tp = self.tp;
        let mut partition = Partition::new(tp, &self.topic_name, self.config);
        let end = self.flushed_end;
        partition.reset(end);
        partition.log_start = self.log_start;
        partition.cleaned_end = self.cleaned_end;
        partition.segment_bytes = self.segments.iter().map(|s| s.file_bytes).sum();
        partition.dir_made = !self.segments.is_empty();
        let last = self.segments.last().map(|s| (s.base_offset, s.file_bytes));
        partition.segments = self.segments.into();
        let base_offset = self.unwritten.first().map_or(self.active_base, |(s, _)| *s);
        let bytes = last
            .filter(|(b, _)| *b == base_offset)
            .map_or(0, |(_, n)| n);
        partition.active = Active {
            base_offset,
            bytes,
            created_ms: self.active_created_ms,
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
        partition.epochs = self.epochs;
        partition.producers = self.producers;
        partition.high_watermark = self.high_watermark;
        partition.durable_end = partition.log_end;
        Ok(())
    }
}

impl Snapshot {
    /// Takes the state as of the block before `position`.
    pub(crate) fn take(
        geometry: Geometry,
        position: Position,
        (lsn, crc, epoch): (Lsn, u32, u64),
        clean: bool,
        segments: Segments,
        state: &mut State,
    ) -> Snapshot {
        Snapshot {
            geometry,
            position,
            lsn,
            crc,
            epoch,
            clean,
            partitions: state
                .partitions
                .iter_mut()
                .map(|(tp, partition)| PartitionSnapshot::take(*tp, partition, segments))
                .collect(),
            values: state
                .values
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
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
            state.values.insert(key, value);
        }
        Ok(state)
    }

    /// The whole file of checkpoint `number`.
    pub(crate) fn encode(&self, number: u64) -> Vec<u8> {
        let start = vec![0; HEADER_BYTES];
        let mut file =
            postcard::to_extend(self, start).expect("snapshots hold no type that postcard refuses");
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

/// Why a file is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotError {
    /// Torn, damaged or never written.
    Invalid(String),
    /// Written by a newer version.
    Newer(u16),
}

/// Verifies a file and reads number and snapshot.
pub(crate) fn decode(file: &[u8]) -> Result<(u64, Snapshot), SnapshotError> {
    let invalid = |reason: &str| SnapshotError::Invalid(reason.to_owned());
    if file.len() < HEADER_BYTES {
        return Err(invalid("it is shorter than its header"));
    }
    if file[0..4] != MAGIC.to_le_bytes() {
        return Err(invalid("it does not begin like a checkpoint"));
    }
    let format = u16::from_le_bytes([file[4], file[5]]);
    if format > FORMAT {
        return Err(SnapshotError::Newer(format));
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
