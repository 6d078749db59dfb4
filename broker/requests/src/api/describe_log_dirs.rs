//! DescribeLogDirs (35), versions 1–5: how large the replicas on this broker are.
//!
//! * There is one directory. Null asks for every partition.
//! * v3 adds an error of the whole request, v4 the size of the volume and what of it is free, both
//!   −1 until the process has told, v5 whether the directory is cordoned, whose bytes are written here.
//! * The lag is how far the end of the replica's log lies behind the high watermark, as its leader
//!   last told it; 0 for a leader.

use std::collections::BTreeMap;

use bytes::BufMut;
use kafka_protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, DescribeLogDirsResponse, TopicName};
use kring_io::Now;
use kring_wire::{TopicPartition, encode};

use crate::broker::Broker;
use crate::call::{Call, Unreadable};
use crate::event::{Output, Volume};
use crate::text::text;

/// The last version whose answer `kafka-protocol` writes; the requests are the same.
const ENCODED_VERSION_MAX: i16 = 4;

type Sizes = BTreeMap<String, Vec<DescribeLogDirsPartition>>;

pub(crate) fn handle(
    broker: &mut Broker,
    _now: Now,
    call: Call,
    out: &mut Output,
) -> Result<(), Unreadable> {
    let caller = call.caller;
    let request: DescribeLogDirsRequest =
        call.decode_as(caller.version.min(ENCODED_VERSION_MAX))?;
    let sizes = sizes(broker, request.topics.as_deref());
    let directory = broker.identity.log_dir.clone();
    let volume = broker.volume;
    if caller.version > ENCODED_VERSION_MAX {
        caller.answer_with(true, |body| write(body, &directory, volume, &sizes), out);
        return Ok(());
    }
    let topics = sizes.into_iter().map(|(name, partitions)| {
        DescribeLogDirsTopic::default()
            .with_name(TopicName(text(name)))
            .with_partitions(partitions)
    });
    let result = DescribeLogDirsResult::default()
        .with_log_dir(text(directory))
        .with_topics(topics.collect())
        .with_total_bytes(volume.total_bytes)
        .with_usable_bytes(volume.usable_bytes);
    let answer = DescribeLogDirsResponse::default().with_results(vec![result]);
    caller.answer(&answer, out);
    Ok(())
}

fn sizes(broker: &Broker, asked: Option<&[DescribableLogDirTopic]>) -> Sizes {
    let image = broker.image();
    let wanted = |name: &str, tp: TopicPartition| match asked {
        None => true,
        Some(topics) => topics.iter().any(|topic| {
            topic.topic.0.as_str() == name && topic.partitions.contains(&tp.partition)
        }),
    };
    let mut sizes = Sizes::new();
    for tp in broker.log.partitions() {
        let (Some(topic), Some(state)) = (image.topics.get(&tp.topic), broker.log.state(tp)) else {
            continue;
        };
        if wanted(&topic.name, tp) {
            let following = broker.replicas.engine().following(tp);
            let told = following.map_or(-1, |f| f.leader_high_watermark);
            let lag = told.max(state.high_watermark) - state.log_end;
            let row = DescribeLogDirsPartition::default()
                .with_partition_index(tp.partition)
                .with_partition_size(i64::try_from(state.size_bytes).unwrap_or(i64::MAX))
                .with_offset_lag(lag.max(0));
            sizes.entry(topic.name.clone()).or_default().push(row);
        }
    }
    sizes
}

fn write(body: &mut bytes::BytesMut, directory: &str, volume: Volume, sizes: &Sizes) {
    body.put_i32(0);
    body.put_i16(0);
    encode::array(body, true, Some(1));
    body.put_i16(0);
    encode::string(body, true, Some(directory));
    encode::array(body, true, Some(sizes.len()));
    for (name, partitions) in sizes {
        encode::string(body, true, Some(name));
        encode::array(body, true, Some(partitions.len()));
        for partition in partitions {
            body.put_i32(partition.partition_index);
            body.put_i64(partition.partition_size);
            body.put_i64(partition.offset_lag);
            body.put_u8(0);
            encode::no_tags(body, true);
        }
        encode::no_tags(body, true);
    }
    body.put_i64(volume.total_bytes);
    body.put_i64(volume.usable_bytes);
    body.put_u8(0);
    encode::no_tags(body, true);
    encode::no_tags(body, true);
}
