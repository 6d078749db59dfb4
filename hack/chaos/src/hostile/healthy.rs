//! A client that means well: it writes a record, reads it back, takes the time of both, and now and then connects anew.
//! It asks one broker, tries nothing twice, and takes every error for a violation.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle, sleep};
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_wire::{BatchBuilder, batch, batches, records};

use crate::client::connection::Connection;
use crate::client::consumer;

/// The last version with topic names.
const PRODUCE_VERSION: i16 = 12;
/// Time for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two records.
const PAUSE: Duration = Duration::from_millis(5);
/// Of so many samples in a row p99 is taken, and the median of these is judged: one stall of the
/// machine is in one of them.
const WINDOW: usize = 200;
/// Records of one connection.
const CONNECTION_RECORDS: u64 = 50;
/// Bytes of a record beside its number.
const PADDING: [u8; 100] = [7; 100];
const FETCH_BYTES: i32 = 1 << 20;

/// What happens beside the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// Nothing that is judged.
    Between,
    /// Nothing, in turn with frames.
    Alone,
    /// Hostile frames.
    BesideFrames,
    /// Nothing, before and after the connections.
    AloneAgain,
    /// Connections that bring nothing.
    BesideConnections,
}

/// The client at work.
pub(crate) struct Healthy {
    phase: Arc<Mutex<(Phase, bool)>>,
    thread: JoinHandle<Seen>,
}

/// What it saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) acknowledged: u64,
    /// Acknowledged records that are not there at the end.
    pub(crate) lost: u64,
    pub(crate) complaints: Vec<String>,
    samples: BTreeMap<Phase, Vec<Sample>>,
}

/// Microseconds that a record took.
#[derive(Clone, Copy, Debug)]
struct Sample {
    write_us: u64,
    read_us: u64,
}

impl Seen {
    /// p99 of writing a record, in microseconds, 0 without samples.
    pub(crate) fn write_p99_us(&self, phase: Phase) -> u64 {
        self.p99_us(phase, |sample| sample.write_us)
    }

    /// p99 of reading it back.
    pub(crate) fn read_p99_us(&self, phase: Phase) -> u64 {
        self.p99_us(phase, |sample| sample.read_us)
    }

    /// The median of the windows' p99.
    fn p99_us(&self, phase: Phase, time: impl Fn(&Sample) -> u64) -> u64 {
        let samples = self.samples.get(&phase).map_or(&[][..], Vec::as_slice);
        // What is left over at the end is no window, unless there is no other.
        let whole = samples.len() - samples.len() % WINDOW.min(samples.len().max(1));
        let windows = samples[..whole].chunks(WINDOW).map(|window| {
            let mut times: Vec<u64> = window.iter().map(&time).collect();
            times.sort_unstable();
            times[(times.len() * 99 / 100).min(times.len() - 1)]
        });
        let mut windows: Vec<u64> = windows.collect();
        windows.sort_unstable();
        windows.get(windows.len() / 2).copied().unwrap_or(0)
    }
}

impl Healthy {
    /// Begins to write.
    ///
    /// # Errors
    /// When the broker cannot be reached.
    pub(crate) fn begin(broker: SocketAddr, topic: &'static str) -> Result<Healthy, String> {
        let open = move || Connection::open(broker, PATIENCE);
        let connection = open().map_err(|e| format!("the healthy client cannot connect: {e}"))?;
        let phase = Arc::new(Mutex::new((Phase::Between, false)));
        let told = Arc::clone(&phase);
        let thread = thread::spawn(move || live(connection, open, topic, &told));
        Ok(Healthy { phase, thread })
    }

    /// Says what happens beside it from now on.
    pub(crate) fn is_in(&self, phase: Phase) {
        self.phase.lock().expect("no holder panics").0 = phase;
    }

    /// Ends it, after it has read everything once more.
    pub(crate) fn end(self) -> Seen {
        self.phase.lock().expect("no holder panics").1 = true;
        self.thread.join().unwrap_or_else(|_| Seen {
            complaints: vec!["the healthy client panicked".to_owned()],
            ..Seen::default()
        })
    }
}

fn live(
    mut connection: Connection,
    open: impl Fn() -> io::Result<Connection>,
    topic: &str,
    told: &Mutex<(Phase, bool)>,
) -> Seen {
    let mut seen = Seen::default();
    loop {
        let (phase, end) = *told.lock().expect("no holder panics");
        if end {
            break;
        }
        let begun = Instant::now();
        let anew = match seen.acknowledged % CONNECTION_RECORDS {
            0 => open().map(|opened| connection = opened),
            _ => Ok(()),
        };
        let connecting_us = microseconds(begun.elapsed());
        match anew.and_then(|()| write_and_read(&mut connection, topic, seen.acknowledged)) {
            Ok(mut sample) => {
                sample.write_us += connecting_us;
                seen.acknowledged += 1;
                seen.samples.entry(phase).or_default().push(sample);
            }
            Err(error) => {
                let number = seen.acknowledged;
                let fact = format!("the healthy client's record {number} in {phase:?}: {error}");
                seen.complaints.push(fact);
                return seen;
            }
        }
        sleep(PAUSE);
    }
    match read_all(&mut connection, topic, seen.acknowledged) {
        Ok(there) => seen.lost = seen.acknowledged - there,
        Err(error) => seen.complaints.push(format!("the last read: {error}")),
    }
    if seen.lost > 0 {
        let fact = format!(
            "{} of {} acknowledged records are lost",
            seen.lost, seen.acknowledged
        );
        seen.complaints.push(fact);
    }
    seen
}

fn write_and_read(connection: &mut Connection, topic: &str, number: u64) -> io::Result<Sample> {
    let mut batch = BatchBuilder::new();
    batch.push(
        1_700_000_000_000,
        Some(&PADDING),
        Some(&number.to_be_bytes()),
    );
    let data = PartitionProduceData::default().with_records(Some(batch.build()));
    let data = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(5_000)
        .with_topic_data(vec![data]);
    let begun = Instant::now();
    let response = connection.call(PRODUCE_VERSION, &request)?;
    let written = begun.elapsed();
    let answer = response
        .responses
        .first()
        .and_then(|topic| topic.partition_responses.first())
        .map(|partition| (partition.error_code, partition.base_offset));
    let expected = i64::try_from(number).map_err(io::Error::other)?;
    if answer != Some((0, expected)) {
        return Err(io::Error::other(format!("error and offset {answer:?}")));
    }
    let read = fetch(connection, topic, expected)?;
    let whole = begun.elapsed();
    match numbers(&read)?.first() {
        Some(first) if *first == number => Ok(Sample {
            write_us: microseconds(written),
            read_us: microseconds(whole - written),
        }),
        other => Err(io::Error::other(format!("{other:?} is read in its place"))),
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// How many of the records are there, each in its place, from the first on.
fn read_all(connection: &mut Connection, topic: &str, acknowledged: u64) -> io::Result<u64> {
    let mut next = 0;
    while next < acknowledged {
        let read = fetch(
            connection,
            topic,
            i64::try_from(next).map_err(io::Error::other)?,
        )?;
        let before = next;
        for number in numbers(&read)? {
            if number != next {
                return Ok(next);
            }
            next += 1;
        }
        if next == before {
            break;
        }
    }
    Ok(next)
}

fn fetch(connection: &mut Connection, topic: &str, offset: i64) -> io::Result<Bytes> {
    let partition = consumer::ask(connection, name(topic), (0, offset), 1_000, FETCH_BYTES)?;
    match partition.error_code {
        0 => Ok(partition.records.unwrap_or_default()),
        code => Err(io::Error::other(format!("Fetch has the error {code}"))),
    }
}

/// The numbers of the records in whole batches.
fn numbers(bytes: &Bytes) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for found in batches(bytes) {
        let (header, whole) = found.map_err(io::Error::other)?;
        batch::check_crc(&whole).map_err(io::Error::other)?;
        for record in records(&header, &whole).map_err(io::Error::other)? {
            let value = record.map_err(io::Error::other)?.value.unwrap_or_default();
            let number = value.first_chunk::<8>().copied().map(u64::from_be_bytes);
            numbers.push(number.ok_or_else(|| io::Error::other("a record without a number"))?);
        }
    }
    Ok(numbers)
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_window_is_not_the_median_and_few_samples_are_one_window() {
        let mut seen = Seen::default();
        assert_eq!(seen.write_p99_us(Phase::Alone), 0);
        for at in 0..5 * WINDOW + 3 {
            let stalled = (WINDOW..2 * WINDOW).contains(&at);
            let samples = seen.samples.entry(Phase::Alone).or_default();
            samples.push(Sample {
                write_us: if stalled { 9_000 } else { 100 },
                read_us: 10,
            });
        }
        assert_eq!(seen.write_p99_us(Phase::Alone), 100);
        let few = vec![
            Sample {
                write_us: 7,
                read_us: 8
            };
            3
        ];
        seen.samples.insert(Phase::BesideFrames, few);
        assert_eq!(seen.read_p99_us(Phase::BesideFrames), 8);
    }
}
