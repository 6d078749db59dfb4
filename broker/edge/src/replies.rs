//! Answers of one connection in the order of its requests, whatever the order in which they come.
//! It writes nothing.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;

/// Answers that wait for an earlier one.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    next: u64,
    waiting: BTreeMap<u64, Vec<Bytes>>,
}

impl Replies {
    /// Requests before this one have their answers among the parts that were given out.
    pub(crate) fn given(&self) -> u64 {
        self.next
    }

    /// Takes the answer to request `seq`; gives the parts that may be written now and how many
    /// requests they answer. A second answer to the same request is dropped.
    pub(crate) fn take(
        &mut self,
        seq: u64,
        parts: Vec<Bytes>,
        ready: &mut VecDeque<Bytes>,
    ) -> usize {
        if seq < self.next {
            tracing::error!(seq, "a request was answered twice");
            return 0;
        }
        self.waiting.insert(seq, parts);
        // EDGE-1: a later answer waits for the earlier ones.
        let mut answered = 0;
        while let Some(parts) = self.waiting.remove(&self.next) {
            ready.extend(parts);
            self.next += 1;
            answered += 1;
        }
        answered
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_leave_in_the_order_of_the_requests() {
        let mut replies = Replies::default();
        let mut ready = VecDeque::new();
        let part = |text: &'static str| vec![Bytes::from_static(text.as_bytes())];
        assert_eq!(replies.take(2, part("c"), &mut ready), 0);
        assert_eq!(replies.take(1, Vec::new(), &mut ready), 0);
        assert!(ready.is_empty());
        assert_eq!(replies.take(0, part("a"), &mut ready), 3);
        assert_eq!(replies.take(3, part("d"), &mut ready), 1);
        assert_eq!(Vec::from(ready).concat(), b"acd");
    }
}
