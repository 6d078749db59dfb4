//! Leaders and coordinators leave a broker before it stops.

use bytes::Bytes;
use kafka_protocol::messages::SyncGroupRequest;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest,
};
use kring_admin_api as api;
use kring_io::BrokerId;
use kring_requests::{AdminRequest, AdminResponse};

use crate::harness::{Cluster, ids, text};

fn another(than: BrokerId) -> BrokerId {
    ids().into_iter().find(|id| *id != than).unwrap()
}

#[test]
fn a_stopping_broker_hands_its_leaders_over_and_comes_back_in_sync() {
    let mut cluster = Cluster::new();
    cluster.create("t", 1);
    let old = cluster.leader(BrokerId(0), "t");
    let other = another(old);
    for offset in 0..5 {
        assert_eq!(cluster.produce(old, "t", -1), (0, offset));
    }
    let begin = cluster.now();
    cluster.stop(old);
    let took = cluster.now().since(begin);
    assert!(took.as_millis() < 1_000, "{took:?}");
    let new = cluster.leader(other, "t");
    assert_ne!(new, old);
    assert_eq!(
        cluster.produce(new, "t", -1),
        (0, 5),
        "at once, without waiting for a fencing"
    );
    cluster.start(old);
    cluster.wait_for_isr(new, "t", 3);
}

#[test]
fn maintenance_empties_a_broker_and_return_leaders_fills_it_again() {
    let mut cluster = Cluster::new();
    cluster.create("t", 12);
    let broker = BrokerId(1);
    let maintenance = |on, epoch| {
        AdminRequest::Maintenance(api::MaintenanceRequest {
            broker: 1,
            on,
            epoch,
            ttl_s: 60,
        })
    };
    cluster.admin(broker, maintenance(true, 1)).unwrap();
    let mut left = u64::MAX;
    for _ in 0..100 {
        let status = AdminRequest::MaintenanceStatus { broker: 1 };
        let AdminResponse::Maintenance(status) = cluster.admin(broker, status).unwrap() else {
            panic!("a status");
        };
        left = status.leaders + status.coordinators;
        if left == 0 {
            break;
        }
        cluster.run_for(std::time::Duration::from_millis(20));
    }
    assert_eq!(left, 0);
    let led = |partitions: Vec<_>| {
        partitions
            .iter()
            .filter(
                |p: &&kafka_protocol::messages::metadata_response::MetadataResponsePartition| {
                    p.leader_id.0 == 1
                },
            )
            .count()
    };
    assert_eq!(led(cluster.partitions(BrokerId(0), "t")), 0);
    let stale = cluster.admin(broker, maintenance(false, 0)).unwrap_err();
    assert_eq!(stale.error, api::error::CONFLICT);
    cluster.admin(broker, maintenance(false, 1)).unwrap();
    let request = api::ReturnLeadersRequest {
        broker: 1,
        batch: 100,
    };
    let AdminResponse::ReturnLeaders(moved) = cluster
        .admin(BrokerId(2), AdminRequest::ReturnLeaders(request))
        .unwrap()
    else {
        panic!("a count");
    };
    assert_eq!((moved.moved, moved.remaining), (4, 0));
    cluster.run_for(std::time::Duration::from_millis(100));
    assert_eq!(led(cluster.partitions(BrokerId(0), "t")), 4);
}

fn coordinator(cluster: &mut Cluster, from: BrokerId) -> BrokerId {
    loop {
        let request = FindCoordinatorRequest::default().with_key(text("g"));
        let answer = cluster.ask(from, 2, &request);
        if answer.error_code == 0 {
            cluster.run_for(std::time::Duration::from_millis(500));
            return BrokerId(answer.node_id.0);
        }
        cluster.run_for(std::time::Duration::from_millis(20));
    }
}

#[test]
fn a_member_does_not_notice_that_its_coordinator_moved() {
    let mut cluster = Cluster::new();
    let group = GroupId(text("g"));
    let old = coordinator(&mut cluster, BrokerId(0));
    let protocol = JoinGroupRequestProtocol::default()
        .with_name(text("range"))
        .with_metadata(Bytes::from_static(b"\0\0\0\0\0\0\xff\xff\xff\xff"));
    let join = JoinGroupRequest::default()
        .with_group_id(group.clone())
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(10_000)
        .with_protocol_type(text("consumer"))
        .with_protocols(vec![protocol]);
    let joined = cluster.ask(old, 3, &join);
    assert_eq!(joined.error_code, 0);
    let member = joined.member_id;
    let assignment = SyncGroupRequestAssignment::default()
        .with_member_id(member.clone())
        .with_assignment(Bytes::from_static(b"mine"));
    let sync = SyncGroupRequest::default()
        .with_group_id(group.clone())
        .with_generation_id(joined.generation_id)
        .with_member_id(member.clone())
        .with_assignments(vec![assignment]);
    assert_eq!(cluster.ask(old, 2, &sync).error_code, 0);
    let heartbeat = HeartbeatRequest::default()
        .with_group_id(group)
        .with_generation_id(joined.generation_id)
        .with_member_id(member);
    assert_eq!(cluster.ask(old, 2, &heartbeat).error_code, 0);

    cluster.stop(old);
    let new = coordinator(&mut cluster, another(old));
    assert_ne!(new, old);
    assert_eq!(
        cluster.ask(new, 2, &heartbeat).error_code,
        0,
        "no rebalance"
    );
}
