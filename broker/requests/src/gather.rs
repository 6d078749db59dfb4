//! One answer made of several that come one by one and in any order.
//! It knows neither engines nor APIs.

use std::sync::{Arc, Mutex};

use crate::event::Output;

type Complete<T> = Box<dyn FnOnce(Vec<T>, &mut Output) + Send>;

struct Slots<T> {
    slots: Vec<Option<T>>,
    missing: usize,
    complete: Option<Complete<T>>,
}

/// Collects a fixed number of parts and hands them over, in the order of their slots, once.
pub(crate) struct Gather<T> {
    // Continuations are `Send` because the broker moves to its thread once; nothing contends here.
    shared: Arc<Mutex<Slots<T>>>,
}

impl<T> Clone for Gather<T> {
    fn clone(&self) -> Gather<T> {
        Gather {
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<T> Gather<T> {
    /// Waits for `count` parts.
    pub(crate) fn new(
        count: usize,
        complete: impl FnOnce(Vec<T>, &mut Output) + Send + 'static,
    ) -> Gather<T> {
        Gather {
            shared: Arc::new(Mutex::new(Slots {
                slots: (0..count).map(|_| None).collect(),
                missing: count,
                complete: Some(Box::new(complete)),
            })),
        }
    }

    /// Hands over at once when there is nothing to wait for.
    pub(crate) fn complete_if_empty(&self, out: &mut Output) {
        self.hand_over_when_full(out);
    }

    /// A part has come.
    pub(crate) fn put(&self, slot: usize, part: T, out: &mut Output) {
        {
            let mut slots = self.shared.lock().expect("no holder panics");
            if slots.slots[slot].replace(part).is_none() {
                slots.missing -= 1;
            }
        }
        self.hand_over_when_full(out);
    }

    fn hand_over_when_full(&self, out: &mut Output) {
        let (complete, parts) = {
            let mut slots = self.shared.lock().expect("no holder panics");
            if slots.missing > 0 {
                return;
            }
            let Some(complete) = slots.complete.take() else {
                return;
            };
            let parts: Vec<T> = slots.slots.drain(..).flatten().collect();
            (complete, parts)
        };
        complete(parts, out);
    }
}

#[cfg(test)]
mod tests {
    use kring_io::ConnId;

    use super::*;

    #[test]
    fn parts_are_handed_over_once_and_in_order() {
        let mut out = Output::default();
        let gather = Gather::new(2, |parts: Vec<u64>, out| {
            out.effects.close.extend(parts.into_iter().map(ConnId));
        });
        gather.complete_if_empty(&mut out);
        gather.put(1, 11, &mut out);
        assert!(out.effects.close.is_empty());
        gather.put(0, 10, &mut out);
        gather.complete_if_empty(&mut out);
        assert_eq!(out.effects.close, [ConnId(10), ConnId(11)]);
    }
}
