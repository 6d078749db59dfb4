//! The final read: every replica of every partition from its start to its high watermark.
//! Each broker is made the leader in turn, because a leader serves from its own log.

use std::io;
use std::thread::sleep;
use std::time::{Duration, Instant};

use kring_sim::history::Happened;
use kring_sim::records::{Batch, Run};
use kring_wire::ErrorCode;

use super::Shared;
use super::admin;
use super::connection::Connection;
use super::consumer::{PATIENCE, broker_id, fetch};
use crate::patience::Patience;
use crate::recording::{self, Recording};

/// Time within which a broker must lead, and within which its high watermark must be what was acknowledged.
const LEAD_WITHIN: Duration = Duration::from_secs(30);
/// The least time for one partition.
const WITHIN_MIN: Duration = Duration::from_secs(3);
/// Time between tries.
const BACKOFF: Duration = Duration::from_millis(50);

/// Reads every replica; `ends` has the highest acknowledged offset plus one of each partition.
pub(crate) fn run(shared: &Shared, brokers: usize, ends: &[i64]) -> Recording {
    let mut recording = Recording::default();
    let partitions = i32::try_from(ends.len()).expect("a topic has few partitions");
    for broker in 0..brokers {
        let led = admin::make_leader(&shared.directory, brokers, partitions, broker, LEAD_WITHIN);
        if let Err(reason) = led {
            recording.complain(format!("final read: {reason}"));
            continue;
        }
        let begun = Instant::now();
        for (partition, end) in (0..partitions).zip(ends) {
            // One patience for all partitions of a broker, so that a lost log does not take minutes.
            let within = LEAD_WITHIN.saturating_sub(begun.elapsed()).max(WITHIN_MIN);
            let read = replica(shared, broker, partition, *end, within, &mut recording);
            if let Err(reason) = read {
                recording.complain(format!(
                    "final read of partition {partition} on broker {broker}: {reason}"
                ));
            }
        }
    }
    recording
}

/// Makes a broker the leader of everything and reads every partition from its log up to the high
/// watermark of that moment, as polled.
///
/// # Errors
/// When it does not lead, or does not serve a record.
pub(crate) fn look(
    shared: &Shared,
    brokers: usize,
    broker: usize,
    partitions: i32,
    within: Duration,
    recording: &mut Recording,
) -> Result<(), String> {
    admin::make_leader(&shared.directory, brokers, partitions, broker, within)?;
    for partition in 0..partitions {
        let place = recording::partition(partition);
        let (client, from) = (reader(broker), broker_id(broker));
        let begins = Happened::Positioned {
            client,
            partition: place,
            offset: 0,
        };
        recording.push(shared.clock.now(), begins);
        let seen = |run: Run| Happened::Polled {
            client,
            partition: place,
            offset: run.offset,
            records: run.records,
            from,
        };
        let batch = |_: Batch| None;
        read(
            shared,
            broker,
            partition,
            None,
            within,
            (seen, batch),
            recording,
        )
        .map_err(|reason| format!("partition {partition} on broker {broker}: {reason}"))?;
    }
    Ok(())
}

/// Reads the beginning of a partition from its leader.
///
/// # Errors
/// When that gives no record.
pub(crate) fn glance(shared: &Shared, partition: i32) -> Result<(), String> {
    let mut last = "nobody leads it".to_owned();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(leader) = shared.directory.leader(partition) {
            let fetched = Connection::open(shared.directory.address(leader), PATIENCE)
                .and_then(|mut connection| fetch(shared, &mut connection, partition, 0, 100));
            match fetched {
                Ok(fetched) => match fetched.records {
                    Ok(records) if !records.is_empty() => return Ok(()),
                    Ok(_) => last = format!("{:?}", fetched.code),
                    Err(reason) => last = reason,
                },
                Err(error) => last = error.to_string(),
            }
            shared.directory.forget(partition, leader);
        }
        sleep(BACKOFF);
    }
    Err(format!("partition {partition}: {last}"))
}

fn replica(
    shared: &Shared,
    broker: usize,
    partition: i32,
    end: i64,
    within: Duration,
    recording: &mut Recording,
) -> Result<(), String> {
    let replica = broker_id(broker);
    let place = recording::partition(partition);
    let kept = |run: Run| Happened::Kept {
        partition: place,
        replica,
        offset: run.offset,
        records: run.records,
        timestamp: run.timestamp,
    };
    let batch = |batch: Batch| {
        Some(Happened::KeptBatch {
            partition: place,
            replica,
            offset: batch.offset,
            next: batch.next,
            id: batch.id,
            epoch: batch.epoch,
            hash: batch.hash,
        })
    };
    let end = Some(end);
    let high_watermark = read(
        shared,
        broker,
        partition,
        end,
        within,
        (kept, batch),
        recording,
    )?;
    let swept = Happened::Swept {
        partition: place,
        replica,
        log_start: 0,
        high_watermark,
    };
    recording.push(shared.clock.now(), swept);
    Ok(())
}

/// The name in histories of whoever reads a broker's log besides the clients.
fn reader(broker: usize) -> u32 {
    1_000 + u32::try_from(broker).expect("a run has few brokers")
}

/// Reads a partition from its start; gives where it ended. With an `end` it waits for a high
/// watermark there, because a new leader learns it from its followers; one that stays short of what
/// was acknowledged is for the checks to judge.
fn read(
    shared: &Shared,
    broker: usize,
    partition: i32,
    end: Option<i64>,
    within: Duration,
    (happened, batch): (impl Fn(Run) -> Happened, impl Fn(Batch) -> Option<Happened>),
    recording: &mut Recording,
) -> Result<i64, String> {
    let address = shared.directory.address(broker);
    let mut connection = None;
    let mut progress = Patience::new(within);
    let (mut position, mut aim) = (0, end);
    loop {
        let mut open = match connection.take() {
            Some(open) => Ok(open),
            None => Connection::open(address, PATIENCE),
        };
        let fetched = open
            .as_mut()
            .map_err(|error| io::Error::new(error.kind(), error.to_string()))
            .and_then(|open| fetch(shared, open, partition, position, 100));
        let stuck = progress.is_over();
        let fetched = match fetched {
            Ok(fetched) => fetched,
            Err(error) if stuck => return Err(format!("offset {position}: {error}")),
            Err(_) => {
                sleep(BACKOFF);
                continue;
            }
        };
        connection = open.ok();
        if fetched.code != ErrorCode::None {
            if stuck {
                return Err(format!("offset {position}: {:?}", fetched.code));
            }
            sleep(BACKOFF);
            continue;
        }
        let aim = *aim.get_or_insert(fetched.high_watermark);
        let now = shared.clock.now();
        let records = match fetched.records {
            Ok(records) => records,
            Err(reason) => {
                let served = format!(
                    "broker {broker} served what is not a record at {position} of partition {partition}: {reason}"
                );
                recording.complain(served.clone());
                return Err(served);
            }
        };
        let new = fetched.batches.into_iter().filter(|b| b.next > position);
        for happened in new.filter_map(&batch) {
            recording.push(now, happened);
        }
        if let Some(last) = records.last() {
            position = last.next();
            progress = Patience::new(within);
        }
        for run in records {
            recording.push(now, happened(run));
        }
        let read_all = position >= fetched.high_watermark;
        if position >= aim && (end.is_none() || read_all) || read_all && stuck {
            return Ok(position);
        }
        if stuck {
            return Err(format!(
                "offset {position} is not served below the high watermark {}",
                fetched.high_watermark
            ));
        }
    }
}
