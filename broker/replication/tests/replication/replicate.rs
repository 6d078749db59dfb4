//! Leaders and followers with real logs on simulated disks: what is committed, when, and what happens to the rest.
//! Elections are the tests' own: the controller is not here.

use std::time::Duration;

use crate::cluster::{Cluster, Proposals, TP, broker};
use kring_wire::TopicPartition;

fn isr(cluster: &Cluster) -> Vec<i32> {
    let mut isr: Vec<i32> = cluster.roles[&TP].isr.iter().map(|b| b.0).collect();
    isr.sort_unstable();
    isr
}

fn three(seed: u64) -> Cluster {
    let mut cluster = Cluster::new(3, seed);
    cluster.create(TP, &[1, 2, 3]);
    cluster.run_until("the leader leads", |c| {
        c.nodes[&broker(1)].replication.is_leader(TP)
    });
    cluster
}

fn committed_everywhere(cluster: &mut Cluster, end: i64) {
    cluster.run_until("committed everywhere", |c| {
        c.nodes.keys().all(|id| c.high_watermark(id.0, TP) == end)
    });
}

#[test]
fn a_record_is_committed_once_every_in_sync_replica_has_it_on_disk() {
    let mut cluster = three(1);
    let (offset, value) = cluster.produce(TP);
    assert_eq!(offset, 0);
    assert_eq!(cluster.high_watermark(1, TP), 0, "nothing is durable yet");
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 1);
    for id in 1..=3 {
        assert_eq!(
            cluster.state(id, TP).durable_end,
            1,
            "broker {id} has it on disk"
        );
    }
    committed_everywhere(&mut cluster, 1);
    for id in 1..=3 {
        assert_eq!(cluster.content(id, TP), [(0, 0, value.clone())]);
    }
}

#[test]
fn a_commit_takes_one_round_trip_and_the_flushes_overlap() {
    let mut cluster = three(2);
    cluster.run_for(Duration::from_millis(50));
    let from = cluster.now;
    cluster.produce(TP);
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 1);
    let took = cluster.now.since(from);
    // Two messages of 0.1 ms and one flush of at most 20 × 0.3 ms on the slowest disk.
    assert!(took < Duration::from_millis(7), "took {took:?}");
}

#[test]
fn without_one_in_sync_replica_nothing_is_committed_until_it_leaves_the_isr() {
    let mut cluster = three(3);
    cluster.isolate(3);
    cluster.produce(TP);
    cluster.run_for(Duration::from_millis(1_500));
    assert_eq!(cluster.high_watermark(1, TP), 0);
    cluster.run_until("broker 3 is dropped", |c| isr(c) == [1, 2]);
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 1);

    cluster.produce(TP);
    cluster.run_until("committed without it", |c| c.high_watermark(1, TP) == 2);
    cluster.rejoin(3);
    cluster.run_until("broker 3 is back", |c| isr(c) == [1, 2, 3]);
    committed_everywhere(&mut cluster, 2);
}

#[test]
fn below_min_isr_the_high_watermark_stands_still() {
    let mut cluster = three(4);
    cluster.isolate(2);
    cluster.isolate(3);
    cluster.produce(TP);
    cluster.run_until("the leader is alone", |c| isr(c) == [1]);
    cluster.run_for(Duration::from_secs(1));
    assert_eq!(cluster.high_watermark(1, TP), 0);
    assert_eq!(
        cluster.nodes[&broker(1)].replication.has_min_isr(TP),
        Some(false)
    );
    cluster.rejoin(2);
    cluster.run_until("two are in sync", |c| isr(c).len() == 2);
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 1);
}

#[test]
fn a_replica_with_an_empty_disk_copies_everything_before_it_is_in_sync() {
    let mut cluster = three(5);
    for _ in 0..200 {
        cluster.produce(TP);
        cluster.run_for(Duration::from_micros(500));
    }
    committed_everywhere(&mut cluster, 200);
    cluster.crash(3);
    cluster.replace_disk(3);
    cluster.elect(TP, 1, &[1, 2]);
    cluster.run_for(Duration::from_secs(1));
    cluster.start(3);
    cluster.run_until("broker 3 is in sync", |c| isr(c) == [1, 2, 3]);
    assert_eq!(cluster.state(3, TP).durable_end, 200);
    assert_eq!(cluster.content(3, TP), cluster.content(1, TP));
}

#[test]
fn a_replica_that_crashed_comes_back_with_what_it_had() {
    let mut cluster = three(6);
    for _ in 0..20 {
        cluster.produce(TP);
        cluster.run_for(Duration::from_millis(1));
    }
    cluster.crash(2);
    for _ in 0..20 {
        cluster.produce(TP);
        cluster.run_for(Duration::from_millis(1));
    }
    cluster.start(2);
    committed_everywhere(&mut cluster, 40);
    assert_eq!(cluster.content(2, TP), cluster.content(1, TP));
}

#[test]
fn an_old_leaders_uncommitted_end_is_cut_and_replaced_by_the_new_leaders() {
    let mut cluster = three(7);
    cluster.produce(TP);
    committed_everywhere(&mut cluster, 1);
    // Broker 1 appends two records that nobody else gets, on its own disk.
    cluster.isolate(1);
    cluster.produce(TP);
    cluster.produce(TP);
    cluster.run_until("durable here", |c| c.state(1, TP).durable_end == 3);
    // The others go on without it; it does not hear of that.
    cluster.elect(TP, 2, &[2, 3]);
    cluster.run_until("broker 2 leads", |c| {
        c.nodes[&broker(2)].replication.is_leader(TP)
    });
    let (offset, value) = cluster.produce(TP);
    assert_eq!(offset, 1);
    cluster.run_until("committed", |c| c.high_watermark(2, TP) == 2);
    cluster.rejoin(1);
    cluster.run_until("broker 1 is in sync", |c| isr(c) == [1, 2, 3]);
    committed_everywhere(&mut cluster, 2);
    let content = cluster.content(1, TP);
    assert_eq!(content[1], (1, 1, value));
    assert_eq!(content, cluster.content(2, TP));
}

#[test]
fn a_new_leader_commits_what_the_old_one_left_and_never_goes_back() {
    let mut cluster = three(8);
    for _ in 0..10 {
        cluster.produce(TP);
    }
    cluster.run_until("the followers have it", |c| {
        (2..=3).all(|id| c.state(id, TP).log_end == 10)
    });
    let before = cluster.high_watermark(2, TP);
    cluster.crash(1);
    cluster.elect(TP, 2, &[2, 3]);
    cluster.run_until("all of it is committed", |c| c.high_watermark(2, TP) == 10);
    assert!(before <= 10);
    let view = cluster.nodes[&broker(2)]
        .replication
        .leader_state(TP, &cluster.nodes[&broker(2)].log)
        .unwrap();
    assert_eq!((view.epoch, view.epoch_start), (1, 10));
}

/// A cluster that has committed a record without broker 3, which nobody hears.
fn without_3(seed: u64) -> Cluster {
    let mut cluster = three(seed);
    cluster.isolate(3);
    cluster.produce(TP);
    cluster.run_until("broker 3 is dropped", |c| isr(c) == [1, 2]);
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 1);
    cluster
}

#[test]
fn a_proposal_whose_answer_is_lost_still_holds_back_the_high_watermark() {
    let mut cluster = without_3(9);
    // The controller takes broker 3 back, but the leader does not hear of it.
    cluster.proposals = Proposals::TakeSilently;
    cluster.rejoin(3);
    cluster.run_until("the controller took it", |c| isr(c) == [1, 2, 3]);
    cluster.isolate(3);
    cluster.produce(TP);
    cluster.run_for(Duration::from_millis(1_900));
    assert_eq!(
        cluster.high_watermark(1, TP),
        1,
        "broker 3 may be elected and lacks it"
    );
    let tries = cluster.proposed.iter().filter(|p| p.isr.len() == 3).count();
    assert!(tries >= 2, "it was proposed again");
    cluster.proposals = Proposals::Take;
    cluster.publish(TP);
    cluster.run_until("dropped again", |c| isr(c) == [1, 2]);
    cluster.run_until("committed", |c| c.high_watermark(1, TP) == 2);
}

#[test]
fn a_refused_expansion_is_tried_again_after_a_pause() {
    let mut cluster = three(10);
    cluster.isolate(3);
    cluster.run_until("broker 3 is dropped", |c| isr(c) == [1, 2]);
    cluster.proposals = Proposals::Refuse;
    cluster.rejoin(3);
    let before = cluster.proposed.len();
    cluster.run_for(Duration::from_secs(3));
    let tries = cluster.proposed.len() - before;
    assert!((2..=8).contains(&tries), "{tries} tries in 3 s");
    cluster.produce(TP);
    cluster.run_until("committed with the old ISR", |c| {
        c.high_watermark(1, TP) == 1
    });
    cluster.proposals = Proposals::Take;
    cluster.run_until("broker 3 is back", |c| isr(c) == [1, 2, 3]);
}

/// A cluster whose leader has proposed broker 3 in vain: the controller has not heard of it.
fn with_a_lost_proposal(seed: u64) -> Cluster {
    let mut cluster = without_3(seed);
    cluster.proposals = Proposals::Lose;
    cluster.rejoin(3);
    cluster.run_until("broker 3 is proposed", |c| {
        c.proposed.last().is_some_and(|p| p.isr.len() == 3)
    });
    cluster.crash(3);
    cluster
}

#[test]
fn a_repeated_proposal_is_for_the_run_of_the_follower_that_had_caught_up() {
    let mut cluster = with_a_lost_proposal(12);
    cluster.replace_disk(3);
    cluster.start(3);
    cluster.run_until("its empty disk is known", |c| {
        let leader = &c.nodes[&broker(1)];
        let view = leader.replication.leader_state(TP, &leader.log).unwrap();
        let of_3 = view.followers.iter().find(|f| f.broker == broker(3));
        of_3.is_some_and(|f| f.durable_end == Some(0))
    });
    cluster.isolate(3);
    cluster.proposals = Proposals::Take;
    cluster.run_for(Duration::from_secs(6));
    let second_run = (broker(3), 302);
    assert!(
        cluster
            .proposed
            .iter()
            .all(|p| !p.isr.contains(&second_run)),
        "its second run has an empty disk"
    );
    assert_eq!(isr(&cluster), [1, 2]);
    cluster.rejoin(3);
    cluster.run_until("broker 3 is back", |c| isr(c) == [1, 2, 3]);
    assert_eq!(cluster.state(3, TP).log_end, 1);
}

#[test]
fn a_repeat_that_is_refused_does_not_hold_back_the_high_watermark_for_ever() {
    let mut cluster = with_a_lost_proposal(13);
    cluster.proposals = Proposals::Take;
    cluster.produce(TP);
    cluster.run_until("committed without broker 3", |c| {
        c.high_watermark(1, TP) == 2
    });
    assert_eq!(isr(&cluster), [1, 2]);
    cluster.start(3);
    cluster.run_until("broker 3 is back", |c| isr(c) == [1, 2, 3]);
}

#[test]
fn lost_answers_are_made_up_for_by_a_new_session() {
    let mut cluster = three(11);
    cluster.produce(TP);
    committed_everywhere(&mut cluster, 1);
    // Fetches arrive, answers do not.
    cluster.cut(1, 2);
    cluster.produce(TP);
    cluster.run_for(Duration::from_millis(100));
    assert_eq!(cluster.state(2, TP).log_end, 1);
    cluster.heal(1, 2);
    cluster.run_for(Duration::from_millis(50));
    assert_eq!(
        cluster.state(2, TP).log_end,
        2,
        "at once, not after a time-out"
    );
}

#[test]
fn a_follower_that_hears_of_the_new_leader_first_waits_without_asking_again() {
    let mut cluster = three(12);
    cluster.produce(TP);
    committed_everywhere(&mut cluster, 1);
    let role = cluster.roles.get_mut(&TP).unwrap();
    role.leader = Some(broker(2));
    role.leader_epoch += 1;
    role.partition_epoch += 1;
    cluster.publish_to(TP, 3);
    cluster.run_for(Duration::from_millis(50));
    let before = cluster.messages_sent;
    cluster.run_for(Duration::from_millis(500));
    assert!(cluster.messages_sent - before < 20, "no busy loop");
    cluster.publish_to(TP, 2);
    cluster.publish_to(TP, 1);
    cluster.run_until("broker 2 leads", |c| {
        c.nodes[&broker(2)].replication.is_leader(TP)
    });
    cluster.produce(TP);
    cluster.run_for(Duration::from_millis(20));
    assert_eq!(cluster.state(3, TP).log_end, 2);
}

#[test]
fn what_reaches_a_followers_disk_before_the_new_leader_knows_that_it_leads_counts() {
    let mut cluster = three(18);
    cluster.produce(TP);
    committed_everywhere(&mut cluster, 1);
    cluster.run_for(Duration::from_millis(20));
    cluster.produce(TP);
    // A record takes as long as a role: this one arrives 0.01 ms before.
    cluster.run_for(Duration::from_micros(10));
    let role = cluster.roles.get_mut(&TP).unwrap();
    role.leader = Some(broker(2));
    role.leader_epoch += 1;
    role.partition_epoch += 1;
    cluster.publish_to(TP, 1);
    cluster.publish_to(TP, 3);
    cluster.run_until("broker 3 turns to broker 2", |c| {
        let following = c.nodes[&broker(3)].replication.following(TP);
        following.is_some_and(|f| f.leader == broker(2))
    });
    let follower = cluster.state(3, TP);
    assert_eq!(
        (follower.log_end, follower.durable_end),
        (2, 1),
        "it tells of a record that is not yet on its disk"
    );
    cluster.run_for(Duration::from_millis(50));
    assert_eq!(cluster.state(3, TP).durable_end, 2, "and later that it is");
    cluster.publish_to(TP, 2);
    cluster.run_for(Duration::from_millis(50));
    assert_eq!(cluster.high_watermark(2, TP), 2);
}

#[test]
fn a_lost_report_of_a_durable_end_is_told_again() {
    let mut cluster = three(19);
    cluster.produce(TP);
    committed_everywhere(&mut cluster, 1);
    cluster.run_for(Duration::from_millis(20));
    cluster.produce(TP);
    cluster.run_until(
        "broker 3 has the record in memory and asked for more",
        |c| c.state(3, TP).log_end == 2,
    );
    assert_eq!(cluster.state(3, TP).durable_end, 1);
    cluster.cut(3, 1);
    cluster.run_until("and on its disk", |c| c.state(3, TP).durable_end == 2);
    cluster.mend_silently(3, 1);
    // The fetch that the leader holds must run out first; the lag limit is twice as far.
    let wait = Duration::from_millis(cluster.config.fetch_wait_ms);
    cluster.run_for(wait + Duration::from_millis(200));
    assert_eq!(cluster.high_watermark(1, TP), 2);
    assert_eq!(isr(&cluster), [1, 2, 3], "nobody had to leave for it");
}

#[test]
fn many_partitions_share_one_conversation_and_idle_brokers_are_quiet() {
    let mut cluster = Cluster::new(3, 13);
    let all: Vec<TopicPartition> = (0..100)
        .map(|n| TopicPartition { partition: n, ..TP })
        .collect();
    for tp in &all {
        cluster.create(*tp, &[1, 2, 3]);
    }
    cluster.run_for(Duration::from_millis(50));
    for tp in &all {
        cluster.produce(*tp);
    }
    cluster.run_until("all are committed", |c| {
        all.iter()
            .all(|tp| c.high_watermark(1, *tp) == 1 && c.high_watermark(3, *tp) == 1)
    });
    cluster.run_for(Duration::from_secs(1));
    let before = cluster.messages_sent;
    cluster.run_for(Duration::from_secs(5));
    let messages = cluster.messages_sent - before;
    assert!(
        messages <= 2 * 2 * 6,
        "{messages} messages in 5 s of silence"
    );
}

#[test]
fn cold_records_are_read_from_segments_for_a_follower() {
    let mut cluster = three(14);
    cluster.crash(3);
    cluster.elect(TP, 1, &[1, 2]);
    cluster.run_for(Duration::from_millis(10));
    for _ in 0..300 {
        cluster.produce(TP);
        cluster.run_for(Duration::from_millis(2));
    }
    // Also the leader restarts, so that its memory is empty.
    cluster.crash(1);
    cluster.elect(TP, 2, &[2]);
    cluster.start(1);
    cluster.start(3);
    cluster.run_until("all in sync", |c| isr(c) == [1, 2, 3]);
    committed_everywhere(&mut cluster, 300);
    assert_eq!(cluster.content(3, TP), cluster.content(2, TP));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let mut cluster = three(seed);
        for _ in 0..50 {
            cluster.produce(TP);
            cluster.run_for(Duration::from_micros(300));
        }
        committed_everywhere(&mut cluster, 50);
        (cluster.now, cluster.messages_sent)
    };
    assert_eq!(run(20), run(20));
    assert_ne!(run(20), run(21), "seeds differ");
}

#[test]
fn who_lacks_what_an_earlier_leader_committed_does_not_join_the_isr() {
    let mut cluster = Cluster::new(3, 15);
    cluster.create(TP, &[3, 2, 1]);
    cluster.run_until("the leader leads", |c| {
        c.nodes[&broker(3)].replication.is_leader(TP)
    });
    for _ in 0..5 {
        cluster.produce(TP);
    }
    committed_everywhere(&mut cluster, 5);
    cluster.produce(TP);
    cluster.run_until("both have it", |c| {
        (1..=2).all(|id| c.state(id, TP).log_end == 6)
    });
    cluster.isolate(1);
    for _ in 0..4 {
        cluster.produce(TP);
    }
    cluster.run_until("broker 2 has it", |c| c.state(2, TP).log_end == 10);
    // Broker 2 does not hear any more what is committed, and broker 1 is fenced.
    cluster.cut(3, 2);
    let role = cluster.roles.get_mut(&TP).unwrap();
    role.isr.retain(|id| *id != broker(1));
    role.partition_epoch += 1;
    cluster.publish_to(TP, 3);
    cluster.run_until("all is committed", |c| c.high_watermark(3, TP) == 10);
    assert!(
        cluster.high_watermark(2, TP) <= 6,
        "the new leader knows only of these"
    );
    cluster.crash(3);
    cluster.elect(TP, 2, &[2]);
    cluster.run_until("broker 2 leads", |c| {
        c.nodes[&broker(2)].replication.is_leader(TP)
    });
    cluster.rejoin(1);
    cluster.run_until("broker 1 is in sync", |c| isr(c) == [1, 2]);
    assert_eq!(cluster.state(1, TP).durable_end, 10);
}
