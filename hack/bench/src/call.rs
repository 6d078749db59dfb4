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
const METADATA: (i16, i16) = (3, 4);
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

fn call(
    stream: &mut TcpStream,
    (key, version): (i16, i16),
    body: impl FnOnce(&mut BytesMut),
) -> Result<Decoder, String> {
    let mut request = frame::begin(key, version, 1);
    body(&mut request);
    frame::finish(&mut request, 0);
    let exchange = |stream: &mut TcpStream| {
        stream.write_all(&request)?;
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        let mut answer = vec![0; length.min(ANSWER_BYTES_MAX)];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(Bytes::from(answer))
    };
    let answer = exchange(stream).map_err(|e| format!("request of API key {key}: {e}"))?;
    let mut read = Decoder::new(answer);
    read.i32("correlation id").map_err(|e| e.to_string())?;
    Ok(read)
}

/// Creates a topic of one replica and waits until all its partitions are led.
pub(crate) fn create_topic(
    stream: &mut TcpStream,
    topic: &str,
    partitions: i32,
    configs: &[(&str, &str)],
) -> Result<(), String> {
    let mut read = call(stream, CREATE_TOPICS, |buf| {
        encode::array(buf, false, Some(1));
        encode::string(buf, false, Some(topic));
        buf.put_i32(partitions);
        buf.put_i16(1);
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
        (0, _) => {}
        (error, message) => {
            return Err(format!(
                "topic {topic} was not created: {:?} {message:?}",
                ErrorCode::from_code(error)
            ));
        }
    }
    let until = Instant::now() + PATIENCE;
    while led(stream, topic)? < partitions {
        if Instant::now() > until {
            return Err(format!("{topic} has partitions without a leader"));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// How many partitions of a topic have a leader.
fn led(stream: &mut TcpStream, topic: &str) -> Result<i32, String> {
    let read = call(stream, METADATA, |buf| {
        encode::array(buf, false, Some(1));
        encode::string(buf, false, Some(topic));
        buf.put_i8(0);
    })?;
    count_led(read).map_err(|e| format!("Metadata: {e}"))
}

fn count_led(mut read: Decoder) -> Result<i32, DecodeError> {
    read.i32("throttle")?;
    for _ in 0..read.array("brokers", false, 12)? {
        read.i32("id")?;
        read.string("host", false)?;
        read.i32("port")?;
        read.nullable_string("rack", false)?;
    }
    read.nullable_string("cluster", false)?;
    read.i32("controller")?;
    let mut led = 0;
    for _ in 0..read.array("topics", false, 9)? {
        read.i16("error")?;
        read.string("topic", false)?;
        read.i8("internal")?;
        for _ in 0..read.array("partitions", false, 18)? {
            let error = read.i16("error")?;
            read.i32("partition")?;
            let leader = read.i32("leader")?;
            for array in ["replicas", "isr"] {
                let count = read.array(array, false, 4)?;
                read.take(array, count * 4)?;
            }
            led += i32::from(error == 0 && leader >= 0);
        }
    }
    Ok(led)
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
