//! Messages of other brokers. They are authenticated, so a broken one means a broken broker there: it must not break this one.
//! Who may send is the edge's matter.

use std::cell::RefCell;

use kring_io::BrokerId;

use crate::alone::Alone;

/// Inputs that one broker lives for.
const INPUTS_MAX: u32 = 2_000;

thread_local! {
    static BROKER: RefCell<Option<(u32, Alone)>> = const { RefCell::new(None) };
}

pub(super) fn run(data: &[u8]) {
    BROKER.with_borrow_mut(|slot| {
        let (inputs, broker) = slot.get_or_insert_with(|| (0, Alone::started()));
        broker.peer(BrokerId(1), data);
        *inputs += 1;
        if *inputs == INPUTS_MAX {
            *slot = None;
        }
    });
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    // The kinds of messages, each with numbers behind it that are small or all ones.
    (0..32_u8)
        .flat_map(|kind| {
            [
                vec![kind; 40],
                [&[kind; 2][..], &[0; 60]].concat(),
                [&[kind; 2][..], &[0xff; 60]].concat(),
            ]
        })
        .collect()
}
