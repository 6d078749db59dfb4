//! Request frames of the load, in the classic encoding that both brokers speak, and what is read of their answers.
//! Versions stay at the last ones without tags: their answers have fixed places.

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, encode};

/// Produce 7: the last version without per-record errors, taken by Kafka 4 and by Kring.
pub(crate) const PRODUCE_VERSION: i16 = 7;
const PRODUCE: i16 = 0;
/// How long a broker may take to acknowledge, in milliseconds.
const PRODUCE_TIMEOUT_MS: i32 = 30_000;

/// A request frame that is empty but for its header.
pub(crate) fn begin(api_key: i16, version: i16, correlation: i32) -> BytesMut {
    let mut buf = BytesMut::with_capacity(128);
    buf.put_i32(0);
    buf.put_i16(api_key);
    buf.put_i16(version);
    buf.put_i32(correlation);
    encode::string(&mut buf, false, Some("kring-bench"));
    buf
}

/// Writes the length of a frame that `elsewhere_bytes` follow.
pub(crate) fn finish(buf: &mut BytesMut, elsewhere_bytes: usize) {
    kring_wire::frame::finish(buf, elsewhere_bytes);
}

/// All of a Produce frame of one partition but its batch, which follows as it is.
pub(crate) fn produce_head(topic: &str, partition: i32, acks: i16, batch_bytes: usize) -> Bytes {
    let mut buf = begin(PRODUCE, PRODUCE_VERSION, 0);
    encode::string(&mut buf, false, None);
    buf.put_i16(acks);
    buf.put_i32(PRODUCE_TIMEOUT_MS);
    encode::array(&mut buf, false, Some(1));
    encode::string(&mut buf, false, Some(topic));
    encode::array(&mut buf, false, Some(1));
    buf.put_i32(partition);
    encode::bytes_len(&mut buf, false, Some(batch_bytes));
    finish(&mut buf, batch_bytes);
    buf.freeze()
}

/// The answer to a Produce of one partition: its correlation id, error code and base offset.
pub(crate) fn produce_answer(answer: Bytes) -> Result<(i32, i16, i64), DecodeError> {
    let mut read = Decoder::new(answer);
    let correlation = read.i32("correlation id")?;
    read.array("topics", false, 6)?;
    read.string("topic", false)?;
    read.array("partitions", false, 30)?;
    read.i32("partition")?;
    let error = read.i16("error")?;
    Ok((correlation, error, read.i64("base offset")?))
}

/// Fetch 11: the last version in the classic encoding.
pub(crate) const FETCH_VERSION: i16 = 11;
const FETCH: i16 = 1;
/// How long a broker may wait for more, in milliseconds.
const FETCH_WAIT_MS: i32 = 500;

/// A Fetch of one partition without a session, from an offset on.
pub(crate) fn fetch(topic: &str, partition: i32, offset: i64, bytes_max: i32) -> Bytes {
    const CONSUMER: i32 = -1;
    const NO_EPOCH: i32 = -1;
    let mut buf = begin(FETCH, FETCH_VERSION, 0);
    buf.put_i32(CONSUMER);
    buf.put_i32(FETCH_WAIT_MS);
    buf.put_i32(1);
    buf.put_i32(bytes_max);
    buf.put_i8(0);
    buf.put_i32(0);
    buf.put_i32(NO_EPOCH);
    encode::array(&mut buf, false, Some(1));
    encode::string(&mut buf, false, Some(topic));
    encode::array(&mut buf, false, Some(1));
    buf.put_i32(partition);
    buf.put_i32(NO_EPOCH);
    buf.put_i64(offset);
    buf.put_i64(-1);
    buf.put_i32(bytes_max);
    encode::array(&mut buf, false, Some(0));
    encode::string(&mut buf, false, Some(""));
    finish(&mut buf, 0);
    buf.freeze()
}

/// What precedes the records in the answer to a Fetch of one partition, without the frame's length.
pub(crate) fn fetched_head_bytes(topic: &str) -> usize {
    let to_topic = 4 + 4 + 2 + 4 + 4;
    let partition = 4 + 4 + 2 + 8 + 8 + 8 + 4 + 4 + 4;
    to_topic + 2 + topic.len() + partition
}

/// Error code and length of the records of such a head.
pub(crate) fn fetched(head: Bytes) -> Result<(i16, usize), DecodeError> {
    let mut read = Decoder::new(head);
    read.i32("correlation id")?;
    read.i32("throttle")?;
    let error = read.i16("error")?;
    read.i32("session")?;
    read.array("topics", false, 6)?;
    read.string("topic", false)?;
    // Aborted transactions and records are only partly there; their counts are fixed numbers here.
    read.i32("partitions")?;
    read.i32("partition")?;
    let of_partition = read.i16("error")?;
    for what in ["high watermark", "last stable offset", "log start"] {
        read.i64(what)?;
    }
    read.i32("aborted transactions")?;
    read.i32("preferred replica")?;
    let records = usize::try_from(read.i32("records")?).unwrap_or(0);
    Ok((if error == 0 { of_partition } else { error }, records))
}

#[cfg(test)]
mod tests;
