//! The life of operator processes: start, round, turn, death.
//! What their requests do is in `api` and `admin`.

use std::time::Duration;

use kring_io::Instant;

use super::{Cloud, Due, Process};
use crate::operator::Operator;
use crate::port::Asked;

impl Cloud {
    /// Starts an operator after a pause, unless one is on its way already.
    pub(super) fn start_after(&mut self, pause: Duration) {
        if !self.starting {
            self.starting = true;
            self.later(self.now() + pause, Due::Start);
        }
    }

    pub(super) fn start_operator(&mut self) {
        self.starting = false;
        self.processes_started += 1;
        let (number, now) = (self.processes_started, self.now());
        self.trace.add(now, 20, number as i64, &[]);
        let process = Process {
            operator: Operator::start(&format!("operator-{number}"), now),
            next: None,
            began: now,
            dirty: false,
            lag: Duration::ZERO,
        };
        self.processes.insert(number, process);
        self.begin_at(number, now);
    }

    pub(super) fn kill(&mut self, number: u64) {
        self.trace.add(self.now(), 21, number as i64, &[]);
        self.processes.remove(&number);
        self.questions
            .retain(|_, question| question.process != number);
        self.counts.operator_kills += 1;
        if self.processes.is_empty() {
            let pause = Duration::from_millis(300 + self.random.below(3_000));
            self.start_after(pause);
        }
    }

    pub(super) fn begin_at(&mut self, number: u64, at: Instant) {
        if let Some(process) = self.processes.get_mut(&number)
            && process.next.is_none_or(|next| at < next)
        {
            process.next = Some(at);
            self.later(at, Due::Begin(number));
        }
    }

    pub(super) fn begin(&mut self, number: u64) {
        let now = self.now();
        let stale = self.one_in(self.trouble.stale_one_in);
        let lag = Duration::from_millis(300 + self.random.below(7_700));
        let Some(process) = self.processes.get_mut(&number) else {
            return;
        };
        if process.operator.is_busy() || process.next.is_none_or(|next| next > now) {
            return;
        }
        (process.next, process.began, process.dirty) = (None, now, false);
        process.lag = if stale { lag } else { Duration::ZERO };
        process.operator.begin("shop", "demo");
        self.counts.rounds += 1;
        self.counts.stale_rounds += u64::from(stale);
        self.turn(number);
    }

    pub(super) fn turn(&mut self, number: u64) {
        let now = self.now();
        let Some(process) = self.processes.get_mut(&number) else {
            return;
        };
        let (asked, ended) = process.operator.turn(now);
        for asked in asked {
            let at = now + Duration::from_micros(300 + self.random.below(3_000));
            match asked {
                Asked::Api(call, sender) => self.later(at, Due::Api(number, call, sender)),
                Asked::Admin(endpoint, call, sender) => {
                    self.later(at, Due::Admin(number, endpoint, call, sender));
                }
            }
        }
        let Some(ended) = ended else {
            return;
        };
        if let Some(error) = &ended.error {
            tracing::info!(at_ms = now.0 / 1_000_000, %error, "the round ended early");
        }
        let dirty = self.processes[&number].dirty;
        if dirty {
            let delay = Duration::from_millis(2 + self.random.below(40));
            self.begin_at(number, now + delay);
        }
        if let Some(pace) = ended.next_in {
            self.begin_at(number, now + pace);
        }
    }
}
