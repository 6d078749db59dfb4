//! How far a follower is, as its leader knows it.
//! What follows from it is in `lead`.

use kring_io::{Instant, Now};

use super::message::Index;

/// One follower.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// Equal and durable up to here.
    pub(super) matched: Index,
    /// The next entry to send.
    pub(super) next: Index,
    pub(super) mode: Mode,
    /// When it was last heard, or when the leader began to listen.
    pub(super) heard_at: Instant,
    /// Whether it was heard at all.
    pub(super) answered: bool,
    /// When it last had all of the log.
    pub(super) caught_up_at: Option<Instant>,
    /// The commit index that was last sent.
    pub(super) told: Index,
}

/// What it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Where the logs part is not known: one message per answer or heartbeat.
    Probe,
    /// Entries are sent as they come.
    Stream,
    /// Its next entry is gone, so it gets this part of this snapshot next.
    Snapshot { index: Index, part: u32 },
}

impl Progress {
    pub(super) fn new(now: Now, next: Index) -> Progress {
        Progress {
            matched: 0,
            next,
            mode: Mode::Probe,
            heard_at: now.mono,
            answered: false,
            caught_up_at: None,
            told: 0,
        }
    }
}
