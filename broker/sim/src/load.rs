//! The clients of a run: who writes, reads, asks, deletes, administers, and how many of each.
//! It starts no broker and brings no fault.

use kring_io::{BrokerId, Instant};

use crate::client::admin::Admin;
use crate::client::admin::mover::Mover;
use crate::client::committed_reader::CommittedReader;
use crate::client::consumer::Consumer;
use crate::client::creator::Creator;
use crate::client::lister::Lister;
use crate::client::member::Member;
use crate::client::producer::Producer;
use crate::client::transactor::{Protocol, Transactor};
use crate::client::trimmer::Trimmer;
use crate::faults::Fault;
use crate::faults::text::Plan;
use crate::history::Happened;
use crate::scenario::Scenario;
use crate::world::World;
use crate::{lag, machine, setup, topics};

/// Producers for each partition.
const PRODUCERS: u32 = 2;
/// Members of each group.
const MEMBERS: u32 = 3;
/// Who moves records in transactions.
const MOVERS: [Protocol; 3] = [Protocol::V2, Protocol::V2, Protocol::V1];

/// Adds those that create the topics; they end when the topics are there.
pub fn creators(world: &mut World, brokers: &[BrokerId]) {
    let more = [&topics::MOVED, &topics::GROWING];
    for topic in topics::WRITTEN.iter().chain(more) {
        world.add(Box::new(Creator::new(*topic, 3, brokers.to_vec())));
    }
}

/// Adds everybody.
pub fn clients(world: &mut World, brokers: &[BrokerId], scenario: &Scenario, plan: &Plan) {
    let seed = scenario.seed;
    note(world, skew_ms(plan));
    let mut names = 0..;
    let mut name = || names.next().expect("numbers do not end");
    for topic in topics::WRITTEN {
        for index in 0..topic.partitions {
            for _ in 0..PRODUCERS {
                let name = name();
                let seed = seed ^ (u64::from(name) << 32);
                world.add(Box::new(Producer::new(
                    name,
                    (*topic, index),
                    brokers.to_vec(),
                    scenario.class.think(),
                    seed,
                )));
            }
            let lister_seed = seed ^ (u64::from(name()) << 32);
            world.add(Box::new(Lister::new(
                *topic,
                index,
                brokers.to_vec(),
                scenario.class.ask_ms(),
                lister_seed,
            )));
            if *topic == topics::TRIMMED {
                let seed = seed ^ (u64::from(name()) << 32);
                world.add(Box::new(Trimmer::new(
                    *topic,
                    index,
                    brokers.to_vec(),
                    seed,
                )));
            }
            world.add(Box::new(Consumer::new(
                name(),
                *topic,
                index,
                brokers.to_vec(),
            )));
        }
    }
    for grows in [true, false] {
        let seed = seed ^ (u64::from(name()) << 32);
        world.add(Box::new(Admin::new(brokers.to_vec(), grows, seed)));
    }
    let mover_seed = seed ^ (u64::from(name()) << 32);
    world.add(Box::new(Mover::new(
        topics::KEPT,
        brokers.to_vec(),
        mover_seed,
    )));
    for group in 0..lag::GROUPS {
        for _ in 0..MEMBERS {
            let name = name();
            let seed = seed ^ (u64::from(name) << 32);
            world.add(Box::new(Member::new(
                name,
                group,
                topics::KEPT,
                brokers.to_vec(),
                seed,
            )));
        }
    }
    if scenario.moves {
        transactions(world, brokers, scenario, &mut names);
    }
}

/// Adds those that move records in transactions, those that read what is committed, and some that know nothing of it.
fn transactions(
    world: &mut World,
    brokers: &[BrokerId],
    scenario: &Scenario,
    names: &mut impl Iterator<Item = u32>,
) {
    let mut name = || names.next().expect("numbers do not end");
    let think = scenario.class.think_between_transactions();
    for (group, protocol) in (lag::GROUPS..).zip(MOVERS) {
        let name = name();
        let seed = scenario.seed ^ (u64::from(name) << 32);
        let mover = Transactor::new(name, group, protocol, brokers, think, seed);
        world.add(Box::new(mover));
    }
    let topic = topics::MOVED;
    for index in 0..topic.partitions {
        let brokers = brokers.to_vec();
        world.add(Box::new(CommittedReader::new(
            name(),
            topic,
            index,
            brokers,
        )));
    }
    let brokers = brokers.to_vec();
    let producer = name();
    let seed = scenario.seed ^ (u64::from(producer) << 32);
    world.add(Box::new(Producer::new(
        producer,
        (topic, 0),
        brokers.clone(),
        think,
        seed,
    )));
    world.add(Box::new(Consumer::new(name(), topic, 0, brokers)));
}

/// How far a broker's clock may be from true time in this run.
fn skew_ms(plan: &Plan) -> i64 {
    plan.iter()
        .map(|(_, fault)| match fault {
            Fault::ClockJump { ahead_ms, .. } => ahead_ms.abs(),
            _ => 0,
        })
        .fold(setup::CLOCK_SKEW_MAX_MS.cast_signed(), i64::max)
}

/// Tells the history what the checks must know of the topics.
fn note(world: &mut World, skew_ms: i64) {
    for topic in topics::SWEPT {
        world.history.name_topic(topic.no, topic.name);
    }
    let at = world.now();
    world.history.push(
        at,
        Happened::Retention {
            topic: topics::AGED.no,
            retention_ms: topics::AGED_RETENTION_MS,
            slack_ms: topics::AGED_SLACK_MS,
            skew_ms,
            origin_ms: machine::now(Instant(0)).wall_ms,
        },
    );
}
