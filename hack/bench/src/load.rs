//! A turn on one broker: producers, consumers or both on a topic of their own, and the broker's counters before and after.
//! It starts no broker.

use std::thread;
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::broker::{Broker, Places};
use crate::call;
use crate::compare::Extent;
use crate::consume::{self, Consuming, Following};
use crate::foreign::{self, Ground};
use crate::produce::{self, Producing};
use crate::scenario::{Scenario, Work};
use crate::statistics::Done;
use crate::usage::{self, Usage};

/// What consumers ask for at once: the default of Kafka's consumers (`max.partition.fetch.bytes`).
const FETCH_BYTES_MAX: i32 = 1 << 20;

pub(crate) type Around = (Usage, Done, Usage);

/// A producer at a rate in a thread of its own, and its consumer here.
pub(crate) fn end_to_end(
    broker: &Broker,
    batch: &Batch,
    producing: Producing,
    topic: &str,
    rate: f64,
) -> Result<Around, String> {
    let begins_at = Instant::now() + Duration::from_millis(200);
    let batches = (rate * producing.time_max.as_secs_f64()).max(1.0) as u64;
    let producing = Producing {
        rate: Some(rate),
        begins_at: Some(begins_at),
        payload_bytes_max: batches * batch.payload_bytes,
        time_max: 2 * producing.time_max,
        ..producing
    };
    let following = Following {
        begins_at,
        rate,
        batches,
        time_max: producing.time_max,
    };
    let before = usage::read(broker.pid, &broker.folder)?;
    let followed = thread::scope(|scope| {
        let produced = scope.spawn(|| produce::run(broker.address, topic, &[0], batch, producing));
        let followed = consume::follow(broker.address, topic, batch, following);
        produced.join().map_err(|_| "the producer panicked")??;
        followed
    })?;
    let after = usage::read(broker.pid, &broker.folder)?;
    Ok((before, followed, after))
}

/// Makes a topic, loads it, and deletes it.
pub(crate) fn turn(
    scenario: &Scenario,
    broker: &Broker,
    places: &Places,
    configs: &[(&str, &str)],
    batch: &Batch,
    extent: Extent,
    topic: &str,
) -> Result<Around, String> {
    let mut admin = call::connect(broker.address, Duration::from_secs(10))?;
    call::create_topic(&mut admin, topic, scenario.partitions, configs)?;
    let around = run(scenario, broker, places, batch, extent, topic)?;
    call::delete_topic(&mut admin, topic)?;
    Ok(around)
}

/// What is measured, and the broker's counters around it.
fn run(
    scenario: &Scenario,
    broker: &Broker,
    places: &Places,
    batch: &Batch,
    extent: Extent,
    topic: &str,
) -> Result<Around, String> {
    let producing = scenario.producing(extent);
    let partitions: Vec<i32> = (0..scenario.partitions).collect();
    match scenario.work {
        Work::EndToEnd => end_to_end(broker, batch, producing, topic, extent.rate),
        Work::Stand(_)
        | Work::Confined { .. }
        | Work::Replicate
        | Work::Group(_)
        | Work::Transact(_) => Err("that is no load of batches on one broker".to_owned()),
        Work::Foreign(foreign) => {
            let ground = Ground {
                broker,
                kafka: &places.kafka,
                topic,
                shape: scenario.shape,
                payload_bytes: extent.turn_payload_bytes,
            };
            let fill = Producing {
                time_max: Duration::from_secs(120),
                ..producing
            };
            foreign::run(foreign, &ground, batch, fill, &partitions)
        }
        Work::Produce => {
            let before = usage::read(broker.pid, &broker.folder)?;
            let produced = produce::run(broker.address, topic, &partitions, batch, producing)?;
            let after = usage::read(broker.pid, &broker.folder)?;
            Ok((before, produced, after))
        }
        Work::Consume {
            consumers,
            partition_bytes,
        } => {
            let there = Producing {
                acks: -1,
                payload_bytes_max: partition_bytes * u64::from(scenario.partitions.unsigned_abs()),
                time_max: Duration::from_secs(120),
                ..producing
            };
            produce::run(broker.address, topic, &partitions, batch, there)?;
            let load = Consuming {
                partitions: scenario.partitions,
                consumers,
                fetch_bytes_max: FETCH_BYTES_MAX,
                // Reading is fast: turns of bytes would be over at once.
                payload_bytes_max: u64::MAX,
                time_max: extent.turn_time_max,
            };
            let before = usage::read(broker.pid, &broker.folder)?;
            let consumed = consume::run(broker.address, topic, batch, load)?;
            let after = usage::read(broker.pid, &broker.folder)?;
            Ok((before, consumed, after))
        }
    }
}
