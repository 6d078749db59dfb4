//! A leader that the others no longer hear.

use std::time::Duration;

use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

const NOT_LEADER: i16 = 6;
const TIMED_OUT: i16 = 7;

#[test]
fn an_isolated_leader_commits_nothing_and_says_that_it_does_not_lead() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    assert_eq!(cluster.produce(old, "t", -1), (0, 0));

    cluster.isolate(old);
    let at_once = cluster.produce(old, "t", -1).0;
    assert_eq!(
        at_once, TIMED_OUT,
        "it cannot know yet, and does not acknowledge"
    );
    cluster.run_for(Duration::from_secs(4));
    assert_eq!(cluster.produce(old, "t", -1).0, NOT_LEADER);
    assert_eq!(cluster.produce(old, "t", 1).0, NOT_LEADER);

    let other = ids().into_iter().find(|id| *id != old).unwrap();
    let new = cluster.leader(other, "t");
    assert_ne!(new, old);
    assert_eq!(
        cluster.produce(new, "t", -1),
        (0, 1),
        "what was not committed is gone"
    );

    cluster.heal();
    cluster.wait_for_isr(new, "t", 3);
    assert_eq!(cluster.produce(new, "t", -1), (0, 2));
}
