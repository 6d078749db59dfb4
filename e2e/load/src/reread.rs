//! Reads a topic from its beginning to the end it had at the start, without a group.
//! This, not what a consumer happened to get, decides whether a record is lost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};

use crate::acks::Position;
use crate::arguments::Load;
use crate::client;
use crate::sightings::Sightings;

/// How long one question for metadata or an offset may take.
const ANSWER: Duration = Duration::from_secs(30);

/// Shows every record of the topic to `seen`; gives up after the time to drain without any progress.
pub(crate) fn run(load: &Load, sent: u64, seen: &mut Sightings) -> Result<(), KafkaError> {
    let consumer: BaseConsumer = client::reader(&load.connection).create()?;
    let mut open = assign_all(&consumer, &load.topic)?;
    let mut progressed = Instant::now();
    while !open.is_empty() {
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                progressed = Instant::now();
                let position = Position {
                    partition: message.partition(),
                    offset: message.offset(),
                };
                seen.saw(position, message.payload().unwrap_or_default(), sent);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            Some(Err(error)) => eprintln!("reader: {error}"),
            None => {}
        }
        if progressed.elapsed() > load.drain() {
            return Err(KafkaError::MessageConsumption(
                RDKafkaErrorCode::OperationTimedOut,
            ));
        }
    }
    Ok(())
}

/// Assigns every partition that holds something from its beginning; answers their numbers.
fn assign_all(consumer: &BaseConsumer, topic: &str) -> Result<BTreeSet<i32>, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), ANSWER)?;
    let mut list = TopicPartitionList::new();
    let mut open = BTreeSet::new();
    for partition in metadata.topics().iter().flat_map(|t| t.partitions()) {
        let (low, high) = consumer.fetch_watermarks(topic, partition.id(), ANSWER)?;
        if low < high {
            list.add_partition_offset(topic, partition.id(), Offset::Beginning)?;
            open.insert(partition.id());
        }
    }
    consumer.assign(&list)?;
    Ok(open)
}
