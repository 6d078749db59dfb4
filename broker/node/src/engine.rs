//! The engine thread: one loop that brings events to the broker and carries out what it asks.
//! It holds no logic of the broker and knows no protocol.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kring_edge::{Clients, Peers};
use kring_io::{Disk, Instant, Now};
use kring_io_linux::Clock;
use kring_requests::{AdminError, AdminRequest, Broker, Event, Output};
use thiserror::Error;

use crate::inbox::{AdminAnswer, Inbox, Item};

/// Events of one round, at most: a flood must not keep what is done from leaving.
const EVENTS_PER_ROUND_MAX: usize = 512;
/// Admin requests under way, at most.
const ADMIN_CALLS_MAX: usize = 256;

/// The broker cannot go on.
#[derive(Debug, Error)]
#[error("{0}")]
pub(crate) struct Fatal(pub(crate) String);

/// Where the broker's words go.
pub(crate) struct Outlets {
    pub(crate) clients: Clients,
    /// None for a broker that is alone.
    pub(crate) peers: Option<Peers>,
}

/// The loop's state.
pub(crate) struct Engine {
    broker: Broker,
    disk: Box<dyn Disk>,
    inbox: Arc<Inbox>,
    outlets: Outlets,
    clock: Clock,
    out: Output,
    wake_at: Option<Instant>,
    admin_calls: BTreeMap<u64, AdminAnswer>,
    next_admin_call: u64,
    stopped: bool,
}

impl Engine {
    /// A loop that has not turned yet. Make it on the thread of the disk driver.
    pub(crate) fn new(
        broker: Broker,
        disk: Box<dyn Disk>,
        inbox: Arc<Inbox>,
        outlets: Outlets,
        clock: Clock,
    ) -> Engine {
        Engine {
            broker,
            disk,
            inbox,
            outlets,
            clock,
            out: Output::default(),
            wake_at: None,
            admin_calls: BTreeMap::new(),
            next_admin_call: 0,
            stopped: false,
        }
    }

    /// Turns until the broker has stopped or cannot go on.
    pub(crate) fn run(mut self) -> Result<(), Fatal> {
        self.broker.start(self.clock.now(), &mut self.out);
        self.carry_out()?;
        let mut items = Vec::new();
        let mut done = Vec::new();
        while !self.stopped {
            let more = self.inbox.take(EVENTS_PER_ROUND_MAX, &mut items);
            if more || !items.is_empty() {
                self.disk.poll(&mut done);
            } else {
                self.disk.wait(self.time_to_wake(), &mut done);
                self.inbox.take(EVENTS_PER_ROUND_MAX, &mut items);
            }
            let now = self.clock.now();
            for done in done.drain(..) {
                self.broker.step(now, Event::Disk(done), &mut self.out);
            }
            for item in items.drain(..) {
                self.take(now, item);
            }
            if self.wake_at.is_some_and(|at| at <= now.mono) {
                self.wake_at = None;
                self.broker.step(now, Event::Wake, &mut self.out);
            }
            self.broker.finish(now, &mut self.out);
            self.carry_out()?;
        }
        Ok(())
    }

    fn time_to_wake(&self) -> Option<Duration> {
        let now = self.clock.now();
        self.wake_at.map(|at| at.since(now.mono))
    }

    fn take(&mut self, now: Now, item: Item) {
        match item {
            Item::Event(event, permit) => {
                self.broker.step(now, event, &mut self.out);
                // From here on the engine's own caps count what it keeps.
                drop(permit);
            }
            Item::Admin(request, answer) => self.take_admin(now, request, answer),
            Item::Metrics(answer) => {
                // Who asked may have given up; so below.
                let mut snapshot = self.broker.metrics();
                snapshot.wall_ms = now.wall_ms;
                let _ = answer.send(snapshot);
            }
            Item::Ping(answer) => {
                let _ = answer.send(());
            }
        }
    }

    fn take_admin(&mut self, now: Now, request: AdminRequest, answer: AdminAnswer) {
        if self.admin_calls.len() >= ADMIN_CALLS_MAX {
            self.admin_calls.retain(|_, answer| !answer.is_closed());
        }
        if self.admin_calls.len() >= ADMIN_CALLS_MAX {
            let _ = answer.send(Err(AdminError {
                error: kring_admin_api::error::UNAVAILABLE,
                message: format!("{ADMIN_CALLS_MAX} requests are under way; ask again"),
            }));
            return;
        }
        let id = self.next_admin_call;
        self.next_admin_call += 1;
        self.admin_calls.insert(id, answer);
        let event = Event::Admin { id, request };
        self.broker.step(now, event, &mut self.out);
    }

    /// Carries out what the broker asked since the last time.
    fn carry_out(&mut self) -> Result<(), Fatal> {
        let effects = &mut self.out.effects;
        for (id, op) in effects.disk.drain(..) {
            self.disk.submit(id, op);
        }
        self.outlets
            .clients
            .send(&mut effects.replies, &mut effects.close);
        match &mut self.outlets.peers {
            Some(peers) => {
                peers.learn(&mut effects.peers);
                peers.send(&mut effects.sends);
            }
            None => {
                effects.peers.clear();
                effects.sends.clear();
            }
        }
        if let Some(wish) = effects.wake_at.take() {
            self.wake_at = Some(self.wake_at.map_or(wish, |known| known.min(wish)));
        }
        for (id, answer) in self.out.admin.drain(..) {
            if let Some(call) = self.admin_calls.remove(&id) {
                let _ = call.send(answer);
            }
        }
        if self.out.stopped {
            self.stopped = true;
        }
        match self.out.fatal.take() {
            Some(reason) => Err(Fatal(reason)),
            None => Ok(()),
        }
    }
}
