//! Scenarios of a whole cluster of controllers: start, fencing, maintenance, decommission, fail-over.
//! Single decisions are tested in `decide`, the quorum alone in `quorum`.

mod cluster;
mod quorum_status;
mod random;

use std::collections::BTreeMap;
use std::time::Duration;

use kring_io::BrokerId;
use kring_wire::TopicPartition;

use crate::error::ControllerError;
use crate::image::{OFFSETS_TOPIC, PartitionImage};
use crate::request::{
    ControllerRequest, ControllerResponse, CreatedTopic, NewTopic, ReplicaDamaged, TopicRef,
};
use cluster::Cluster;

const SECOND: Duration = Duration::from_secs(1);

fn new_topic(name: &str, partitions: i32, replication_factor: i16) -> ControllerRequest {
    ControllerRequest::CreateTopics {
        topics: vec![NewTopic {
            name: name.to_owned(),
            partitions,
            replication_factor,
            ..NewTopic::default()
        }],
        validate_only: false,
    }
}

fn create(
    cluster: &mut Cluster,
    id: i32,
    name: &str,
    partitions: i32,
    factor: i16,
) -> CreatedTopic {
    match cluster.request(id, new_topic(name, partitions, factor)) {
        Ok(ControllerResponse::CreateTopics(mut each)) => each.remove(0).1.unwrap(),
        other => panic!("{other:?}"),
    }
}

fn states(cluster: &Cluster, name: &str) -> Vec<PartitionImage> {
    cluster
        .image()
        .topic_by_name(name)
        .unwrap()
        .partitions
        .clone()
}

fn leads(cluster: &Cluster, broker: i32) -> u64 {
    cluster.image().count(BrokerId(broker)).leaders
}

/// Three brokers, all voters, with a topic of six partitions and three replicas.
fn three() -> Cluster {
    let mut cluster = Cluster::new(1, 3, 3, |_| ());
    cluster.run_for(2 * SECOND);
    create(&mut cluster, 0, "orders", 6, 3);
    cluster.catch_up();
    cluster.run_for(SECOND);
    cluster
}

fn maintenance(broker: i32, on: bool, epoch: i64, ttl_s: u64) -> ControllerRequest {
    let broker = BrokerId(broker);
    ControllerRequest::Maintenance {
        broker,
        on,
        epoch,
        ttl_s,
    }
}

#[test]
fn a_single_broker_serves_within_fifty_milliseconds_and_then_needs_no_timer() {
    let mut cluster = Cluster::new(1, 1, 1, |_| ());
    cluster.run_for(Duration::from_millis(50));
    let controller = cluster.controller(0);
    assert!(controller.is_active() && controller.registered());
    assert!(controller.image().cluster_id.is_some());
    assert_eq!(controller.deadline(), None);
    let topic = create(&mut cluster, 0, "orders", -1, 1);
    assert_eq!(topic.partitions, 3);
    assert_eq!(states(&cluster, "orders")[2].leader, Some(BrokerId(0)));
}

#[test]
fn a_single_broker_keeps_its_metadata_over_a_kill_and_leads_again_in_a_newer_epoch() {
    let mut cluster = Cluster::new(2, 1, 1, |config| config.snapshot_entries = 3);
    cluster.run_for(SECOND);
    create(&mut cluster, 0, "orders", 1, 1);
    let before = states(&cluster, "orders")[0].clone();
    let id = cluster.image().cluster_id;
    cluster.kill(0);
    cluster.start(0);
    cluster.run_for(Duration::from_millis(50));
    assert!(cluster.controller(0).registered());
    let after = &states(&cluster, "orders")[0];
    assert_eq!(after.leader, Some(BrokerId(0)));
    assert!(after.leader_epoch > before.leader_epoch);
    assert_eq!(cluster.image().cluster_id, id);
}

#[test]
fn three_brokers_register_and_share_the_leaders_of_a_topic_evenly() {
    let cluster = three();
    for id in 0..3 {
        assert!(cluster.controller(id).registered());
        assert_eq!(leads(&cluster, id), 2);
    }
    for state in states(&cluster, "orders") {
        assert_eq!(state.isr.len(), 3);
        assert_eq!(state.leader, state.replicas.first().copied());
    }
}

#[test]
fn an_answer_comes_when_the_asked_broker_itself_knows_the_change() {
    let mut cluster = Cluster::new(3, 3, 5, |_| ());
    cluster.run_for(2 * SECOND);
    for id in 0..5 {
        let name = format!("topic-{id}");
        let created = create(&mut cluster, id, &name, 1, 3);
        let known = cluster.controller(id).image().topic_by_name(&name);
        assert_eq!(known.map(|t| t.id), Some(created.id));
    }
}

#[test]
fn a_request_without_an_active_controller_fails_in_time_and_says_so() {
    let mut cluster = Cluster::new(4, 3, 3, |_| ());
    cluster.run_for(2 * SECOND);
    cluster.kill(1);
    cluster.kill(2);
    cluster.run_for(3 * SECOND);
    let answer = cluster.request(0, new_topic("orders", 1, 1));
    assert_eq!(answer, Err(ControllerError::NoController));
}

#[test]
fn a_silent_broker_is_fenced_and_its_leaderships_go_to_the_rest_of_the_isr() {
    let mut cluster = three();
    let victim = (cluster.active().unwrap() + 1) % 3;
    cluster.kill(victim);
    cluster.run_for(4 * SECOND);
    assert!(cluster.image().brokers[&BrokerId(victim)].fenced);
    for state in states(&cluster, "orders") {
        assert!(state.leader.is_some_and(|b| b.0 != victim));
        assert_eq!(state.isr.len(), 2);
    }
    cluster.start(victim);
    cluster.run_for(SECOND);
    assert!(cluster.controller(victim).registered());
    cluster.catch_up();
    cluster.run_for(SECOND);
    assert!(states(&cluster, "orders").iter().all(|s| s.isr.len() == 3));
}

#[test]
fn a_controller_that_stalled_does_not_fence_those_it_did_not_listen_to() {
    for seed in 0..20 {
        let mut cluster = Cluster::new(seed, 1, 3, |_| ());
        cluster.run_for(2 * SECOND);
        let entries = cluster.image().epoch;
        cluster.stall(0, 10 * SECOND);
        cluster.run_for(15 * SECOND);
        assert_eq!(cluster.image().epoch, entries, "seed {seed}");
        assert!(
            cluster.image().brokers.values().all(|b| !b.fenced),
            "seed {seed}"
        );
    }
}

#[test]
fn the_active_controller_is_replaced_when_it_dies() {
    let mut cluster = three();
    let victim = cluster.active().unwrap();
    cluster.kill(victim);
    cluster.run_for(6 * SECOND);
    assert_ne!(cluster.active(), Some(victim));
    assert!(
        states(&cluster, "orders")
            .iter()
            .all(|s| s.leader.is_some_and(|b| b.0 != victim))
    );
}

#[test]
fn the_last_of_an_isr_waits_for_its_broker_unless_an_eligible_replica_is_there() {
    let mut cluster = Cluster::new(5, 3, 4, |config| config.defaults.min_insync_replicas = 2);
    cluster.run_for(2 * SECOND);
    // Three voters and an observer; the partition is on the observer and one voter.
    let voter = (0..3).find(|id| Some(*id) != cluster.active()).unwrap();
    let replicas = vec![BrokerId(3), BrokerId(voter)];
    let request = ControllerRequest::CreateTopics {
        topics: vec![NewTopic {
            name: "orders".to_owned(),
            partitions: -1,
            replication_factor: -1,
            assignments: BTreeMap::from([(0, replicas)]),
            configs: BTreeMap::new(),
        }],
        validate_only: false,
    };
    cluster.request(0, request).unwrap();
    cluster.kill(voter);
    cluster.run_for(4 * SECOND);
    let state = states(&cluster, "orders")[0].clone();
    assert_eq!(
        (state.isr, state.eligible),
        (vec![BrokerId(3)], vec![BrokerId(voter)])
    );
    cluster.kill(3);
    cluster.run_for(4 * SECOND);
    assert_eq!(states(&cluster, "orders")[0].leader, None);
    // Below min.insync.replicas the high watermark stood still, so the replica that left first has all of it.
    cluster.start(voter);
    cluster.run_for(SECOND);
    let state = states(&cluster, "orders")[0].clone();
    assert_eq!(
        (state.leader, state.isr),
        (Some(BrokerId(voter)), vec![BrokerId(voter)])
    );
    assert_eq!(state.eligible, vec![BrokerId(3)]);
}

#[test]
fn a_broker_with_another_disk_leaves_every_isr_even_as_the_last() {
    let mut cluster = Cluster::new(6, 3, 4, |_| ());
    cluster.run_for(2 * SECOND);
    create(&mut cluster, 0, "alone", 12, 1);
    assert!(
        states(&cluster, "alone")
            .iter()
            .any(|s| s.leader == Some(BrokerId(3)))
    );
    cluster.kill(3);
    cluster.replace_disk(3);
    cluster.run_for(4 * SECOND);
    cluster.start(3);
    cluster.run_for(SECOND);
    assert!(cluster.controller(3).registered());
    for state in states(&cluster, "alone") {
        if state.replicas == [BrokerId(3)] {
            assert_eq!((state.leader, state.isr), (None, vec![]));
        }
    }
}

#[test]
fn a_damaged_copy_counts_until_another_broker_with_one_was_heard_just_now() {
    let mut cluster = three();
    let topic = create(&mut cluster, 0, "t", 1, 3);
    let partition = TopicPartition::new(topic.id, 0);
    let active = cluster.active().unwrap();
    let others: Vec<i32> = (0..3).filter(|id| *id != active).collect();
    cluster.run_for(SECOND);
    let damaged = |cluster: &Cluster| {
        ControllerRequest::ReplicaDamaged(ReplicaDamaged {
            partition,
            leader_epoch: states(cluster, "t")[0].leader_epoch,
        })
    };
    // They are gone, which takes the session timeout to be known.
    for other in &others {
        cluster.isolate(*other);
    }
    cluster.run_for(Duration::from_millis(1_200));
    assert_eq!(states(&cluster, "t")[0].isr.len(), 3);
    let asked = damaged(&cluster);
    let answer = cluster.request(active, asked);
    assert!(
        matches!(
            answer,
            Err(ControllerError::EligibleLeadersNotAvailable { .. } | ControllerError::NoController)
        ),
        "{answer:?}"
    );
    cluster.heal();
    cluster.run_for(4 * SECOND);
    cluster.catch_up();
    cluster.run_for(SECOND);
    let asked = damaged(&cluster);
    let answer = cluster.request(others[0], asked);
    assert_eq!(answer, Ok(ControllerResponse::ReplicaDamaged));
    assert!(!states(&cluster, "t")[0].isr.contains(&BrokerId(others[0])));
}

#[test]
fn a_journal_that_lost_its_proof_counts_like_another_disk() {
    let mut cluster = Cluster::new(7, 3, 4, |_| ());
    cluster.run_for(2 * SECOND);
    create(&mut cluster, 0, "alone", 12, 1);
    cluster.kill(3);
    cluster.nodes[3].registration.journal_intact = false;
    cluster.start(3);
    cluster.run_for(SECOND);
    let on_three = states(&cluster, "alone")
        .into_iter()
        .filter(|s| s.replicas == [BrokerId(3)]);
    let on_three: Vec<_> = on_three.collect();
    assert!(!on_three.is_empty());
    assert!(
        on_three
            .iter()
            .all(|s| s.leader.is_none() && s.isr.is_empty())
    );
}

/// The old process is cut off at this very moment and its successor has another disk.
fn come_back_with_another_disk(cluster: &mut Cluster, id: i32) {
    cluster.kill(id);
    cluster.replace_disk(id);
    cluster.start(id);
    cluster.run_for(SECOND);
}

#[test]
fn two_live_brokers_cannot_share_an_id() {
    let mut cluster = three();
    let id = (cluster.active().unwrap() + 1) % 3;
    come_back_with_another_disk(&mut cluster, id);
    assert!(!cluster.controller(id).registered());
    let refusal = cluster
        .controller(id)
        .registration_refused()
        .unwrap()
        .to_string();
    assert!(refusal.contains("another disk"), "{refusal}");
    // Once the session of the old one is over, the id is free.
    cluster.run_for(4 * SECOND);
    assert!(cluster.controller(id).registered());
}

#[test]
fn the_active_controller_with_another_disk_registers_although_its_former_run_was_never_fenced() {
    let mut cluster = three();
    let id = (cluster.active().unwrap() + 1) % 3;
    come_back_with_another_disk(&mut cluster, id);
    // Every new controller gives the sessions that it finds their time.
    for _ in 0..50 {
        match cluster.active() {
            Some(active) if active == id => break,
            Some(active) => {
                cluster.kill(active);
                cluster.run_for(Duration::from_millis(700));
                cluster.start(active);
            }
            None => cluster.run_for(Duration::from_millis(100)),
        }
    }
    assert_eq!(cluster.active(), Some(id));
    cluster.run_for(SECOND);
    assert!(cluster.controller(id).registered());
}

#[test]
fn maintenance_drains_a_broker_keeps_it_in_the_isr_and_ends_by_itself() {
    let mut cluster = three();
    let status = match cluster.request(0, maintenance(1, true, 7, 20)) {
        Ok(ControllerResponse::Maintenance(status)) => status,
        other => panic!("{other:?}"),
    };
    assert!(status.on && status.epoch == 7);
    cluster.run_for(SECOND);
    assert_eq!(leads(&cluster, 1), 0);
    assert!(states(&cluster, "orders").iter().all(|s| s.isr.len() == 3));
    create(&mut cluster, 2, "during", 6, 3);
    assert_eq!(leads(&cluster, 1), 0);
    let request = ControllerRequest::ReturnLeaders {
        broker: BrokerId(1),
        batch: 1,
    };
    assert!(matches!(
        cluster.request(0, request),
        Err(ControllerError::Conflict { .. })
    ));
    cluster.run_for(25 * SECOND);
    assert_eq!(cluster.image().brokers[&BrokerId(1)].maintenance, None);
}

#[test]
fn maintenance_that_is_repeated_goes_on_and_over_a_change_of_the_controller() {
    let mut cluster = three();
    let active = cluster.active().unwrap();
    let broker = (active + 1) % 3;
    for _ in 0..4 {
        cluster
            .request(broker, maintenance(broker, true, 7, 5))
            .unwrap();
        cluster.run_for(3 * SECOND);
        assert!(
            cluster.image().brokers[&BrokerId(broker)]
                .maintenance
                .is_some()
        );
    }
    cluster.kill(active);
    cluster.run_for(3 * SECOND);
    assert!(
        cluster.image().brokers[&BrokerId(broker)]
            .maintenance
            .is_some()
    );
    cluster.run_for(8 * SECOND);
    assert!(
        cluster.image().brokers[&BrokerId(broker)]
            .maintenance
            .is_none()
    );
}

#[test]
fn only_one_rollout_drains_at_a_time() {
    let mut cluster = three();
    cluster.request(0, maintenance(1, true, 7, 60)).unwrap();
    let other = cluster
        .request(0, maintenance(2, true, 8, 60))
        .unwrap_err()
        .to_string();
    assert!(
        other.contains("broker 1 is in maintenance under epoch 7"),
        "{other}"
    );
    let older = cluster
        .request(0, maintenance(1, false, 6, 60))
        .unwrap_err()
        .to_string();
    assert!(older.contains("older than 7"), "{older}");
    cluster.request(0, maintenance(1, false, 8, 60)).unwrap();
    cluster.request(0, maintenance(2, true, 8, 60)).unwrap();
}

#[test]
fn an_order_that_was_overtaken_is_refused_by_every_later_controller_too() {
    let mut cluster = three();
    let active = cluster.active().unwrap();
    let (first, second) = ((active + 1) % 3, (active + 2) % 3);
    let order = |broker, on, epoch| maintenance(broker, on, epoch, 60);
    cluster.request(first, order(first, true, 7)).unwrap();
    cluster.request(first, order(first, false, 8)).unwrap();
    cluster.request(first, order(second, true, 9)).unwrap();
    let stale = |given| ControllerError::StaleMaintenanceEpoch { given, current: 9 };
    let late = cluster.request(first, order(first, true, 7));
    assert_eq!(late.unwrap_err(), stale(7));
    cluster.kill(active);
    cluster.run_for(8 * SECOND);
    let late = cluster.request(first, order(second, false, 8));
    assert_eq!(late.unwrap_err(), stale(8));
    let brokers = &cluster.image().brokers;
    assert_eq!(brokers[&BrokerId(first)].maintenance, None);
    assert!(brokers[&BrokerId(second)].maintenance.is_some());
}

#[test]
fn leaders_return_in_batches_after_maintenance() {
    let mut cluster = three();
    cluster.request(0, maintenance(1, true, 7, 60)).unwrap();
    cluster.run_for(SECOND);
    cluster.request(0, maintenance(1, false, 7, 60)).unwrap();
    let mut remaining = Vec::new();
    for _ in 0..2 {
        let request = ControllerRequest::ReturnLeaders {
            broker: BrokerId(1),
            batch: 1,
        };
        match cluster.request(0, request) {
            Ok(ControllerResponse::ReturnLeaders(r)) => remaining.push((r.moved, r.remaining)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(remaining, [(1, 1), (1, 0)]);
    assert_eq!(leads(&cluster, 1), 2);
}

#[test]
fn a_controlled_shutdown_moves_everything_off_at_once_and_hands_the_office_over() {
    let mut cluster = three();
    let active = cluster.active().unwrap();
    let request = ControllerRequest::ControlledShutdown {
        broker: BrokerId(active),
    };
    let answer = cluster.request(active, request);
    assert_eq!(
        answer,
        Ok(ControllerResponse::ControlledShutdown {
            remaining_leaders: 0
        })
    );
    cluster.run_for(Duration::from_millis(100));
    assert_ne!(cluster.active().unwrap(), active);
    for state in states(&cluster, "orders") {
        assert!(!state.isr.contains(&BrokerId(active)) && state.leader.is_some());
    }
    cluster.kill(active);
    cluster.start(active);
    cluster.run_for(SECOND);
    cluster.catch_up();
    cluster.run_for(SECOND);
    assert!(states(&cluster, "orders").iter().all(|s| s.isr.len() == 3));
}

#[test]
fn a_decommissioned_broker_is_emptied_and_can_then_be_forgotten() {
    let mut cluster = Cluster::new(8, 3, 4, |config| config.move_batch = 2);
    cluster.run_for(2 * SECOND);
    create(&mut cluster, 0, "orders", 12, 3);
    let request = ControllerRequest::Decommission {
        broker: BrokerId(3),
        on: true,
    };
    cluster.request(0, request).unwrap();
    for _ in 0..40 {
        let moving = cluster
            .image()
            .partitions()
            .filter(|(_, p)| p.is_reassigning())
            .count();
        assert!(moving <= 2, "{moving} moves are under way");
        cluster.catch_up();
        cluster.run_for(SECOND);
    }
    let request = ControllerRequest::DecommissionStatus {
        broker: BrokerId(3),
    };
    match cluster.request(0, request) {
        Ok(ControllerResponse::Decommission(s)) => assert_eq!((s.replicas, s.moving), (0, 0)),
        other => panic!("{other:?}"),
    }
    assert!(
        states(&cluster, "orders")
            .iter()
            .all(|s| s.replicas.len() == 3)
    );
    let unregister = ControllerRequest::Unregister {
        broker: BrokerId(3),
    };
    let alive = cluster
        .request(0, unregister.clone())
        .unwrap_err()
        .to_string();
    assert!(alive.contains("alive"), "{alive}");
    cluster.kill(3);
    cluster.run_for(4 * SECOND);
    cluster.request(0, unregister).unwrap();
    assert!(!cluster.image().brokers.contains_key(&BrokerId(3)));
}

#[test]
fn a_decommission_that_has_no_place_to_go_says_which_partitions() {
    let mut cluster = three();
    let request = ControllerRequest::Decommission {
        broker: BrokerId(2),
        on: true,
    };
    match cluster.request(0, request) {
        Ok(ControllerResponse::Decommission(status)) => {
            assert_eq!((status.replicas, status.impossible.partitions), (6, 6));
            assert_eq!(status.impossible.sample[0], "orders-0");
            assert!(!status.on, "what is impossible is not begun");
        }
        other => panic!("{other:?}"),
    }
    assert!(!cluster.image().brokers[&BrokerId(2)].decommissioning);
}

#[test]
fn the_offsets_topic_waits_for_as_many_brokers_as_there_are_voters() {
    let mut cluster = Cluster::new(9, 3, 3, |_| ());
    cluster.run_for(2 * SECOND);
    cluster.kill(2);
    cluster.run_for(8 * SECOND);
    let broker = BrokerId(2);
    let forget = ControllerRequest::Unregister { broker };
    cluster.request(0, forget).unwrap();
    let request = new_topic(OFFSETS_TOPIC, -1, -1);
    match cluster.request(0, request) {
        Ok(ControllerResponse::CreateTopics(each)) => {
            assert!(matches!(
                each[0].1,
                Err(ControllerError::InvalidReplicationFactor { .. })
            ));
        }
        other => panic!("{other:?}"),
    }
    cluster.start(2);
    cluster.run_for(2 * SECOND);
    let topic = create(&mut cluster, 0, OFFSETS_TOPIC, -1, -1);
    assert_eq!((topic.partitions, topic.replication_factor), (16, 3));
    assert_eq!(topic.configs["cleanup.policy"], "compact");
}

#[test]
fn a_deleted_and_recreated_topic_has_another_id() {
    let mut cluster = three();
    let before = cluster.image().topic_by_name("orders").unwrap().id;
    let topics = vec![
        TopicRef::Name("orders".to_owned()),
        TopicRef::Name("none".to_owned()),
    ];
    match cluster.request(2, ControllerRequest::DeleteTopics { topics }) {
        Ok(ControllerResponse::DeleteTopics(each)) => {
            assert_eq!(each[0].1, Ok((before, "orders".to_owned())));
            assert!(matches!(
                each[1].1,
                Err(ControllerError::UnknownTopic { .. })
            ));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        cluster.image().partition(TopicPartition::new(before, 0)),
        None
    );
    assert_ne!(create(&mut cluster, 1, "orders", 1, 3).id, before);
}

#[test]
fn the_broker_list_and_the_restart_check_see_the_whole_cluster() {
    let mut cluster = three();
    match cluster.request(1, ControllerRequest::BrokerList) {
        Ok(ControllerResponse::BrokerList(list)) => {
            assert_eq!(list.voters, [0, 1, 2]);
            assert_eq!(list.voters_caught_up, [0, 1, 2]);
            assert!(
                list.brokers
                    .iter()
                    .all(|b| b.replicas == 6 && b.in_sync_replicas == 6)
            );
        }
        other => panic!("{other:?}"),
    }
    let check = |cluster: &mut Cluster, brokers: &[i32]| {
        let brokers = brokers.iter().copied().map(BrokerId).collect();
        match cluster.request(2, ControllerRequest::RestartCheck { brokers }) {
            Ok(ControllerResponse::RestartCheck(check)) => check,
            other => panic!("{other:?}"),
        }
    };
    assert!(check(&mut cluster, &[0]).is_safe());
    let two = check(&mut cluster, &[0, 1]);
    assert!(
        two.quorum_lost && two.below_min_isr.partitions == 6 && two.unavailable.partitions == 0
    );
    assert_eq!(check(&mut cluster, &[0, 1, 2]).unavailable.partitions, 6);
}

#[test]
fn producer_ids_are_never_given_twice() {
    let mut cluster = three();
    let mut firsts = Vec::new();
    for round in 0..6 {
        match cluster.request(round % 3, ControllerRequest::AllocateProducerIds) {
            Ok(ControllerResponse::ProducerIds { first, count }) => {
                assert_eq!(count, 1_000);
                firsts.push(first);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(firsts.is_sorted_by(|a, b| a + 1_000 <= *b), "{firsts:?}");
}
