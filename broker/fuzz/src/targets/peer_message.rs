//! Messages of other brokers. They are authenticated, so a broken one means a broken broker there: it must not break this one.
//! Who may send is the edge's matter.

use kring_io::BrokerId;

use crate::alone::Reused;

thread_local! {
    static BROKER: Reused = Reused::default();
}

pub(super) fn run(data: &[u8]) {
    BROKER.with(|broker| broker.feed(|broker| broker.peer(BrokerId(1), data)));
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
