//! Changes of partitions and of the values of other engines: applied at once, journaled with the
//! open commit group. Appends are the sequencer's.

use bytes::Bytes;
use kring_io::Now;
use kring_io::canary::{self, Canary};
use kring_wire::ids::{Offset, TopicPartition};

use crate::Log;
use crate::config::TopicLogConfig;
use crate::error::{AppendError, TruncateError};
use crate::event::LogEvent;
use crate::journal::record::Change;
use crate::lsn::Lsn;
use crate::partition::producers::Producers;
use crate::partition::transactions::Transactions;

impl Log {
    /// Makes an empty log; nothing when there is one. `topic_name` is only for the directory's name.
    pub fn create(&mut self, tp: TopicPartition, topic_name: &str, config: TopicLogConfig) {
        if !self.contains(tp) {
            self.change(&Change::Create {
                tp,
                topic_name: topic_name.to_owned(),
                config,
            });
        }
    }

    /// Changes the settings; nothing when they are the same or the partition is unknown.
    pub fn configure(&mut self, tp: TopicPartition, config: TopicLogConfig) {
        let known = self.state.partitions.get(&tp).map(|p| &p.config);
        if known.is_some_and(|known| *known != config) {
            self.change(&Change::Configure { tp, config });
        }
    }

    /// Removes the log and its files.
    pub fn delete(&mut self, tp: TopicPartition) {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return;
        };
        let (tail, dirty) = (partition.tail.bytes() as u64, partition.dirty_bytes);
        if self.change(&Change::Delete { tp }) != Lsn::NEVER {
            self.stats.tail_bytes -= tail;
            self.stats.tail_dirty_bytes -= dirty;
            self.cap_groups(tp, None);
        }
    }

    /// Removes everything from `to` on, with its epochs and producer state. Of a follower only.
    /// An offset inside of a batch removes the batch. At or beyond the end it changes nothing.
    ///
    /// # Errors
    /// [`TruncateError::BelowHighWatermark`] and the others; nothing was removed then.
    pub fn truncate(
        &mut self,
        _now: Now,
        tp: TopicPartition,
        to: Offset,
    ) -> Result<Lsn, TruncateError> {
        if let Err(AppendError::Stopped { reason }) = self.check_running() {
            return Err(TruncateError::Stopped { reason });
        }
        let partition = self
            .state
            .partitions
            .get(&tp)
            .ok_or(TruncateError::UnknownPartition(tp))?;
        if to >= partition.log_end {
            return Ok(self.appended_lsn());
        }
        let high_watermark = partition.high_watermark;
        // REP-2: what is below is committed.
        if to < high_watermark {
            return Err(TruncateError::BelowHighWatermark { to, high_watermark });
        }
        // Segments hold committed batches only, so that the batch is in the tail.
        let base = partition.tail.base_of(to).unwrap_or(to);
        if base < high_watermark {
            return Err(TruncateError::InsideBatch { to });
        }
        let (tail, dirty) = (partition.tail.bytes(), partition.dirty_bytes);
        let lsn = self.change(&Change::Truncate { tp, to: base });
        if let Some(partition) = self.state.partitions.get(&tp) {
            self.stats.tail_bytes -= (tail - partition.tail.bytes()) as u64;
            self.stats.tail_dirty_bytes -= dirty - partition.dirty_bytes;
        }
        self.cap_groups(tp, Some(base));
        Ok(lsn)
    }

    /// Empties the log and lets it start anew at `at`: of a follower whose log ends before the
    /// leader's begins. `producers` is what [`Log::producers_below`] gave there, or nothing.
    pub fn reset(&mut self, tp: TopicPartition, at: Offset, producers: &[u8]) {
        let (producers, transactions) = match told(producers) {
            Ok(told) => told,
            Err(error) => {
                tracing::error!(%tp, %error, "what was told of producers is not understood; the log begins without");
                Default::default()
            }
        };
        let Some(partition) = self.state.partitions.get(&tp) else {
            return;
        };
        let (tail, dirty) = (partition.tail.bytes() as u64, partition.dirty_bytes);
        let change = if transactions.is_empty() {
            Change::StartAnew { tp, at, producers }
        } else {
            Change::StartAnewWithTransactions {
                tp,
                at,
                producers,
                transactions,
            }
        };
        if self.change(&change) != Lsn::NEVER {
            self.stats.tail_bytes -= tail;
            self.stats.tail_dirty_bytes -= dirty;
            self.cap_groups(tp, None);
            self.events
                .push(LogEvent::LogStartMoved { tp, log_start: at });
        }
    }

    /// Raises the high watermark, at most to the log's end. Returns whether it moved. It is made
    /// durable with later appends and checkpoints.
    pub fn set_high_watermark(&mut self, tp: TopicPartition, high_watermark: Offset) -> bool {
        let Some(partition) = self.state.partitions.get_mut(&tp) else {
            return false;
        };
        let before = partition.high_watermark;
        partition.raise_high_watermark(high_watermark);
        partition.high_watermark > before
    }

    /// Removes everything below `offset`, at most up to the high watermark. Durable with the
    /// current group; [`LogEvent::LogStartMoved`] follows.
    pub fn set_log_start(&mut self, _now: Now, tp: TopicPartition, offset: Offset) {
        let Some(partition) = self.state.partitions.get(&tp) else {
            return;
        };
        let offset = offset.min(partition.high_watermark);
        if offset <= partition.log_start {
            return;
        }
        let change = Change::LogStart { tp, offset };
        if canary::is_on(Canary::LogStartForgotten) {
            let left = self.state.apply(&change);
            self.remove_leftovers(&change, left, self.appended_lsn());
            return;
        }
        if self.change(&change) != Lsn::NEVER {
            self.events.push(LogEvent::LogStartMoved {
                tp,
                log_start: offset,
            });
        }
    }

    /// Sets or removes a value of another engine's durable state. It is kept whole in memory and in
    /// every checkpoint; durable with the returned group, [`Lsn::NEVER`] once the log has stopped.
    ///
    /// # Panics
    /// When the value is larger than `state_value_bytes_max` or a journal file: the engine that
    /// puts it knows its bounds.
    pub fn put_state(&mut self, key: Vec<u8>, value: Option<Bytes>) -> Lsn {
        let value_bytes = value.as_ref().map_or(0, Bytes::len);
        assert!(
            value_bytes <= self.config.state_value_bytes_max,
            "a value of {value_bytes} bytes is above state_value_bytes_max"
        );
        self.change(&Change::State {
            key: key.into(),
            value,
        })
    }

    pub(crate) fn cap_groups(&mut self, tp: TopicPartition, to: Option<Offset>) {
        if let Some(journal) = self.journal.as_mut() {
            journal.cap(tp, to);
        }
    }
}

/// Reads what [`Log::producers_below`] gave. Versions without transactions give and read producers only.
fn told(bytes: &[u8]) -> Result<(Producers, Transactions), postcard::Error> {
    if bytes.is_empty() {
        return Ok(Default::default());
    }
    let (producers, rest) = postcard::take_from_bytes(bytes)?;
    let transactions = match rest {
        [] => Transactions::default(),
        rest => postcard::from_bytes(rest)?,
    };
    Ok((producers, transactions))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kring_wire::{BatchBuilder, BatchHeader};

    #[test]
    fn a_version_without_transactions_reads_what_is_told_of_producers() {
        let mut batch = BatchBuilder::new().transactional(3, 0);
        batch.push(1, None, Some(b"v"));
        let batch = batch.build();
        let header = BatchHeader::parse(&batch).unwrap();
        let (mut producers, mut transactions) = (Producers::default(), Transactions::default());
        producers.appended(&header, 0, 1);
        transactions.appended(&header, &batch, 0, 1);
        let bytes = postcard::to_allocvec(&(&producers, &transactions)).unwrap();
        assert_eq!(postcard::from_bytes(&bytes), Ok(producers.clone()));
        assert_eq!(told(&bytes), Ok((producers.clone(), transactions)));
        let older = postcard::to_allocvec(&producers).unwrap();
        assert_eq!(told(&older), Ok((producers, Transactions::default())));
        assert_eq!(told(&[]), Ok(Default::default()));
        assert!(told(&[1]).is_err());
    }
}
