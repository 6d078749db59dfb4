//! The final read: every replica of every partition from its start to its high watermark.
//! It ends the run, because it takes completions away from the engine.

use bytes::Bytes;
use kring_io::{Effects, Instant};
use kring_log::{LogEvent, Read};
use kring_wire::{Offset, TopicPartition};

use crate::checks::Violation;
use crate::history::Happened;
use crate::machine::Machine;
use crate::records;
use crate::run::{PARTITIONS, TOPIC};
use crate::world::World;

/// Bytes asked for at once.
const READ_BYTES: usize = 1 << 20;
/// Completions waited for in one read at most.
const COMPLETIONS_MAX: usize = 100_000;

/// Reads every replica into the history.
pub fn replicas(world: &mut World) -> Vec<Violation> {
    let at = world.now();
    let mut happened = Vec::new();
    let mut violations = Vec::new();
    for machine in world.machines() {
        for partition in 0..PARTITIONS {
            if let Err(fact) = replica(machine, at, partition, &mut happened) {
                let fact = format!("partition {partition} on broker {}: {fact}", machine.id());
                violations.push(Violation {
                    check: "final read",
                    fact,
                });
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
    partition: i32,
    seen: &mut Vec<Happened>,
) -> Result<(), String> {
    let replica = machine.id();
    let broker = machine.broker().ok_or("the process does not run")?;
    let topic = *broker
        .image()
        .by_name
        .get(TOPIC)
        .ok_or("the topic is unknown")?;
    let tp = TopicPartition { topic, partition };
    let state = broker.log().state(tp).ok_or("there is no replica")?;
    let mut from = state.log_start;
    while from < state.high_watermark {
        let batches = read(machine, at, tp, from, state.high_watermark)?;
        let records = records::of(&batches)?;
        let Some((last, _)) = records.last() else {
            return Err(format!(
                "nothing at offset {from} below the high watermark {}",
                state.high_watermark
            ));
        };
        let next = last + 1;
        for (offset, record) in records {
            if offset >= from && offset < state.high_watermark {
                seen.push(Happened::Kept {
                    record,
                    partition,
                    offset,
                    replica,
                });
            }
        }
        from = next;
    }
    seen.push(Happened::Swept {
        partition,
        replica,
        high_watermark: state.high_watermark,
    });
    Ok(())
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
