//! A consumer that reads one partition from its start while the faults are on, and the read it is made of.
//! It belongs to no group.

use std::io;
use std::thread::sleep;
use std::time::Duration;

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, TopicName};
use kring_io::BrokerId;
use kring_sim::history::Happened;
use kring_sim::records::{self, Batch, Run};
use kring_wire::ErrorCode;

use super::Shared;
use super::connection::Connection;
use crate::recording::{self, Recording};

/// Version of Fetch requests: the last with topic names.
const VERSION: i16 = 12;
/// Time until an unanswered request is repeated.
pub(super) const PATIENCE: Duration = Duration::from_millis(3_000);
/// Time between tries after an error.
const BACKOFF: Duration = Duration::from_millis(50);
/// Bytes asked for at once.
const FETCH_BYTES: i32 = 2 << 20;

/// The consumer's name in histories; a partition has one.
const CLIENT: u32 = 0;

/// What one Fetch gave.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) code: ErrorCode,
    pub(super) high_watermark: i64,
    pub(super) log_start: i64,
    /// Records with their offsets, or why they cannot be read.
    pub(super) records: Result<Vec<Run>, String>,
    /// The batches that hold them.
    pub(super) batches: Vec<Batch>,
}

/// One Fetch of a partition from an offset, waiting up to `wait_ms` for something to be there.
///
/// # Errors
/// When no answer comes, or one without the partition.
pub(crate) fn ask(
    connection: &mut Connection,
    topic: TopicName,
    (partition, offset): (i32, i64),
    wait_ms: i32,
    bytes_max: i32,
) -> io::Result<PartitionData> {
    let asked = FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(bytes_max);
    let topic = FetchTopic::default()
        .with_topic(topic)
        .with_partitions(vec![asked]);
    let request = FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(bytes_max)
        .with_topics(vec![topic]);
    let response = connection.call(VERSION, &request)?;
    response
        .responses
        .into_iter()
        .next()
        .and_then(|topic| topic.partitions.into_iter().next())
        .ok_or_else(|| io::Error::other("an answer to Fetch without the partition"))
}

/// Reads from `offset`, waiting up to `wait_ms` for something to be there.
pub(super) fn fetch(
    shared: &Shared,
    connection: &mut Connection,
    partition: i32,
    offset: i64,
    wait_ms: i32,
) -> io::Result<Fetched> {
    let asked_index = partition;
    let topic = shared.directory.topic();
    let partition = ask(connection, topic, (partition, offset), wait_ms, FETCH_BYTES)?;
    let bytes = partition.records.unwrap_or_default();
    let records = records::of(&bytes, recording::partition(asked_index)).and_then(|contents| {
        match contents.damaged.first() {
            Some(damaged) => Err(format!(
                "the record at {damaged} is not one that was sent there"
            )),
            // A batch is given whole, also the records before the asked offset.
            None => Ok(contents
                .runs
                .into_iter()
                .filter_map(|run| run.between(offset, i64::MAX))
                .collect()),
        }
    });
    Ok(Fetched {
        code: ErrorCode::from_code(partition.error_code).unwrap_or(ErrorCode::UnknownServerError),
        high_watermark: partition.high_watermark,
        log_start: partition.log_start_offset,
        records,
        batches: records::batches(&bytes).unwrap_or_default(),
    })
}

/// Consumes until the clients are told to finish.
pub(crate) fn run(partition: i32, shared: &Shared) -> Recording {
    let mut recording = Recording::default();
    let mut position = 0;
    recording.push(
        shared.clock.now(),
        Happened::Positioned {
            client: CLIENT,
            partition: recording::partition(partition),
            offset: position,
        },
    );
    let mut connection: Option<(usize, Connection)> = None;
    while !shared.is_finishing() {
        if connection.is_none() {
            connection = connect(partition, shared);
        }
        let Some((leader, open)) = &mut connection else {
            sleep(BACKOFF);
            continue;
        };
        let leader = *leader;
        let since = shared.clock.now();
        match fetch(shared, open, partition, position, 500) {
            Ok(fetched) if fetched.code == ErrorCode::None => {
                recording.push(
                    shared.clock.now(),
                    Happened::Fetched {
                        client: CLIENT,
                        partition: recording::partition(partition),
                        from: broker_id(leader),
                        since,
                        high_watermark: fetched.high_watermark,
                        log_start: fetched.log_start,
                    },
                );
                position = polled(shared, &mut recording, partition, position, leader, fetched);
            }
            // A new leader may not know the high watermark yet: the consumer keeps its position.
            _ => {
                shared.directory.forget(partition, leader);
                connection = None;
                sleep(BACKOFF);
            }
        }
    }
    recording
}

fn connect(partition: i32, shared: &Shared) -> Option<(usize, Connection)> {
    let leader = shared.directory.leader(partition)?;
    let address = shared.directory.address(leader);
    match Connection::open(address, PATIENCE) {
        Ok(connection) => Some((leader, connection)),
        Err(_) => {
            shared.directory.forget(partition, leader);
            None
        }
    }
}

/// Writes down what was read; gives the next position.
fn polled(
    shared: &Shared,
    recording: &mut Recording,
    partition: i32,
    mut position: i64,
    leader: usize,
    fetched: Fetched,
) -> i64 {
    let records = match fetched.records {
        Ok(records) => records,
        Err(reason) => {
            recording.complain(format!(
                "consumer of partition {partition}: broker {leader} served from {position}: {reason}"
            ));
            sleep(BACKOFF);
            return position;
        }
    };
    let now = shared.clock.now();
    for run in records {
        position = run.next();
        recording.push(
            now,
            Happened::Polled {
                client: CLIENT,
                partition: recording::partition(partition),
                offset: run.offset,
                records: run.records,
                from: broker_id(leader),
            },
        );
    }
    position
}

/// A broker's id as histories have it.
pub(super) fn broker_id(broker: usize) -> BrokerId {
    BrokerId(i32::try_from(broker).expect("a run has few brokers"))
}
