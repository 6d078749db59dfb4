//! acks=all against `min.insync.replicas = 2`.

use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

const NOT_ENOUGH_REPLICAS: i16 = 19;

#[test]
fn with_two_of_three_acks_all_goes_on_and_with_one_it_is_refused() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    let [first, second] = ids()
        .into_iter()
        .filter(|id| *id != leader)
        .collect::<Vec<_>>()[..]
    else {
        panic!("three brokers");
    };
    assert_eq!(cluster.produce(leader, "t", -1), (0, 0));
    cluster.kill(first);
    // Until the silent broker is fenced, nothing can be committed and nothing is acknowledged.
    cluster.wait_for_isr(leader, "t", 2);
    let (error, _) = cluster.produce(leader, "t", -1);
    assert_eq!(error, 0);

    // The quorum of brokers is gone with the second: the ISR stays as it was and nothing commits.
    cluster.kill(second);
    let (error, _) = cluster.produce(leader, "t", -1);
    assert_ne!(error, 0);

    cluster.start(first);
    cluster.start(second);
    cluster.wait_for_isr(leader, "t", 3);
    let leader = cluster.leader(first, "t");
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
}

#[test]
fn an_isr_below_the_minimum_appends_nothing() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    cluster.set_topic_config("t", "min.insync.replicas", "3");
    let leader = cluster.leader(BrokerId(0), "t");
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
    let follower = ids().into_iter().find(|id| *id != leader).unwrap();
    cluster.kill(follower);
    cluster.wait_for_isr(leader, "t", 2);
    assert_eq!(cluster.produce(leader, "t", -1).0, NOT_ENOUGH_REPLICAS);
    assert_eq!(cluster.produce(leader, "t", 1).0, 0, "acks=1 asks for less");
    cluster.start(follower);
    cluster.wait_for_isr(leader, "t", 3);
    assert_eq!(cluster.produce(leader, "t", -1).0, 0);
}
