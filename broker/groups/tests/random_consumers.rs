//! Random lives of KIP-848 groups: members come, go and die, topics grow, coordinators change, appends are refused.
//! Whatever happens no partition is read by two, and when it stops happening everything is read, evenly.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod consumer_harness;
mod harness;

use consumer_harness::World;
use kring_groups::{GroupConfig, GroupState};
use kring_wire::ErrorCode;
use proptest::prelude::*;

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
const TOPICS: [&str; 3] = ["t0", "t1", "t2"];

#[derive(Clone, Debug)]
enum Action {
    Join(usize, u8, bool),
    Leave(usize),
    LeaveForNow(usize),
    /// Its process is gone, and its successor comes when its session may be over.
    Kill(usize),
    Beat(usize),
    BeatAll,
    Grow(usize, i32),
    Hold,
    Complete,
    Refuse(bool),
    FailOver(usize),
    Wait(u64),
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        4 => (0..5usize, 1..8u8, any::<bool>()).prop_map(|(n, t, s)| Action::Join(n, t, s)),
        2 => (0..5usize).prop_map(Action::Leave),
        1 => (0..5usize).prop_map(Action::LeaveForNow),
        1 => (0..5usize).prop_map(Action::Kill),
        10 => (0..5usize).prop_map(Action::Beat),
        5 => Just(Action::BeatAll),
        2 => (0..3usize, 1..9i32).prop_map(|(t, n)| Action::Grow(t, n)),
        1 => Just(Action::Hold),
        3 => Just(Action::Complete),
        1 => any::<bool>().prop_map(Action::Refuse),
        1 => (0..4usize).prop_map(Action::FailOver),
        2 => (1..9_000u64).prop_map(Action::Wait),
    ]
}

/// Topics by the bits of a number; all of them by an expression if they are all meant.
fn join(world: &mut World, name: &str, bits: u8, is_static: bool) {
    if world.consumers.contains_key(name) {
        return;
    }
    let topics = TOPICS
        .iter()
        .enumerate()
        .filter(|(i, _)| bits & (1 << i) != 0);
    let topics: Vec<&str> = topics.map(|(_, t)| *t).collect();
    let all = topics.len() == TOPICS.len();
    let consumer = world.join(name, if all { &[] } else { &topics });
    consumer.regex = all.then(|| "t[0-9]".to_owned());
    consumer.instance = is_static.then(|| name.to_owned());
}

fn run(world: &mut World, action: Action) {
    match action {
        Action::Join(name, bits, is_static) => join(world, NAMES[name], bits, is_static),
        Action::Leave(name) => {
            world.leave(NAMES[name], -1);
        }
        Action::LeaveForNow(name) => {
            let consumer = world.consumers.get(NAMES[name]);
            if consumer.is_some_and(|c| c.instance.is_some()) {
                world.leave(NAMES[name], -2);
            }
        }
        Action::Kill(name) => world.kill(NAMES[name]),
        Action::Beat(name) => world.beat(NAMES[name]),
        Action::BeatAll => world.beat_all(1),
        Action::Grow(topic, partitions) => {
            world.topic(TOPICS[topic], partitions);
        }
        Action::Hold => world.coordinator.hold = true,
        Action::Complete => {
            world.coordinator.hold = false;
            world.coordinator.complete();
            world.hear();
        }
        Action::Refuse(on) => {
            world.coordinator.refuse = on.then_some(ErrorCode::NotEnoughReplicas);
        }
        Action::FailOver(kept) => {
            world.coordinator.fail_over_to_next(kept);
            world.hear();
        }
        Action::Wait(ms) => {
            world.coordinator.advance(ms);
            world.hear();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_partition_is_read_by_two_and_in_the_end_all_are_read(
        actions in proptest::collection::vec(action(), 1..80),
    ) {
        let mut world = World::new(GroupConfig::default(), 2);
        for topic in TOPICS {
            world.topic(topic, 2);
        }
        for action in actions {
            run(&mut world, action);
        }
        // All is well again, and long enough for every session.
        world.coordinator.hold = false;
        world.coordinator.refuse = None;
        world.coordinator.complete();
        world.hear();
        join(&mut world, "last", 7, false);
        for _ in 0..14 {
            world.beat_all(1);
            world.coordinator.advance(5_000);
        }
        world.beat_all(4);
        prop_assert!(world.all_owned(&TOPICS), "{:?}", world.consumers);
        let group = world.describe();
        prop_assert_eq!(group.state, GroupState::Stable);
        prop_assert_eq!(group.members.len(), world.consumers.len());
        // A new coordinator finds the same.
        world.coordinator.fail_over_to_next(0);
        prop_assert_eq!(world.describe(), group);
    }
}
