//! What a load needs of an administrator: topics made, led and deleted, over one blocking connection.
//! Each wait is bounded; an error names what was asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, ErrorCode, encode};

use crate::frame;

const PATIENCE: Duration = Duration::from_secs(60);
const ANSWER_BYTES_MAX: usize = 64 << 20;
const LIST_OFFSETS: (i16, i16) = (2, 1);
const METADATA: (i16, i16) = (3, 1);
const CREATE_TOPICS: (i16, i16) = (19, 4);
const DELETE_TOPICS: (i16, i16) = (20, 3);

/// Connects, waiting at most `patience` for a listener.
pub(crate) fn connect(address: SocketAddr, patience: Duration) -> Result<TcpStream, String> {
    let until = Instant::now() + patience;
    loop {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(stream) => {
                let set = stream
                    .set_nodelay(true)
                    .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
                    .and_then(|()| stream.set_write_timeout(Some(PATIENCE)));
                return set.map(|()| stream).map_err(|e| format!("{address}: {e}"));
            }
            Err(_) if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
            Err(error) => return Err(format!("{address}: {error}")),
        }
    }
}

/// As [`connect`] to a broker that is up, for a loop over many sockets.
pub(crate) fn connect_nonblocking(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = connect(address, Duration::from_secs(10))?;
    stream
        .set_nonblocking(true)
        .map_err(|e| format!("{address}: {e}"))?;
    Ok(stream)
}

/// Sends a request, and reads its answer up to the correlation id.
fn call(
    stream: &mut TcpStream,
    api: (i16, i16),
    body: impl FnOnce(&mut BytesMut),
) -> Result<Decoder, String> {
    ask(stream, api, body)?;
    answer(stream, api)
}

/// Sends a request of an API key and version.
pub(crate) fn ask(
    stream: &mut TcpStream,
    (key, version): (i16, i16),
    body: impl FnOnce(&mut BytesMut),
) -> Result<(), String> {
    let mut request = frame::begin(key, version, 1);
    body(&mut request);
    frame::finish(&mut request, 0);
    let sent = stream.write_all(&request);
    sent.map_err(|e| format!("request of API key {key}: {e}"))
}

/// Reads the answer to a request up to the correlation id.
pub(crate) fn answer(stream: &mut TcpStream, (key, _): (i16, i16)) -> Result<Decoder, String> {
    let receive = |stream: &mut TcpStream| {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        let mut answer = vec![0; length.min(ANSWER_BYTES_MAX)];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(Bytes::from(answer))
    };
    let answer = receive(stream).map_err(|e| format!("answer to API key {key}: {e}"))?;
    let mut read = Decoder::new(answer);
    read.i32("correlation id").map_err(|e| e.to_string())?;
    Ok(read)
}

/// Creates a topic of one replica and waits until this broker leads all its partitions.
pub(crate) fn create_topic(
    stream: &mut TcpStream,
    topic: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Result<(), String> {
    create(stream, topic, partitions, 1, configs)?;
    await_leaders(stream, topic, &(0..partitions).collect::<Vec<_>>())
}

/// Creates a topic.
pub(crate) fn create(
    stream: &mut TcpStream,
    topic: &str,
    partitions: i32,
    replicas: i16,
    configs: &[(&str, &str)],
) -> Result<(), String> {
    let mut read = call(stream, CREATE_TOPICS, |buf| {
        encode::array(buf, false, Some(1));
        encode::string(buf, false, Some(topic));
        buf.put_i32(partitions);
        buf.put_i16(replicas);
        encode::array(buf, false, Some(0));
        encode::array(buf, false, Some(configs.len()));
        for (name, value) in configs {
            encode::string(buf, false, Some(name));
            encode::string(buf, false, Some(value));
        }
        buf.put_i32(30_000);
        buf.put_i8(0);
    })?;
    let created = |read: &mut Decoder| {
        read.i32("throttle")?;
        read.array("topics", false, 6)?;
        read.string("topic", false)?;
        let error = read.i16("error")?;
        Ok::<_, DecodeError>((error, read.nullable_string("message", false)?))
    };
    match created(&mut read).map_err(|e| format!("CreateTopics: {e}"))? {
        (0, _) => Ok(()),
        (error, message) => Err(format!(
            "topic {topic} was not created: {:?} {message:?}",
            ErrorCode::from_code(error)
        )),
    }
}

/// The leader of each partition of a topic; -1 where there is none, and of partitions that are not known yet.
pub(crate) fn leaders(
    stream: &mut TcpStream,
    topic: &str,
    partitions: i32,
) -> Result<Vec<i32>, String> {
    let mut leaders = vec![-1; partitions.unsigned_abs() as usize];
    for (partition, leader) in metadata(stream, Some(topic))?.led {
        let partition = usize::try_from(partition).unwrap_or(usize::MAX);
        if let Some(known) = leaders.get_mut(partition) {
            *known = leader;
        }
    }
    Ok(leaders)
}

/// Waits until so many brokers know each other.
pub(crate) fn await_brokers(stream: &mut TcpStream, count: usize) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    loop {
        let known = metadata(stream, None)?.brokers;
        if known == count {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!("{known} of {count} brokers have registered"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

struct Metadata {
    brokers: usize,
    /// Partition and leader.
    led: Vec<(i32, i32)>,
}

fn metadata(stream: &mut TcpStream, topic: Option<&str>) -> Result<Metadata, String> {
    let read = call(stream, METADATA, |buf| {
        encode::array(buf, false, Some(topic.iter().count()));
        if let Some(topic) = topic {
            encode::string(buf, false, Some(topic));
        }
    })?;
    told(read).map_err(|e| format!("Metadata: {e}"))
}

fn told(mut read: Decoder) -> Result<Metadata, DecodeError> {
    let brokers = read.array("brokers", false, 12)?;
    for _ in 0..brokers {
        read.i32("node")?;
        read.string("host", false)?;
        read.i32("port")?;
        read.nullable_string("rack", false)?;
    }
    read.i32("controller")?;
    let mut led = Vec::new();
    for _ in 0..read.array("topics", false, 9)? {
        read.i16("error")?;
        read.string("topic", false)?;
        read.i8("internal")?;
        for _ in 0..read.array("partitions", false, 18)? {
            read.i16("error")?;
            let partition = read.i32("partition")?;
            led.push((partition, read.i32("leader")?));
            for replicas in ["replicas", "in sync"] {
                for _ in 0..read.array(replicas, false, 4)? {
                    read.i32("replica")?;
                }
            }
        }
    }
    Ok(Metadata { brokers, led })
}

/// Waits until this broker leads these partitions of a topic.
pub(crate) fn await_leaders(
    stream: &mut TcpStream,
    topic: &str,
    partitions: &[i32],
) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    // Metadata names a leader before that broker has taken its office; who leads answers ListOffsets.
    loop {
        let ends = ends(stream, topic, partitions)?;
        let refused = ends.iter().filter(|end| end.is_none()).count();
        if refused == 0 {
            return Ok(());
        }
        if Instant::now() > until {
            return Err(format!(
                "{topic} has {refused} partitions that nobody leads after {} s",
                PATIENCE.as_secs()
            ));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The ends of partitions, in their order; none of those that this broker does not lead, or not yet.
pub(crate) fn ends(
    stream: &mut TcpStream,
    topic: &str,
    partitions: &[i32],
) -> Result<Vec<Option<i64>>, String> {
    const NO_REPLICA: i32 = -1;
    const LATEST: i64 = -1;
    let read = call(stream, LIST_OFFSETS, |buf| {
        buf.put_i32(NO_REPLICA);
        encode::array(buf, false, Some(1));
        encode::string(buf, false, Some(topic));
        encode::array(buf, false, Some(partitions.len()));
        for partition in partitions {
            buf.put_i32(*partition);
            buf.put_i64(LATEST);
        }
    })?;
    listed(read).map_err(|e| format!("ListOffsets: {e}"))
}

fn listed(mut read: Decoder) -> Result<Vec<Option<i64>>, DecodeError> {
    let mut ends = Vec::new();
    for _ in 0..read.array("topics", false, 6)? {
        read.string("topic", false)?;
        for _ in 0..read.array("partitions", false, 22)? {
            let partition = read.i32("partition")?;
            let error = read.i16("error")?;
            read.i64("timestamp")?;
            let end = read.i64("offset")?;
            ends.push((partition, (error == 0).then_some(end)));
        }
    }
    ends.sort_unstable();
    Ok(ends.into_iter().map(|(_, end)| end).collect())
}

/// Deletes a topic.
pub(crate) fn delete_topic(stream: &mut TcpStream, topic: &str) -> Result<(), String> {
    call(stream, DELETE_TOPICS, |buf| {
        encode::array(buf, false, Some(1));
        encode::string(buf, false, Some(topic));
        buf.put_i32(30_000);
    })
    .map(|_| ())
}
