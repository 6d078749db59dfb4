//! Disks that lost what was durable: a hole in the journal, no checkpoint, or nothing left at all.

use std::time::Duration;

use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

const RECORDS: i64 = 40;

fn filled() -> (Cluster, BrokerId) {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let leader = cluster.leader(BrokerId(0), "t");
    for offset in 0..RECORDS {
        assert_eq!(cluster.produce(leader, "t", -1), (0, offset));
    }
    (cluster, leader)
}

/// Damages a block in the middle of what the journal holds.
fn make_hole(cluster: &mut Cluster, id: BrokerId) {
    let disk = cluster.disk(id);
    let content = disk.content("journal-0000.j").unwrap();
    let blocks: Vec<usize> = (0..content.len())
        .step_by(4096)
        .filter(|at| content[*at..].starts_with(b"KRJB"))
        .collect();
    // In its first page and in its parity: one page alone would be mended.
    let nth = blocks.len() / 2;
    for at in [blocks[nth] + 60, blocks[nth + 1] - 4000] {
        assert!(disk.flip_bit("journal-0000.j", at as u64, 2));
    }
}

fn is_whole(cluster: &mut Cluster, from: BrokerId) {
    let end = cluster.fetch_all(from, "t").unwrap().len() as i64;
    assert!(end >= RECORDS, "{end}");
}

fn others(id: BrokerId) -> Vec<BrokerId> {
    ids().into_iter().filter(|other| *other != id).collect()
}

#[test]
fn a_broker_with_a_hole_in_its_journal_comes_back_by_itself() {
    for leads in [false, true] {
        let (mut cluster, leader) = filled();
        let victim = if leads { leader } else { others(leader)[0] };
        let other = others(victim)[0];
        cluster.kill(victim);
        make_hole(&mut cluster, victim);
        cluster.start(victim);
        cluster.run_until(|cluster| cluster.is_ready(victim));
        cluster.run_for(Duration::from_secs(1));
        cluster.wait_for_isr(other, "t", 3);
        let now = cluster.leader(other, "t");
        is_whole(&mut cluster, now);
        // It counts again, also in the quorum: one of the others may go.
        cluster.kill(other);
        cluster.run_for(Duration::from_secs(6));
        let leader = cluster.leader(victim, "t");
        assert_ne!(leader, other);
        assert_eq!(cluster.produce(leader, "t", -1).0, 0);
    }
}

#[test]
fn all_lose_power_one_journal_rots_and_nothing_that_was_acknowledged_is_lost() {
    for (round, victim) in ids().into_iter().enumerate() {
        let (mut cluster, _) = filled();
        for id in ids() {
            cluster.kill(id);
        }
        if round == 2 {
            for checkpoint in ["checkpoint-0", "checkpoint-1"] {
                cluster.disk(victim).flip_bit(checkpoint, 40, 1);
            }
        } else {
            make_hole(&mut cluster, victim);
        }
        for id in ids() {
            cluster.start(id);
        }
        cluster.run_until(|cluster| ids().into_iter().all(|id| cluster.is_ready(id)));
        cluster.run_for(Duration::from_secs(1));
        cluster.wait_for_isr(victim, "t", 3);
        let leader = cluster.leader(victim, "t");
        is_whole(&mut cluster, leader);
        assert_eq!(cluster.produce(leader, "t", -1).0, 0);
    }
}

#[test]
fn an_empty_disk_is_filled_and_its_broker_counts_again() {
    let (mut cluster, leader) = filled();
    for victim in [others(leader)[0], leader] {
        let other = others(victim)[0];
        cluster.kill(victim);
        cluster.replace_disk(victim);
        cluster.start(victim);
        cluster.run_until(|cluster| cluster.is_ready(victim));
        cluster.run_for(Duration::from_secs(1));
        cluster.wait_for_isr(other, "t", 3);
        let now = cluster.leader(other, "t");
        is_whole(&mut cluster, now);
    }
}

#[test]
fn two_of_three_without_the_log_elect_nobody_until_the_third_is_there() {
    let (mut cluster, leader) = filled();
    let [lost, stays] = [others(leader)[0], others(leader)[1]];
    cluster.kill(lost);
    cluster.kill(leader);
    cluster.replace_disk(lost);
    cluster.start(lost);
    cluster.run_for(Duration::from_secs(8));
    for id in [lost, stays] {
        assert!(!cluster.broker(id).metrics().active_controller);
    }
    cluster.start(leader);
    cluster.run_until(|cluster| ids().into_iter().all(|id| cluster.is_ready(id)));
    cluster.run_for(Duration::from_secs(1));
    cluster.wait_for_isr(stays, "t", 3);
    let now = cluster.leader(stays, "t");
    is_whole(&mut cluster, now);
}
