//! The records of `__transaction_state` in Kafka's own format, so that its tools read them.
//! It knows the key; `value` knows the value. What either means is in `stored`.

#[cfg(test)]
mod tests;
mod value;

use bytes::{BufMut, Bytes, BytesMut};
use kring_wire::{DecodeError, Decoder, encode};
use thiserror::Error;

use crate::stored::Stored;

/// `TransactionLogKey`.
const TRANSACTION_KEY: i16 = 0;

/// A record that is no record of `__transaction_state` as far as this version knows.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RecordError {
    /// The bytes do not fit the format.
    #[error("record of __transaction_state: {0}")]
    Malformed(#[from] DecodeError),
    /// A version of the value that is newer than this broker.
    #[error(
        "TransactionLogValue has version {version}, this broker reads 0 to {max}: start a broker that is at least as new as the one that wrote it"
    )]
    Version {
        /// Its version.
        version: i16,
        /// The newest that is read.
        max: i16,
    },
    /// A state that no record has.
    #[error("record of __transaction_state: {status} is no state of a transaction")]
    Status {
        /// The number.
        status: i8,
    },
}

/// Key and value as bytes; no value deletes the id.
pub(crate) fn encode(transactional_id: &str, value: Option<&Stored>) -> (Bytes, Option<Bytes>) {
    let mut key = BytesMut::new();
    key.put_i16(TRANSACTION_KEY);
    encode::string(&mut key, false, Some(transactional_id));
    (key.freeze(), value.map(value::encode))
}

/// The transactional id of these bytes and its value; `None` of a key of another kind, of which
/// there is none yet.
pub(crate) fn decode(
    key: Bytes,
    value: Option<Bytes>,
) -> Result<Option<(String, Option<Stored>)>, RecordError> {
    let mut key = Decoder::new(key);
    if key.i16("key version")? != TRANSACTION_KEY {
        return Ok(None);
    }
    let transactional_id = key.string("transactionalId", false)?.to_string();
    let value = value.map(value::decode).transpose()?;
    Ok(Some((transactional_id, value)))
}
