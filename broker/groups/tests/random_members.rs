//! Random joins, leaves, crashes, slow logs and moves of the coordinator, against what must hold always:
//! a generation has one assignment, an acknowledged offset is never lost, a request has one answer.

mod harness;

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use harness::{Coordinator, subscription};
use kring_groups::{
    GroupConfig, GroupRequest, GroupResponse, Heartbeat, JoinGroup, LeaveGroup, LeavingMember,
    MemberIdentity, OffsetCommit, OffsetFetch, PartitionCommit, Protocol, SyncGroup, TopicCommit,
};
use kring_wire::{ErrorCode, TopicId};
use proptest::prelude::*;

const CLIENTS: usize = 4;

#[derive(Clone, Debug)]
enum Action {
    /// The client does what its state asks for.
    Continue(usize),
    /// Anything, whatever its state.
    Join(usize),
    Sync(usize),
    Heartbeat(usize),
    Leave(usize),
    Commit(usize),
    /// It forgets its member id.
    Crash(usize),
    Fetch,
    Advance(u64),
    Hold,
    CompleteFirst,
    Complete,
    Refuse,
    Accept,
    FailOver {
        to: usize,
        kept: usize,
    },
}

fn action() -> impl Strategy<Value = Action> {
    let client = 0..CLIENTS;
    prop_oneof![
        20 => client.clone().prop_map(Action::Continue),
        2 => client.clone().prop_map(Action::Join),
        2 => client.clone().prop_map(Action::Sync),
        2 => client.clone().prop_map(Action::Heartbeat),
        2 => client.clone().prop_map(Action::Leave),
        5 => client.clone().prop_map(Action::Commit),
        2 => client.prop_map(Action::Crash),
        2 => Just(Action::Fetch),
        4 => (1u64..20_000).prop_map(Action::Advance),
        2 => Just(Action::Hold),
        3 => Just(Action::CompleteFirst),
        3 => Just(Action::Complete),
        1 => Just(Action::Refuse),
        2 => Just(Action::Accept),
        1 => (0usize..3, 0usize..6).prop_map(|(to, kept)| Action::FailOver { to, kept }),
    ]
}

#[derive(Clone, Debug, Default)]
struct Client {
    member_id: String,
    /// Clients with an odd number are static members.
    instance: Option<String>,
    generation: i32,
    /// The members to assign to, when it leads.
    to_assign: Vec<String>,
    joined: bool,
    synced: bool,
    /// The requests that wait.
    waiting: BTreeSet<u64>,
}

struct World {
    coordinator: Coordinator,
    clients: Vec<Client>,
    asked: BTreeMap<u64, (usize, GroupRequest)>,
    answered: BTreeSet<u64>,
    /// Generation → which of the leader's SyncGroups its assignments come from.
    assigned: BTreeMap<i32, String>,
    next_offset: i64,
    acknowledged: i64,
    sync_number: u64,
}

impl World {
    fn new() -> World {
        let config = GroupConfig {
            group_initial_rebalance_delay_ms: 500,
            ..GroupConfig::default()
        };
        let client = |i: usize| Client {
            instance: (i % 2 == 1).then(|| format!("instance-{i}")),
            generation: -1,
            ..Client::default()
        };
        World {
            coordinator: Coordinator::new(config, 3),
            clients: (0..CLIENTS).map(client).collect(),
            asked: BTreeMap::new(),
            answered: BTreeSet::new(),
            assigned: BTreeMap::new(),
            next_offset: 0,
            acknowledged: -1,
            sync_number: 0,
        }
    }

    fn ask(&mut self, client: usize, request: GroupRequest) {
        let id = self.coordinator.request(request.clone());
        self.asked.insert(id, (client, request));
        self.clients[client].waiting.insert(id);
    }

    fn act(&mut self, action: Action) {
        match action {
            Action::Continue(i) if !self.clients[i].waiting.is_empty() => {}
            Action::Continue(i) if !self.clients[i].joined => self.join(i),
            Action::Continue(i) if !self.clients[i].synced => self.sync(i),
            Action::Continue(i) => self.heartbeat(i),
            Action::Join(i) => self.join(i),
            Action::Sync(i) => self.sync(i),
            Action::Heartbeat(i) => self.heartbeat(i),
            Action::Leave(i) => self.leave(i),
            Action::Commit(i) => self.commit(i),
            Action::Crash(i) => {
                let client = &mut self.clients[i];
                client.member_id.clear();
                client.joined = false;
                client.synced = false;
            }
            Action::Fetch => self.fetch(),
            Action::Advance(ms) => self.coordinator.advance(ms),
            Action::Hold => self.coordinator.hold = true,
            Action::CompleteFirst => self.coordinator.complete_first(),
            Action::Complete => {
                self.coordinator.hold = false;
                self.coordinator.complete();
            }
            Action::Refuse => self.coordinator.refuse = Some(ErrorCode::NotEnoughReplicas),
            Action::Accept => self.coordinator.refuse = None,
            Action::FailOver { to, kept } => self.coordinator.fail_over(to, kept),
        }
        self.take_answers();
    }

    fn join(&mut self, i: usize) {
        let client = &self.clients[i];
        let request = JoinGroup {
            group_id: "g".to_owned(),
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
            client_id: format!("c{i}"),
            require_known_member_id: i.is_multiple_of(4),
            supports_skipping_assignment: i == 1,
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 30_000,
            protocol_type: "consumer".to_owned(),
            protocols: vec![Protocol {
                name: "range".to_owned(),
                metadata: subscription(&["t"]),
            }],
            ..JoinGroup::default()
        };
        self.ask(i, GroupRequest::Join(request));
    }

    fn sync(&mut self, i: usize) {
        self.sync_number += 1;
        let number = self.sync_number;
        let client = &self.clients[i];
        let assignments = client.to_assign.iter().map(|member| {
            let text = format!("{number} {} {member}", client.generation);
            (member.clone(), Bytes::from(text))
        });
        let request = SyncGroup {
            group_id: "g".to_owned(),
            generation_id: client.generation,
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
            assignments: assignments.collect(),
            ..SyncGroup::default()
        };
        self.ask(i, GroupRequest::Sync(request));
    }

    fn heartbeat(&mut self, i: usize) {
        let client = &self.clients[i];
        let request = Heartbeat {
            group_id: "g".to_owned(),
            generation_id: client.generation,
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
        };
        self.ask(i, GroupRequest::Heartbeat(request));
    }

    fn leave(&mut self, i: usize) {
        let client = &self.clients[i];
        let member = MemberIdentity {
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
        };
        let request = LeaveGroup {
            group_id: "g".to_owned(),
            members: vec![LeavingMember {
                member,
                reason: None,
            }],
        };
        self.ask(i, GroupRequest::Leave(request));
    }

    fn commit(&mut self, i: usize) {
        let client = &self.clients[i];
        let request = OffsetCommit {
            group_id: "g".to_owned(),
            generation_id: client.generation,
            member_id: client.member_id.clone(),
            group_instance_id: client.instance.clone(),
            retention_ms: -1,
            topics: vec![TopicCommit {
                topic: "t".to_owned(),
                topic_id: TopicId::ZERO,
                partitions: vec![PartitionCommit {
                    partition: 0,
                    offset: self.next_offset,
                    leader_epoch: -1,
                    metadata: None,
                }],
            }],
        };
        self.next_offset += 1;
        self.ask(i, GroupRequest::Commit(request));
    }

    fn fetch(&mut self) {
        let request = OffsetFetch {
            group_id: "g".to_owned(),
            ..OffsetFetch::default()
        };
        self.ask(0, GroupRequest::Fetch(request));
    }

    fn take_answers(&mut self) {
        for (id, response) in std::mem::take(&mut self.coordinator.responses) {
            assert!(self.answered.insert(id), "request {id} was answered twice");
            let (i, request) = self.asked.remove(&id).expect("an answer to a request");
            self.clients[i].waiting.remove(&id);
            self.check(i, request, response);
        }
    }

    fn check(&mut self, i: usize, request: GroupRequest, response: GroupResponse) {
        let client = &mut self.clients[i];
        match response {
            GroupResponse::Join(outcome) => {
                if outcome.error == ErrorCode::UnknownMemberId {
                    client.member_id.clear();
                } else if !outcome.member_id.is_empty() {
                    client.member_id = outcome.member_id;
                }
                client.joined = outcome.error.is_ok();
                client.synced = false;
                client.generation = outcome.generation_id;
                let members = outcome.members.into_iter().map(|m| m.member_id);
                client.to_assign = members.collect();
            }
            GroupResponse::Sync(outcome) if outcome.error.is_ok() => {
                client.synced = true;
                let GroupRequest::Sync(asked) = request else {
                    panic!("a SyncGroup is answered as one")
                };
                check_assignment(&mut self.assigned, &asked, &outcome.assignment);
            }
            GroupResponse::Sync(_) => client.joined = false,
            GroupResponse::Heartbeat(error) => client.joined &= error.is_ok(),
            GroupResponse::Leave(_) => {
                client.joined = false;
                client.member_id.clear();
            }
            GroupResponse::Commit(outcome) => {
                let GroupRequest::Commit(asked) = request else {
                    panic!("an OffsetCommit is answered as one")
                };
                if outcome.topics[0].partitions[0].error.is_ok() {
                    let offset = asked.topics[0].partitions[0].offset;
                    self.acknowledged = self.acknowledged.max(offset);
                }
            }
            GroupResponse::Fetch(outcome) => {
                if outcome.error.is_ok() {
                    let read = outcome.topics.first().map_or(-1, |(_, p)| p[0].offset);
                    assert!(read >= self.acknowledged, "{read} < {}", self.acknowledged);
                }
            }
            GroupResponse::OffsetDelete(_)
            | GroupResponse::Describe(_)
            | GroupResponse::Delete(_)
            | GroupResponse::ConsumerHeartbeat(_)
            | GroupResponse::ConsumerDescribe(_) => panic!("nobody asked for this"),
        }
    }
}

/// Every assignment of a generation comes from one SyncGroup of its leader and names the member
/// that it was made for: its own id, or the id of the static member whose place it took.
fn check_assignment(assigned: &mut BTreeMap<i32, String>, asked: &SyncGroup, assignment: &Bytes) {
    let text = std::str::from_utf8(assignment).expect("we wrote text");
    if text.is_empty() {
        // A leader that was told not to assign, or a member that it was not told of.
        return;
    }
    let mut words = text.splitn(3, ' ');
    let sync = words.next().expect("number of the SyncGroup").to_owned();
    let generation: i32 = words.next().expect("generation").parse().expect("a number");
    let member = words.next().expect("member");
    assert_eq!(generation, asked.generation_id);
    let first = assigned.entry(generation).or_insert_with(|| sync.clone());
    assert_eq!(*first, sync, "generation {generation} has two assignments");
    if asked.group_instance_id.is_none() {
        assert_eq!(member, asked.member_id);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_group_holds_its_promises_whatever_happens(
        actions in proptest::collection::vec(action(), 1..250)
    ) {
        let mut world = World::new();
        for action in actions {
            world.act(action);
        }
        // The log recovers, and time passes: the coordinator itself owes nobody an answer.
        world.act(Action::Accept);
        world.act(Action::Complete);
        world.act(Action::Advance(10 * 60_000));
        world.act(Action::Fetch);
        world.act(Action::FailOver { to: 0, kept: 0 });
        world.act(Action::Fetch);
        prop_assert!(world.asked.is_empty(), "never answered: {:?}", world.asked);
    }
}
