//! The queue of messages to one broker: first in, first out, capped, and emptied when the link breaks.
//! It opens no connection; `dial.rs` takes from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

/// Bytes that may wait for a link that is slower than the engine. Past it the link is broken and
/// made anew, so that the engines start over instead of waiting behind stale messages.
const QUEUE_BYTES_MAX: usize = 64 << 20;

/// What the dialler of a link is told.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// Send this.
    Message(Vec<Bytes>),
    /// The queue overflowed: break the link.
    Break,
    /// The broker is to be found here from now on.
    Address(String),
}

/// The engine's end.
#[derive(Debug)]
pub(super) struct LinkQueue {
    sender: mpsc::UnboundedSender<Outgoing>,
    waiting: Arc<AtomicUsize>,
    /// Messages are dropped until the dialler has taken the break.
    broken: bool,
}

/// The dialler's end.
#[derive(Debug)]
pub(super) struct LinkFeed {
    receiver: mpsc::UnboundedReceiver<Outgoing>,
    waiting: Arc<AtomicUsize>,
}

/// A queue with both ends.
pub(super) fn queue() -> (LinkQueue, LinkFeed) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let queue = LinkQueue {
        sender,
        waiting: Arc::clone(&waiting),
        broken: false,
    };
    (queue, LinkFeed { receiver, waiting })
}

impl LinkQueue {
    /// Queues a message, or breaks the link when too much waits.
    pub(super) fn push(&mut self, parts: Vec<Bytes>) {
        let bytes: usize = parts.iter().map(Bytes::len).sum();
        let before = self.waiting.load(Ordering::Relaxed);
        if before == 0 {
            self.broken = false;
        }
        if self.broken {
            return;
        }
        if before > 0 && before + bytes > QUEUE_BYTES_MAX {
            self.broken = true;
            self.send(Outgoing::Break);
            return;
        }
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        self.send(Outgoing::Message(parts));
    }

    /// Says where the broker is.
    pub(super) fn address(&self, address: String) {
        self.send(Outgoing::Address(address));
    }

    fn send(&self, outgoing: Outgoing) {
        // The dialler ends only with the process.
        let _ = self.sender.send(outgoing);
    }
}

impl LinkFeed {
    /// The next order; none when the engine's end is gone.
    pub(super) async fn next(&mut self) -> Option<Outgoing> {
        let next = self.receiver.recv().await;
        self.count(next.as_ref());
        next
    }

    /// The next order, if there is one.
    pub(super) fn try_next(&mut self) -> Option<Outgoing> {
        let next = self.receiver.try_recv().ok();
        self.count(next.as_ref());
        next
    }

    fn count(&self, next: Option<&Outgoing>) {
        if let Some(Outgoing::Message(parts)) = next {
            let bytes: usize = parts.iter().map(Bytes::len).sum();
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_breaks_the_link_once_and_takes_messages_again_when_it_is_empty() {
        let (mut queue, mut feed) = queue();
        let half = || vec![Bytes::from(vec![0; QUEUE_BYTES_MAX / 2 + 1])];
        queue.push(half());
        queue.push(half());
        queue.push(half());
        assert!(matches!(feed.try_next(), Some(Outgoing::Message(_))));
        assert!(matches!(feed.try_next(), Some(Outgoing::Break)));
        assert!(feed.try_next().is_none());
        queue.push(half());
        assert!(matches!(feed.try_next(), Some(Outgoing::Message(_))));
    }
}
