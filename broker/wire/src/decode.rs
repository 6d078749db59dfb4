//! Reads Kafka's primitive types from a frame without copying, checking each length against the bytes that remain.
//! It knows no message; see `produce`, `fetch` and `bounds` for those.

use bytes::{Buf, Bytes};
use bytestring::ByteString;
use thiserror::Error;

use crate::fetch::{FetchPartition, FetchTopic, ForgottenTopic};
use crate::ids::TopicId;
use crate::produce::{ProducePartition, ProduceTopic};
use crate::varint;

/// Elements an array may claim, as Apache Kafka 4.4 caps it.
pub const ARRAY_ELEMENTS_MAX: usize = 1_000_000;

/// Elements for which space is reserved at once, as Apache Kafka 4.4 caps it; more grow as they come.
pub const RESERVED_ELEMENTS_MAX: usize = 1_000;

/// Tagged fields a struct may claim, as Apache Kafka 4.4 caps it.
pub const TAGS_MAX: usize = 10_000;

/// Memory that one request may take beside its frame, in bytes. A frame of the largest size whose
/// elements have the fewest bytes would take many times its size. 200,000 partitions fit.
pub const DECODED_BYTES_MAX: usize = 16 << 20;

/// Memory of an element of [`Decoder::array`]: the largest has 64 bytes, and a vector that doubles
/// holds three times as much for a moment.
const ELEMENT_BYTES: usize = 3 * 64;
const _: () = assert!(
    size_of::<ProduceTopic>() <= 64
        && size_of::<ProducePartition>() <= 64
        && size_of::<FetchTopic>() <= 64
        && size_of::<FetchPartition>() <= 64
        && size_of::<ForgottenTopic>() <= 64
);

/// Why bytes are not the message they are said to be. The connection that sent them is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// A field reaches past the end.
    #[error("{field} needs {needed} bytes and {available} remain")]
    Truncated {
        /// The field or its type.
        field: &'static str,
        /// Bytes it needs.
        needed: usize,
        /// Bytes that remain.
        available: usize,
    },
    /// An array or a tag section claims more elements than fit in what remains, or than is allowed.
    #[error("{field} claims {claimed} elements and at most {max} are possible here")]
    TooMany {
        /// The field or its type.
        field: &'static str,
        /// The claim.
        claimed: usize,
        /// What fits.
        max: usize,
    },
    /// A length is negative (other than the −1 of a nullable field).
    #[error("{field} has the length {length}")]
    NegativeLength {
        /// The field or its type.
        field: &'static str,
        /// The length.
        length: i64,
    },
    /// A field that must not be null is null.
    #[error("{field} must not be null")]
    Null {
        /// The field or its type.
        field: &'static str,
    },
    /// A varint does not end or is too large.
    #[error("{field} is not a varint")]
    Varint {
        /// The field or its type.
        field: &'static str,
    },
    /// A string is not UTF-8.
    #[error("{field} is not UTF-8")]
    Utf8 {
        /// The field or its type.
        field: &'static str,
    },
    /// The elements would take too much memory.
    #[error("{field} would make the message take more than {max} bytes of memory")]
    Memory {
        /// The field with which it becomes too much.
        field: &'static str,
        /// The cap in bytes.
        max: usize,
    },
    /// Bytes follow the message.
    #[error("{count} bytes follow the message")]
    TrailingBytes {
        /// How many.
        count: usize,
    },
    /// A version this codec does not read.
    #[error("version {version} of API key {api_key} is not supported")]
    Version {
        /// The API.
        api_key: i16,
        /// The version.
        version: i16,
    },
}

/// A cursor over a frame. Byte fields and strings it returns share the frame's memory.
#[derive(Clone, Debug)]
pub struct Decoder {
    buf: Bytes,
    /// What is left of [`DECODED_BYTES_MAX`].
    decoded_bytes_left: usize,
}

impl Decoder {
    /// At the start of `buf`.
    #[must_use]
    pub fn new(buf: Bytes) -> Decoder {
        Decoder {
            buf,
            decoded_bytes_left: DECODED_BYTES_MAX,
        }
    }

    /// Bytes not read yet.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.buf.len()
    }

    /// What was not read.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        self.buf
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// [`DecodeError::TrailingBytes`] when something is left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.buf.len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }

    fn need(&self, field: &'static str, needed: usize) -> Result<(), DecodeError> {
        let available = self.buf.len();
        if needed <= available {
            Ok(())
        } else {
            Err(DecodeError::Truncated {
                field,
                needed,
                available,
            })
        }
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn take(&mut self, field: &'static str, len: usize) -> Result<Bytes, DecodeError> {
        self.need(field, len)?;
        Ok(self.buf.split_to(len))
    }

    /// One byte.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn i8(&mut self, field: &'static str) -> Result<i8, DecodeError> {
        self.need(field, 1)?;
        Ok(self.buf.get_i8())
    }

    /// Two bytes, big-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn i16(&mut self, field: &'static str) -> Result<i16, DecodeError> {
        self.need(field, 2)?;
        Ok(self.buf.get_i16())
    }

    /// Four bytes, big-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn i32(&mut self, field: &'static str) -> Result<i32, DecodeError> {
        self.need(field, 4)?;
        Ok(self.buf.get_i32())
    }

    /// Eight bytes, big-endian.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn i64(&mut self, field: &'static str) -> Result<i64, DecodeError> {
        self.need(field, 8)?;
        Ok(self.buf.get_i64())
    }

    /// A topic id.
    ///
    /// # Errors
    /// [`DecodeError::Truncated`].
    pub fn topic_id(&mut self, field: &'static str) -> Result<TopicId, DecodeError> {
        self.need(field, 16)?;
        let mut id = [0; 16];
        self.buf.copy_to_slice(&mut id);
        Ok(TopicId(id))
    }

    /// An unsigned varint.
    ///
    /// # Errors
    /// [`DecodeError::Varint`].
    pub fn uvarint(&mut self, field: &'static str) -> Result<u32, DecodeError> {
        let mut rest = &self.buf[..];
        let value = varint::read_u32(&mut rest).ok_or(DecodeError::Varint { field })?;
        let read = self.buf.len() - rest.len();
        self.buf.advance(read);
        Ok(value)
    }

    /// The length of a compact (`flexible`) or classic field: `None` is null. `wide` classic
    /// lengths have four bytes (arrays, bytes), narrow ones two (strings).
    fn length(
        &mut self,
        field: &'static str,
        flexible: bool,
        wide: bool,
    ) -> Result<Option<usize>, DecodeError> {
        let length = if flexible {
            i64::from(self.uvarint(field)?) - 1
        } else if wide {
            i64::from(self.i32(field)?)
        } else {
            i64::from(self.i16(field)?)
        };
        match length {
            -1 => Ok(None),
            n => usize::try_from(n)
                .map(Some)
                .map_err(|_| DecodeError::NegativeLength { field, length }),
        }
    }

    /// A nullable string.
    ///
    /// # Errors
    /// Any but [`DecodeError::Null`].
    pub fn nullable_string(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Option<ByteString>, DecodeError> {
        let Some(len) = self.length(field, flexible, false)? else {
            return Ok(None);
        };
        let bytes = self.take(field, len)?;
        match ByteString::try_from(bytes) {
            Ok(text) => Ok(Some(text)),
            Err(_) => Err(DecodeError::Utf8 { field }),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// Any, [`DecodeError::Null`] for null.
    pub fn string(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<ByteString, DecodeError> {
        self.nullable_string(field, flexible)?
            .ok_or(DecodeError::Null { field })
    }

    /// Nullable bytes or records.
    ///
    /// # Errors
    /// Any but [`DecodeError::Null`].
    pub fn nullable_bytes(
        &mut self,
        field: &'static str,
        flexible: bool,
    ) -> Result<Option<Bytes>, DecodeError> {
        match self.length(field, flexible, true)? {
            None => Ok(None),
            Some(len) => self.take(field, len).map(Some),
        }
    }

    /// The number of elements of a nullable array whose elements have at least
    /// `element_bytes_min` bytes: never more than fit in what remains, so that the caller may
    /// reserve space for them.
    ///
    /// # Errors
    /// [`DecodeError::TooMany`] and those of a length.
    pub fn nullable_array(
        &mut self,
        field: &'static str,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(claimed) = self.length(field, flexible, true)? else {
            return Ok(None);
        };
        let max = (self.buf.len() / element_bytes_min.max(1)).min(ARRAY_ELEMENTS_MAX);
        if claimed > max {
            return Err(DecodeError::TooMany {
                field,
                claimed,
                max,
            });
        }
        self.decoded_bytes_left = self
            .decoded_bytes_left
            .checked_sub(claimed * ELEMENT_BYTES)
            .ok_or(DecodeError::Memory {
                field,
                max: DECODED_BYTES_MAX,
            })?;
        Ok(Some(claimed))
    }

    /// As [`Decoder::nullable_array`], with null refused.
    ///
    /// # Errors
    /// Those, and [`DecodeError::Null`].
    pub fn array(
        &mut self,
        field: &'static str,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<usize, DecodeError> {
        self.nullable_array(field, flexible, element_bytes_min)?
            .ok_or(DecodeError::Null { field })
    }

    /// Reads a tag section, giving each tag's number and content to `read`; nothing in a version
    /// without tags.
    ///
    /// # Errors
    /// Those of `read` and of the section.
    pub fn tags(
        &mut self,
        flexible: bool,
        mut read: impl FnMut(u32, Bytes) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        if !flexible {
            return Ok(());
        }
        let claimed = self.uvarint("tagged fields")? as usize;
        let max = (self.buf.len() / 2).min(TAGS_MAX);
        if claimed > max {
            return Err(DecodeError::TooMany {
                field: "tagged fields",
                claimed,
                max,
            });
        }
        for _ in 0..claimed {
            let tag = self.uvarint("tag")?;
            let len = self.uvarint("tag length")? as usize;
            read(tag, self.take("tagged field", len)?)?;
        }
        Ok(())
    }

    /// Skips a tag section.
    ///
    /// # Errors
    /// Those of the section.
    pub fn skip_tags(&mut self, flexible: bool) -> Result<(), DecodeError> {
        self.tags(flexible, |_, _| Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoder(bytes: &'static [u8]) -> Decoder {
        Decoder::new(Bytes::from_static(bytes))
    }

    #[test]
    fn an_array_that_cannot_fit_is_refused_before_anything_is_reserved() {
        let error = decoder(&[0x7f, 0xff, 0xff, 0xff, 1, 2, 3])
            .array("topics", false, 3)
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "topics claims 2147483647 elements and at most 1 are possible here"
        );
    }

    #[test]
    fn elements_of_a_whole_message_have_a_cap_of_memory() {
        let count = DECODED_BYTES_MAX / ELEMENT_BYTES;
        let two = [0, 0, 0, 2].as_slice();
        let most = i32::try_from(count - 1).unwrap().to_be_bytes();
        let bytes = [&most[..], two, &vec![0; count]].concat();
        let mut read = Decoder::new(bytes.into());
        assert_eq!(read.array("topics", false, 1), Ok(count - 1));
        assert_eq!(
            read.array("partitions", false, 1).unwrap_err().to_string(),
            "partitions would make the message take more than 16777216 bytes of memory"
        );
    }

    #[test]
    fn null_is_minus_one_or_a_compact_zero_and_other_negative_lengths_are_errors() {
        assert_eq!(decoder(&[0xff, 0xff]).nullable_string("s", false), Ok(None));
        assert_eq!(decoder(&[0]).nullable_string("s", true), Ok(None));
        assert_eq!(
            decoder(&[0]).string("s", true),
            Err(DecodeError::Null { field: "s" })
        );
        assert_eq!(
            decoder(&[0xff, 0xfe]).string("s", false),
            Err(DecodeError::NegativeLength {
                field: "s",
                length: -2
            })
        );
    }

    #[test]
    fn a_string_shares_the_frame_and_must_be_utf8() {
        assert_eq!(&*decoder(b"\0\x02ab").string("s", false).unwrap(), "ab");
        assert_eq!(
            decoder(b"\x03\xff\xfe").string("s", true),
            Err(DecodeError::Utf8 { field: "s" })
        );
    }

    #[test]
    fn more_tags_than_two_bytes_each_are_refused() {
        assert!(matches!(
            decoder(&[3, 0, 0]).skip_tags(true),
            Err(DecodeError::TooMany {
                claimed: 3,
                max: 1,
                ..
            })
        ));
        let mut seen = Vec::new();
        decoder(&[2, 0, 1, b'x', 5, 0])
            .tags(true, |tag, bytes| {
                seen.push((tag, bytes));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(0, Bytes::from_static(b"x")), (5, Bytes::new())]);
    }
}
