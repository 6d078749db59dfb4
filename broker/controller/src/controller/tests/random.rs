//! Random requests, crashes, cuts and lost messages against the whole controller, many seeds.
//! Images that differ at one index, or break a partition's invariants, fail in the harness.

use std::time::Duration;

use kring_io::BrokerId;

use super::cluster::Cluster;
use super::{SECOND, maintenance, new_topic};
use crate::request::{
    AlterConfigs, ConfigOp, ConfigOpKind, ConfigResource, ControllerRequest, ElectionKind,
    NewPartitions, TopicRef,
};

fn random_request(cluster: &mut Cluster, brokers: u64) -> ControllerRequest {
    let name = format!("topic-{}", cluster.below(6));
    let broker = BrokerId(cluster.below(brokers) as i32);
    let on = cluster.below(2) == 0;
    match cluster.below(12) {
        0..3 => new_topic(
            &name,
            1 + cluster.below(4) as i32,
            1 + cluster.below(3) as i16,
        ),
        3 => ControllerRequest::DeleteTopics {
            topics: vec![TopicRef::Name(name)],
        },
        4 => {
            let count = 1 + cluster.below(6) as i32;
            let assignments = None;
            let topics = vec![NewPartitions {
                name,
                count,
                assignments,
            }];
            ControllerRequest::CreatePartitions {
                topics,
                validate_only: false,
            }
        }
        5 => maintenance(broker.0, on, 1, 3),
        6 => ControllerRequest::Decommission {
            broker,
            on: on && cluster.below(3) == 0,
        },
        7 => ControllerRequest::ReturnLeaders { broker, batch: 4 },
        8 => ControllerRequest::ElectLeaders {
            kind: ElectionKind::Preferred,
            partitions: None,
        },
        9 => {
            let replication_factor = 1 + cluster.below(4) as i16;
            ControllerRequest::SetReplicationFactor {
                topic: name,
                replication_factor,
            }
        }
        10 => {
            let op = ConfigOp {
                name: "min.insync.replicas".to_owned(),
                kind: ConfigOpKind::Set,
                value: Some((1 + cluster.below(3)).to_string()),
            };
            let resource = if on {
                ConfigResource::Topic(name)
            } else {
                ConfigResource::Cluster
            };
            let resources = vec![AlterConfigs {
                resource,
                ops: vec![op],
            }];
            ControllerRequest::AlterConfigs {
                resources,
                validate_only: false,
            }
        }
        _ => ControllerRequest::AllocateProducerIds,
    }
}

fn run(seed: u64, voters: i32, brokers: i32) -> (u64, u64) {
    let mut cluster = Cluster::new(seed, voters, brokers, |config| config.snapshot_entries = 20);
    cluster.loss_percent = 1;
    cluster.delay_us_max = 10_000;
    for _ in 0..150 {
        let id = cluster.below(brokers as u64) as i32;
        match cluster.below(20) {
            0 => cluster.kill(id),
            1 => cluster.isolate(id),
            2..4 => cluster.heal(),
            4..7 if !cluster.is_up(id) => cluster.start(id),
            7 if cluster.is_up(id) => {
                let broker = BrokerId(id);
                cluster.ask(id, ControllerRequest::ControlledShutdown { broker });
            }
            8..12 => cluster.catch_up(),
            _ => {
                let request = random_request(&mut cluster, brokers as u64);
                cluster.ask(id, request);
            }
        }
        cluster.run_for(Duration::from_millis(100));
    }
    settle(&mut cluster, brokers);
    (cluster.hash(), cluster.image().epoch)
}

/// After the trouble every broker is up, every ISR full, every partition led.
fn settle(cluster: &mut Cluster, brokers: i32) {
    cluster.loss_percent = 0;
    cluster.heal();
    for id in 0..brokers {
        cluster.kill(id);
        cluster.start(id);
    }
    for _ in 0..60 {
        cluster.run_for(SECOND);
        cluster.catch_up();
    }
    cluster.run_for(SECOND);
    let image = cluster.image();
    for id in 0..brokers {
        assert!(cluster.controller(id).registered(), "broker {id}");
        assert_eq!(cluster.controller(id).image(), image, "broker {id}");
    }
    for (partition, state) in image.partitions() {
        assert!(state.leader.is_some(), "{partition}: {state:?}");
        assert_eq!(
            state.isr.len(),
            state.replicas.len(),
            "{partition}: {state:?}"
        );
        assert!(
            !state.adding.iter().any(|b| state.isr.contains(b)),
            "{partition}: {state:?}"
        );
    }
}

#[test]
fn three_brokers_agree_whatever_happens_and_recover_from_it() {
    let entries: u64 = (0..25).map(|seed| run(seed, 3, 3).1).sum();
    assert!(entries > 1_000, "only {entries} entries were committed");
}

#[test]
fn five_brokers_of_which_three_vote_agree_and_recover() {
    let entries: u64 = (100..120).map(|seed| run(seed, 3, 5).1).sum();
    assert!(entries > 1_000, "only {entries} entries were committed");
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 200..203 {
        assert_eq!(run(seed, 3, 4), run(seed, 3, 4));
    }
}
