//! Builds a record batch, for internal topics and tests.
//! It is not how clients' batches pass: those stay as they came.

use bytes::{BufMut, Bytes, BytesMut};

use crate::batch::{self, Attributes, Compression, HEADER_BYTES, LENGTH_FIELD_END, MAGIC};
use crate::compress::compress;
use crate::ids::{LeaderEpoch, NO_LEADER_EPOCH, NO_PRODUCER_ID, Offset, ProducerId};
use crate::varint;

/// A batch under construction. Without [`BatchBuilder::producer`] it is of no idempotent producer.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    base_offset: Offset,
    leader_epoch: LeaderEpoch,
    attributes: Attributes,
    producer_id: ProducerId,
    producer_epoch: i16,
    base_sequence: i32,
    base_timestamp_ms: i64,
    max_timestamp_ms: i64,
    count: i32,
    records: BytesMut,
}

impl Default for BatchBuilder {
    fn default() -> BatchBuilder {
        BatchBuilder::new()
    }
}

impl BatchBuilder {
    /// An empty batch at offset 0.
    #[must_use]
    pub fn new() -> BatchBuilder {
        BatchBuilder {
            base_offset: 0,
            leader_epoch: NO_LEADER_EPOCH,
            attributes: Attributes::default(),
            producer_id: NO_PRODUCER_ID,
            producer_epoch: -1,
            base_sequence: -1,
            base_timestamp_ms: -1,
            max_timestamp_ms: -1,
            count: 0,
            records: BytesMut::new(),
        }
    }

    /// Places it, as a leader does when it appends.
    #[must_use]
    pub fn at(mut self, base_offset: Offset, leader_epoch: LeaderEpoch) -> BatchBuilder {
        self.base_offset = base_offset;
        self.leader_epoch = leader_epoch;
        self
    }

    /// Makes it a batch of an idempotent producer.
    #[must_use]
    pub fn producer(mut self, id: ProducerId, epoch: i16, base_sequence: i32) -> BatchBuilder {
        self.producer_id = id;
        self.producer_epoch = epoch;
        self.base_sequence = base_sequence;
        self
    }

    /// Makes it part of a transaction without a sequence number, as a coordinator writes what clients
    /// commit within one.
    #[must_use]
    pub fn transactional(mut self, id: ProducerId, epoch: i16) -> BatchBuilder {
        self.attributes = self.attributes.with_transactional();
        self.producer(id, epoch, -1)
    }

    /// Adds attribute bits. The compression stays none, because the records are not compressed.
    #[must_use]
    pub fn attributes(mut self, attributes: Attributes) -> BatchBuilder {
        self.attributes = attributes.with_compression(Compression::None);
        self
    }

    /// Appends a record without headers.
    pub fn push(&mut self, timestamp_ms: i64, key: Option<&[u8]>, value: Option<&[u8]>) {
        self.push_with_headers(timestamp_ms, key, value, &[]);
    }

    /// Appends a record. The first record's timestamp is the base.
    ///
    /// # Panics
    /// When a field or the batch reaches 2 GiB.
    pub fn push_with_headers(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[(&[u8], Option<&[u8]>)],
    ) {
        if self.count == 0 {
            self.base_timestamp_ms = timestamp_ms;
        }
        self.max_timestamp_ms = self.max_timestamp_ms.max(timestamp_ms);
        let timestamp_delta = timestamp_ms - self.base_timestamp_ms;
        let header_count = i64::try_from(headers.len()).expect("headers are in memory");
        let body_bytes = 1
            + varint::len_i64(timestamp_delta)
            + varint::len_i64(i64::from(self.count))
            + field_len(key)
            + field_len(value)
            + varint::len_i64(header_count)
            + headers
                .iter()
                .map(|(key, value)| field_len(Some(key)) + field_len(*value))
                .sum::<usize>();
        let body_length = i32::try_from(body_bytes).expect("a record is below 2 GiB");
        let buf = &mut self.records;
        varint::write_i32(buf, body_length);
        buf.put_i8(0);
        varint::write_i64(buf, timestamp_delta);
        varint::write_i32(buf, self.count);
        put_field(buf, key);
        put_field(buf, value);
        varint::write_i64(buf, header_count);
        for (key, value) in headers {
            put_field(buf, Some(key));
            put_field(buf, *value);
        }
        self.count += 1;
    }

    /// Records so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether there is no record yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes of the batch if it were built now.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        HEADER_BYTES + self.records.len()
    }

    /// Seals the batch.
    ///
    /// # Panics
    /// When there is no record or the batch reaches 2 GiB.
    #[must_use]
    pub fn build(self) -> Bytes {
        self.seal(&self.records)
    }

    /// Seals the batch with its records compressed.
    ///
    /// # Panics
    /// As [`BatchBuilder::build`].
    #[must_use]
    pub fn build_compressed(mut self, codec: Compression) -> Bytes {
        self.attributes = self.attributes.with_compression(codec);
        let payload = compress(codec, &self.records);
        self.seal(&payload)
    }

    /// Seals a batch whose records are `payload`: those pushed, in the encoding that the
    /// attributes say.
    fn seal(&self, payload: &[u8]) -> Bytes {
        assert!(self.count > 0, "a batch has at least one record");
        let total_bytes = HEADER_BYTES + payload.len();
        let length = i32::try_from(total_bytes - LENGTH_FIELD_END).expect("a batch is below 2 GiB");
        let mut buf = BytesMut::with_capacity(total_bytes);
        buf.put_i64(self.base_offset);
        buf.put_i32(length);
        buf.put_i32(self.leader_epoch);
        buf.put_i8(MAGIC);
        buf.put_u32(0);
        buf.put_i16(self.attributes.0);
        buf.put_i32(self.count - 1);
        buf.put_i64(self.base_timestamp_ms);
        buf.put_i64(self.max_timestamp_ms);
        buf.put_i64(self.producer_id);
        buf.put_i16(self.producer_epoch);
        buf.put_i32(self.base_sequence);
        buf.put_i32(self.count);
        buf.put_slice(payload);
        batch::seal(&mut buf);
        buf.freeze()
    }
}

fn field_len(field: Option<&[u8]>) -> usize {
    field.map_or(1, |bytes| varint::len_i64(bytes.len() as i64) + bytes.len())
}

fn put_field(buf: &mut BytesMut, field: Option<&[u8]>) {
    match field {
        None => varint::write_i32(buf, -1),
        Some(bytes) => {
            let length = i32::try_from(bytes.len()).expect("a field is below 2 GiB");
            varint::write_i32(buf, length);
            buf.put_slice(bytes);
        }
    }
}
