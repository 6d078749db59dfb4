//! The final read: every replica of every partition from its start to its high watermark.
//! It ends the run, because it takes completions away from the engine.

use std::collections::BTreeSet;
use std::ops::Range;

use bytes::Bytes;
use kring_io::{BrokerId, Effects, Instant};
use kring_log::{LogEvent, Read};
use kring_wire::{Offset, TopicPartition};

use crate::checks::Violation;
use crate::history::{Happened, Partition};
use crate::machine::Machine;
use crate::records::{self, Batch};
use crate::topics::{self, Topic};
use crate::world::World;

/// Bytes asked for at once.
const READ_BYTES: usize = 1 << 20;
/// Completions waited for in one read at most.
const COMPLETIONS_MAX: usize = 100_000;

/// Reads every replica into the history.
pub fn replicas(world: &mut World) -> Vec<Violation> {
    let all = world.machines().map(|machine| machine.id()).collect();
    replicas_on(world, &all, topics::SWEPT)
}

/// Reads the replicas of these topics on these brokers into the history; all others may be down.
pub fn replicas_on(
    world: &mut World,
    brokers: &BTreeSet<BrokerId>,
    topics: &[Topic],
) -> Vec<Violation> {
    let at = world.now();
    let mut happened = Vec::new();
    let mut violations = Vec::new();
    let machines = world.machines();
    for machine in machines.filter(|machine| brokers.contains(&machine.id())) {
        for topic in topics {
            for index in 0..topic.partitions {
                if let Err(fact) = replica(machine, at, *topic, index, &mut happened) {
                    let partition = topic.partition(index);
                    let fact = format!("partition {partition} on broker {}: {fact}", machine.id());
                    violations.push(Violation {
                        check: "final read",
                        fact,
                    });
                }
            }
        }
    }
    for happened in happened {
        world.history.push(at, happened);
    }
    violations
}

fn replica(
    machine: &mut Machine,
    at: Instant,
    topic: Topic,
    index: i32,
    seen: &mut Vec<Happened>,
) -> Result<(), String> {
    let replica = machine.id();
    let broker = machine.broker().ok_or("the process does not run")?;
    let partition = topic.partition(index);
    let image = broker.image();
    let tp = TopicPartition {
        topic: *image
            .by_name
            .get(topic.name)
            .ok_or("the topic is unknown")?,
        partition: index,
    };
    if !image
        .partition(tp)
        .is_some_and(|p| p.replicas.contains(&replica))
    {
        return Ok(());
    }
    let state = broker.log().state(tp).ok_or("there is no replica")?;
    let mut from = state.log_start;
    while from < state.high_watermark {
        let batches = read(machine, at, tp, from, state.high_watermark)?;
        let offsets = from..state.high_watermark;
        from = keep(topic, partition, replica, &batches, offsets, seen)?;
    }
    seen.push(Happened::Swept {
        partition,
        replica,
        log_start: state.log_start,
        high_watermark: state.high_watermark,
    });
    Ok(())
}

/// Writes down what batches hold of these offsets; gives the offset after them.
fn keep(
    topic: Topic,
    partition: Partition,
    replica: BrokerId,
    bytes: &Bytes,
    offsets: Range<Offset>,
    seen: &mut Vec<Happened>,
) -> Result<Offset, String> {
    let batches = records::batches(bytes)?;
    let next = batches.last().map_or(offsets.start, |batch| batch.next);
    if next <= offsets.start {
        return Err(format!(
            "nothing at offset {} below the high watermark {}",
            offsets.start, offsets.end
        ));
    }
    for batch in batches {
        if batch.next > offsets.start && batch.offset < offsets.end {
            seen.push(kept(partition, replica, &batch));
        }
    }
    if topic.is_internal() {
        return Ok(next);
    }
    let contents = records::of(bytes, partition)?;
    seen.extend(contents.damages(partition, replica));
    for run in &contents.runs {
        if let Some(run) = run.between(offsets.start, offsets.end) {
            seen.push(Happened::Kept {
                partition,
                replica,
                offset: run.offset,
                records: run.records,
                timestamp: run.timestamp,
            });
        }
    }
    Ok(next)
}

fn kept(partition: Partition, replica: BrokerId, batch: &Batch) -> Happened {
    match batch.end {
        Some(commit) => Happened::KeptMarker {
            partition,
            replica,
            offset: batch.offset,
            id: batch.id,
            epoch: batch.epoch,
            commit,
            hash: batch.hash,
        },
        None => Happened::KeptBatch {
            partition,
            replica,
            offset: batch.offset,
            next: batch.next,
            id: batch.id,
            epoch: batch.epoch,
            hash: batch.hash,
        },
    }
}

fn read(
    machine: &mut Machine,
    at: Instant,
    tp: TopicPartition,
    from: Offset,
    upto: Offset,
) -> Result<Bytes, String> {
    let mut effects = Effects::default();
    let log = machine.broker().ok_or("the process does not run")?.log();
    let id = match log.read(
        crate::machine::now(at),
        tp,
        from,
        upto,
        READ_BYTES,
        &mut effects,
    ) {
        Read::Ready(parts) => return Ok(Bytes::from(parts.concat())),
        Read::Pending(id) => id,
        other => return Err(format!("offset {from} cannot be read: {other:?}")),
    };
    for _ in 0..COMPLETIONS_MAX {
        let Some(done) = machine.next_completion(&mut effects) else {
            return Err(format!("reading offset {from} never completed"));
        };
        let mut events = Vec::new();
        let log = machine.broker().ok_or("the process does not run")?.log();
        log.on_disk(crate::machine::now(at), done, &mut effects, &mut events);
        for event in events {
            match event {
                LogEvent::ReadDone { id: done, result } if done == id => {
                    let parts =
                        result.map_err(|error| format!("offset {from} cannot be read: {error}"))?;
                    return Ok(Bytes::from(parts.concat()));
                }
                _ => {}
            }
        }
    }
    Err(format!(
        "reading offset {from} took more than {COMPLETIONS_MAX} completions"
    ))
}
