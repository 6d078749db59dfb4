//! Which leader epoch begins at which offset of a partition's log.
//! It learns epochs from batches only.

use kring_wire::ids::{LeaderEpoch, Offset};
use serde::{Deserialize, Serialize};

/// Epochs with the offset of their first batch, both rising.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Epochs(Vec<(LeaderEpoch, Offset)>);

impl Epochs {
    /// A batch of `epoch` is appended at `offset`. Batches without an epoch say nothing.
    pub(crate) fn appended(&mut self, epoch: LeaderEpoch, offset: Offset) {
        if epoch >= 0 && self.last() < epoch {
            self.0.push((epoch, offset));
        }
    }

    /// The epoch of the last batch, −1 when there is none.
    pub(crate) fn last(&self) -> LeaderEpoch {
        self.0.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// The largest epoch that is not above `epoch`, and where it ends in a log that ends at
    /// `log_end`.
    pub(crate) fn end_of(
        &self,
        epoch: LeaderEpoch,
        log_end: Offset,
    ) -> Option<(LeaderEpoch, Offset)> {
        let after = self.0.partition_point(|(known, _)| *known <= epoch);
        let (found, _) = self.0[..after].last()?;
        let end = self.0.get(after).map_or(log_end, |(_, start)| *start);
        Some((*found, end))
    }

    /// The epoch of the batch that holds `offset`, −1 when none is known there.
    pub(crate) fn at(&self, offset: Offset) -> LeaderEpoch {
        let after = self.0.partition_point(|(_, start)| *start <= offset);
        self.0[..after].last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// Whether a batch at `offset` may say that it is of `epoch`. Its checksum does not cover this.
    pub(crate) fn agree(&self, epoch: LeaderEpoch, offset: Offset) -> bool {
        let after = self.0.partition_point(|(_, start)| *start <= offset);
        let known = self.0[..after].last();
        epoch == -1 || known.is_none_or(|(known, _)| *known == epoch)
    }

    /// The log now ends at `to`.
    pub(crate) fn truncate(&mut self, to: Offset) {
        self.0.retain(|(_, start)| *start < to);
    }

    /// The log now starts at `from`: the epoch that holds it stays, beginning there.
    pub(crate) fn trim(&mut self, from: Offset) {
        let after = self.0.partition_point(|(_, start)| *start <= from);
        self.0.drain(..after.saturating_sub(1));
        if let Some((_, start)) = self.0.first_mut() {
            *start = (*start).max(from);
        }
    }

    /// The log is empty.
    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epochs() -> Epochs {
        let mut epochs = Epochs::default();
        for (epoch, offset) in [(0, 0), (0, 5), (2, 10), (2, 15), (5, 20)] {
            epochs.appended(epoch, offset);
        }
        epochs
    }

    #[test]
    fn an_epoch_ends_where_the_next_one_begins() {
        let epochs = epochs();
        assert_eq!(epochs.end_of(0, 30), Some((0, 10)));
        assert_eq!(epochs.end_of(1, 30), Some((0, 10)));
        assert_eq!(epochs.end_of(2, 30), Some((2, 20)));
        assert_eq!(epochs.end_of(9, 30), Some((5, 30)));
        assert_eq!(epochs.end_of(-1, 30), None);
        assert_eq!([9, 10, 19, 20].map(|at| epochs.at(at)), [0, 2, 2, 5]);
        assert_eq!(epochs.at(-1), -1);
    }

    #[test]
    fn a_batch_agrees_with_the_epoch_that_holds_its_offset() {
        let mut epochs = epochs();
        assert!(epochs.agree(0, 9) && epochs.agree(2, 10) && epochs.agree(5, 99));
        assert!(!epochs.agree(2, 9) && !epochs.agree(0, 10) && !epochs.agree(i32::MIN, 12));
        epochs.trim(12);
        assert!(epochs.agree(7, 3), "of what was removed nothing is known");
    }

    #[test]
    fn truncation_forgets_epochs_that_began_later() {
        let mut epochs = epochs();
        epochs.truncate(20);
        assert_eq!((epochs.last(), epochs.end_of(9, 20)), (2, Some((2, 20))));
    }

    #[test]
    fn the_epoch_that_holds_the_log_start_stays() {
        let mut epochs = epochs();
        epochs.trim(12);
        assert_eq!(epochs.end_of(0, 30), None);
        assert_eq!(epochs.end_of(2, 30), Some((2, 20)));
        assert_eq!(epochs.0[0], (2, 12));
    }
}
