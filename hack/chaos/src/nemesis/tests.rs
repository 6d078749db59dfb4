//! What every plan keeps to, over many seeds.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{PROCESS, plan};

const LENGTH: Duration = Duration::from_secs(70);

#[test]
fn a_seed_gives_the_same_plan_twice_and_another_seed_another() {
    assert_eq!(plan(7, 3, LENGTH), plan(7, 3, LENGTH));
    assert_ne!(plan(7, 3, LENGTH), plan(8, 3, LENGTH));
}

#[test]
fn every_fault_ends_within_the_episode_and_one_of_a_lane_is_on_at_a_time() {
    for seed in 0..500 {
        let strikes = plan(seed, 3, LENGTH);
        for process in [true, false] {
            let lane = strikes
                .iter()
                .filter(|s| PROCESS.contains(&s.kind) == process);
            let mut free_from = Duration::ZERO;
            for strike in lane {
                assert!(
                    strike.from >= free_from && strike.from <= strike.until,
                    "{seed}: {strike:?}"
                );
                assert!(
                    strike.until <= LENGTH && strike.other != strike.victim,
                    "{seed}: {strike:?}"
                );
                free_from = strike.until;
            }
        }
    }
}

#[test]
fn all_kinds_are_drawn_within_a_few_episodes() {
    let kinds: BTreeSet<_> = (0..20)
        .flat_map(|seed| plan(seed, 3, LENGTH))
        .map(|strike| strike.kind)
        .collect();
    assert_eq!(kinds.len(), 11);
}
