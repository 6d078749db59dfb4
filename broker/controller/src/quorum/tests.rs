//! Scenarios and a random simulation of the metadata quorum alone.
//! What its entries mean is not tested here; every reachable small state is walked in `model`.

mod forget;
mod model;
mod network;

use std::time::Duration;

use kring_io::BrokerId;

use network::{Network, NetworkConfig};

/// Loss, delay, partitions, crashes that lose writes under way, proposals and snapshots, at random.
fn run(seed: u64, voters: i32, observers: i32) -> Network {
    let mut network = Network::new(seed, voters, observers, NetworkConfig::default());
    for _ in 0..400 {
        network.disturb();
        network.run_for(Duration::from_millis(25));
    }
    network.heal();
    network.run_for(Duration::from_secs(8));
    network.assert_converged();
    network
}

#[test]
fn three_voters_keep_every_invariant_under_loss_partitions_and_crashes() {
    let mut committed = 0;
    for seed in 0..60 {
        committed += run(seed, 3, 1).committed();
    }
    assert!(committed > 1_000, "only {committed} entries were committed");
}

#[test]
fn five_voters_keep_every_invariant_under_loss_partitions_and_crashes() {
    let mut committed = 0;
    for seed in 1_000..1_030 {
        committed += run(seed, 5, 1).committed();
    }
    assert!(committed > 500, "only {committed} entries were committed");
}

/// As [`run`], and a minority of the disks is emptied, or forgets its latest writes, again and again.
fn run_with_lost_disks(seed: u64, voters: i32) -> Network {
    let mut network = Network::new(seed, voters, 1, NetworkConfig::default());
    network.run_for(Duration::from_secs(2));
    for round in 0..400 {
        network.disturb();
        network.run_for(Duration::from_millis(25));
        if round % 40 == 7 {
            network.remember();
        }
        if round % 20 == 19 {
            network.lose_some_disk();
        }
    }
    network.heal();
    network.run_for(Duration::from_secs(8));
    network.assert_converged();
    network
}

#[test]
fn a_minority_of_lost_disks_costs_no_entry_and_no_vote_is_given_twice() {
    let (mut committed, mut lost) = (0, 0);
    for seed in 4_000..4_060 {
        let network = run_with_lost_disks(seed, 3);
        committed += network.committed();
        lost += network.disks_lost();
    }
    for seed in 4_100..4_130 {
        let network = run_with_lost_disks(seed, 5);
        committed += network.committed();
        lost += network.disks_lost();
    }
    assert!(committed > 1_000, "only {committed} entries were committed");
    assert!(lost > 200, "only {lost} disks were lost");
}

#[test]
fn a_new_cluster_begins_once_every_voter_is_there() {
    let mut network = Network::new(11, 3, 0, NetworkConfig::calm());
    network.isolate(BrokerId(2));
    network.run_for(Duration::from_secs(5));
    assert_eq!(network.leader(), None, "the third may have a log");
    network.heal();
    network.run_for(Duration::from_secs(2));
    assert!(network.leader().is_some());
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 2_000..2_003 {
        assert_eq!(run(seed, 3, 1).hash(), run(seed, 3, 1).hash());
    }
}

#[test]
fn a_single_voter_leads_after_two_writes_and_without_waiting() {
    let mut network = Network::new(1, 1, 0, NetworkConfig::calm());
    network.run_for(Duration::from_millis(5));
    assert!(network.member(0).is_settled_leader());
    assert_eq!(
        network.member(0).deadline(),
        None,
        "an idle broker has no timer"
    );
}

#[test]
fn three_voters_have_a_leader_well_within_one_election_timeout() {
    for seed in 0..20 {
        let mut network = Network::new(seed, 3, 0, NetworkConfig::calm());
        network.run_for(Duration::from_millis(400));
        assert!(network.leader().is_some(), "seed {seed}");
    }
}

#[test]
fn a_leader_that_resigns_is_replaced_within_milliseconds() {
    let mut network = Network::new(7, 3, 0, NetworkConfig::calm());
    network.run_for(Duration::from_secs(2));
    let before = network.leader().unwrap();
    network.resign(before);
    network.run_for(Duration::from_millis(60));
    let after = network.leader().unwrap();
    assert_ne!(before, after);
    assert!(network.member(after.0).is_settled_leader());
}

#[test]
fn a_leader_without_its_majority_steps_down() {
    let mut network = Network::new(3, 3, 0, NetworkConfig::calm());
    network.run_for(Duration::from_secs(2));
    let leader = network.leader().unwrap();
    network.isolate(leader);
    network.run_for(Duration::from_secs(4));
    assert!(!network.member(leader.0).is_leader());
}

#[test]
fn a_voter_that_comes_back_from_a_partition_deposes_nobody() {
    let mut network = Network::new(4, 3, 0, NetworkConfig::calm());
    network.run_for(Duration::from_secs(2));
    let leader = network.leader().unwrap();
    let epoch = network.member(leader.0).epoch();
    let other = BrokerId((leader.0 + 1) % 3);
    network.isolate(other);
    network.run_for(Duration::from_secs(10));
    network.heal();
    network.run_for(Duration::from_secs(3));
    assert_eq!(network.leader(), Some(leader));
    assert_eq!(network.member(leader.0).epoch(), epoch);
}

#[test]
fn a_voter_that_lost_its_disk_is_refilled_before_it_votes() {
    for seed in 0..30 {
        let mut network = Network::new(seed, 3, 0, NetworkConfig::default());
        network.run_for(Duration::from_secs(2));
        for _ in 0..20 {
            network.propose_somewhere();
            network.run_for(Duration::from_millis(20));
        }
        // One follower has nothing of what the other two committed, then one of these two loses its disk.
        let leader = network.leader().unwrap();
        let behind = BrokerId((leader.0 + 1) % 3);
        let lost = BrokerId((leader.0 + 2) % 3);
        network.isolate(behind);
        for _ in 0..20 {
            network.propose_somewhere();
            network.run_for(Duration::from_millis(20));
        }
        network.lose_disk(lost);
        network.isolate(leader);
        network.reconnect(behind);
        network.run_for(Duration::from_secs(6));
        assert_eq!(
            network.leader(),
            None,
            "the two without the entries elected one of them"
        );
        network.heal();
        network.run_for(Duration::from_secs(6));
        network.assert_converged();
    }
}

#[test]
fn an_observer_follows_the_log_through_snapshots() {
    let mut network = Network::new(9, 3, 1, NetworkConfig::calm());
    network.run_for(Duration::from_secs(2));
    network.isolate(BrokerId(3));
    for _ in 0..40 {
        network.propose_somewhere();
        network.run_for(Duration::from_millis(10));
        network.compact_everywhere();
    }
    network.heal();
    network.run_for(Duration::from_secs(3));
    network.assert_converged();
    assert!(network.member(3).snapshot().is_some());
}
