//! Requests that a simulated client has under way, matched with their answers by correlation ids.
//! A client whose request is not answered in time gives the whole connection up, as real ones do.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::protocol::Request;
use kring_io::{BrokerId, Instant};

use super::{ClientOutput, codec};

/// A request under way.
#[derive(Clone, Debug)]
pub struct Call<T> {
    /// What it is about.
    pub about: T,
    /// Who was asked.
    pub broker: BrokerId,
    /// When it was sent.
    pub since: Instant,
    until: Instant,
}

/// Requests under way. `T` says what each is about.
#[derive(Debug)]
pub struct Calls<T> {
    next: i32,
    open: BTreeMap<i32, Call<T>>,
}

impl<T> Default for Calls<T> {
    fn default() -> Calls<T> {
        Calls {
            next: 0,
            open: BTreeMap::new(),
        }
    }
}

impl<T> Calls<T> {
    /// A correlation id that no request has.
    pub fn correlate(&mut self) -> i32 {
        self.next += 1;
        self.next
    }

    /// Sends a request that is given up after `patience`.
    #[expect(
        clippy::too_many_arguments,
        reason = "what a request needs, from its time to its patience"
    )]
    pub fn send<R: Request>(
        &mut self,
        now: Instant,
        broker: BrokerId,
        version: i16,
        request: &R,
        patience: Duration,
        about: T,
        out: &mut ClientOutput,
    ) {
        let correlation = self.correlate();
        out.sends
            .push((broker, codec::frame(correlation, version, request)));
        let call = Call {
            about,
            broker,
            since: now,
            until: now + patience,
        };
        self.open.insert(correlation, call);
    }

    /// The request that an answer is to; none if it was given up.
    pub fn answered(&mut self, answer: &Bytes) -> Option<Call<T>> {
        self.open.remove(&codec::correlation(answer)?)
    }

    /// Gives up what is under way to a broker, oldest first.
    pub fn disconnected(&mut self, broker: BrokerId) -> Vec<Call<T>> {
        let gone: Vec<i32> = self
            .open
            .iter()
            .filter(|(_, call)| call.broker == broker)
            .map(|(id, _)| *id)
            .collect();
        gone.iter().filter_map(|id| self.open.remove(id)).collect()
    }

    /// Gives up every connection on which a request has waited too long.
    pub fn expired(&mut self, now: Instant) -> Vec<Call<T>> {
        let mut gone = Vec::new();
        while let Some(late) = self.open.values().find(|call| call.until <= now) {
            gone.extend(self.disconnected(late.broker));
        }
        gone
    }

    /// Gives everything up, oldest first.
    pub fn drain(&mut self) -> Vec<Call<T>> {
        std::mem::take(&mut self.open).into_values().collect()
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether a request about something is under way.
    pub fn any(&self, mut about: impl FnMut(&T) -> bool) -> bool {
        self.open.values().any(|call| about(&call.about))
    }

    /// Whether something is under way to another broker than this one.
    pub fn any_elsewhere(&self, than: BrokerId, mut about: impl FnMut(&T) -> bool) -> bool {
        let mut calls = self.open.values();
        calls.any(|call| call.broker != than && about(&call.about))
    }

    /// When the next request has waited too long.
    #[must_use]
    pub fn next_until(&self) -> Option<Instant> {
        self.open.values().map(|call| call.until).min()
    }
}
