//! `TransactionLogValue`: reads versions 0 and 1, writes 1 only where a tagged field is needed.
//! It knows no key.

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, encode};

use super::RecordError;
use crate::stored::{NO_PRODUCER_ID, Producer, Stored, Topics};
use crate::{TransactionState, TransactionVersion};

/// The newest version that is read, the first with tagged fields.
const VERSION_MAX: i16 = 1;
/// Bytes of a topic at the least: an empty name, no partitions, no tags, all compact.
const TOPIC_BYTES_MIN: usize = 3;

const PREVIOUS_PRODUCER_ID: u32 = 0;
const NEXT_PRODUCER_ID: u32 = 1;
const CLIENT_TRANSACTION_VERSION: u32 = 2;

pub(super) fn encode(stored: &Stored) -> Bytes {
    let tags = Tags::of(stored);
    let flexible = tags.count() > 0;
    let mut buf = BytesMut::new();
    buf.put_i16(i16::from(flexible));
    buf.put_i64(stored.producer.id);
    buf.put_i16(stored.producer.epoch);
    buf.put_i32(stored.timeout_ms);
    buf.put_i8(stored.state.id());
    // As Kafka does: null and not empty where there cannot be any.
    let topics = (stored.state != TransactionState::Empty).then_some(stored.topics.len());
    encode::array(&mut buf, flexible, topics);
    for (topic, partitions) in &stored.topics {
        encode::string(&mut buf, flexible, Some(topic));
        encode::array(&mut buf, flexible, Some(partitions.len()));
        for partition in partitions {
            buf.put_i32(*partition);
        }
        encode::no_tags(&mut buf, flexible);
    }
    buf.put_i64(stored.updated_ms);
    buf.put_i64(stored.started_ms);
    if flexible {
        tags.encode(&mut buf);
    }
    buf.freeze()
}

pub(super) fn decode(value: Bytes) -> Result<Stored, RecordError> {
    let mut value = Decoder::new(value);
    let version = value.i16("version")?;
    if !(0..=VERSION_MAX).contains(&version) {
        return Err(RecordError::Version {
            version,
            max: VERSION_MAX,
        });
    }
    let flexible = version >= 1;
    let producer = Producer {
        id: value.i64("producerId")?,
        epoch: value.i16("producerEpoch")?,
    };
    let timeout_ms = value.i32("transactionTimeoutMs")?;
    let status = value.i8("transactionStatus")?;
    let state = TransactionState::of_record(status).ok_or(RecordError::Status { status })?;
    let topics = decode_topics(&mut value, flexible)?;
    let updated_ms = value.i64("transactionLastUpdateTimestampMs")?;
    let started_ms = value.i64("transactionStartTimestampMs")?;
    let tags = Tags::decode(&mut value, flexible)?;
    Ok(Stored {
        producer,
        previous_producer_id: tags.previous_producer_id,
        next_producer_id: tags.next_producer_id,
        timeout_ms,
        state,
        topics,
        updated_ms,
        started_ms,
        client_version: tags.client_version,
    })
}

fn decode_topics(value: &mut Decoder, flexible: bool) -> Result<Topics, DecodeError> {
    let mut topics = Topics::new();
    let count = value.nullable_array("transactionPartitions", flexible, TOPIC_BYTES_MIN)?;
    for _ in 0..count.unwrap_or(0) {
        let topic = value.string("topic", flexible)?.to_string();
        let partitions = topics.entry(topic).or_default();
        for _ in 0..value.array("partitionIds", flexible, size_of::<i32>())? {
            partitions.insert(value.i32("partitionId")?);
        }
        value.skip_tags(flexible)?;
    }
    Ok(topics)
}

/// The tagged fields.
struct Tags {
    previous_producer_id: i64,
    next_producer_id: i64,
    client_version: TransactionVersion,
}

impl Tags {
    fn of(stored: &Stored) -> Tags {
        Tags {
            previous_producer_id: stored.previous_producer_id,
            next_producer_id: stored.next_producer_id,
            client_version: stored.client_version,
        }
    }

    /// How many differ from what a record without them says.
    fn count(&self) -> u8 {
        u8::from(self.previous_producer_id != NO_PRODUCER_ID)
            + u8::from(self.next_producer_id != NO_PRODUCER_ID)
            + u8::from(self.client_version != TransactionVersion::V1)
    }

    fn encode(&self, buf: &mut BytesMut) {
        buf.put_u8(self.count());
        if self.previous_producer_id != NO_PRODUCER_ID {
            let id = self.previous_producer_id.to_be_bytes();
            encode::tag(buf, PREVIOUS_PRODUCER_ID, &id);
        }
        if self.next_producer_id != NO_PRODUCER_ID {
            let id = self.next_producer_id.to_be_bytes();
            encode::tag(buf, NEXT_PRODUCER_ID, &id);
        }
        if self.client_version != TransactionVersion::V1 {
            let level = self.client_version.level().to_be_bytes();
            encode::tag(buf, CLIENT_TRANSACTION_VERSION, &level);
        }
    }

    fn decode(value: &mut Decoder, flexible: bool) -> Result<Tags, DecodeError> {
        let mut tags = Tags {
            previous_producer_id: NO_PRODUCER_ID,
            next_producer_id: NO_PRODUCER_ID,
            client_version: TransactionVersion::V1,
        };
        value.tags(flexible, |tag, content| {
            let mut content = Decoder::new(content);
            match tag {
                PREVIOUS_PRODUCER_ID => {
                    tags.previous_producer_id = content.i64("previousProducerId")?;
                }
                NEXT_PRODUCER_ID => tags.next_producer_id = content.i64("nextProducerId")?,
                CLIENT_TRANSACTION_VERSION => {
                    let level = content.i16("clientTransactionVersion")?;
                    tags.client_version = TransactionVersion::of_level(level);
                }
                // Later versions of Kafka may add some that can be ignored (KIP-915).
                _ => {}
            }
            Ok(())
        })?;
        Ok(tags)
    }
}
