//! What clients did and saw, in the order of time: the only thing the checks read.
//! It judges nothing and knows no broker, so that histories of real processes and foreign clients use it too.

mod about;
mod event;
mod field;
mod file;
mod identity;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kring_io::Instant;

pub use event::Happened;
pub use field::{Asked, Mark, Outcome, Partition, Records};
pub use file::Unreadable;
pub use identity::{RecordId, Value, ValueError, hash};

/// Everything that happened, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    topics: BTreeMap<u32, String>,
    events: Vec<(Instant, Happened)>,
}

impl History {
    /// Tells the name of a topic's number, for people who read facts.
    pub fn name_topic(&mut self, topic: u32, name: &str) {
        self.topics.insert(topic, name.to_owned());
    }

    /// The names of the topics.
    pub fn topics(&self) -> impl Iterator<Item = (u32, &str)> {
        self.topics.iter().map(|(no, name)| (*no, name.as_str()))
    }

    /// Adds what happened at `at`, which must not be before the last event.
    pub fn push(&mut self, at: Instant, happened: Happened) {
        assert!(
            self.events.last().is_none_or(|(last, _)| *last <= at),
            "time runs forwards"
        );
        self.events.push((at, happened));
    }

    /// Adds what others wrote down at the same time with the same clock, such as threads with a list
    /// each. Of two events of one instant the one that was already here stays first.
    pub fn merge(&mut self, events: impl IntoIterator<Item = (Instant, Happened)>) {
        self.events.extend(events);
        self.events.sort_by_key(|(at, _)| *at);
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl Iterator<Item = (Instant, &Happened)> {
        self.events.iter().map(|(at, happened)| (*at, happened))
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Whether anybody began a transaction.
    #[must_use]
    pub fn has_transactions(&self) -> bool {
        let mut events = self.events.iter();
        events.any(|(_, happened)| matches!(happened, Happened::Begun { .. }))
    }

    /// How many records were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        self.events
            .iter()
            .map(|(_, happened)| match happened {
                Happened::Acknowledged { records, .. } => records.count as usize,
                _ => 0,
            })
            .sum()
    }

    /// How many operations of clients are in it: each record sent or read, each other answer.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.events.iter().map(|(_, h)| h.operations()).sum()
    }
}
