//! What clients have in common that ask the leader of one partition one question at a time: when to ask, whom, and what becomes of silence.
//! It knows no question.

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant};

use super::calls::{Call, Calls};
use super::metadata::Metadata;
use super::{ClientEvent, ClientOutput};
use crate::history::Partition;
use crate::topics::Topic;

/// The asking side of a client. `T` says what each question is about.
#[derive(Debug)]
pub(super) struct Asker<T> {
    pub(super) topic: Topic,
    pub(super) partition: Partition,
    pub(super) calls: Calls<T>,
    metadata: Metadata,
    try_at: Instant,
    finishing: bool,
}

impl<T> Asker<T> {
    pub(super) fn new(topic: Topic, index: i32, brokers: Vec<BrokerId>) -> Asker<T> {
        Asker {
            topic,
            partition: topic.partition(index),
            calls: Calls::default(),
            metadata: Metadata::new(topic.name, brokers, index.unsigned_abs() as usize),
            try_at: Instant(0),
            finishing: false,
        }
    }

    /// Takes an event, after which the next question waits for `pause`. Gives the question that was
    /// answered, and its answer.
    pub(super) fn take(
        &mut self,
        now: Instant,
        event: ClientEvent,
        pause: Duration,
    ) -> Option<(Call<T>, Bytes)> {
        match event {
            ClientEvent::Answer(answer) => match self.calls.answered(&answer) {
                Some(call) => {
                    self.try_at = now + pause;
                    return Some((call, answer));
                }
                None => {
                    self.metadata.answered(&answer);
                }
            },
            ClientEvent::Disconnected(broker) => {
                self.metadata.disconnected(broker);
                if !self.calls.disconnected(broker).is_empty() {
                    self.forget_leader();
                    self.try_at = now + pause;
                }
            }
            ClientEvent::Wake => {}
        }
        None
    }

    /// The leader, when it is time for a question; asks who leads where that is unknown.
    pub(super) fn turn(&mut self, now: Instant, out: &mut ClientOutput) -> Option<BrokerId> {
        if !self.calls.expired(now).is_empty() {
            self.forget_leader();
        }
        if !self.calls.is_empty() || self.try_at > now || self.finishing {
            return None;
        }
        let leader = self.metadata.leader(self.partition.index);
        if leader.is_none() {
            let correlation = self.calls.correlate();
            self.metadata.ask(now, correlation, out);
            self.try_at = now + Duration::from_millis(50);
        }
        leader
    }

    /// An answer said that somebody else leads, or nothing of use.
    pub(super) fn forget_leader(&mut self) {
        self.metadata.forget(self.partition.index);
    }

    /// Wishes the next wake.
    pub(super) fn wish(&self, now: Instant, out: &mut ClientOutput) {
        out.wake_at = match self.calls.next_until() {
            Some(until) => Some(until),
            None if self.finishing => None,
            None => Some(self.try_at.max(now + Duration::from_millis(1))),
        };
    }

    pub(super) fn finish(&mut self) {
        self.finishing = true;
    }

    pub(super) fn is_idle(&self) -> bool {
        self.finishing
    }
}
