//! A record's identity, readable from the bytes of its value alone, whoever gives them.
//! It knows nothing of batches; `records` takes values out of them.

use super::Partition;

/// How every value of ours begins.
const MAGIC: &[u8; 4] = b"krng";
/// Bytes of a value without its padding.
const FIXED: usize = 40;
/// Where the padding begins: before it everything but the checksum.
const PADDING_AT: usize = FIXED - 8;

/// Which record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId {
    /// Which producer wrote it.
    pub producer: u32,
    /// Its number among that producer's records of one partition, from 0.
    pub sequence: u64,
}

/// What a record's value says: who wrote it, where to and when.
///
/// ```text
/// "krng" | producer u32 | sequence u64 | topic u32 | partition i32 | timestamp ms i64 | padding | FNV-1a u64
/// ```
/// Numbers are big-endian; the checksum is over everything before it, so that bytes which changed
/// under a batch's own checksum, or came from another record, are seen too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value {
    /// Which record.
    pub id: RecordId,
    /// The partition it was sent to.
    pub partition: Partition,
    /// Its timestamp in ms since the epoch, as in the record's own field.
    pub timestamp: i64,
}

/// Why a value is not what its producer sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// It is none of ours.
    Foreign,
    /// It begins like one of ours, but its checksum is another.
    Damaged,
}

impl Value {
    /// The value with `padding` bytes more than it needs.
    #[must_use]
    pub fn to_bytes(self, padding: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(FIXED + padding);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&self.id.producer.to_be_bytes());
        bytes.extend_from_slice(&self.id.sequence.to_be_bytes());
        bytes.extend_from_slice(&self.partition.topic.to_be_bytes());
        bytes.extend_from_slice(&self.partition.index.to_be_bytes());
        bytes.extend_from_slice(&self.timestamp.to_be_bytes());
        bytes.resize(PADDING_AT + padding, self.id.sequence as u8);
        bytes.extend_from_slice(&hash(&bytes).to_be_bytes());
        bytes
    }

    /// Reads a value back.
    ///
    /// # Errors
    /// When it is not one of ours, or not as it was written.
    pub fn from_bytes(bytes: &[u8]) -> Result<Value, ValueError> {
        if !bytes.starts_with(MAGIC) {
            return Err(ValueError::Foreign);
        }
        let (said, checksum) = bytes.split_last_chunk::<8>().ok_or(ValueError::Damaged)?;
        if said.len() < PADDING_AT || hash(said) != u64::from_be_bytes(*checksum) {
            return Err(ValueError::Damaged);
        }
        Ok(Value {
            id: RecordId {
                producer: u32::from_be_bytes(array(said, 4)),
                sequence: u64::from_be_bytes(array(said, 8)),
            },
            partition: Partition {
                topic: u32::from_be_bytes(array(said, 16)),
                index: i32::from_be_bytes(array(said, 20)),
            },
            timestamp: i64::from_be_bytes(array(said, 24)),
        })
    }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("the length is N")
}

/// FNV-1a: finds accidents, not forgeries.
#[must_use]
pub fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
