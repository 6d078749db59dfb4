//! The shape of a request schema in the table.
//! It holds no schema; `schemas` does.

/// The version after the last of every API.
pub(super) const LAST: i16 = i16::MAX;

/// Null in no version.
pub(super) const NEVER: i16 = i16::MAX;

/// A field that is always at its place.
pub(super) const UNTAGGED: i32 = -1;

/// A request and its versions.
pub(super) struct Api {
    pub(super) key: i16,
    pub(super) name: &'static str,
    pub(super) from: i16,
    pub(super) to: i16,
    pub(super) flexible_from: i16,
    pub(super) fields: &'static [Field],
}

/// Name, kind, first and last version, first version in which it may be null, tag.
pub(super) struct Field(
    pub(super) &'static str,
    pub(super) Kind,
    pub(super) i16,
    pub(super) i16,
    pub(super) i16,
    pub(super) i32,
);

/// What bytes a field has.
pub(super) enum Kind {
    /// As many.
    Fixed(usize),
    /// A length of two bytes (compact: a varint), then as many.
    String,
    /// A length of four bytes (compact: a varint), then as many.
    Bytes,
    /// Its fields, then, in flexible versions, its tags.
    Struct(&'static [Field]),
    /// A count, then as many elements.
    Array(&'static Kind),
}

impl Field {
    pub(super) fn is_in(&self, version: i16) -> bool {
        (self.2..=self.3).contains(&version)
    }

    pub(super) fn may_be_null(&self, version: i16) -> bool {
        version >= self.4
    }

    fn bytes_min(&self, version: i16, flexible: bool) -> usize {
        match self.1 {
            // A struct that may be null says so in a byte of its own.
            Kind::Struct(_) if self.may_be_null(version) => 1,
            _ => self.1.bytes_min(version, flexible),
        }
    }

    /// What a decoder keeps of it, in any version: it has a place for all fields.
    fn memory_bytes(&self) -> usize {
        self.1.memory_bytes()
    }

    pub(super) fn is_tagged(&self) -> bool {
        self.5 != UNTAGGED
    }
}

/// Memory of a decoded string or bytes, which share the frame.
const SLICE_BYTES: usize = 32;
/// Memory of a decoded array without its elements, and of the unknown tags of a struct.
const COLLECTION_BYTES: usize = 24;

impl Kind {
    /// What a decoder keeps of it in place: a slice, a vector, a struct with all its fields.
    pub(super) fn memory_bytes(&self) -> usize {
        match self {
            Kind::Fixed(bytes) => *bytes,
            Kind::String | Kind::Bytes => SLICE_BYTES,
            Kind::Array(_) => COLLECTION_BYTES,
            Kind::Struct(fields) => {
                let fields: usize = fields.iter().map(Field::memory_bytes).sum();
                (fields + COLLECTION_BYTES).next_multiple_of(16)
            }
        }
    }

    /// The fewest bytes it can have.
    pub(super) fn bytes_min(&self, version: i16, flexible: bool) -> usize {
        match self {
            Kind::Fixed(bytes) => *bytes,
            Kind::String if !flexible => 2,
            Kind::Bytes | Kind::Array(_) if !flexible => 4,
            Kind::String | Kind::Bytes | Kind::Array(_) => 1,
            Kind::Struct(fields) => {
                let inline = fields
                    .iter()
                    .filter(|field| field.is_in(version) && !field.is_tagged());
                let bytes: usize = inline.map(|f| f.bytes_min(version, flexible)).sum();
                bytes + usize::from(flexible)
            }
        }
    }
}
