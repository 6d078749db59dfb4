//! What members of a group say of themselves: subscriptions and assignments, which clients write and the coordinator reads.
//! It joins as a member and asks for what the coordinator made of it.

use bytes::Bytes;
use kring_groups::{
    DescribeGroup, GroupConfig, GroupEvent, GroupOut, GroupRequest, Groups, JoinGroup, Protocol,
};
use kring_io::{Instant, Now};

pub(super) fn run(data: &[u8]) {
    let mut groups = Groups::new(GroupConfig::default(), 1);
    let mut out = GroupOut::default();
    let now = Now {
        mono: Instant(0),
        wall_ms: 1_700_000_000_000,
    };
    groups.step(
        now,
        GroupEvent::BecomeLeader {
            partition: 0,
            epoch: 0,
        },
        &mut out,
    );
    let join = JoinGroup {
        group_id: "fuzz".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![Protocol {
            name: "range".to_owned(),
            metadata: Bytes::copy_from_slice(data),
        }],
        ..JoinGroup::default()
    };
    let asks = [
        GroupRequest::Join(join),
        GroupRequest::Describe(DescribeGroup {
            group_id: "fuzz".to_owned(),
        }),
    ];
    for (id, request) in (0_u64..).zip(asks) {
        let event = GroupEvent::Request {
            id,
            partition: 0,
            request,
        };
        groups.step(now, event, &mut out);
    }
    assert!(
        !out.responses.is_empty(),
        "who describes a group is answered at once"
    );
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    // Version, topics, user data; then owned partitions, generation, rack.
    let mut subscription = vec![0, 1, 0, 0, 0, 1, 0, 4];
    subscription.extend_from_slice(b"fuzz");
    subscription.extend_from_slice(&[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    vec![
        subscription,
        vec![0, 0, 0, 0, 0, 0],
        vec![0, 3, 0x7f, 0xff, 0xff, 0xff],
    ]
}
