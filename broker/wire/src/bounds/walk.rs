//! Walks a body along its schema.
//! It allocates nothing, and it recurses only as deep as the schemas nest.

use super::schema::{Api, Field, Kind};
use crate::DecodeError;
use crate::decode::{ARRAY_ELEMENTS_MAX, TAGS_MAX};
use crate::varint;

struct Walk<'a> {
    rest: &'a [u8],
    version: i16,
    flexible: bool,
    /// Memory that the decoder of the request may take, and what is left of it.
    decoded_bytes_max: usize,
    decoded_bytes_left: usize,
}

/// Memory of the first tag that a decoder does not know, and of each further one of a struct: it
/// keeps them in a tree.
const FIRST_TAG_BYTES: usize = 512;
const TAG_BYTES: usize = 96;

pub(super) fn walk(
    api: &Api,
    version: i16,
    body: &[u8],
    decoded_bytes_max: usize,
) -> Result<(), DecodeError> {
    let mut walk = Walk {
        rest: body,
        version,
        flexible: version >= api.flexible_from,
        decoded_bytes_max,
        decoded_bytes_left: decoded_bytes_max,
    };
    walk.fields(api.fields)
}

impl<'a> Walk<'a> {
    fn skip(&mut self, field: &'static str, bytes: usize) -> Result<(), DecodeError> {
        match self.rest.split_at_checked(bytes) {
            Some((_, rest)) => {
                self.rest = rest;
                Ok(())
            }
            None => Err(DecodeError::Truncated {
                field,
                needed: bytes,
                available: self.rest.len(),
            }),
        }
    }

    fn fixed<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let rest = self.rest;
        self.skip(field, N)?;
        Ok(rest[..N].try_into().expect("the skip found N bytes"))
    }

    fn uvarint(&mut self, field: &'static str) -> Result<usize, DecodeError> {
        varint::read_u32(&mut self.rest)
            .map(|n| n as usize)
            .ok_or(DecodeError::Varint { field })
    }

    /// A length or count; `None` is null.
    fn length(
        &mut self,
        field: &'static str,
        wide: bool,
        nullable: bool,
    ) -> Result<Option<usize>, DecodeError> {
        let length = if self.flexible {
            self.uvarint(field)? as i64 - 1
        } else if wide {
            i64::from(i32::from_be_bytes(self.fixed(field)?))
        } else {
            i64::from(i16::from_be_bytes(self.fixed(field)?))
        };
        match usize::try_from(length) {
            Ok(length) => Ok(Some(length)),
            Err(_) if length == -1 && nullable => Ok(None),
            Err(_) if length == -1 => Err(DecodeError::Null { field }),
            Err(_) => Err(DecodeError::NegativeLength { field, length }),
        }
    }

    /// Counts memory that the decoder will take for `field`.
    fn take_memory(&mut self, field: &'static str, bytes: usize) -> Result<(), DecodeError> {
        match self.decoded_bytes_left.checked_sub(bytes) {
            Some(left) => {
                self.decoded_bytes_left = left;
                Ok(())
            }
            None => Err(DecodeError::Memory {
                field,
                max: self.decoded_bytes_max,
            }),
        }
    }

    fn fields(&mut self, fields: &'static [Field]) -> Result<(), DecodeError> {
        for field in fields {
            if field.is_in(self.version) && !field.is_tagged() {
                self.kind(field.0, &field.1, field.may_be_null(self.version))?;
            }
        }
        if self.flexible {
            self.tags(fields)?;
        }
        Ok(())
    }

    fn kind(
        &mut self,
        name: &'static str,
        kind: &'static Kind,
        nullable: bool,
    ) -> Result<(), DecodeError> {
        match kind {
            Kind::Fixed(bytes) => self.skip(name, *bytes),
            Kind::String | Kind::Bytes => {
                let wide = matches!(kind, Kind::Bytes);
                match self.length(name, wide, nullable)? {
                    Some(bytes) => self.skip(name, bytes),
                    None => Ok(()),
                }
            }
            // A struct that may be null says so in a byte of its own: −1 or 1.
            Kind::Struct(fields) if nullable => match i8::from_be_bytes(self.fixed(name)?) {
                present if present < 0 => Ok(()),
                _ => self.fields(fields),
            },
            Kind::Struct(fields) => self.fields(fields),
            Kind::Array(element) => {
                let Some(claimed) = self.length(name, true, nullable)? else {
                    return Ok(());
                };
                let element_bytes = element.bytes_min(self.version, self.flexible).max(1);
                let max = (self.rest.len() / element_bytes).min(ARRAY_ELEMENTS_MAX);
                if claimed > max {
                    return Err(DecodeError::TooMany {
                        field: name,
                        claimed,
                        max,
                    });
                }
                self.take_memory(name, claimed * element.memory_bytes())?;
                (0..claimed).try_for_each(|_| self.kind(name, element, false))
            }
        }
    }

    fn tags(&mut self, fields: &'static [Field]) -> Result<(), DecodeError> {
        let claimed = self.uvarint("tagged fields")?;
        let max = (self.rest.len() / 2).min(TAGS_MAX);
        if claimed > max {
            return Err(DecodeError::TooMany {
                field: "tagged fields",
                claimed,
                max,
            });
        }
        let mut tag_bytes = FIRST_TAG_BYTES;
        for _ in 0..claimed {
            let tag = self.uvarint("tag")?;
            let bytes = self.uvarint("tag length")?;
            let content = self.rest;
            self.skip("tagged field", bytes)?;
            let known = fields
                .iter()
                .find(|field| field.5 == tag as i32 && field.is_in(self.version));
            match known {
                Some(field) => self.tagged(field, &content[..bytes])?,
                None => {
                    self.take_memory("tagged field", tag_bytes)?;
                    tag_bytes = TAG_BYTES;
                }
            }
        }
        Ok(())
    }

    /// A decoder may trust the field's own lengths over the tag's, so both must agree.
    fn tagged(&mut self, field: &'static Field, content: &'a [u8]) -> Result<(), DecodeError> {
        let behind = std::mem::replace(&mut self.rest, content);
        self.kind(field.0, &field.1, field.may_be_null(self.version))?;
        match std::mem::replace(&mut self.rest, behind).len() {
            0 => Ok(()),
            count => Err(DecodeError::TrailingBytes { count }),
        }
    }
}
