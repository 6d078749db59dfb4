//! One run: a cluster of three, producers and consumers, faults, calm, and the verdict.
//! The seed decides everything; two runs of one seed are the same.

use std::time::Duration;

use kring_io::{BrokerId, Instant};
use kring_io_sim::{Network, NetworkConfig};

use crate::checks::{self, Violation};
use crate::faults::draw;
use crate::faults::kind::Counts;
use crate::faults::text::Plan;
use crate::history::{Happened, History, Mark};
use crate::scenario::{Class, Scenario};
use crate::world::World;
use crate::{lag, load, setup, sweep};

/// Time within which the cluster must serve at the beginning.
const START_WITHIN: Duration = Duration::from_secs(30);
/// Time within which everything must be well again after the last fault.
const CONVERGE_WITHIN: Duration = Duration::from_secs(30);
/// Time between two looks at what is awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Time within which a client that finishes has its last answer, however late that begins: a member of
/// a group may be away for 8 s, then wait 4 s for the session of one that died to end, then for
/// answers without records, 0.5 s for each partition.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Time after which a client that waits for records is answered without any.
const ANSWER_LATE: Duration = Duration::from_secs(1);
/// Time within which damage of segments is found and repaired.
const REPAIR_WITHIN: Duration = Duration::from_secs(60);
/// Passes of the scrub after which a segment has been verified from end to end.
const SCRUBS: u64 = 2;
/// Time within which a quiet leader's high watermark reaches its followers.
const HIGH_WATERMARK_WITHIN: Duration = Duration::from_secs(2);

/// What a run gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// The hash of everything that happened.
    pub trace: u64,
    /// How dense it was.
    pub class: Class,
    /// Simulated time.
    pub simulated: Duration,
    /// Broken promises.
    pub violations: Vec<Violation>,
    /// Acknowledged records.
    pub acknowledged: usize,
    /// Operations of clients that were checked.
    pub operations: usize,
    /// How often each promise was put to the test.
    pub exercised: Vec<(&'static str, u64)>,
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
    tell(scenario).0
}

/// Runs a scenario; gives what clients did and saw, too.
#[must_use]
pub fn tell(scenario: &Scenario) -> (Outcome, History) {
    let seed = scenario.seed;
    let brokers: Vec<BrokerId> = (0..3).map(BrokerId).collect();
    let mut world = world(seed, &brokers);
    let mut violations = begin(&mut world, &brokers);
    let mut plan = Plan::new();
    let mut exercised = Vec::new();
    if violations.is_empty() {
        let (from, until) = (world.now(), world.now() + scenario.faulty);
        let (pace, menu) = (scenario.class.pace(), &scenario.menu);
        plan = scenario
            .plan
            .clone()
            .unwrap_or_else(|| draw::plan(seed ^ 0xfa_u64, &brokers, from, until, pace, menu));
        load::clients(&mut world, &brokers, scenario, &plan);
        world.plan(plan.clone());
        mark(&mut world, Mark::Faults);
        world.run(until, |_| false);
        mark(&mut world, Mark::Healed);
        world.calm();
        violations.extend(settle(&mut world));
        violations.extend(sweep::replicas(&mut world));
        let verdict = checks::judge(&world.history);
        violations.extend(verdict.violations);
        exercised = verdict.exercised;
    }
    violations.extend(complaints(&mut world));
    violations.extend(world.take_seen());
    let outcome = Outcome {
        seed,
        trace: world.trace(),
        class: scenario.class,
        simulated: world.now().since(Instant(0)),
        violations,
        acknowledged: world.history.acknowledged(),
        operations: world.history.operations(),
        exercised,
        faults: world.tally(),
        skipped: world.skipped(),
        plan,
        again: scenario.command(),
    };
    (outcome, world.history)
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
    load::creators(world, brokers);
    world.run(Instant(0) + START_WITHIN, World::is_idle);
    if world.is_idle() {
        Vec::new()
    } else {
        vec![liveness(
            "the topics were not created within 30 s of the start",
        )]
    }
}

/// Waits until the cluster is whole and serves again, and what clients began is answered.
fn settle(world: &mut World) -> Vec<Violation> {
    let mut deadline = world.now() + CONVERGE_WITHIN;
    let before = world.history.acknowledged();
    while let Some(wanting) = world.wanting() {
        if world.now() >= deadline {
            return vec![liveness(&format!("30 s after the last fault {wanting}"))];
        }
        world.run(world.now() + LOOK_AGAIN, |_| false);
    }
    mark(world, Mark::Whole);
    if let Err(violation) = repair(world) {
        return vec![violation];
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
    deadline = deadline.max(world.now() + ANSWER_WITHIN);
    // A reader hears only then of what was written last.
    while world.now() < deadline {
        world.run(deadline, World::is_idle);
        world.run(world.now() + ANSWER_LATE, |_| false);
        if world.is_idle() {
            break;
        }
    }
    if let Some(client) = world.unfinished() {
        let fact = format!("a client had not finished in time: {client}");
        return vec![liveness(&fact)];
    }
    while let Some(wanting) = world.wanting() {
        if world.now() >= deadline {
            let fact = format!("30 s after the last fault, with the clients at rest, {wanting}");
            return vec![liveness(&fact)];
        }
        world.run(world.now() + LOOK_AGAIN, |_| false);
    }
    mark(world, Mark::Converged);
    // The last high watermark still has to reach the followers.
    world.run(world.now() + HIGH_WATERMARK_WITHIN, |_| false);
    while !lag::read(world) && world.now() < deadline {
        world.run(world.now() + LOOK_AGAIN, |_| false);
    }
    Vec::new()
}

fn mark(world: &mut World, mark: Mark) {
    let at = world.now();
    world.history.push(at, Happened::Marked { mark });
}

/// Waits until the scrub has verified every segment of damaged disks and the cluster is whole again.
fn repair(world: &mut World) -> Result<(), Violation> {
    let deadline = world.now() + REPAIR_WITHIN;
    let before = world.scrubs_of_damaged();
    loop {
        let now = world.scrubs_of_damaged();
        let verified = before.iter().all(|(broker, passes)| {
            let found = now.iter().find(|(other, _)| other == broker);
            found.is_none_or(|(_, now)| *now >= passes + SCRUBS)
        });
        let wanting = world.wanting();
        if verified && wanting.is_none() {
            return Ok(());
        }
        if world.now() >= deadline {
            let what = wanting.unwrap_or_else(|| "the scrub has not come round".to_owned());
            let fact = format!("60 s after the cluster was whole, with a damaged disk: {what}");
            return Err(liveness(&fact));
        }
        world.run(world.now() + LOOK_AGAIN, |_| false);
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

#[cfg(test)]
mod tests;
