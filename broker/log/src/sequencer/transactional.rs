//! What coordinators have a leader append: offsets that clients commit within a transaction, and
//! the markers that end transactions. It decides no outcome and sends nothing to other partitions.

use bytes::Bytes;
use kring_io::Now;
use kring_wire::ids::{LeaderEpoch, TopicPartition};
use kring_wire::{BatchHeader, EndTxnMarker};

use super::check::{check_unsequenced, refused};
use crate::Log;
use crate::error::AppendError;
use crate::event::Appended;

impl Log {
    /// Appends one batch of a transaction that a coordinator made, as the leader of `epoch`. It has the producer's id
    /// and epoch and no sequence, so that neither gaps nor duplicates are recognised.
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`] where a newer epoch of the producer is known, and the others; nothing was
    /// appended then.
    pub fn append_transactional_offsets(
        &mut self,
        now: Now,
        tp: TopicPartition,
        epoch: LeaderEpoch,
        records: Bytes,
    ) -> Result<Appended, AppendError> {
        let partition = self.led(tp, epoch)?;
        let header = check_unsequenced(&partition.config, &records, now.wall_ms)?;
        partition.check_unsequenced(&header)?;
        self.push_as_leader(now, tp, epoch, &header, &records, -1)
    }

    /// Appends the marker that ends a producer's transaction, as the leader of `epoch`. Where none is open it is
    /// appended all the same, because it raises the producer's epoch.
    ///
    /// # Errors
    /// [`AppendError::InvalidProducerEpoch`] and [`AppendError::CoordinatorFenced`] where a newer epoch of the producer
    /// or of its coordinator is known, and those that the room gives; nothing was appended then.
    pub fn append_marker(
        &mut self,
        now: Now,
        tp: TopicPartition,
        epoch: LeaderEpoch,
        marker: &EndTxnMarker,
    ) -> Result<Appended, AppendError> {
        let partition = self.led(tp, epoch)?;
        partition.check_marker(marker)?;
        let records = marker.build(now.wall_ms);
        let header = BatchHeader::parse(&records).map_err(refused)?;
        self.push_as_leader(now, tp, epoch, &header, &records, -1)
    }
}
