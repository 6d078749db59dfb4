//! One run: a cluster of three, producers and consumers, faults, calm, and the verdict.
//! The seed decides everything; two runs of one seed are the same.

use std::time::Duration;

use kring_io::{BrokerId, Instant};
use kring_io_sim::{Network, NetworkConfig};

use crate::checks::{self, Violation};
use crate::client::consumer::Consumer;
use crate::client::creator::Creator;
use crate::client::producer::Producer;
use crate::faults::draw;
use crate::faults::kind::Counts;
use crate::faults::text::Plan;
use crate::scenario::Scenario;
use crate::world::World;
use crate::{setup, sweep};

/// The topic of a run.
pub(crate) const TOPIC: &str = "sim";
/// Its partitions.
pub(crate) const PARTITIONS: i32 = 4;
/// Producers for each partition.
const PRODUCERS: u32 = 2;
/// Time within which the cluster must serve at the beginning.
const START_WITHIN: Duration = Duration::from_secs(30);
/// Time within which everything must be well again after the last fault.
const CONVERGE_WITHIN: Duration = Duration::from_secs(30);
/// Time between two looks at what is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
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
    /// How often each kind of fault took effect.
    pub faults: Counts,
    /// Faults that the budget did not allow.
    pub skipped: u64,
    /// The faults that were planned.
    pub plan: Plan,
    /// The command that runs it again.
    pub again: String,
}

/// Runs a scenario.
#[must_use]
pub fn run(scenario: &Scenario) -> Outcome {
    let seed = scenario.seed;
    let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
    let mut world = world(seed, &brokers);
    let mut violations = begin(&mut world, &brokers);
    let mut plan = Plan::new();
    if violations.is_empty() {
        load(&mut world, &brokers, scenario);
        let (from, until) = (world.now(), world.now() + scenario.faulty);
        let (pace, menu) = (scenario.class.pace(), &scenario.menu);
        plan = scenario
            .plan
            .clone()
            .unwrap_or_else(|| draw::plan(seed ^ 0xfa_u64, &brokers, from, until, pace, menu));
        world.plan(plan.clone());
        world.run(until, |_| false);
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
        faults: world.tally(),
        skipped: world.skipped(),
        plan,
        again: scenario.command(),
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

fn load(world: &mut World, brokers: &[BrokerId], scenario: &Scenario) {
    let seed = scenario.seed;
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
                scenario.class.think(),
                seed,
            )));
        }
        world.add(Box::new(Consumer::new(TOPIC, partition, brokers.to_vec())));
    }
}

/// Waits until the cluster is whole and serves again, and what clients began is answered.
fn settle(world: &mut World) -> Vec<Violation> {
    let deadline = world.now() + CONVERGE_WITHIN;
    let before = world.history.acknowledged();
    while let Some(wanting) = world.wanting() {
        if world.now() >= deadline {
            return vec![liveness(&format!("30 s after the last fault {wanting}"))];
        }
        world.run(world.now() + LOOK_AGAIN, |_| false);
    }
    while world.history.acknowledged() == before {
        if world.now() >= deadline {
            return vec![liveness(
                "nothing was acknowledged within 30 s of the last fault",
            )];
        }
        world.run(world.now() + LOOK_AGAIN, |_| false);
    }
    world.finish();
    world.run(deadline, World::is_idle);
    if !world.is_idle() {
        return vec![liveness("a client had no answer 30 s after the last fault")];
    }
    // The last high watermark still has to reach the followers.
    world.run(world.now() + HIGH_WATERMARK_WITHIN, |_| false);
    match world.wanting() {
        Some(wanting) => vec![liveness(&format!(
            "after the clients had finished {wanting}"
        ))],
        None => Vec::new(),
    }
}

fn complaints(world: &mut World) -> Vec<Violation> {
    std::mem::take(&mut world.complaints)
        .into_iter()
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
