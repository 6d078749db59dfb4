//! Questions to another engine that are under way, each with what is to be done with the answer.
//! It does not know the engines: an answer is any type.

use std::collections::BTreeMap;

use kring_io::Now;

use crate::broker::Broker;
use crate::event::Output;

/// What is done with an answer.
pub(crate) type Done<A> = Box<dyn FnOnce(&mut Broker, Now, A, &mut Output) + Send>;

/// Questions by their number.
pub(crate) struct Calls<A> {
    next: u64,
    open: BTreeMap<u64, Done<A>>,
}

impl<A> Default for Calls<A> {
    fn default() -> Calls<A> {
        Calls {
            next: 0,
            open: BTreeMap::new(),
        }
    }
}

impl<A> Calls<A> {
    /// Keeps a continuation; the number goes with the question.
    pub(crate) fn open(&mut self, done: Done<A>) -> u64 {
        self.next += 1;
        self.open.insert(self.next, done);
        self.next
    }

    /// The continuation of an answered question, once.
    pub(crate) fn take(&mut self, id: u64) -> Option<Done<A>> {
        self.open.remove(&id)
    }

    /// How many questions are under way.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }
}
