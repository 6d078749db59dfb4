//! Producers on three brokers that replicate everything: each sends to the partitions that its broker leads.
//! It kills nobody; `hack/chaos` does.

use std::thread;
use std::time::{Duration, Instant};

use crate::batch::Batch;
use crate::broker::Broker;
use crate::compare::Extent;
use crate::produce::{self, Producing};
use crate::scenario::Scenario;
use crate::statistics::Done;
use crate::usage::{self, Usage};
use crate::{call, load};

const PATIENCE: Duration = Duration::from_secs(60);

/// Makes a topic with a replica on each broker, loads it, and deletes it.
pub(crate) fn turn(
    scenario: &Scenario,
    brokers: &[Broker],
    configs: &[(&str, &str)],
    batch: &Batch,
    extent: Extent,
    topic: &str,
) -> Result<load::Around, String> {
    let first = brokers.first().ok_or("there is no broker")?;
    let mut admin = call::connect(first.address, PATIENCE)?;
    let replicas = i16::try_from(brokers.len()).unwrap_or(i16::MAX);
    call::create(&mut admin, topic, scenario.partitions, replicas, configs)?;
    let led = led(&mut admin, scenario.partitions, brokers, topic)?;
    let share = brokers.len() as u64;
    let producing = Producing {
        connections: 1,
        payload_bytes_max: extent.turn_payload_bytes / share,
        ..scenario.producing(extent)
    };
    let before = used(brokers)?;
    let parts = thread::scope(|scope| {
        let produce = |(broker, partitions): (&Broker, &Vec<i32>)| {
            let (address, partitions) = (broker.address, partitions.clone());
            scope.spawn(move || produce::run(address, topic, &partitions, batch, producing))
        };
        let running: Vec<_> = brokers.iter().zip(&led).map(produce).collect();
        let join = |part: thread::ScopedJoinHandle<'_, Result<Done, String>>| {
            part.join().map_err(|_| "a producer panicked".to_owned())?
        };
        running.into_iter().map(join).collect::<Result<Vec<_>, _>>()
    })?;
    let after = used(brokers)?;
    let mut done = Done::default();
    for part in parts {
        done.requests += part.requests;
        done.payload_bytes += part.payload_bytes;
        done.elapsed = done.elapsed.max(part.elapsed);
        done.latency
            .add(part.latency)
            .map_err(|e| format!("histogram: {e:?}"))?;
    }
    call::delete_topic(&mut admin, topic)?;
    Ok((before, done, after))
}

/// The partitions that each broker leads, once all of them know it. Ids rise with the brokers.
fn led(
    admin: &mut std::net::TcpStream,
    partitions: i32,
    brokers: &[Broker],
    topic: &str,
) -> Result<Vec<Vec<i32>>, String> {
    let until = Instant::now() + PATIENCE;
    let leaders = loop {
        let leaders = call::leaders(admin, topic, partitions)?;
        if leaders.iter().all(|leader| *leader >= 0) {
            break leaders;
        }
        if Instant::now() > until {
            return Err(format!("{topic} has partitions without leaders"));
        }
        thread::sleep(Duration::from_millis(20));
    };
    let mut ids = leaders.clone();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != brokers.len() {
        return Err(format!("{topic} is led by {ids:?} alone"));
    }
    let of = |id: &i32| -> Vec<i32> {
        let own = (0..).zip(&leaders).filter(|(_, leader)| *leader == id);
        own.map(|(partition, _)| partition).collect()
    };
    let led: Vec<Vec<i32>> = ids.iter().map(of).collect();
    for (broker, partitions) in brokers.iter().zip(&led) {
        let mut stream = call::connect(broker.address, PATIENCE)?;
        call::await_leaders(&mut stream, topic, partitions)?;
    }
    Ok(led)
}

fn used(brokers: &[Broker]) -> Result<Usage, String> {
    let mut all = Usage::default();
    for broker in brokers {
        let one = usage::read(broker.pid, &broker.folder)?;
        all.cpu_s += one.cpu_s;
        all.memory_bytes += one.memory_bytes;
        all.disk_bytes += one.disk_bytes;
        // Of the whole disk, whoever is asked.
        all.flushes = one.flushes;
    }
    Ok(all)
}
