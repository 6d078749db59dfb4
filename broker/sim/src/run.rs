//! One run: a cluster of three, producers and consumers, faults, calm, and the verdict.
//! The seed decides everything; two runs of one seed are the same.

use std::time::Duration;

use kring_io::{BrokerId, Instant};
use kring_io_sim::{Network, NetworkConfig, NetworkCounts};

use crate::checks::{self, Violation};
use crate::client::consumer::Consumer;
use crate::client::creator::Creator;
use crate::client::producer::Producer;
use crate::faults::{self, FaultCounts};
use crate::world::World;
use crate::{setup, sweep};

/// The topic of a run.
pub(crate) const TOPIC: &str = "sim";
/// Its partitions.
pub(crate) const PARTITIONS: i32 = 4;
/// Producers for each partition.
const PRODUCERS: u32 = 2;
/// Pause of a producer between batches.
const THINK: Duration = Duration::from_millis(20);
/// Time within which the cluster must serve at the beginning.
const START_WITHIN: Duration = Duration::from_secs(30);
/// Time within which everything must be well again after the last fault.
const CONVERGE_WITHIN: Duration = Duration::from_secs(30);

/// Time within which a quiet leader's high watermark reaches its followers.
const HIGH_WATERMARK_WITHIN: Duration = Duration::from_secs(2);

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// Simulated time.
    pub simulated: Duration,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Acknowledged records.
    pub acknowledged: usize,
    /// Events of the history.
    pub operations: usize,
    /// Faults of machines and of the network.
    pub faults: (FaultCounts, NetworkCounts),
    /// Sectors that power losses took back.
    pub lost_sectors: u64,
}

/// Runs a seed with faults for `faulty` of simulated time.
#[must_use]
pub fn run(seed: u64, faulty: Duration) -> Outcome {
    let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
    let mut world = world(seed, &brokers);
    let mut violations = begin(&mut world, &brokers);
    if violations.is_empty() {
        load(&mut world, &brokers, seed);
        let from = world.now();
        world.plan(faults::draw(seed ^ 0xfa_u64, &brokers, from, from + faulty));
        world.run(from + faulty, |_| false);
        world.calm();
        violations.extend(settle(&mut world));
        violations.extend(sweep::replicas(&mut world));
        violations.extend(checks::run(&world.history));
    }
    violations.extend(complaints(&mut world));
    Outcome {
        seed,
        trace: world.trace(),
        simulated: world.now().since(Instant(0)),
        violations,
        acknowledged: world.history.acknowledged(),
        operations: world.history.events().count(),
        faults: world.faults(),
        lost_sectors: world
            .machines()
            .map(|machine| machine.disk().stats().lost_sectors)
            .sum(),
    }
}

fn world(seed: u64, brokers: &[BrokerId]) -> World {
    let machines = brokers
        .iter()
        .map(|broker| setup::machine(*broker, brokers, seed))
        .collect();
    let network = NetworkConfig {
        delay_ns: 50_000..2_000_000,
        break_one_in: 2_000,
        reconnect: Duration::from_millis(20),
    };
    let mut world = World::new(machines, Network::new(network, seed ^ 0x6e), seed ^ 0x77);
    for broker in brokers {
        world.start_at(Instant(0), *broker);
    }
    world
}

fn begin(world: &mut World, brokers: &[BrokerId]) -> Vec<Violation> {
    world.add(Box::new(Creator::new(
        TOPIC,
        PARTITIONS,
        3,
        brokers.to_vec(),
    )));
    world.run(Instant(0) + START_WITHIN, World::is_idle);
    if world.is_idle() {
        Vec::new()
    } else {
        vec![liveness(
            "the topic was not created within 30 s of the start",
        )]
    }
}

fn load(world: &mut World, brokers: &[BrokerId], seed: u64) {
    for partition in 0..PARTITIONS {
        for number in 0..PRODUCERS {
            let name = number * u32::try_from(PARTITIONS).expect("few partitions")
                + partition.unsigned_abs();
            let seed = seed ^ (u64::from(name) << 32);
            world.add(Box::new(Producer::new(
                name,
                TOPIC,
                partition,
                brokers.to_vec(),
                THINK,
                seed,
            )));
        }
        world.add(Box::new(Consumer::new(TOPIC, partition, brokers.to_vec())));
    }
}

/// Waits until what clients began is answered and every replica is in its ISR again.
fn settle(world: &mut World) -> Vec<Violation> {
    let deadline = world.now() + CONVERGE_WITHIN;
    world.run(deadline, World::is_idle);
    if !world.is_idle() {
        return vec![liveness(
            "a producer had no answer 30 s after the last fault",
        )];
    }
    while world.now() < deadline {
        if setup::is_replicated(world) {
            // The last high watermark still has to reach the followers.
            world.run(world.now() + HIGH_WATERMARK_WITHIN, |_| false);
            return Vec::new();
        }
        let next = world.now() + Duration::from_millis(100);
        world.run(next, |_| false);
    }
    vec![liveness("an ISR was not full 30 s after the last fault")]
}

fn complaints(world: &mut World) -> Vec<Violation> {
    let fatal: Vec<String> = world
        .machines()
        .flat_map(|machine| {
            let id = machine.id();
            machine
                .fatal()
                .iter()
                .map(|reason| format!("broker {id} ended: {reason}"))
                .collect::<Vec<_>>()
        })
        .collect();
    let seen = std::mem::take(&mut world.complaints);
    seen.into_iter()
        .chain(fatal)
        .map(|fact| Violation {
            check: "clients and brokers",
            fact,
        })
        .collect()
}

fn liveness(fact: &str) -> Violation {
    Violation {
        check: "liveness",
        fact: fact.to_owned(),
    }
}
