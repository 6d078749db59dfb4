//! Histories as files: a line for each event, so that a real run can be kept and judged afterwards.
//! It opens no file; the caller has a reader or a writer.
//!
//! ```text
//! kring-history 1
//! topic 0 orders
//! @1500000 send 3:0+5 0/2 4000 0 1800000000001
//! @1900000 ack 3:0+5 0/2 17
//! ```
//! The number after `@` is nanoseconds since the run began; words and fields are those of [`Happened`].

use std::io::{self, BufRead, Write};

use kring_io::Instant;
use thiserror::Error;

use super::field::Field;
use super::{Happened, History};

/// The first line; another number means other words.
const HEADER: &str = "kring-history 1";

/// Why a file is no history.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It cannot be read at all.
    #[error("the history cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It does not begin as a history of this version.
    #[error(
        "the first line is `{found}`, not `{HEADER}`: write the history again with this version"
    )]
    Header {
        /// The first line.
        found: String,
    },
    /// A line is none.
    #[error("line {line} is no event: `{text}`")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// An event is older than the one before it.
    #[error("line {line} is older than the line before it: sort the events by time")]
    Order {
        /// Its number, from 1.
        line: usize,
    },
}

impl History {
    /// Writes it down.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn write_to(&self, mut out: impl Write) -> io::Result<()> {
        writeln!(out, "{HEADER}")?;
        let mut line = String::new();
        for (topic, name) in &self.topics {
            line.clear();
            name.write(&mut line);
            writeln!(out, "topic {topic} {line}")?;
        }
        for (at, happened) in &self.events {
            line.clear();
            happened.write(&mut line);
            writeln!(out, "@{} {line}", at.0)?;
        }
        out.flush()
    }

    /// Reads one back.
    ///
    /// # Errors
    /// When the reader fails or a line is none of a history; the first such line is named.
    pub fn read_from(mut from: impl BufRead) -> Result<History, Unreadable> {
        let mut history = History::default();
        let mut text = String::new();
        let mut last = Instant(0);
        for line in 1.. {
            text.clear();
            if from.read_line(&mut text)? == 0 && line > 1 {
                break;
            }
            let text = text.trim_end();
            if line == 1 {
                if text != HEADER {
                    let found = text.to_owned();
                    return Err(Unreadable::Header { found });
                }
                continue;
            }
            if text.is_empty() {
                continue;
            }
            match parse(text) {
                Some(Line::Topic(topic, name)) => history.name_topic(topic, &name),
                Some(Line::Event(at, _)) if at < last => return Err(Unreadable::Order { line }),
                Some(Line::Event(at, happened)) => {
                    last = at;
                    history.events.push((at, happened));
                }
                None => {
                    let text = text.to_owned();
                    return Err(Unreadable::Line { line, text });
                }
            }
        }
        Ok(history)
    }
}

enum Line {
    Topic(u32, String),
    Event(Instant, Happened),
}

fn parse(text: &str) -> Option<Line> {
    let mut words = text.split(' ');
    let first = words.next()?;
    let line = if first == "topic" {
        Line::Topic(Field::read(words.next()?)?, Field::read(words.next()?)?)
    } else {
        let at = Field::read(first.strip_prefix('@')?)?;
        Line::Event(at, Happened::read(&mut words)?)
    };
    words.next().is_none().then_some(line)
}
