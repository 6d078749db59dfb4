//! The lag of the groups coordinated here: measured for a scrape, and sampled for how it develops.
//! It reads the groups' offsets and the ends of the logs, and changes neither.

mod ends;
mod history;
mod report;

use std::time::Duration;

use kring_io::{Instant, Now};

use crate::broker::Broker;
use crate::event::Output;

pub(crate) use ends::message;
pub(crate) use report::LagReport;
pub use report::{GroupOffsetMetrics, GroupTopicMetrics};

/// Samples of a window.
const SAMPLES: u32 = 20;

/// What is remembered between two samples, bounded by `kring.metrics.group.partitions.max`.
#[derive(Debug, Default)]
pub(crate) struct Lag {
    history: history::History,
    ends: ends::Ends,
    /// The last sample, for whoever can do with an answer of up to a twentieth of the window ago.
    sampled: LagReport,
    next_at: Option<Instant>,
}

impl Lag {
    /// What was found at the last sample.
    pub(crate) fn sampled(&self) -> &LagReport {
        &self.sampled
    }
}

/// Takes a sample when one is due. It sets no timer: a broker's heartbeats turn it more often than this.
pub(crate) fn tick(broker: &mut Broker, now: Now, out: &mut Output) {
    if broker.lag.next_at.is_some_and(|at| now.mono < at) {
        return;
    }
    let window = Duration::from_millis(broker.config.metrics_group_window_ms);
    let partitions_max = broker.config.metrics_group_partitions_max;
    broker.lag.next_at = Some(now.mono + window / SAMPLES);
    let mut report = broker.lag_now();
    let history = &mut broker.lag.history;
    history.sample(now.mono, window, &report, partitions_max);
    history.tell(&mut report);
    broker.lag.sampled = report;
    ends::ask(broker, out);
}

impl Broker {
    /// The lag as it is now, and how it developed up to the last sample. It visits every committed offset.
    pub(crate) fn lag_report(&self) -> LagReport {
        let mut report = self.lag_now();
        self.lag.history.tell(&mut report);
        report
    }
}
