//! A disk that neither completes nor fails what it was asked.

use std::time::Duration;

use kring_io::BrokerId;

use crate::harness::{Cluster, ids};

/// How long leaders may stay on a broker whose disk hangs.
const MOVED_WITHIN: Duration = Duration::from_millis(3_200);

#[test]
fn leaders_leave_a_broker_whose_disk_hangs_and_it_comes_back_when_the_disk_answers() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    let other = ids().into_iter().find(|id| *id != old).unwrap();
    for offset in 0..5 {
        assert_eq!(cluster.produce(old, "t", -1), (0, offset));
    }

    cluster.hang_disk(old, true);
    let begin = cluster.now();
    let waiting = cluster.send_produce(old, "t", -1);
    let mut new = old;
    while new == old {
        assert!(
            cluster.now().since(begin) < MOVED_WITHIN,
            "the leader did not move"
        );
        cluster.run_for(Duration::from_millis(20));
        new = cluster.leader(other, "t");
    }
    let reason = cluster.broker(old).not_ready_reason().unwrap();
    assert!(reason.contains("disk"), "{reason}");
    assert!(cluster.broker(old).metrics().disk_hangs);
    cluster.run_until(|cluster| cluster.answered(waiting));
    let (code, offset) = cluster.produce(new, "t", -1);
    assert_eq!((code, offset >= 5), (0, true), "{offset}");

    cluster.hang_disk(old, false);
    cluster.wait_for_isr(new, "t", 3);
    assert!(!cluster.broker(old).metrics().disk_hangs);
    assert_eq!(cluster.broker(old).metrics().disk_hangs_total, 1);
    assert_eq!(cluster.produce(new, "t", -1), (0, offset + 1));
}

#[test]
fn the_office_of_the_controller_leaves_a_broker_whose_disk_hangs() {
    let mut cluster = Cluster::new();
    cluster.create("t", 3);
    let active = ids()
        .into_iter()
        .find(|id| cluster.broker(*id).metrics().active_controller)
        .unwrap();
    let led = cluster.partitions(BrokerId(0), "t");
    assert!(led.iter().any(|p| p.leader_id.0 == active.0));
    cluster.hang_disk(active, true);
    // Something for the disk to owe: the metadata of another topic.
    let other = ids().into_iter().find(|id| *id != active).unwrap();
    cluster.produce(active, "t", 1);
    cluster.create("u", 1);
    cluster.run_for(MOVED_WITHIN);
    assert!(!cluster.broker(active).metrics().active_controller);
    let leaders = cluster.partitions(other, "t");
    assert!(
        leaders
            .iter()
            .all(|p| p.leader_id.0 != active.0 && p.leader_id.0 >= 0)
    );
    cluster.hang_disk(active, false);
    cluster.wait_for_isr(other, "t", 3);
}
