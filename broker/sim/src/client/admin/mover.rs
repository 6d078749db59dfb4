//! A simulated administrator that moves the replicas of a topic's partitions to and fro.
//! In the end every partition is on every broker again.

use std::time::Duration;

use kring_io::{BrokerId, Instant, Random};
use kring_wire::ErrorCode;

use super::super::calls::Calls;
use super::super::{Client, ClientEvent, ClientOutput};
use super::{PATIENCE, requests};
use crate::topics::Topic;

/// Pauses between moves are up to this.
const PAUSE_MS: u64 = 6_000;
/// Replicas that a partition keeps at least, so that one may fail.
const REPLICAS_MIN: usize = 2;

/// The client.
#[derive(Debug)]
pub struct Mover {
    topic: Topic,
    brokers: Vec<BrokerId>,
    random: Random,
    calls: Calls<(i32, bool)>,
    try_at: Instant,
    /// Partitions that may not be on every broker.
    moved: Vec<bool>,
    finishing: bool,
}

impl Mover {
    /// A client that moves the partitions of a topic.
    #[must_use]
    pub fn new(topic: Topic, brokers: Vec<BrokerId>, seed: u64) -> Mover {
        Mover {
            topic,
            brokers,
            random: Random::new(seed),
            calls: Calls::default(),
            try_at: Instant(0),
            moved: vec![false; topic.partitions.unsigned_abs() as usize],
            finishing: false,
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let away = self.moved.iter().position(|moved| *moved);
        let index = match away.filter(|_| self.finishing) {
            Some(index) => index,
            None if self.finishing => return,
            None => self.random.below(self.moved.len() as u64) as usize,
        };
        let mut replicas = self.brokers.clone();
        let first = self.random.below(replicas.len() as u64) as usize;
        replicas.rotate_left(first);
        let all = self.finishing || self.random.below(2) == 0;
        if !all {
            replicas.truncate(REPLICAS_MIN);
        }
        self.moved[index] = true;
        let place = i32::try_from(index).expect("few partitions");
        let request = requests::reassign(self.topic.name, place, &replicas);
        let asked = self.random.below(self.brokers.len() as u64) as usize;
        let about = (place, all);
        let (broker, version) = (self.brokers[asked], requests::REASSIGN);
        self.calls
            .send(now, broker, version, &request, PATIENCE, about, out);
    }
}

impl Client for Mover {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let pause = if self.finishing {
            50
        } else {
            500 + self.random.below(PAUSE_MS)
        };
        let next = now + Duration::from_millis(pause);
        match event {
            ClientEvent::Answer(answer) => {
                if let Some(call) = self.calls.answered(&answer) {
                    let (index, all) = call.about;
                    let done = requests::reassigned(&answer) == Some(ErrorCode::None);
                    self.moved[index.unsigned_abs() as usize] = !(all && done);
                    self.try_at = next;
                }
            }
            ClientEvent::Disconnected(broker) => {
                if !self.calls.disconnected(broker).is_empty() {
                    self.try_at = next;
                }
            }
            ClientEvent::Wake => {}
        }
        self.calls.expired(now);
        if self.calls.is_empty() && self.try_at <= now && !self.is_idle() {
            self.act(now, out);
        }
        out.wake_at = match self.calls.next_until() {
            Some(until) => Some(until),
            None if self.is_idle() => None,
            None => Some(self.try_at.max(now + Duration::from_millis(1))),
        };
    }

    fn finish(&mut self) {
        self.finishing = true;
        self.try_at = Instant(0);
    }

    fn is_idle(&self) -> bool {
        self.finishing && self.calls.is_empty() && !self.moved.contains(&true)
    }
}
