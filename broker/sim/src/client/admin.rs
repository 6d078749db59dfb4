//! A simulated administrator: it creates, grows, configures and deletes topics, and looks at what is there.
//! What it changes is a register for the checks; several of them change the same ones.

pub mod mover;
mod requests;

use std::time::Duration;

use bytes::Bytes;
use kring_io::{BrokerId, Instant, Random};
use kring_wire::ErrorCode;

use super::calls::{Call, Calls};
use super::{Client, ClientEvent, ClientOutput};
use crate::history::{Happened, Outcome};
use crate::topics;

/// Time until an unanswered request is given up.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Pauses between requests are up to this.
const PAUSE_MS: u64 = 600;
/// Topics that come and go.
const PASSING: [&str; 2] = ["passing-0", "passing-1"];
/// What a register holds when the topic is there.
const THERE: &str = "there";
/// The setting that is changed; it matters only to compacted topics.
const SETTING: &str = "delete.retention.ms";
/// Its value before anybody changes it.
const SETTING_DEFAULT: &str = "86400000";

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
enum About {
    Create(&'static str),
    Delete(&'static str),
    Look(&'static str),
    Grow(i32),
    Count,
    Set(String),
    Get,
}

impl About {
    fn register(&self) -> String {
        match self {
            About::Create(name) | About::Delete(name) | About::Look(name) => {
                format!("topic/{name}")
            }
            About::Grow(_) | About::Count => format!("partitions/{}", topics::GROWING.name),
            About::Set(_) | About::Get => format!("config/{}/{SETTING}", topics::GROWING.name),
        }
    }

    /// What the register must hold for the change, and what it holds after it; none if nothing is changed.
    fn change(&self) -> Option<(String, String)> {
        let (requires, value) = match self {
            About::Create(_) => ("", THERE.to_owned()),
            About::Delete(_) => (THERE, String::new()),
            About::Grow(count) => ("*", count.to_string()),
            About::Set(value) => ("*", value.clone()),
            About::Look(_) | About::Count | About::Get => return None,
        };
        Some((requires.to_owned(), value))
    }
}

/// The client.
#[derive(Debug)]
pub struct Admin {
    brokers: Vec<BrokerId>,
    random: Random,
    calls: Calls<About>,
    partitions: i32,
    /// It alone changes the number of partitions, which only grows.
    grows: bool,
    try_at: Instant,
    finishing: bool,
}

impl Admin {
    /// An administrator; one of them `grows` the growing topic.
    #[must_use]
    pub fn new(brokers: Vec<BrokerId>, grows: bool, seed: u64) -> Admin {
        Admin {
            brokers,
            random: Random::new(seed),
            calls: Calls::default(),
            partitions: topics::GROWING.partitions,
            grows,
            try_at: Instant(0),
            finishing: false,
        }
    }

    fn draw(&mut self) -> About {
        let name = PASSING[self.random.below(PASSING.len() as u64) as usize];
        // After the faults it only looks.
        let draw = self.random.below(if self.finishing { 9 } else { 20 });
        match draw {
            0..=4 => About::Look(name),
            5 | 6 => About::Count,
            7 | 8 => About::Get,
            9..=12 => About::Create(name),
            13..=16 => About::Delete(name),
            17 if self.grows => About::Grow(self.partitions + 1),
            _ => About::Set((1_000 + self.random.below(1_000_000)).to_string()),
        }
    }

    fn act(&mut self, now: Instant, out: &mut ClientOutput) {
        let about = self.draw();
        let broker = self.brokers[self.random.below(self.brokers.len() as u64) as usize];
        let growing = topics::GROWING.name;
        let calls = &mut self.calls;
        macro_rules! send {
            ($version:ident, $request:expr) => {
                calls.send(
                    now,
                    broker,
                    requests::$version,
                    &$request,
                    PATIENCE,
                    about.clone(),
                    out,
                )
            };
        }
        match &about {
            About::Create(name) => send!(CREATE, requests::create(name)),
            About::Delete(name) => send!(DELETE, requests::delete(name)),
            About::Look(name) => send!(METADATA, requests::metadata(name)),
            About::Grow(count) => {
                self.partitions = *count;
                send!(GROW, requests::grow(growing, *count));
            }
            About::Count => send!(METADATA, requests::metadata(growing)),
            About::Set(value) => send!(ALTER, requests::alter(growing, SETTING, value)),
            About::Get => send!(DESCRIBE, requests::describe(growing, SETTING)),
        }
    }

    fn answered(&mut self, call: &Call<About>, answer: &Bytes, out: &mut ClientOutput) {
        let code = match &call.about {
            About::Create(_) => requests::created(answer),
            About::Delete(_) => requests::deleted(answer),
            About::Grow(_) => requests::grown(answer),
            About::Set(_) => requests::altered(answer),
            About::Look(_) => {
                let there = requests::partitions(answer);
                let value = there.map(|count| if count > 0 { THERE } else { "" }.to_owned());
                return read(call, value, out);
            }
            About::Count => {
                let count = requests::partitions(answer).filter(|count| *count > 0);
                let first = topics::GROWING.partitions.unsigned_abs() as usize;
                let value = count.map(|count| {
                    if count == first {
                        String::new()
                    } else {
                        count.to_string()
                    }
                });
                return read(call, value, out);
            }
            About::Get => {
                let value = requests::described(answer).map(|value| {
                    if value == SETTING_DEFAULT {
                        String::new()
                    } else {
                        value
                    }
                });
                return read(call, value, out);
            }
        };
        let outcome = match (&call.about, code) {
            (_, Some(ErrorCode::None)) => Outcome::Done,
            // As Kafka's, a controller refuses by what it knows, without asking whether it still is the
            // active one; and a broker that asks twice may be told of its own first try.
            (About::Create(_), Some(ErrorCode::TopicAlreadyExists)) => {
                read(call, Some(THERE.to_owned()), out);
                Outcome::Unknown
            }
            (About::Delete(_), Some(ErrorCode::UnknownTopicOrPartition)) => {
                read(call, Some(String::new()), out);
                Outcome::Unknown
            }
            // The controller may have gone while the change was being replicated.
            _ => Outcome::Unknown,
        };
        changed(call, outcome, out);
    }
}

/// Nothing that a broker or controller says is certain to be current, except when all is well.
fn read(call: &Call<About>, value: Option<String>, out: &mut ClientOutput) {
    if let Some(value) = value {
        out.happened.push(Happened::Read {
            register: call.about.register(),
            from: call.broker,
            since: call.since,
            value,
            current: false,
        });
    }
}

fn changed(call: &Call<About>, outcome: Outcome, out: &mut ClientOutput) {
    if let Some((requires, value)) = call.about.change() {
        out.happened.push(Happened::Changed {
            register: call.about.register(),
            since: call.since,
            requires,
            value,
            outcome,
        });
    }
}

impl Client for Admin {
    fn step(&mut self, now: Instant, event: ClientEvent, out: &mut ClientOutput) {
        let next = now + Duration::from_millis(self.random.below(PAUSE_MS));
        let mut lost = Vec::new();
        match event {
            ClientEvent::Answer(answer) => {
                if let Some(call) = self.calls.answered(&answer) {
                    self.answered(&call, &answer, out);
                    self.try_at = next;
                }
            }
            ClientEvent::Disconnected(broker) => lost = self.calls.disconnected(broker),
            ClientEvent::Wake => {}
        }
        lost.extend(self.calls.expired(now));
        for call in &lost {
            changed(call, Outcome::Unknown, out);
            self.try_at = next;
        }
        if self.calls.is_empty() && self.try_at <= now {
            self.act(now, out);
        }
        let next = self.try_at.max(now + Duration::from_millis(1));
        out.wake_at = Some(self.calls.next_until().unwrap_or(next));
    }

    fn finish(&mut self) {
        self.finishing = true;
    }

    /// Changes are over; it goes on looking.
    fn is_idle(&self) -> bool {
        self.finishing && !self.calls.any(|about| about.change().is_some())
    }
}
