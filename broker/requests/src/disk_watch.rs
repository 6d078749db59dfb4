//! Notices a disk that hangs (CTL-5): one that neither completes a journal write nor fails it.
//! It fences nobody; the controller does, because this broker then no longer claims to be able.

use std::time::Duration;

use kring_controller::ControllerEvent;
use kring_io::{Instant, Now};

use crate::broker::{Broker, Work};

/// What is known of the disk.
#[derive(Debug, Default)]
pub(crate) struct DiskWatch {
    /// It hangs, as the controller was told.
    hangs: bool,
    /// Since when it has answered in time again, while `hangs`.
    answers_since: Option<Instant>,
    /// How often it began to hang.
    pub(crate) hangs_total: u64,
}

impl DiskWatch {
    /// Whether this broker gives up its leaderships because the disk does not answer.
    pub(crate) fn hangs(&self) -> bool {
        self.hangs
    }
}

impl Broker {
    /// CTL-5: tells the controller when the disk begins to hang, and when it has answered for long enough:
    /// one that answers now and then must not take the leaderships to and fro.
    pub(crate) fn watch_disk(&mut self, now: Now) {
        let limit = Duration::from_millis(self.config.disk_hang_ms);
        if limit.is_zero() || self.controller.is_none() {
            return;
        }
        let since = self.log.disk_awaited_since();
        let late = since.is_some_and(|since| now.mono.since(since) >= limit);
        let watch = &mut self.disk_watch;
        let hangs = if late {
            watch.answers_since = None;
            true
        } else {
            let since = *watch.answers_since.get_or_insert(now.mono);
            watch.hangs && now.mono.since(since) < limit
        };
        if hangs == watch.hangs {
            return;
        }
        watch.hangs = hangs;
        watch.hangs_total += u64::from(hangs);
        let limit_ms = self.config.disk_hang_ms;
        if hangs {
            tracing::error!(
                limit_ms,
                "the disk hangs: a journal write was not answered in time; this broker gives up its leaderships until the disk answers. Look at the device"
            );
        } else {
            tracing::info!("the disk answers again: this broker may lead");
        }
        self.work
            .push_back(Work::Controller(ControllerEvent::DiskHangs(hangs)));
    }

    /// When something is to be noticed next.
    pub(crate) fn disk_watch_deadline(&self, now: Now) -> Option<Instant> {
        let limit = Duration::from_millis(self.config.disk_hang_ms);
        if limit.is_zero() || self.controller.is_none() {
            return None;
        }
        let watch = &self.disk_watch;
        let late_at = self.log.disk_awaited_since().map(|since| since + limit);
        let healthy_at = watch.answers_since.filter(|_| watch.hangs);
        let healthy_at = healthy_at.map(|since| since + limit);
        [late_at, healthy_at]
            .into_iter()
            .flatten()
            .filter(|at| *at > now.mono)
            .min()
    }
}
