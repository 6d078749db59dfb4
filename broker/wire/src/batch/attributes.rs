//! The attribute bits of a batch: compression, meaning of the timestamps, transactional, control.
//! It compresses nothing; `compress` does.

const COMPRESSION: i16 = 0x07;
pub(super) const LOG_APPEND_TIME: i16 = 0x08;
const TRANSACTIONAL: i16 = 0x10;
const CONTROL: i16 = 0x20;
const DELETE_HORIZON: i16 = 0x40;

/// How the records of a batch are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// RFC 1952.
    Gzip,
    /// Snappy, usually in the framing of Xerial's Java library.
    Snappy,
    /// LZ4 frames.
    Lz4,
    /// RFC 8878; Produce from version 7 and Fetch from version 10 only.
    Zstd,
}

impl Compression {
    /// By the number in the attributes; 5 to 7 mean nothing.
    #[must_use]
    pub fn from_id(id: u8) -> Option<Compression> {
        Some(match id {
            0 => Compression::None,
            1 => Compression::Gzip,
            2 => Compression::Snappy,
            3 => Compression::Lz4,
            4 => Compression::Zstd,
            _ => return None,
        })
    }

    /// The number in the attributes.
    #[must_use]
    pub fn id(self) -> u8 {
        self as u8
    }
}

/// What the timestamps of a batch mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampType {
    /// Given by the producer, one for each record.
    #[default]
    CreateTime,
    /// Given by the leader: every record has the batch's maximum.
    LogAppendTime,
}

/// The attribute bits of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    /// The codec's number, valid or not.
    #[must_use]
    pub fn compression_id(self) -> u8 {
        (self.0 & COMPRESSION) as u8
    }

    /// What the timestamps mean.
    #[must_use]
    pub fn timestamp_type(self) -> TimestampType {
        if self.0 & LOG_APPEND_TIME == 0 {
            TimestampType::CreateTime
        } else {
            TimestampType::LogAppendTime
        }
    }

    /// Part of a transaction.
    #[must_use]
    pub fn is_transactional(self) -> bool {
        self.0 & TRANSACTIONAL != 0
    }

    /// Written by a coordinator or the quorum, never by a client.
    #[must_use]
    pub fn is_control(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// The base timestamp is the time after which tombstones may go (KIP-534).
    #[must_use]
    pub fn has_delete_horizon(self) -> bool {
        self.0 & DELETE_HORIZON != 0
    }

    /// With this codec.
    #[must_use]
    pub fn with_compression(self, codec: Compression) -> Attributes {
        Attributes(self.0 & !COMPRESSION | i16::from(codec.id()))
    }

    /// With the transactional bit set.
    #[must_use]
    pub fn with_transactional(self) -> Attributes {
        Attributes(self.0 | TRANSACTIONAL)
    }

    /// With the control bit set.
    #[must_use]
    pub fn with_control(self) -> Attributes {
        Attributes(self.0 | CONTROL)
    }
}
