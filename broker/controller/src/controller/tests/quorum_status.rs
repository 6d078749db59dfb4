//! How far the members of the quorum are, asked at any broker.
//! Elections and commits are tested in `quorum`.

use std::time::Duration;

use super::cluster::Cluster;
use super::{SECOND, three};
use crate::quorum::{MemberStatus, QuorumStatus};
use crate::request::{ControllerRequest, ControllerResponse};

fn status(cluster: &mut Cluster, asked: i32) -> QuorumStatus {
    match cluster.request(asked, ControllerRequest::DescribeQuorum) {
        Ok(ControllerResponse::Quorum(status)) => status,
        other => panic!("{other:?}"),
    }
}

fn member(status: &QuorumStatus, id: i32) -> MemberStatus {
    let mut members = status.voters.iter().chain(&status.observers);
    *members.find(|member| member.id.0 == id).unwrap()
}

#[test]
fn every_broker_tells_who_leads_and_how_far_the_others_are() {
    let mut cluster = three();
    cluster.add_broker(3);
    cluster.run_for(2 * SECOND);
    let leader = cluster.active().unwrap();
    for asked in 0..4 {
        let status = status(&mut cluster, asked);
        assert_eq!(status.leader.0, leader);
        assert!(status.epoch > 0);
        let ids = |members: &[MemberStatus]| members.iter().map(|m| m.id.0).collect::<Vec<i32>>();
        assert_eq!(
            (ids(&status.voters), ids(&status.observers)),
            (vec![0, 1, 2], vec![3])
        );
        assert_eq!(member(&status, leader).end, Some(status.high_watermark));
        for member in status.voters.iter().chain(&status.observers) {
            assert_eq!(member.end, Some(status.high_watermark), "{member:?}");
            assert!(member.caught_up_ms.is_some() && member.caught_up_ms <= member.heard_ms);
        }
    }
}

#[test]
fn a_member_that_is_gone_stays_behind_and_says_since_when() {
    let mut cluster = three();
    cluster.run_for(SECOND);
    let leader = cluster.active().unwrap();
    let gone = (leader + 1) % 3;
    let before = status(&mut cluster, leader);
    cluster.kill(gone);
    cluster.run_for(Duration::from_secs(10));
    super::create(&mut cluster, leader, "later", 1, 1);
    let after = status(&mut cluster, leader);
    assert!(after.high_watermark > before.high_watermark);
    let (was, is) = (member(&before, gone), member(&after, gone));
    assert!(is.end < Some(after.high_watermark));
    assert_eq!(is.end, was.end);
    // The wall clock of these clusters stands at 0.
    let other = member(&after, (leader + 2) % 3);
    let ago_ms = |member: MemberStatus| -member.heard_ms.unwrap();
    assert!((9_000..15_000).contains(&ago_ms(is)), "{is:?}");
    assert!(ago_ms(other) < 2_000, "{other:?}");
}

#[test]
fn a_leader_that_has_not_heard_a_member_says_so() {
    let mut cluster = three();
    let leader = cluster.active().unwrap();
    let gone = (leader + 1) % 3;
    cluster.kill(gone);
    cluster.kill(leader);
    cluster.start(leader);
    cluster.run_for(Duration::from_secs(10));
    let asked = cluster.active().unwrap();
    let status = status(&mut cluster, asked);
    let gone = member(&status, gone);
    assert_eq!(
        (gone.end, gone.heard_ms, gone.caught_up_ms),
        (None, None, None)
    );
}
