//! Followers of a log whose older records are deleted while they are away.
//! Who may delete records, and when that is answered, is for the requests.

use crate::cluster::{Cluster, TP, broker};

#[test]
fn a_log_that_starts_inside_a_batch_is_followed() {
    let mut cluster = Cluster::new(3, 1);
    cluster.create(TP, &[1, 2, 3]);
    cluster.run_until("the leader leads", |c| {
        c.nodes[&broker(1)].replication.is_leader(TP)
    });
    cluster.isolate(3);
    cluster.produce_batch(TP, 3);
    cluster.produce_batch(TP, 3);
    cluster.run_until("committed without broker 3", |c| {
        c.high_watermark(1, TP) == 6
    });
    cluster.delete_before(TP, 4);
    cluster.run_until("the start is moved", |c| c.state(1, TP).log_start == 4);
    cluster.rejoin(3);
    cluster.run_until("broker 3 has the rest", |c| {
        c.high_watermark(3, TP) == 6 && c.state(3, TP).log_start == 4
    });
    let log_end = |id: i32| cluster.state(id, TP).log_end;
    assert_eq!((log_end(1), log_end(3)), (6, 6));
    cluster.run_until("and is in sync again", |c| c.roles[&TP].isr.len() == 3);
}
