//! Whole rebalances of KIP-848 groups, and what is refused on the way.
//! Random ones are in `random_consumers`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod consumer_harness;
mod harness;

use consumer_harness::{World, heartbeat};
use kring_groups::{
    ConsumerHeartbeat, DeleteGroup, DescribeGroup, GroupConfig, GroupRequest, GroupResponse,
    GroupState, JoinGroup, LeaveGroup, LeavingMember, MemberIdentity, OffsetCommit, OffsetDelete,
    OffsetFetch, PartitionCommit, PartitionsOf, Protocol, TopicCommit, TxnOffsetCommit,
};
use kring_wire::{ErrorCode, TopicId};

fn world() -> World {
    World::new(GroupConfig::default(), 2)
}

fn commit(world: &mut World, member: &str, epoch: i32, partition: i32) -> ErrorCode {
    let topic_id = world.topics()["t"].0;
    let request = GroupRequest::Commit(OffsetCommit {
        group_id: "g".to_owned(),
        generation_id: epoch,
        member_id: member.to_owned(),
        retention_ms: -1,
        topics: vec![topic_commit(topic_id, partition)],
        ..OffsetCommit::default()
    });
    match world.answer(request) {
        GroupResponse::Commit(outcome) => outcome.topics[0].partitions[0].error,
        other => panic!("{other:?}"),
    }
}

fn topic_commit(topic_id: TopicId, partition: i32) -> TopicCommit {
    TopicCommit {
        topic: "t".to_owned(),
        topic_id,
        partitions: vec![PartitionCommit {
            partition,
            offset: 7,
            leader_epoch: -1,
            metadata: None,
        }],
    }
}

fn classic_join(world: &mut World) -> Option<ErrorCode> {
    let request = GroupRequest::Join(JoinGroup {
        group_id: "g".to_owned(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![Protocol {
            name: "range".to_owned(),
            metadata: harness::subscription(&["t"]),
        }],
        ..JoinGroup::default()
    });
    world.coordinator.responses.clear();
    let id = world.coordinator.request(request);
    world.coordinator.advance(5_000);
    let responses = std::mem::take(&mut world.coordinator.responses);
    responses
        .into_iter()
        .find(|(of, _)| *of == id)
        .map(|(_, r)| match r {
            GroupResponse::Join(outcome) => outcome.error,
            other => panic!("{other:?}"),
        })
}

#[test]
fn members_come_and_go_and_everything_is_always_with_one_of_them() {
    let mut world = world();
    world.topic("t", 6);
    world.join("a", &["t"]);
    world.beat("a");
    assert_eq!((world.owned("a"), world.consumers["a"].epoch), (6, 1));
    world.join("b", &["t"]);
    world.beat("b");
    assert_eq!(world.owned("b"), 0, "a has not given anything up yet");
    assert_eq!(world.describe().state, GroupState::Reconciling);
    world.beat_all(3);
    assert_eq!((world.owned("a"), world.owned("b")), (3, 3));
    world.join("c", &["t"]);
    world.beat_all(4);
    for name in ["a", "b", "c"] {
        assert_eq!(world.owned(name), 2, "{name}");
    }
    let group = world.describe();
    assert_eq!(
        (group.state, &group.assignor[..]),
        (GroupState::Stable, "uniform")
    );
    assert_eq!(group.group_epoch, group.assignment_epoch);
    assert!(
        group
            .members
            .iter()
            .all(|m| m.assignment == m.target && m.assignment.len() == 1)
    );
    assert_eq!(world.leave("b", -1), Some(ErrorCode::None));
    world.beat_all(2);
    assert_eq!((world.owned("a"), world.owned("c")), (3, 3));
    world.kill("c");
    for _ in 0..12 {
        world.coordinator.advance(5_000);
        world.beat("a");
    }
    assert_eq!(world.owned("a"), 6, "the session of c is over");
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[test]
fn an_answer_names_partitions_only_when_they_changed_or_everything_was_said() {
    let mut world = world();
    world.topic("t", 2);
    world.join("a", &["t"]);
    let join = heartbeat(&world.consumers["a"]);
    let first = world.ask(join.clone());
    assert_eq!(first.heartbeat_interval_ms, 5_000);
    assert_eq!(first.assignment.as_ref().unwrap()[0].1, [0, 1]);
    let short = ConsumerHeartbeat {
        member_epoch: 1,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        topic_partitions: None,
        ..join.clone()
    };
    assert_eq!(world.ask(short.clone()).assignment, None);
    let full = ConsumerHeartbeat {
        member_epoch: 1,
        topic_partitions: first.assignment.clone(),
        ..join.clone()
    };
    assert_eq!(world.ask(full).assignment, first.assignment);
    world.topic("t", 3);
    let grown = world.ask(short);
    assert_eq!(grown.member_epoch, 2);
    assert_eq!(grown.assignment.unwrap()[0].1, [0, 1, 2]);
    // Joining again is answered as joining.
    assert_eq!(world.ask(join).assignment.unwrap()[0].1, [0, 1, 2]);
}

#[test]
fn a_member_that_does_not_give_up_partitions_in_time_is_put_out() {
    let mut world = world();
    world.topic("t", 4);
    world.join("a", &["t"]).rebalance_timeout_ms = 10_000;
    world.beat("a");
    world.join("b", &["t"]);
    world.beat("b");
    let stuck = ConsumerHeartbeat {
        member_epoch: 1,
        rebalance_timeout_ms: -1,
        subscribed_topic_names: None,
        topic_partitions: None,
        ..heartbeat(&world.consumers["a"])
    };
    assert_eq!(world.ask(stuck.clone()).error, ErrorCode::None);
    world.coordinator.advance(9_900);
    assert_eq!(world.ask(stuck.clone()).error, ErrorCode::None);
    world.coordinator.advance(200);
    assert_eq!(world.ask(stuck).error, ErrorCode::UnknownMemberId);
    world.kill("a");
    world.beat("b");
    assert_eq!(world.owned("b"), 4);
}

#[test]
fn a_member_that_must_give_up_more_before_it_was_done_has_its_time_again() {
    let mut world = world();
    world.topic("t", 6);
    world.join("a", &["t"]).rebalance_timeout_ms = 10_000;
    world.beat("a");
    world.join("b", &["t"]);
    world.beat("b");
    world.beat("a");
    world.join("c", &["t"]);
    world.beat("c");
    world.coordinator.advance(6_000);
    world.beat("a");
    world.coordinator.advance(6_000);
    world.beat_all(4);
    assert_eq!(
        (world.owned("a"), world.owned("b"), world.owned("c")),
        (2, 2, 2)
    );
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[test]
fn a_static_member_finds_its_partitions_again() {
    let mut world = world();
    world.topic("t", 4);
    world.join("a", &["t"]).instance = Some("one".to_owned());
    world.join("b", &["t"]).instance = Some("two".to_owned());
    world.beat_all(3);
    let had = world.consumers["a"].owned.clone();
    let epoch = world.describe().group_epoch;

    // Another of its name while it lives.
    let mut double = heartbeat(&world.consumers["a"]);
    double.member_id = "double".to_owned();
    assert_eq!(world.ask(double.clone()).error, ErrorCode::FencedInstanceId);
    double = ConsumerHeartbeat {
        member_epoch: 0,
        topic_partitions: Some(Vec::new()),
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        rebalance_timeout_ms: 10_000,
        ..double
    };
    assert_eq!(world.ask(double).error, ErrorCode::UnreleasedInstanceId);

    assert_eq!(world.leave("a", -2), Some(ErrorCode::None));
    world.beat_all(3);
    assert_eq!(world.owned("b"), 2, "what a left is not given away");
    world.join("a", &["t"]).instance = Some("one".to_owned());
    world.beat("a");
    assert_eq!(world.consumers["a"].owned, had);
    assert_eq!(
        world.describe().group_epoch,
        epoch,
        "nothing was assigned anew"
    );

    // For longer than its session it may not be away.
    assert_eq!(world.leave("a", -2), Some(ErrorCode::None));
    for _ in 0..12 {
        world.coordinator.advance(5_000);
        world.beat("b");
    }
    assert_eq!(world.owned("b"), 4);
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[test]
fn regular_expressions_follow_the_topics() {
    let mut world = world();
    world.topic("orders-1", 2);
    world.topic("other", 2);
    let a = world.join("a", &[]);
    a.regex = Some("orders-.*".to_owned());
    world.beat("a");
    assert_eq!(world.owned("a"), 2);
    world.topic("orders-2", 3);
    world.beat_all(2);
    assert_eq!(world.owned("a"), 5);
    world.delete_topic("orders-1");
    world.beat_all(2);
    assert_eq!(world.owned("a"), 3);
    let described = world.describe();
    assert_eq!(
        described.members[0].subscribed_topic_regex.as_deref(),
        Some("orders-.*")
    );
    let mut wrong = heartbeat(&world.consumers["a"]);
    wrong.subscribed_topic_regex = Some("(".to_owned());
    assert_eq!(world.ask(wrong).error, ErrorCode::InvalidRegularExpression);
}

#[test]
fn a_new_coordinator_goes_on_where_the_old_one_was() {
    let mut world = world();
    world.topic("t", 5);
    for name in ["a", "b", "c"] {
        world.join(name, &["t"]).regex = Some("t.*".to_owned());
    }
    world.beat_all(5);
    let before = world.describe();
    assert_eq!(before.state, GroupState::Stable);
    world.coordinator.fail_over(1, 0);
    assert_eq!(world.describe(), before);
    world.beat_all(3);
    assert_eq!(world.describe(), before, "nobody joined anew");
    assert!(world.errors.is_empty(), "{:?}", world.errors);
    // Sessions begin anew, and end.
    world.consumers.clear();
    world.coordinator.advance(44_000);
    assert_eq!(world.describe().members.len(), 3);
    world.coordinator.advance(2_000);
    assert_eq!(world.describe().state, GroupState::Empty);
}

#[test]
fn nothing_is_answered_before_it_is_stored_and_nothing_stays_of_what_was_refused() {
    let mut world = world();
    world.topic("t", 2);
    world.coordinator.hold = true;
    world.join("a", &["t"]);
    world.beat("a");
    world.join("b", &["t"]);
    world.beat("b");
    assert_eq!(world.consumers["a"].epoch, 0);
    world.coordinator.hold = false;
    world.coordinator.complete();
    world.hear();
    assert_eq!(
        (world.consumers["a"].epoch, world.consumers["b"].epoch),
        (1, 2)
    );
    world.beat_all(3);
    let before = world.describe();

    world.coordinator.refuse = Some(ErrorCode::NotEnoughReplicas);
    world.join("c", &["t"]);
    world.beat("c");
    assert_eq!(
        world.errors.pop().unwrap().1,
        ErrorCode::CoordinatorNotAvailable
    );
    assert_eq!(world.describe(), before);
    world.coordinator.refuse = None;
    world.beat_all(4);
    assert_eq!(world.describe().members.len(), 3);
    assert!(world.all_owned(&["t"]));
    assert!(world.errors.is_empty(), "{:?}", world.errors);
}

#[test]
fn requests_that_no_group_could_serve_are_refused() {
    let mut world = World::new(
        GroupConfig {
            group_consumer_max_size: 1,
            ..GroupConfig::default()
        },
        2,
    );
    world.topic("t", 1);
    world.join("a", &["t"]);
    let join = heartbeat(&world.consumers["a"]);
    let of = |change: &dyn Fn(&mut ConsumerHeartbeat)| {
        let mut request = join.clone();
        change(&mut request);
        request
    };
    let cases = [
        (of(&|r| r.member_id.clear()), ErrorCode::InvalidRequest),
        (
            of(&|r| r.instance_id = Some(String::new())),
            ErrorCode::InvalidRequest,
        ),
        (
            of(&|r| r.rack_id = Some(String::new())),
            ErrorCode::InvalidRequest,
        ),
        (of(&|r| r.member_epoch = -3), ErrorCode::InvalidRequest),
        (of(&|r| r.member_epoch = -2), ErrorCode::InvalidRequest),
        (
            of(&|r| r.rebalance_timeout_ms = -1),
            ErrorCode::InvalidRequest,
        ),
        (
            of(&|r| r.topic_partitions = None),
            ErrorCode::InvalidRequest,
        ),
        (
            of(&|r| r.subscribed_topic_names = None),
            ErrorCode::InvalidRequest,
        ),
        (
            of(&|r| r.server_assignor = Some("sticky".to_owned())),
            ErrorCode::UnsupportedAssignor,
        ),
        (of(&|r| r.member_epoch = 1), ErrorCode::GroupIdNotFound),
        (of(&|r| r.member_epoch = -1), ErrorCode::GroupIdNotFound),
        (join.clone(), ErrorCode::None),
        (
            of(&|r| r.member_id = "b".to_owned()),
            ErrorCode::GroupMaxSizeReached,
        ),
        (
            of(&|r| {
                r.member_id = "b".to_owned();
                r.member_epoch = 1;
            }),
            ErrorCode::GroupMaxSizeReached,
        ),
        (of(&|r| r.member_epoch = 2), ErrorCode::FencedMemberEpoch),
    ];
    for (request, error) in cases {
        assert_eq!(world.ask(request.clone()).error, error, "{request:?}");
    }
    // Version 0 lets the coordinator make the id.
    world.leave("a", -1);
    let old = of(&|r| {
        r.member_id.clear();
        r.member_id_required = false;
    });
    let joined = world.ask(old);
    assert_eq!(joined.error, ErrorCode::None);
    assert_eq!(joined.member_id.unwrap().len(), 36);
}

#[test]
fn an_answer_that_was_lost_is_given_again() {
    let mut world = world();
    world.topic("t", 1);
    world.join("a", &["t"]);
    world.beat("a");
    world.topic("t", 2);
    let full = ConsumerHeartbeat {
        member_epoch: 1,
        rebalance_timeout_ms: 10_000,
        subscribed_topic_names: Some(vec!["t".to_owned()]),
        topic_partitions: Some(vec![(world.topics()["t"].0, vec![0])]),
        ..heartbeat(&world.consumers["a"])
    };
    let first = world.ask(full.clone());
    assert_eq!(first.member_epoch, 2);
    assert_eq!(world.ask(full.clone()), first);
    let more_than_it_has = ConsumerHeartbeat {
        topic_partitions: Some(vec![(world.topics()["t"].0, vec![0, 5])]),
        ..full
    };
    assert_eq!(
        world.ask(more_than_it_has).error,
        ErrorCode::FencedMemberEpoch
    );
}

#[test]
fn offsets_are_committed_and_read_by_members_in_their_epochs() {
    let mut world = world();
    let topic_id = world.topic("t", 2);
    assert_eq!(
        commit(&mut world, "", -1, 0),
        ErrorCode::None,
        "a group of offsets only"
    );
    world.join("a", &["t"]);
    world.beat("a");
    let a = world.consumers["a"].member_id.clone();
    assert_eq!(commit(&mut world, &a, 1, 0), ErrorCode::None);
    assert_eq!(commit(&mut world, &a, 2, 0), ErrorCode::StaleMemberEpoch);
    assert_eq!(commit(&mut world, "x", 1, 0), ErrorCode::UnknownMemberId);
    assert_eq!(commit(&mut world, "", -1, 0), ErrorCode::UnknownMemberId);
    // A new epoch: what it had it may still commit for in the old one, what it got in the new one not (KIP-1251).
    world.topic("t", 3);
    world.beat("a");
    assert_eq!(world.consumers["a"].epoch, 2);
    assert_eq!(commit(&mut world, &a, 1, 0), ErrorCode::None);
    assert_eq!(commit(&mut world, &a, 1, 2), ErrorCode::StaleMemberEpoch);

    let txn = |member_id: &str, generation_id| {
        GroupRequest::TxnCommit(TxnOffsetCommit {
            group_id: "g".to_owned(),
            producer_id: 1,
            generation_id,
            member_id: member_id.to_owned(),
            topics: vec![topic_commit(topic_id, 0)],
            ..TxnOffsetCommit::default()
        })
    };
    for (request, error) in [
        (txn("", -1), ErrorCode::None),
        (txn(&a, 2), ErrorCode::None),
        (txn(&a, 9), ErrorCode::IllegalGeneration),
        (txn("x", 2), ErrorCode::UnknownMemberId),
    ] {
        let GroupResponse::Commit(outcome) = world.answer(request) else {
            panic!("another answer")
        };
        assert_eq!(outcome.topics[0].partitions[0].error, error);
    }

    let fetch = |member_id: Option<&str>, member_epoch| {
        GroupRequest::Fetch(OffsetFetch {
            group_id: "g".to_owned(),
            member_id: member_id.map(str::to_owned),
            member_epoch,
            ..OffsetFetch::default()
        })
    };
    for (request, error) in [
        (fetch(None, -1), ErrorCode::None),
        (fetch(Some(&a), 2), ErrorCode::None),
        (fetch(Some(&a), 1), ErrorCode::StaleMemberEpoch),
        (fetch(Some("x"), 1), ErrorCode::UnknownMemberId),
    ] {
        let GroupResponse::Fetch(outcome) = world.answer(request) else {
            panic!("another answer")
        };
        assert_eq!(outcome.error, error);
    }
}

#[test]
fn administrators_see_remove_and_delete() {
    let mut world = world();
    world.topic("t", 2);
    world.join("a", &["t"]).instance = Some("one".to_owned());
    world.beat("a");
    let a = world.consumers["a"].member_id.clone();
    assert_eq!(commit(&mut world, &a, 1, 0), ErrorCode::None);
    let listed = world.coordinator.engine().list();
    assert_eq!(
        (listed[0].group_type, listed[0].state),
        ("consumer", GroupState::Stable)
    );
    let describe = GroupRequest::Describe(DescribeGroup {
        group_id: "g".to_owned(),
    });
    let GroupResponse::Describe(classic) = world.answer(describe) else {
        panic!("another answer")
    };
    assert_eq!(classic.error, ErrorCode::GroupIdNotFound);
    let delete = || {
        GroupRequest::Delete(DeleteGroup {
            group_id: "g".to_owned(),
        })
    };
    let deleted = |response| match response {
        GroupResponse::Delete(outcome) => outcome.error,
        other => panic!("{other:?}"),
    };
    assert_eq!(deleted(world.answer(delete())), ErrorCode::NonEmptyGroup);
    let offsets = GroupRequest::OffsetDelete(OffsetDelete {
        group_id: "g".to_owned(),
        topics: vec![PartitionsOf {
            topic: "t".to_owned(),
            partitions: vec![0],
        }],
    });
    let GroupResponse::OffsetDelete(outcome) = world.answer(offsets) else {
        panic!("another answer")
    };
    assert_eq!(
        outcome.topics[0].partitions[0].error,
        ErrorCode::GroupSubscribedToTopic
    );
    let removed = GroupRequest::Leave(LeaveGroup {
        group_id: "g".to_owned(),
        members: vec![LeavingMember {
            member: MemberIdentity {
                member_id: String::new(),
                group_instance_id: Some("one".to_owned()),
            },
            reason: None,
        }],
    });
    let GroupResponse::Leave(outcome) = world.answer(removed) else {
        panic!("another answer")
    };
    assert_eq!(outcome.members[0].error, ErrorCode::None);
    assert_eq!(world.describe().state, GroupState::Empty);
    assert_eq!(deleted(world.answer(delete())), ErrorCode::None);
    assert_eq!(world.describe().error, ErrorCode::GroupIdNotFound);
    world.coordinator.fail_over(1, 0);
    assert!(world.coordinator.engine().list().is_empty());
}

#[test]
fn an_empty_group_passes_from_one_protocol_to_the_other_with_its_offsets() {
    let mut world = world();
    world.topic("t", 2);
    assert_eq!(classic_join(&mut world), Some(ErrorCode::None));
    world.join("a", &["t"]);
    let join = heartbeat(&world.consumers["a"]);
    assert_eq!(
        world.ask(join.clone()).error,
        ErrorCode::GroupIdNotFound,
        "not mixed"
    );
    world.coordinator.advance(20_000);
    assert_eq!(commit(&mut world, "", -1, 0), ErrorCode::None);
    world.beat("a");
    assert_eq!(world.owned("a"), 2);
    let types = |world: &World| -> Vec<&str> {
        let listed = world.coordinator.engine().list();
        listed.iter().map(|group| group.group_type).collect()
    };
    assert_eq!(types(&world), ["consumer"]);
    world.coordinator.fail_over(1, 0);
    assert_eq!(types(&world), ["consumer"]);
    assert_eq!(
        classic_join(&mut world),
        Some(ErrorCode::InconsistentGroupProtocol)
    );
    assert_eq!(world.leave("a", -1), Some(ErrorCode::None));
    assert_eq!(classic_join(&mut world), Some(ErrorCode::None));
    assert_eq!(types(&world), ["classic"]);
    world.coordinator.fail_over(0, 0);
    assert_eq!(types(&world), ["classic"]);
    let fetch = GroupRequest::Fetch(OffsetFetch {
        group_id: "g".to_owned(),
        member_epoch: -1,
        ..OffsetFetch::default()
    });
    let GroupResponse::Fetch(outcome) = world.answer(fetch) else {
        panic!("another answer")
    };
    assert_eq!(outcome.topics[0].1[0].offset, 7);
}

#[test]
fn a_group_without_members_and_offsets_is_forgotten_in_time() {
    let mut world = world();
    world.topic("t", 1);
    world.join("a", &["t"]);
    world.beat("a");
    world.leave("a", -1);
    assert_eq!(world.describe().state, GroupState::Empty);
    world.coordinator.advance(601_000);
    assert_eq!(world.describe().error, ErrorCode::GroupIdNotFound);
    world.coordinator.fail_over(1, 0);
    assert_eq!(world.describe().error, ErrorCode::GroupIdNotFound);
}
