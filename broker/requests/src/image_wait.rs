//! Requests that wait until this broker has heard of something: a topic, more partitions, a deletion.
//! The active controller answers before every broker has applied what it committed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kring_io::{Instant, Now};

use crate::broker::Broker;
use crate::event::Output;

/// Waiting requests at most; past it they go on as if their time were over.
const WAITING_MAX: usize = 10_000;

type Ready = Box<dyn Fn(&Broker) -> bool + Send>;
type GoOn = Box<dyn FnOnce(&mut Broker, Now, &mut Output) + Send>;

struct Wait {
    deadline: Instant,
    ready: Ready,
    go_on: GoOn,
}

/// Requests that wait.
#[derive(Default)]
pub(crate) struct Waiting {
    next: u64,
    open: BTreeMap<u64, Wait>,
    by_deadline: BTreeSet<(Instant, u64)>,
}

impl Waiting {
    /// When the next request's time is over.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.by_deadline.first().map(|(at, _)| *at)
    }

    fn take(&mut self, id: u64) -> Option<Wait> {
        let wait = self.open.remove(&id)?;
        self.by_deadline.remove(&(wait.deadline, id));
        Some(wait)
    }
}

/// Goes on when `ready` holds, at the latest after `patience`.
pub(crate) fn until(
    broker: &mut Broker,
    now: Now,
    patience: Duration,
    ready: impl Fn(&Broker) -> bool + Send + 'static,
    go_on: impl FnOnce(&mut Broker, Now, &mut Output) + Send + 'static,
    out: &mut Output,
) {
    if ready(broker) || broker.image_wait.open.len() >= WAITING_MAX {
        go_on(broker, now, out);
        return;
    }
    let waiting = &mut broker.image_wait;
    waiting.next += 1;
    let id = waiting.next;
    let deadline = now.mono + patience;
    waiting.by_deadline.insert((deadline, id));
    let wait = Wait {
        deadline,
        ready: Box::new(ready),
        go_on: Box::new(go_on),
    };
    waiting.open.insert(id, wait);
}

/// The image changed: whoever has what it waits for goes on.
pub(crate) fn image_changed(broker: &mut Broker, now: Now, out: &mut Output) {
    let open = &broker.image_wait.open;
    let ready: Vec<u64> = open
        .iter()
        .filter(|(_, wait)| (wait.ready)(broker))
        .map(|(id, _)| *id)
        .collect();
    for id in ready {
        go_on(broker, now, id, out);
    }
}

/// Ends what has waited too long.
pub(crate) fn expire(broker: &mut Broker, now: Now, out: &mut Output) {
    while let Some((deadline, id)) = broker.image_wait.by_deadline.first().copied()
        && deadline <= now.mono
    {
        go_on(broker, now, id, out);
    }
}

fn go_on(broker: &mut Broker, now: Now, id: u64, out: &mut Output) {
    if let Some(wait) = broker.image_wait.take(id) {
        (wait.go_on)(broker, now, out);
    }
}
