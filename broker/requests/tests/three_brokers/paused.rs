//! A leader that stood still, and does not know yet that another leads.
//! Its links were cut meanwhile: what it reads first is old.

use std::time::Duration;

use kafka_protocol::messages::ProduceRequest;
use kring_io::BrokerId;
use kring_requests::{AdminRequest, AdminResponse};
use kring_wire::BatchBuilder;

use crate::harness::{Cluster, ids};

const NOT_LEADER: i16 = 6;

/// Produces one record of an idempotent producer; gives the error code.
fn produce(cluster: &mut Cluster, to: BrokerId, topic: &str, sequence: i32) -> i16 {
    let mut batch = BatchBuilder::new().producer(7, 0, sequence);
    batch.push(1_700_000_000_000, None, Some(b"value"));
    let number = cluster.send_batch(to, topic, -1, batch.build());
    let answer = cluster.receive::<ProduceRequest>(9, number);
    answer.responses[0].partition_responses[0].error_code
}

fn active_controller(cluster: &mut Cluster) -> BrokerId {
    let AdminResponse::Health(health) = cluster.admin(BrokerId(0), AdminRequest::Health).unwrap()
    else {
        panic!("health");
    };
    BrokerId(health.controller_id.unwrap())
}

/// A producer that has moved on would take a gap in its sequence for lost records.
#[test]
fn a_leader_that_stood_still_and_was_the_controller_tells_nobody_of_gaps_that_only_it_has() {
    // What waits in its sockets depends on when it stops between two signs of life.
    for pause_after_ms in [1, 130, 195, 199] {
        pause_an_active_controller(Duration::from_millis(pause_after_ms));
    }
}

fn pause_an_active_controller(pause_after: Duration) {
    let mut cluster = Cluster::new();
    let active = active_controller(&mut cluster);
    let topic = (0..20)
        .map(|n| format!("t{n}"))
        .find(|topic| {
            cluster.create(topic, 1);
            cluster.leader(BrokerId(0), topic) == active
        })
        .expect("leaders are spread");
    assert_eq!(produce(&mut cluster, active, &topic, 0), 0);
    cluster.run_for(pause_after);
    cluster.pause(active);
    // What is on its way when it stops is the last that its links bring.
    cluster.run_for(Duration::from_millis(30));
    cluster.isolate(active);
    cluster.run_for(Duration::from_secs(20));
    let other = ids().into_iter().find(|id| *id != active).unwrap();
    let new = cluster.leader(other, &topic);
    assert_ne!(new, active);
    for sequence in 1..5 {
        assert_eq!(produce(&mut cluster, new, &topic, sequence), 0);
    }
    cluster.resume(active);
    for _ in 0..20 {
        assert_eq!(produce(&mut cluster, active, &topic, 5), NOT_LEADER);
        cluster.run_for(Duration::from_millis(50));
    }
    assert_eq!(produce(&mut cluster, new, &topic, 5), 0);
    cluster.heal();
    cluster.wait_for_isr(new, &topic, 3);
}
