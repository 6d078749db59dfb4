//! The final read: every replica of every partition from its start to its high watermark.
//! Each broker is made the leader in turn, because a leader serves from its own log.

use std::thread::sleep;
use std::time::{Duration, Instant};

use kring_sim::history::Happened;
use kring_wire::ErrorCode;

use super::Shared;
use super::admin;
use super::connection::Connection;
use super::consumer::{PATIENCE, broker_id, fetch};
use crate::recording::Recording;

/// Time within which a broker must lead, and within which its high watermark must be what was acknowledged.
const LEAD_WITHIN: Duration = Duration::from_secs(30);
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
        for (partition, end) in (0..partitions).zip(ends) {
            if let Err(reason) = replica(shared, broker, partition, *end, &mut recording) {
                recording.complain(format!(
                    "final read of partition {partition} on broker {broker}: {reason}"
                ));
            }
        }
    }
    recording
}

fn replica(
    shared: &Shared,
    broker: usize,
    partition: i32,
    end: i64,
    recording: &mut Recording,
) -> Result<(), String> {
    let address = shared.directory.address(broker);
    let mut connection = Connection::open(address, PATIENCE).map_err(|e| e.to_string())?;
    let deadline = Instant::now() + LEAD_WITHIN;
    let mut position = 0;
    loop {
        let fetched = fetch(shared, &mut connection, partition, position, 100)
            .map_err(|e| format!("offset {position}: {e}"))?;
        let late = Instant::now() >= deadline;
        if fetched.code != ErrorCode::None {
            if late {
                return Err(format!("offset {position}: {:?}", fetched.code));
            }
            sleep(BACKOFF);
            continue;
        }
        let now = shared.clock.now();
        let records = fetched
            .records
            .map_err(|e| format!("offset {position}: {e}"))?;
        for (offset, record) in records {
            position = offset + 1;
            recording.push(
                now,
                Happened::Kept {
                    record,
                    partition,
                    offset,
                    replica: broker_id(broker),
                },
            );
        }
        // A new leader learns its high watermark from its followers. One that stays short of what
        // was acknowledged is for the checks to judge.
        if position >= fetched.high_watermark && (position >= end || late) {
            recording.push(
                now,
                Happened::Swept {
                    partition,
                    replica: broker_id(broker),
                    high_watermark: position,
                },
            );
            return Ok(());
        }
        if late && position < fetched.high_watermark && Instant::now() >= deadline + LEAD_WITHIN {
            return Err(format!(
                "offset {position} is not served below the high watermark {}",
                fetched.high_watermark
            ));
        }
    }
}
