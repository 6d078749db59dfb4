//! Frames that no client means: those that a broker answers with an error, and those that end the connection.
//! They are drawn from a seed; who sends them is in `attack.rs`.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{FetchRequest, ProduceRequest, TopicName};
use kafka_protocol::protocol::StrBytes;
use kring_io::Random;
use kring_sim::client::codec;
use kring_wire::BatchBuilder;

/// The last versions with topic names.
const PRODUCE_VERSION: i16 = 12;
const FETCH_VERSION: i16 = 12;
/// What nobody else calls a topic.
const NO_TOPIC: &str = "no-such-topic";

/// Kinds of frames that are answered.
pub(crate) const ANSWERED: [&str; 6] = [
    "wrong_crc",
    "wrong_batch",
    "wrong_acks",
    "wrong_topic",
    "wrong_offset",
    "wrong_version",
];

/// Kinds of frames after which the broker hangs up.
pub(crate) const REFUSED: [&str; 6] = [
    "garbage",
    "truncated",
    "too_long",
    "negative",
    "too_many",
    "unknown_api",
];

/// The frame that is begun and not ended.
pub(crate) const HALF: &str = "half";

/// The listeners of the other brokers and of the admin API get bytes of their own.
pub(crate) const AT_PEERS: &str = "at_peers";
pub(crate) const AT_ADMIN: &str = "at_admin";

/// All kinds.
pub(crate) fn kinds() -> impl Iterator<Item = &'static str> {
    let others = [HALF, AT_PEERS, AT_ADMIN];
    ANSWERED.into_iter().chain(REFUSED).chain(others)
}

/// Adds a frame of this kind to `to`, with its length.
pub(crate) fn put(kind: &str, topic: &str, random: &mut Random, to: &mut Vec<u8>) {
    let frame = match kind {
        "wrong_crc" => produce(topic, -1, flipped(random)),
        "wrong_batch" => produce(topic, -1, noise(random, 300).into()),
        "wrong_acks" => produce(topic, 7, batch()),
        "wrong_topic" => produce(NO_TOPIC, -1, batch()),
        "wrong_offset" => fetch(topic, i64::MAX - 1),
        // ApiVersions is answered in every version; this one has no body that anyone knows.
        "wrong_version" => [header(18, 99), vec![0]].concat(),
        "garbage" => [&[0x70][..], &noise(random, 300)].concat(),
        "truncated" => {
            let whole = fetch(topic, 0);
            let cut = 20 + random.below(whole.len() as u64 - 21) as usize;
            whole[..cut].to_vec()
        }
        "too_many" => {
            // Metadata of as many topics as a number can say, in classic and in compact form.
            let classic = random.below(2) == 0;
            let (head, claim): (_, &[u8]) = match classic {
                true => (header(3, 1), &[0x7f, 0xff, 0xff, 0xff]),
                false => (
                    [header(3, 12), vec![0]].concat(),
                    &[0xff, 0xff, 0xff, 0xff, 0x0f],
                ),
            };
            [&head, claim, &noise(random, 200)].concat()
        }
        "unknown_api" => header(i16::try_from(200 + random.below(9_000)).unwrap_or(200), 0),
        "too_long" => {
            let claim = 0x7000_0000 + random.below(0x0fff_ffff);
            to.extend_from_slice(&u32::try_from(claim).unwrap_or(u32::MAX).to_be_bytes());
            return;
        }
        "negative" => {
            let claim = 0x8000_0000 + random.below(0x7fff_ffff);
            to.extend_from_slice(&u32::try_from(claim).unwrap_or(u32::MAX).to_be_bytes());
            return;
        }
        HALF => {
            let claim = 100_000 + random.below(50_000_000);
            to.extend_from_slice(&u32::try_from(claim).unwrap_or(u32::MAX).to_be_bytes());
            to.extend_from_slice(&noise(random, 2_000));
            return;
        }
        other => unreachable!("{other} is no kind of frame"),
    };
    let length = u32::try_from(frame.len()).expect("these frames are small");
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(&frame);
}

/// What a stranger sends to the listener of the other brokers.
pub(crate) fn at_peers(random: &mut Random) -> Vec<u8> {
    match random.below(3) {
        0 => noise(random, 4_000),
        // A hello that begins well, and is cut or followed by a wrong proof.
        1 => [&b"KRINGPR\0\0\x01"[..], &noise(random, 40)].concat(),
        _ => [&b"KRINGPR\0\0\x01\0\0\0\x01\0\0\0\0"[..], &[0x61; 4_000]].concat(),
    }
}

/// What a stranger sends to the admin API.
pub(crate) fn at_admin(random: &mut Random) -> Vec<u8> {
    match random.below(4) {
        0 => noise(random, 4_000),
        1 => b"GET /v1/health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".to_vec(),
        2 => [
            &b"POST /v1/topics HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nConnection: close\r\nContent-Length: 99999999\r\n\r\n"[..],
            &noise(random, 4_000),
        ]
        .concat(),
        _ => [&b"GET / HTTP/1.1\r\nHost: "[..], &[b'a'; 40_000]].concat(),
    }
}

fn noise(random: &mut Random, bytes_max: u64) -> Vec<u8> {
    let bytes = 8 + random.below(bytes_max - 7);
    (0..bytes).map(|_| random.next_u64() as u8).collect()
}

fn header(key: i16, version: i16) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    bytes.put_i16(key);
    bytes.put_i16(version);
    bytes.put_i32(1);
    bytes.put_i16(-1);
    bytes.to_vec()
}

fn name(topic: &str) -> TopicName {
    TopicName(StrBytes::from_string(topic.to_owned()))
}

fn batch() -> Bytes {
    let mut batch = BatchBuilder::new();
    batch.push(1_700_000_000_000, Some(b"key"), Some(b"value"));
    batch.build()
}

/// A batch with a bit that is not what its checksum says.
fn flipped(random: &mut Random) -> Bytes {
    let mut bytes = batch().to_vec();
    // Behind the checksum, which ends at byte 21.
    let at = 21 + random.below(bytes.len() as u64 - 21) as usize;
    bytes[at] ^= 1 << random.below(8);
    bytes.into()
}

fn produce(topic: &str, acks: i16, records: Bytes) -> Vec<u8> {
    let data = PartitionProduceData::default().with_records(Some(records));
    let topic = TopicProduceData::default()
        .with_name(name(topic))
        .with_partition_data(vec![data]);
    let request = ProduceRequest::default()
        .with_acks(acks)
        .with_timeout_ms(1_000)
        .with_topic_data(vec![topic]);
    codec::frame(1, PRODUCE_VERSION, &request).to_vec()
}

fn fetch(topic: &str, offset: i64) -> Vec<u8> {
    let partition = FetchPartition::default()
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_partition_max_bytes(1_024);
    let topic = FetchTopic::default()
        .with_topic(name(topic))
        .with_partitions(vec![partition]);
    let request = FetchRequest::default()
        .with_max_bytes(1_024)
        .with_topics(vec![topic]);
    codec::frame(1, FETCH_VERSION, &request).to_vec()
}

#[cfg(test)]
mod tests {
    use kring_wire::{BatchHeader, RequestHeader, batch as batches, bounds};

    use super::*;

    #[test]
    fn every_kind_is_what_it_is_called() {
        let mut random = Random::new(1);
        for _ in 0..200 {
            for kind in REFUSED {
                let mut bytes = Vec::new();
                put(kind, "t", &mut random, &mut bytes);
                let claim = i32::from_be_bytes(*bytes.first_chunk().unwrap());
                let mut frame = Bytes::from(bytes).slice(4..);
                if matches!(kind, "too_long" | "negative") {
                    assert!(!(0..104_857_600).contains(&claim));
                    continue;
                }
                assert_eq!(usize::try_from(claim).unwrap(), frame.len());
                let refused = match RequestHeader::parse(&mut frame) {
                    Err(_) => true,
                    Ok(read) => bounds::check(read.api_key, read.api_version, &frame).is_err(),
                };
                assert!(refused, "{kind}");
            }
        }
        let flipped = flipped(&mut random);
        assert!(BatchHeader::parse(&flipped).is_ok());
        assert!(batches::check_crc(&flipped).is_err());
    }
}
