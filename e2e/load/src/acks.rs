//! The account of acknowledgements: where each record was put, how long that took, and each partition's pauses.
//! It reads no clock; times are arguments.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use kring_load::{AckLatency, PartitionReport};

/// Longer ones count as this long.
const LONGEST_LATENCY_US: u64 = 3_600_000_000;

/// A place in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) partition: i32,
    pub(crate) offset: i64,
}

/// What happened to the records that were sent. All times count from the start of the run.
pub(crate) struct Acks {
    /// By sequence number.
    positions: Vec<Option<Position>>,
    sent_at: Vec<Duration>,
    acknowledged: u64,
    errors: u64,
    first_error: Option<String>,
    latency_us: Histogram<u64>,
    partitions: BTreeMap<i32, Pauses>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pauses {
    acknowledged: u64,
    last: Duration,
    longest: Duration,
    longest_at: Duration,
}

impl Acks {
    pub(crate) fn new() -> Self {
        Self {
            positions: Vec::new(),
            sent_at: Vec::new(),
            acknowledged: 0,
            errors: 0,
            first_error: None,
            latency_us: Histogram::new_with_max(LONGEST_LATENCY_US, 3)
                .expect("3 significant digits up to an hour are allowed"),
            partitions: BTreeMap::new(),
        }
    }

    /// The next record goes to the client library; answers its sequence number.
    pub(crate) fn sending(&mut self, now: Duration) -> u64 {
        self.positions.push(None);
        self.sent_at.push(now);
        self.sent_at.len() as u64 - 1
    }

    pub(crate) fn acknowledged(&mut self, now: Duration, sequence: u64, position: Position) {
        let index = usize::try_from(sequence).expect("a sequence number fits in memory");
        self.positions[index] = Some(position);
        self.acknowledged += 1;
        let latency = now.saturating_sub(self.sent_at[index]);
        self.latency_us
            .saturating_record(latency.as_micros().try_into().unwrap_or(u64::MAX));
        let pauses = self.partitions.entry(position.partition).or_default();
        if pauses.acknowledged > 0 {
            let pause = now.saturating_sub(pauses.last);
            if pause > pauses.longest {
                pauses.longest = pause;
                pauses.longest_at = pauses.last;
            }
        }
        pauses.acknowledged += 1;
        pauses.last = now;
    }

    pub(crate) fn failed(&mut self, error: String) {
        self.errors += 1;
        self.first_error.get_or_insert(error);
    }

    pub(crate) fn sent_count(&self) -> u64 {
        self.sent_at.len() as u64
    }

    pub(crate) fn acknowledged_count(&self) -> u64 {
        self.acknowledged
    }

    pub(crate) fn error_count(&self) -> u64 {
        self.errors
    }

    pub(crate) fn first_error(&self) -> Option<String> {
        self.first_error.clone()
    }

    /// By sequence number: where the record was acknowledged, if it was.
    pub(crate) fn positions(&self) -> &[Option<Position>] {
        &self.positions
    }

    pub(crate) fn latency(&self) -> AckLatency {
        let ms = |us: u64| us as f64 / 1000.0;
        AckLatency {
            p50_ms: ms(self.latency_us.value_at_quantile(0.5)),
            p99_ms: ms(self.latency_us.value_at_quantile(0.99)),
            max_ms: ms(self.latency_us.max()),
        }
    }

    pub(crate) fn partitions(&self) -> Vec<PartitionReport> {
        self.partitions
            .iter()
            .map(|(partition, pauses)| PartitionReport {
                partition: *partition,
                acknowledged: pauses.acknowledged,
                longest_pause_ms: pauses.longest.as_secs_f64() * 1000.0,
                longest_pause_at_seconds: pauses.longest_at.as_secs_f64(),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn a_pause_is_measured_per_partition() {
        let mut acks = Acks::new();
        let at = |partition, offset| Position { partition, offset };
        for _ in 0..4 {
            acks.sending(ms(0));
        }
        acks.acknowledged(ms(10), 0, at(0, 0));
        acks.acknowledged(ms(20), 1, at(1, 0));
        acks.acknowledged(ms(30), 2, at(1, 1));
        acks.acknowledged(ms(510), 3, at(0, 1));
        let partitions = acks.partitions();
        assert_eq!(partitions[0].longest_pause_ms.round(), 500.0);
        assert_eq!(partitions[0].longest_pause_at_seconds, 0.01);
        assert_eq!(partitions[1].longest_pause_ms.round(), 10.0);
        assert_eq!(acks.acknowledged_count(), 4);
        assert!(acks.latency().max_ms >= 509.0);
    }
}
