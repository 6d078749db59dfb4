//! The values of which events are made, and how each is written in a history file.
//! What they mean together is in `event`.

use std::fmt::Write;
use std::str::FromStr;

use kring_io::{BrokerId, Instant};

use super::RecordId;

/// A partition of a topic. A topic that is deleted and created again has another number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// The topic's number in this history.
    pub topic: u32,
    /// The partition's number in the topic.
    pub index: i32,
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.index)
    }
}

/// Consecutive records of one producer in one partition; where they have offsets, those are consecutive too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Records {
    /// Which producer wrote them.
    pub producer: u32,
    /// The first one's number among that producer's records of the partition.
    pub first: u64,
    /// How many, at least 1.
    pub count: u32,
}

impl Records {
    /// One after the other.
    pub fn ids(self) -> impl Iterator<Item = RecordId> + Clone {
        (0..u64::from(self.count)).map(move |index| RecordId {
            producer: self.producer,
            sequence: self.first + index,
        })
    }

    /// One after the other with offsets from `offset`.
    pub fn at(self, offset: i64) -> impl Iterator<Item = (i64, RecordId)> {
        (offset..).zip(self.ids())
    }
}

/// Which offset ListOffsets was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The high watermark.
    Latest,
    /// The start of the log.
    Earliest,
    /// The first record at or after this time, in ms since the epoch.
    Timestamp(i64),
}

/// What a client knows of something it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was not done and never will be.
    Refused,
    /// Nobody said: it may be done now, later, or never.
    Unknown,
}

/// A turn of the run itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Faults begin.
    Faults,
    /// The last fault is over.
    Healed,
    /// Every partition was seen with a leader and a full ISR.
    Whole,
    /// That is so again with damaged disks repaired and the clients at rest: it stays so.
    Converged,
}

/// A value in a file: words without spaces.
pub(super) trait Field: Sized {
    /// Appends the word.
    fn write(&self, out: &mut String);
    /// Reads it back; none if it is not such a value.
    fn read(word: &str) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty)*) => { $(
        impl Field for $number {
            fn write(&self, out: &mut String) {
                write!(out, "{self}").expect("a string takes everything");
            }
            fn read(word: &str) -> Option<$number> {
                word.parse().ok()
            }
        }
    )* };
}
numbers!(i16 u32 i32 u64 i64 bool);

/// Unit values as one word each.
macro_rules! words {
    ($of:ident { $($variant:ident = $word:literal)* }) => {
        impl Field for $of {
            fn write(&self, out: &mut String) {
                out.push_str(match self { $($of::$variant => $word),* });
            }
            fn read(word: &str) -> Option<$of> {
                match word { $($word => Some($of::$variant),)* _ => None }
            }
        }
    };
}
words!(Outcome { Done = "done" Refused = "refused" Unknown = "unknown" });
words!(Mark { Faults = "faults" Healed = "healed" Whole = "whole" Converged = "converged" });

impl Field for BrokerId {
    fn write(&self, out: &mut String) {
        self.0.write(out);
    }
    fn read(word: &str) -> Option<BrokerId> {
        Field::read(word).map(BrokerId)
    }
}

impl Field for Instant {
    fn write(&self, out: &mut String) {
        self.0.write(out);
    }
    fn read(word: &str) -> Option<Instant> {
        Field::read(word).map(Instant)
    }
}

impl Field for Partition {
    fn write(&self, out: &mut String) {
        write!(out, "{self}").expect("a string takes everything");
    }
    fn read(word: &str) -> Option<Partition> {
        let (topic, index) = word.split_once('/')?;
        Some(Partition {
            topic: topic.parse().ok()?,
            index: index.parse().ok()?,
        })
    }
}

impl Field for Records {
    fn write(&self, out: &mut String) {
        write!(out, "{}:{}+{}", self.producer, self.first, self.count)
            .expect("a string takes everything");
    }
    fn read(word: &str) -> Option<Records> {
        let (producer, numbers) = word.split_once(':')?;
        let (first, count) = numbers.split_once('+')?;
        let count = u32::from_str(count).ok().filter(|count| *count > 0)?;
        let first = u64::from_str(first).ok()?;
        first.checked_add(u64::from(count))?;
        Some(Records {
            producer: producer.parse().ok()?,
            first,
            count,
        })
    }
}

impl Field for Asked {
    fn write(&self, out: &mut String) {
        match self {
            Asked::Latest => out.push_str("latest"),
            Asked::Earliest => out.push_str("earliest"),
            Asked::Timestamp(at) => at.write(out),
        }
    }
    fn read(word: &str) -> Option<Asked> {
        match word {
            "latest" => Some(Asked::Latest),
            "earliest" => Some(Asked::Earliest),
            at => at.parse().ok().map(Asked::Timestamp),
        }
    }
}

/// Text is written with its spaces, percent signs and everything beyond ASCII as `%xx`; no text is `%`.
impl Field for String {
    fn write(&self, out: &mut String) {
        if self.is_empty() {
            out.push('%');
        }
        for byte in self.bytes() {
            if byte.is_ascii_graphic() && byte != b'%' {
                out.push(char::from(byte));
            } else {
                write!(out, "%{byte:02x}").expect("a string takes everything");
            }
        }
    }
    fn read(word: &str) -> Option<String> {
        if word == "%" {
            return Some(String::new());
        }
        let mut bytes = Vec::with_capacity(word.len());
        let mut rest = word.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let code = [rest.next()?, rest.next()?];
                let code = std::str::from_utf8(&code).ok()?;
                bytes.push(u8::from_str_radix(code, 16).ok()?);
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).ok()
    }
}
